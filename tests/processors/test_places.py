"""Names of places and datelines."""

import pytest

from processors.knowledge import load_knowledge
from processors.places import areas, dateline_place, find_place, place_in, place_near, town_of


@pytest.mark.parametrize(
    ("name", "hints", "expected"),
    [
        ("Istanbul", (), ("TUR", "city", 745044)),
        ("Kiev", (), ("UKR", "city", 703448)),
        ("Genova", (), ("ITA", "city", 3176219)),
        ("Lombardy", (), ("ITA", "region", 3174618)),
        ("the Lombardy region", (), ("ITA", "region", 3174618)),
        ("city of Livorno", (), ("ITA", "city", 3174659)),
        ("Turkey", (), ("TUR", "country", 298795)),
        ("Singapore", (), ("SGP", "country", 1880251)),
        ("Georgia", (), ("GEO", "country", 614540)),
        ("Georgia", ("USA",), ("USA", "region", 4197000)),
        ("Tripoli", ("LBY",), ("LBY", "city", 2210247)),
        ("Tripoli", ("LBN",), ("LBN", "city", 266826)),
        ("Georgia", ("USA", "RUS"), ("GEO", "country", 614540)),
        ("Georgia", ("FRA", "USA"), ("GEO", "country", 614540)),
        ("Crimea", (), ("UKR", "region", 703883)),
        ("northern Syria", (), ("SYR", "country", 163843)),
        ("Kandahar", ("AFG",), ("AFG", "city", 1138336)),
        ("Kandahar province", ("AFG",), ("AFG", "region", 1138335)),
        ("New York", (), ("USA", "city", 5128581)),
        ("New York state", (), ("USA", "region", 5128638)),
        ("Washington", ("USA",), ("USA", "city", 4140963)),
        ("Washington state", (), ("USA", "region", 5815135)),
        ("department of Cauca", ("COL",), ("COL", "region", 3687029)),
        ("Punjab", ("IND",), ("IND", "region", 1259223)),
        ("Punjab", ("PAK",), ("PAK", "region", 1167710)),
        ("Hyderabad", ("PAK",), ("PAK", "city", 1176734)),
        ("Hyderabad", ("IND",), ("IND", "city", 1269843)),
        ("Cordoba", ("ESP",), ("ESP", "city", 2519240)),
        ("Jabaliya", ("PSE",), ("PSE", "city", 281129)),
        ("Mazar-i-Sharif", ("AFG",), ("AFG", "city", 1133616)),
    ],
)
def test_a_name_is_found_in_the_country_that_the_text_speaks_of(name: str, hints: tuple[str, ...], expected: tuple[str, str, int]) -> None:
    place = find_place(name, load_knowledge(), hints)
    assert place is not None
    assert (place.country, place.precision, place.geonames_id) == expected


@pytest.mark.parametrize("name", ["Kremlin", "White House", "Westminster", "Atlantis", "", "the"])
def test_a_government_or_an_unknown_name_is_no_place(name: str) -> None:
    assert find_place(name, load_knowledge()) is None


@pytest.mark.parametrize(
    ("name", "area", "expected"),
    [
        ("Paris", "Texas", ("USA", "Texas", 4717560)),
        ("Portland", "Ore.", ("USA", "Oregon", 5746545)),
        ("Athens", "Georgia", ("USA", "Georgia", 4180386)),
        ("Tbilisi", "Georgia", ("GEO", None, 611717)),
        ("Tripoli", "Lebanon", ("LBN", None, 266826)),
        ("Paris", "Berlin", None),
        ("Kyiv", "Russia", None),
    ],
)
def test_an_area_after_a_comma_holds_the_place_or_says_nothing(name: str, area: str, expected: tuple[str, str | None, int] | None) -> None:
    inside = place_in(name, areas(area, load_knowledge()), load_knowledge())
    assert (inside is None) == (expected is None)
    if inside and expected:
        assert (inside[0].country, inside[0].geonames_id) == (expected[0], expected[2])
        assert expected[1] is None or inside[0].region == expected[1]


def test_a_place_that_no_table_has_is_somewhere_in_its_area() -> None:
    knowledge = load_knowledge()
    texan = place_near("Nowhereville", areas("Texas", knowledge), knowledge)
    turkish = place_near("Nowhereville", areas("Turkey", knowledge), knowledge)
    assert texan is not None
    assert turkish is not None
    assert (texan.country, texan.region, texan.precision, texan.geonames_id) == ("USA", "Texas", "region", None)
    assert (turkish.country, turkish.lat) == ("TUR", None)
    assert place_near("Nowhereville", (), knowledge) is None


@pytest.mark.parametrize(
    ("body", "town"), [("Municipality of Livorno", "Livorno"), ("the City of Chicago", "Chicago"), ("Bank of China", None)]
)
def test_a_town_is_found_in_the_name_of_its_administration(body: str, town: str | None) -> None:
    place = town_of(body, load_knowledge(), ("ITA",))
    assert (place.name if place else None) == town


def test_a_small_town_is_believed_only_where_its_country_is_spoken_of() -> None:
    assert find_place("Obama", load_knowledge()) is None
    found = find_place("Bucha", load_knowledge(), ("UKR",))
    assert found is not None
    assert found.country == "UKR"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ANKARA, Turkey (AP) — Two men met.", ("Ankara", "TUR", 0, 6)),
        ("PARIS — The army left.", ("Paris", "FRA", 0, 5)),
        ("Paris (AFP) - The army left.", ("Paris", "FRA", 0, 5)),
        ("A headline\n\nKYIV, May 13 (Reuters) - They met.", ("Kyiv", "UKR", 12, 16)),
        ("TRIPOLI, Lebanon (AP) — They met.", ("Tripoli", "LBN", 0, 7)),
    ],
)
def test_a_dateline_names_the_place_a_story_is_filed_from(text: str, expected: tuple[str, str, int, int]) -> None:
    place = dateline_place(text, load_knowledge())
    assert place is not None
    assert (place.name, place.country, place.start, place.end) == expected


@pytest.mark.parametrize("text", ["", "THE TALKS - a success", "Paris - a city", "Zelensky says - no", "He went to PARIS — today"])
def test_a_line_that_is_no_dateline_gives_no_place(text: str) -> None:
    assert dateline_place(text, load_knowledge()) is None
