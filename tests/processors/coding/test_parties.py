"""Who a phrase is: its words, its country, its sector, and whom a pronoun or a definite phrase stands for."""

from __future__ import annotations

import pytest
from spacy.tokens import Doc

from processors.coding.housing import dominant_country
from processors.coding.lexicon import load_lexicon
from processors.coding.parties import parties_at
from processors.coding.scene import MAX_CHILDREN, Scene, make_scene
from processors.events import code_events
from processors.facts import DocumentFacts
from processors.knowledge import load_knowledge
from stream.messages import Entity, Mention, Participant
from tests.processors.handmade import make_doc, make_facts

KNOWLEDGE = load_knowledge()
PUTIN = "Vladimir/Vladimir/NNP/compound/1 Putin/Putin/NNP/nsubj/2 visited/visit/VBD/ROOT/2 China/China/NNP/dobj/2 ./././punct/2"


def named(doc: Doc, name: str, type_: str, country: str | None = None, sectors: tuple[str, ...] = ()) -> Entity:
    """Return an entity with one mention: where *name* first stands in *doc*."""
    start = doc.text.index(name)
    mention = Mention(start=start, end=start + len(name), text=name, label=type_)
    return Entity(id=f"x{start}", key=f"{type_}:{name}", name=name, type=type_, country=country, sectors=sectors, mentions=(mention,))


def scene_of(tree: str, *names: tuple[str, str, str | None]) -> Scene:
    doc = make_doc(tree)
    entities = (*make_facts(doc).entities, *(named(doc, name, type_, country) for name, type_, country in names))
    return make_scene(doc, DocumentFacts(entities=entities), KNOWLEDGE, load_lexicon("en"))


def party(scene: Scene, word: int) -> Participant:
    (found,) = parties_at(scene, scene.tokens[word])
    return found.value


@pytest.mark.parametrize(
    ("tree", "word", "text", "country", "sector"),
    [
        ("Premier/premier/NN/ROOT/0 Jane/Jane/NNP/compound/2 Roe/Roe/NNP/appos/0", 0, "Premier Jane Roe", None, "GOV"),
        ("Premier/premier/NN/ROOT/0 ,/,/,/punct/0 Jane/Jane/NNP/compound/3 Roe/Roe/NNP/appos/0", 0, "Premier , Jane Roe", None, "GOV"),
        ("the/the/DT/det/2 Peruvian/peruvian/JJ/amod/2 police/police/NN/ROOT/2", 2, "Peruvian police", "PER", "COP"),
        ("rebels/rebel/NNS/ROOT/0 in/in/IN/prep/0 Chad/Chad/NNP/pobj/1", 0, "rebels", "TCD", "REB"),
        ("the/the/DT/det/1 government/government/NN/ROOT/1 of/of/IN/prep/1 Chad/Chad/NNP/pobj/2", 1, "government of Chad", "TCD", "GOV"),
        ("nearly/nearly/RB/advmod/1 300/300/CD/nummod/2 soldiers/soldier/NNS/ROOT/2", 2, "nearly 300 soldiers", None, "MIL"),
        ("Bosnian/bosnian/JJ/amod/1 Serbs/Serbs/NNPS/ROOT/1", 1, "Bosnian Serbs", "BIH", "CVL"),
    ],
)  # fmt: skip
def test_a_phrase_is_quoted_with_its_name_and_has_a_country_and_a_sector(
    tree: str, word: int, text: str, country: str | None, sector: str
) -> None:
    names = (("Jane Roe", "PERSON", None),) if "Roe" in tree else ()
    found = party(scene_of(tree, *names), word)
    assert (found.text, found.country, found.sector) == (text, country, sector)


def test_whoever_says_what_it_or_they_will_do_speaks_for_them() -> None:
    tree = (
        "Iran/Iran/NNP/nsubj/1 left/leave/VBD/ROOT/1 ./././punct/1 Putin/Putin/NNP/nsubj/4 says/say/VBZ/ROOT/4 "
        "it/it/PRP/nsubj/7 will/will/MD/aux/7 attack/attack/VB/ccomp/4 Syria/Syria/NNP/dobj/7"
    )
    assert party(scene_of(tree, ("Putin", "PERSON", "RUS")), 5).text == "Putin"


def test_him_is_nobody_who_does_it_to_him() -> None:
    tree = (
        "Putin/Putin/NNP/nsubj/1 met/meet/VBD/ROOT/1 Macron/Macron/NNP/dobj/1 and/and/CC/cc/1 "
        "invited/invite/VBD/conj/1 him/he/PRP/dobj/4 ./././punct/1"
    )
    assert party(scene_of(tree, ("Putin", "PERSON", "RUS"), ("Macron", "PERSON", "FRA")), 5).text == "Macron"


def test_a_pronoun_is_given_by_the_name_that_it_stands_for() -> None:
    tree = f"{PUTIN} He/he/PRP/nsubj/6 praised/praise/VBD/ROOT/6 India/India/NNP/dobj/6"
    found = party(scene_of(tree, ("Vladimir Putin", "PERSON", "RUS")), 5)
    assert (found.text, found.country) == ("Vladimir Putin", "RUS")
    assert found.end - found.start == len("He")


def test_the_country_is_the_only_one_spoken_of() -> None:
    tree = "Peru/Peru/NNP/nsubj/1 voted/vote/VBD/ROOT/1 ./././punct/1 The/the/DT/det/4 country/country/NN/nsubj/5 won/win/VBD/ROOT/5"
    assert party(scene_of(tree), 4).country == "PER"


def test_the_country_is_nobody_where_two_are_spoken_of() -> None:
    tree = "Peru/Peru/NNP/nsubj/1 met/meet/VBD/ROOT/1 Chad/Chad/NNP/dobj/1 The/the/DT/det/4 country/country/NN/nsubj/5 lost/lose/VBD/ROOT/5"
    assert party(scene_of(tree), 4).country is None


def test_a_capital_that_acts_is_a_government_and_one_that_is_attacked_a_town() -> None:
    doc = make_doc("Moscow/Moscow/NNP/nsubj/1 attacked/attack/VBD/ROOT/1 Tbilisi/Tbilisi/NNP/dobj/1")
    facts = DocumentFacts(entities=(named(doc, "Moscow", "GPE", "RUS"), named(doc, "Tbilisi", "GPE", "GEO")))
    (event,) = code_events(doc, facts, KNOWLEDGE)
    assert (event.actors[0].sector, event.recipients[0].sector) == ("GOV", None)


def test_an_international_body_gives_nobody_its_code() -> None:
    scene = scene_of("NATO/NATO/NNP/nsubj/1 met/meet/VBD/ROOT/1", ("NATO", "ORG", "IGO"))
    assert dominant_country(scene) is None


def test_what_hangs_from_one_word_is_bounded() -> None:
    scene = scene_of("talks/talk/NNS/ROOT/0 " + " ".join(["talks/talk/NNS/conj/0"] * 500))
    assert len(scene.children[0]) == MAX_CHILDREN
