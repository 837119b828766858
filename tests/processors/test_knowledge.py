"""What the tables know, asked through Knowledge."""

import re

import pytest
import spacy

from processors.knowledge import TABLES, Knowledge, load_knowledge

SECTORS = {*re.findall("[A-Z]+", "COP GOV JUD LEG MIL PRM PTY REB SPY UAF UNK AGR BUS CRM CVL EDU ELI JRN LAB MED REF OPP PRE REL SOC")}
INTERNATIONAL = {"IGO", "UNO", "EUR", "NGO", "ISM", "IMG", "MNC"}


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return load_knowledge()


@pytest.mark.parametrize(
    ("phrase", "code"),
    [
        ("Turkey", "TUR"),
        ("TURKEY", "TUR"),
        ("Türkiye", "TUR"),
        ("the United States", "USA"),
        ("U.S.", "USA"),
        ("US", "USA"),
        ("UAE", "ARE"),
        ("DPRK", "PRK"),
        ("Ivory Coast", "CIV"),
        ("Cote d’Ivoire", "CIV"),
        ("Kosovo", "KOS"),
        ("Greenland", "DNK"),
        ("Abkhazia", "GEO"),
        ("Turkish", "TUR"),
        ("Turks", "TUR"),
        ("Frenchmen", "FRA"),
        ("South Koreans", "KOR"),
        ("NATO", "IGO"),
        ("United Nations", "UNO"),
        ("European Union", "EUR"),
        ("Amnesty International", "NGO"),
        ("Hamas", "PSE"),
        ("Islamic State", "IMG"),
    ],
)
def test_a_country_a_people_and_an_organisation_have_their_code(knowledge: Knowledge, phrase: str, code: str) -> None:
    assert knowledge.country_of(phrase) == code


@pytest.mark.parametrize("phrase", ["turkey", "us", "is", "who", "polish", "china", "Korean", "European", "Zelensky", "", " ", "The"])
def test_a_common_word_or_an_unsure_name_has_no_code(knowledge: Knowledge, phrase: str) -> None:
    assert knowledge.country_of(phrase) is None


@pytest.mark.parametrize(
    ("phrase", "code"),
    [("Kremlin", "RUS"), ("the White House", "USA"), ("Downing Street", "GBR"), ("Ankara", "TUR"), ("Beijing", "CHN"), ("Brussels", "EUR")],
)
def test_a_seat_stands_for_its_government(knowledge: Knowledge, phrase: str, code: str) -> None:
    assert knowledge.metonym_country(phrase) == code


def test_a_capital_is_its_country_s_even_where_it_stands_for_another_power(knowledge: Knowledge) -> None:
    assert knowledge.capital_country("Brussels") == "BEL"
    assert knowledge.capital_country("Istanbul") is None


@pytest.mark.parametrize(
    ("phrase", "sector"),
    [
        ("police", "COP"),
        ("president", "GOV"),
        ("Prime Minister", "GOV"),
        ("troops", "MIL"),
        ("rebels", "REB"),
        ("protesters", "CVL"),
        ("lawmakers", "LEG"),
        ("members of parliament", "LEG"),
        ("judges", "JUD"),
        ("attorneys general", "JUD"),
        ("journalists", "JRN"),
        ("policemen", "COP"),
        ("secretaries of state", "GOV"),
        ("police spokesman", "COP"),
        ("rebel leaders", "REB"),
        ("leader of the rebels", "REB"),
        ("minister of education", "GOV"),
        ("president of the supreme court", "GOV"),
        ("senior foreign minister", "GOV"),
        ("former president", "ELI"),
        ("ex-minister", "ELI"),
        ("former teacher", "EDU"),
        ("table", None),
        ("", None),
        ("of", None),
    ],
)
def test_a_role_word_has_its_sector(knowledge: Knowledge, phrase: str, sector: str | None) -> None:
    assert knowledge.sector_of(phrase) == sector


def test_an_abbreviation_and_its_long_form_are_one_organisation(knowledge: Knowledge) -> None:
    assert knowledge.organisation("KPA") == knowledge.organisation("Korean People’s Army")
    assert knowledge.organisation("KPA") == ("PRK", ("MIL",), "Korean People's Army", False)
    assert knowledge.organisation("Ministry of Magic") is None


@pytest.mark.parametrize(
    ("name", "code"),
    [("Vladimir Putin", "RUS"), ("Putin", "RUS"), ("Volodymyr Zelenskyy", "UKR"), ("Emmanuel Macron", "FRA"), ("António Guterres", "UNO")],
)
def test_a_known_politician_has_the_country_that_he_speaks_for(knowledge: Knowledge, name: str, code: str) -> None:
    found = knowledge.person(name)
    assert found is not None
    assert found.code == code


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Volodymyr Zelenskiy", "Volodymyr Zelensky"),
        ("Radoslaw Sikorski", "Radosław Sikorski"),
        ("Mikhail S. Gorbachev", "Mikhail Gorbachev"),
        ("Abdel-Fattah el-Sissi", "Abdel Fattah al-Sisi"),
        ("Kim Jong Un", "Kim Jong-un"),
    ],
)
def test_a_known_politician_is_found_however_the_name_is_spelled(knowledge: Knowledge, written: str, name: str) -> None:
    found = knowledge.person(written)
    assert found is not None
    assert found.name == name


def test_of_two_of_one_name_the_one_in_office_is_meant(knowledge: Knowledge) -> None:
    meant = {year: found.name for year in (1990, 2003, 2024) if (found := knowledge.person("Bush", year))}
    assert meant == {1990: "George H.W. Bush", 2003: "George W. Bush", 2024: "George W. Bush"}


@pytest.mark.parametrize(("year", "sector"), [(1990, None), (2000, "GOV"), (2015, "ELI"), (None, "GOV")])
def test_a_politician_has_the_sector_of_the_year(knowledge: Knowledge, year: int | None, sector: str | None) -> None:
    found = knowledge.person("Tony Blair", year)
    assert found is not None
    assert found.sector_in(year) == sector


@pytest.mark.parametrize("name", ["Johnson", "May", "putin", "Ford", "Clark", ""])
def test_a_surname_that_many_bear_is_nobody_s(knowledge: Knowledge, name: str) -> None:
    assert knowledge.person(name) is None


@pytest.mark.parametrize(("phrase", "code"), [("Bosnian Serbs", "BIH"), ("Turkish Cypriots", "CYP"), ("Kampuchean", "KHM")])
def test_a_people_within_a_state_is_the_state_s(knowledge: Knowledge, phrase: str, code: str) -> None:
    assert knowledge.country_of(phrase) == code


def test_every_code_and_sector_of_the_tables_is_one_that_plover_has(knowledge: Knowledge) -> None:
    countries = set(knowledge.countries)
    assert len(countries) > 190
    assert set(knowledge._country_names.values()) <= countries
    assert {g.code for g in knowledge._groups.values() if g.code} <= countries
    assert {m.code for m in knowledge._metonyms.values()} <= countries | INTERNATIONAL
    assert {o.code for o in knowledge._organisations.values() if o.code} <= countries | INTERNATIONAL
    assert {p.code for places in knowledge._places.values() for p in places} <= countries
    people = [p for found in knowledge._people.values() for p in found]
    assert {p.code for p in people} <= countries | INTERNATIONAL
    assert {sector for sector, _ in knowledge._roles.values()} | {p.sector for p in people if p.sector} <= SECTORS
    assert all(first <= (last or first) for p in people for first, last in p.terms)
    assert {s for o in knowledge._organisations.values() for s in o.sectors} <= SECTORS


def test_every_country_with_a_capital_has_a_place_for_it(knowledge: Knowledge) -> None:
    lost = [name for name, code in knowledge._capitals.items() if not any(p.code == code for p in knowledge.places(name.title()))]
    assert lost == []


def test_places_lie_on_the_globe(knowledge: Knowledge) -> None:
    everywhere = [p for places in knowledge._places.values() for p in places]
    assert all(-90 <= p.lat <= 90 and -180 <= p.lon <= 180 for p in everywhere)
    assert len(everywhere) > 20_000


def test_every_known_name_is_announced_by_its_first_word(knowledge: Knowledge) -> None:
    tokenizer = spacy.blank("en").tokenizer
    indexes = (knowledge._country_names, knowledge._groups, knowledge._capitals, knowledge._metonyms, knowledge._organisations)
    for name in (form for index in indexes for known in index for form in (known, known.title())):
        tokens = tokenizer(name)
        assert knowledge.opens(tokens[0].text) >= len(tokens), name
    assert all(knowledge.opens(f"{name.title()}s") for name in knowledge._groups)
    assert knowledge.opens("Volodymyr") >= 2
    assert knowledge.opens("Zorblatt") == 0


def test_neighbours_are_states_and_mutual(knowledge: Knowledge) -> None:
    assert {"RUS", "TUR", "ARM", "AZE"} == knowledge.countries["GEO"].neighbours
    for country in knowledge.countries.values():
        assert all(country.code in knowledge.countries[other].neighbours for other in country.neighbours), country


def test_nine_cities_in_ten_have_the_region_they_are_in(knowledge: Knowledge) -> None:
    cities = {p for places in knowledge._places.values() for p in places if p.precision == "city"}
    assert sum(bool(p.region) for p in cities) > 0.9 * len(cities)
    regions = {(p.code, p.name) for places in knowledge._places.values() for p in places if p.precision == "region"}
    assert all((p.code, p.region) in regions for p in cities if p.region and p.region != "Washington, D.C.")


def test_the_knowledge_is_read_once_and_says_its_version() -> None:
    assert load_knowledge() is load_knowledge()
    assert load_knowledge().version.startswith("4+")
    assert len(TABLES) == 10


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Afganistan", "AFG"),
        ("Venezuella", "VEN"),
        ("Ukriane", "UKR"),
        ("Nigera", "NGA"),
        ("Columbia", None),
        ("Kenya", None),
        ("Chda", None),
    ],
)
def test_a_country_with_one_letter_wrong_is_known(knowledge: Knowledge, name: str, code: str | None) -> None:
    assert knowledge.misspelt_country(name) == code


@pytest.mark.parametrize("word", ["Western", "Federal", "Gulf", "Northern", "La"])
def test_a_common_word_is_no_place_by_itself(knowledge: Knowledge, word: str) -> None:
    assert knowledge.places(word) == ()


@pytest.mark.parametrize(
    ("name", "code", "sector"),
    [
        ("JNIM", "IMG", "REB"),
        ("Jaish al-Adl", "IRN", "REB"),
        ("MINUSCA", "UNO", "MIL"),
        ("Georgian Dream", "GEO", "PTY"),
        ("Oxfam", "NGO", "SOC"),
    ],
)
def test_an_armed_group_a_mission_a_party_and_a_charity_have_code_and_sector(
    knowledge: Knowledge, name: str, code: str, sector: str
) -> None:
    found = knowledge.organisation(name)
    assert found is not None
    assert (found.code, found.sectors) == (code, (sector,))
