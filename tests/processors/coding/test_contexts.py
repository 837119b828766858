"""Contexts of events: cue words with weights, what the event itself is, and the theme of a paragraph."""

from __future__ import annotations

import pytest
import spacy

from processors.coding.contexts import contexts_of, find_cues
from processors.coding.lexicon import load_lexicon
from processors.coding.scene import Scene, make_scene
from processors.facts import DocumentFacts
from processors.knowledge import load_knowledge
from stream.messages import Entity, Event, Mention, Participant, Span, TextSpan


def a_scene(text: str, place: str = "") -> Scene:
    doc = spacy.blank("en")(text)
    spans = [(text.index(place), text.index(place) + len(place))] if place else []
    mentions = tuple(Mention(start=s, end=e, text=place, label="GPE") for s, e in spans)
    entities = (Entity(id="e1", key="GPE", name=place, type="GPE", mentions=mentions),) if place else ()
    return make_scene(doc, DocumentFacts(entities=entities), load_knowledge(), load_lexicon("en"))


def an_event(type_: str = "ACCUSE", mode: str | None = None, *parties: tuple[str, str | None]) -> Event:
    people = tuple(Participant(start=0, end=1, text="x", country=country, sector=sector) for country, sector in parties)
    return Event(
        id="v1", type=type_, mode=mode, quad=3, score=0, modality="asserted", trigger=TextSpan(start=0, end=1, text="x"),
        sentence=Span(start=0, end=1), actors=people[:1], recipients=people[1:], confidence=1,
    )  # type: ignore[arg-type]  # fmt: skip


def contexts(text: str, event: Event, place: str = "") -> tuple[str, ...]:
    scene = a_scene(text, place)
    return contexts_of(scene, find_cues(scene), event, 0)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("He spoke before the court", ("legal",)),
        ("He spoke of a law", ()),  # one weak cue
        ("He spoke of a law and an investigation", ("legal",)),  # two
        ("The prime spy of the air force", ("intelligence", "military")),
        ("Nothing of note", ()),
    ],
)
def test_one_plain_cue_or_two_weak_ones_make_a_context(text: str, found: tuple[str, ...]) -> None:
    assert contexts(text, an_event()) == found


def test_a_word_inside_the_name_of_a_place_is_no_cue() -> None:
    assert contexts("A market in the West Bank", an_event(), "West Bank") == ()  # one weak cue, not two
    assert contexts("A market and a bank", an_event()) == ("economic",)


def test_an_event_is_a_cue_itself() -> None:
    assert contexts("It happened", an_event("SANCTION", "convict")) == ("legal",)
    assert contexts("It happened", an_event("ASSAULT", "aerial")) == ("military",)


def test_words_between_governments_are_diplomacy_and_between_others_not() -> None:
    assert "diplomatic" in contexts("It happened", an_event("REQUEST", None, ("FRA", "GOV"), ("DEU", None)))
    assert "diplomatic" not in contexts("It happened", an_event("REQUEST", None, ("FRA", "CVL"), ("DEU", "GOV")))
    assert "diplomatic" not in contexts("It happened", an_event("REQUEST", None, ("FRA", "GOV"), ("FRA", "LEG")))


def test_the_theme_of_a_paragraph_is_that_of_its_events_and_not_of_the_next_one() -> None:
    text = "It happened. The court heard a lawsuit.\n\nIt went on."
    scene = a_scene(text)
    cues = find_cues(scene)
    assert contexts_of(scene, cues, an_event(), 0) == ("legal",)
    assert cues.themes[0] == {"legal": 2}
    assert cues.themes[-1] == {}
