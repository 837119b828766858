"""Names of places and datelines."""

import pytest

from processors.knowledge import load_knowledge
from processors.places import dateline_place, find_place


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
        ("Crimea", (), ("UKR", "region", 703883)),
        ("northern Syria", (), ("SYR", "country", 163843)),
    ],
)
def test_a_name_is_found_in_the_country_that_the_text_speaks_of(name: str, hints: tuple[str, ...], expected: tuple[str, str, int]) -> None:
    place = find_place(name, load_knowledge(), hints)
    assert place is not None
    assert (place.country, place.precision, place.geonames_id) == expected


@pytest.mark.parametrize("name", ["Kremlin", "White House", "Atlantis", "", "the"])
def test_a_government_or_an_unknown_name_is_no_place(name: str) -> None:
    assert find_place(name, load_knowledge()) is None


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
