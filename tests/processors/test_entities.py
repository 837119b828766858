"""Entities of short texts, read by the bundled pipeline."""

from datetime import date
from itertools import pairwise

import pytest

from processors.entities import find_entities
from processors.knowledge import load_knowledge
from processors.nlp import load_nlp
from stream.messages import Entity


def entities(text: str) -> dict[str, Entity]:
    return {e.name: e for e in find_entities(load_nlp()(text), load_knowledge())}


def named(text: str, name: str) -> Entity:
    found = entities(text)
    assert name in found, sorted(found)
    return found[name]


def test_a_surname_and_a_shorter_name_are_the_person_of_the_full_name() -> None:
    text = "Recep Tayyip Erdogan met Angela Merkel in Berlin. Erdogan thanked Merkel. Tayyip Erdogan left."
    assert [m.text for m in named(text, "Recep Tayyip Erdogan").mentions] == ["Recep Tayyip Erdogan", "Erdogan", "Tayyip Erdogan"]
    assert [m.text for m in named(text, "Angela Merkel").mentions] == ["Angela Merkel", "Merkel"]


def test_a_surname_before_its_full_name_is_the_same_person() -> None:
    text = "Merkel visits Paris\n\nAngela Merkel arrived in Paris on Friday."
    assert len(named(text, "Angela Merkel").mentions) == 2


def test_an_abbreviation_in_brackets_is_the_long_form() -> None:
    text = "The Italian Episcopal Conference (CEI) objected. CEI said so on Friday."
    assert [m.text for m in named(text, "Italian Episcopal Conference").mentions] == ["Italian Episcopal Conference", "CEI", "CEI"]


def test_known_names_of_one_organisation_or_country_are_one_entity() -> None:
    text = "The KPA is strong. The Korean People's Army of the DPRK marched. North Korea denied it."
    assert [m.text for m in named(text, "Korean People's Army").mentions] == ["KPA", "Korean People's Army"]
    assert [m.text for m in named(text, "North Korea").mentions] == ["DPRK", "North Korea"]


@pytest.mark.parametrize(
    ("text", "name", "type_", "country", "sector"),
    [
        ("Ukrainian President Volodymyr Zelensky spoke.", "Volodymyr Zelensky", "PERSON", "UKR", "GOV"),
        ("Russia's foreign minister Sergei Lavrov spoke.", "Sergei Lavrov", "PERSON", "RUS", "GOV"),
        ("Sergei Lavrov, the Russian foreign minister, spoke.", "Sergei Lavrov", "PERSON", "RUS", "GOV"),
        ("The president of France, Emmanuel Macron, spoke.", "Emmanuel Macron", "PERSON", "FRA", "GOV"),
        ("President Nicolas Sarkozy of France spoke.", "Nicolas Sarkozy", "PERSON", "FRA", "GOV"),
        ("Russia's deputy foreign minister Sergei Ryabkov spoke.", "Sergei Ryabkov", "PERSON", "RUS", "GOV"),
        ("U.S. ambassador to Russia Lynne Tracy spoke.", "Lynne Tracy", "PERSON", "USA", "GOV"),
        ("Egyptian President Abdel Fattah al-Sisi spoke.", "Abdel Fattah al-Sisi", "PERSON", "EGY", "GOV"),
        ("Ken Salazar, the U.S. ambassador to Mexico, spoke.", "Ken Salazar", "PERSON", "USA", "GOV"),
        ("The U.S. ambassador to Mexico, Ken Salazar, declined to comment.", "Ken Salazar", "PERSON", "USA", "GOV"),
        ("Ankara's ambassador to Moscow, Mehmet Samsar, confirmed it.", "Mehmet Samsar", "PERSON", "TUR", "GOV"),
        ("Claudia Sheinbaum, the mayor of Mexico City, agreed.", "Claudia Sheinbaum", "PERSON", "MEX", "GOV"),
        ("Former Mexican President Felipe Calderón spoke.", "Felipe Calderón", "PERSON", "MEX", "ELI"),
        ("Sen. Raphael Warnock spoke in Washington.", "Raphael Warnock", "PERSON", "USA", "LEG"),
        ("The Kremlin rejected the plan.", "Kremlin", "ORG", "RUS", "GOV"),
        ("NATO rejected the plan.", "NATO", None, "IGO", "MIL"),
        ("The Municipality of Livorno rejected the plan.", "Municipality of Livorno", "ORG", "ITA", "GOV"),
        ("The Italian Supreme Court rejected the plan.", "Supreme Court", "ORG", "ITA", "JUD"),
        ("Turkish officials met in Ankara.", "Turkish", "NORP", "TUR", None),
        ("Mr. Toccafondi spoke in Rome.", "Toccafondi", "PERSON", None, None),
    ],
)
def test_type_country_and_sector_come_from_the_tables_and_the_words_around(
    text: str, name: str, type_: str | None, country: str | None, sector: str | None
) -> None:
    found = {e.name: e for e in entities(text).values()}
    entity = found.get(name) or found["North Atlantic Treaty Organization"]
    assert entity.type == (type_ or "ORG")
    assert entity.country == country
    assert (entity.sectors[0] if entity.sectors else None) == sector


@pytest.mark.parametrize(
    ("text", "name", "country", "precision", "region"),
    [
        ("A man was shot in Paris, Texas, on Monday.", "Paris", "USA", "city", "Texas"),
        ("A man was shot in Paris on Monday.", "Paris", "FRA", "city", "Île-de-France"),
        ("Officials met in Paris, Berlin and London.", "Paris", "FRA", "city", "Île-de-France"),
        ("Voters in Atlanta, Georgia, went to the polls. Georgia is a swing state.", "Georgia", "USA", "region", None),
        ("Protesters marched in Tbilisi, Georgia. Georgia wants to join NATO.", "Georgia", "GEO", "country", None),
        ("Russia and Georgia fought a war, the United States said.", "Georgia", "GEO", "country", None),
        ("Lebanon's army moved into Tripoli on Monday.", "Tripoli", "LBN", "city", None),
        ("Kyiv was shelled overnight. Kiev had been quiet.", "Kyiv", "UKR", "city", "Kyiv City"),
    ],
)
def test_the_document_decides_between_places_of_one_name(text: str, name: str, country: str, precision: str, region: str | None) -> None:
    place = named(text, name).place
    assert place is not None
    assert (place.country, place.precision) == (country, precision)
    assert region is None or place.region == region


def test_a_dateline_s_agency_is_not_the_name_of_its_country() -> None:
    found = entities("BUDAPEST, Hungary (AP) — Chinese President Xi Jinping met with Hungarian Prime Minister Viktor Orban on Thursday.")
    assert found["Hungary"].type == "GPE"
    assert found["Associated Press"].sectors == ("JRN",)


def test_a_court_of_georgia_is_where_the_document_s_georgia_is() -> None:
    text = "Georgia's Supreme Court ruled on Wednesday. Officials in Atlanta, Georgia, praised it."
    assert named(text, "Supreme Court").country == "USA"


def test_one_place_has_one_key_however_it_is_spelled() -> None:
    assert named("Kyiv was shelled.", "Kyiv").key == named("Kiev was shelled.", "Kiev").key == "GPE:703448:UKR"


def test_an_abbreviation_after_or_is_the_long_form() -> None:
    text = "The Kurdistan Freedom Assembly, or KFA, objected. The KFA said so on Friday."
    assert named(text, "Kurdistan Freedom Assembly").mentions[-1].text == "KFA"


def test_titles_articles_and_possessives_are_no_part_of_a_mention() -> None:
    text = "The United States' President Donald Trump praised the United Nations. Mr. Trump's aides left."
    mentions = {m.text for e in entities(text).values() for m in e.mentions}
    assert {"United States", "Donald Trump", "United Nations", "Trump"} <= mentions


def test_a_country_is_a_place_with_coordinates_and_a_government_is_none() -> None:
    found = entities("The Kremlin and Turkey agreed in Ankara, Turkey.")
    assert found["Kremlin"].place is None
    assert found["Turkey"].place is not None
    assert found["Turkey"].place.precision == "country"
    ankara = found["Ankara"].place
    assert ankara is not None
    assert (ankara.precision, ankara.country) == ("city", "TUR")
    assert ankara.lat == pytest.approx(39.92, abs=0.1)


def test_an_unknown_town_is_in_the_only_country_of_its_sentence() -> None:
    town = named("South Korea evacuated people from the town of Yeoncheon.", "Yeoncheon")
    assert town.country == "KOR"
    assert town.place is not None
    assert town.place.lat is None


def test_the_key_is_the_same_in_documents_that_name_the_thing_alike() -> None:
    one = named("The U.S. delegation left.", "United States")
    other = named("The delegation of the United States of America left.", "United States")
    assert one.key == other.key == "GPE:united states:USA"


def test_numbers_and_dates_are_no_entities() -> None:
    found = entities("On Friday, 23 percent of 1,500 voters in May 2020 paid $40 million.")
    assert {e.type for e in found.values()} <= {"NORP", "ORG", "GPE", "PERSON", "MISC"}
    assert not any(char.isdigit() for name in found for char in name)


def test_mentions_are_clean_in_order_and_apart() -> None:
    text = 'PARIS (AFP)\nThe European\nUnion\'s Kaja Kallas, "Mr. Trump" and (NATO) met in the U.K.\n\nU.S.\n'
    mentions = sorted((m for e in entities(text).values() for m in e.mentions), key=lambda m: m.start)
    for m in mentions:
        assert text[m.start : m.end] == m.text == m.text.strip("\n ,()\"'")
        assert "\n" not in m.text
    assert all(a.end <= b.start for a, b in pairwise(mentions))


@pytest.mark.parametrize(
    ("text", "name", "country"),
    [
        ("South Korea's army fired back after the North fired two missiles at the South.", "North Korea", "PRK"),
        ("South Korea's Democratic Party welcomed the decision.", "Democratic Party", "KOR"),
        ("Leaders of the Democratic Party met in Chicago.", "Democratic Party", "USA"),
        ("The Republic of Kenya joined.", "Kenya", "KEN"),
    ],
)
def test_a_name_that_several_bear_is_the_one_s_that_the_text_speaks_of(text: str, name: str, country: str) -> None:
    assert entities(text)[name].country == country


def test_an_official_of_an_international_body_s_news_is_no_official_of_the_body() -> None:
    found = entities(
        "Officials met in Tbilisi. The EU and the UN spoke of the EU's offer. The president, Salome Example, vetoed the bill in Tbilisi."
    )
    assert all(e.country in ("GEO", None) for e in found.values() if e.type == "PERSON")


def test_the_names_of_a_person_of_note_are_one_entity_with_the_sector_of_the_day() -> None:
    def sectors(year: int) -> tuple[str, ...]:
        (found,) = find_entities(load_nlp()("Tony Blair spoke in London."), load_knowledge(), date(year, 5, 1))[:1]
        return found.sectors

    assert (sectors(2000), sectors(2015)) == (("GOV",), ("ELI",))
