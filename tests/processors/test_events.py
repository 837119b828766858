from __future__ import annotations

from datetime import date

import pytest
import spacy
from spacy.tokens import Doc

from processors.coding.lexicon import load_lexicon
from processors.events import code_events
from processors.facts import DocumentFacts
from processors.knowledge import load_knowledge
from stream.messages import Event, TimeExpression
from tests.processors.handmade import Construction, constructions, make_doc, make_facts, shown

KNOWLEDGE = load_knowledge()
PRONOUNS = {"We", "they", "them", "it", "he"}


def tree_of(name: str) -> str:
    return next(c.tree for c in constructions() if c.name == name)


def coded(tree: str, published_on: date | None = None, times: tuple[TimeExpression, ...] = ()) -> tuple[Event, ...]:
    doc = make_doc(tree)
    return code_events(doc, make_facts(doc, published_on, times), KNOWLEDGE)


@pytest.mark.parametrize("construction", constructions(), ids=lambda c: c.name)
def test_a_construction_tells_its_events(construction: Construction) -> None:
    assert [shown(event) for event in coded(construction.tree)] == list(construction.events)


def test_quad_and_score_come_from_the_ontology() -> None:
    (event,) = coded(tree_of("refused to meet is REJECT/meet"))
    assert (event.quad, event.score) == (3, -2.0)


def test_offsets_point_at_what_they_quote() -> None:
    for construction in constructions():
        doc = make_doc(construction.tree)
        for event in code_events(doc, make_facts(doc), KNOWLEDGE):
            spans = [event.trigger, *event.actors, *event.recipients]
            quoted = [(doc.text[span.start : span.end], span.text) for span in spans]
            assert all(words == text or words in PRONOUNS for words, text in quoted)  # a pronoun is given by its name
            assert event.trigger.start in {mention.start for mention in event.mentions}


def test_ids_are_local_and_in_text_order() -> None:
    events = coded(tree_of("conjoined verbs share their subject"))
    assert [e.id for e in events] == ["v1", "v2"]
    assert [e.trigger.text for e in events] == ["condemned", "expelled"]


def test_the_same_document_gives_the_same_events() -> None:
    tree = tree_of("urged somebody to do something")
    assert coded(tree) == coded(tree)


def test_one_event_told_twice_is_one_event_with_two_mentions() -> None:
    sentence = tree_of("refused to meet is REJECT/meet")
    n = len(sentence.split())
    second = " ".join(f"{item.rsplit('/', 1)[0]}/{int(item.rsplit('/', 1)[1]) + n}" for item in sentence.split())
    (event,) = coded(f"{sentence} {second}", published_on=date(2020, 1, 2))
    assert len(event.mentions) == 2


def test_a_time_in_the_clause_dates_the_plan_and_publication_the_act() -> None:
    doc = make_doc(tree_of("a visit to come is AGREE"))
    start = doc.text.index("June")
    june = TimeExpression(start=start, end=start + 4, text="June", type="DATE", value="2025-06")
    (event,) = coded(tree_of("a visit to come is AGREE"), date(2025, 5, 13), (june,))
    assert event.planned_date is not None
    assert (event.planned_date.start, event.planned_date.end, event.planned_date.precision) == ("2025-06-01", "2025-06-30", "month")
    assert event.date is not None
    assert (event.date.start, event.date.evidence) == ("2025-05-13", None)


def test_what_lies_long_before_publication_is_historical() -> None:
    tree = "Russia/Russia/NNP/nsubj/1 attacked/attack/VBD/ROOT/1 Georgia/Georgia/NNP/dobj/1 in/in/IN/prep/1 2008/2008/CD/pobj/3"
    doc = make_doc(tree)
    start = doc.text.index("2008")
    year = TimeExpression(start=start, end=start + 4, text="2008", type="DATE", value="2008")
    (event,) = coded(tree, date(2025, 5, 13), (year,))
    assert event.historical
    assert event.date is not None
    assert event.date.precision == "year"


def test_confidence_stays_within_its_bounds_and_above_the_bar() -> None:
    confidences = [event.confidence for c in constructions() for event in coded(c.tree)]
    assert confidences
    assert all(load_lexicon("en").calibration.bar <= c <= 1.0 for c in confidences)


def test_counts_become_magnitudes() -> None:
    (event,) = coded(tree_of('a passive: who stands after "by" acts'))
    assert event.magnitudes.arrested is not None
    assert (event.magnitudes.arrested.min, event.magnitudes.arrested.max) == (3, 3)


@pytest.mark.parametrize(
    "doc",
    [
        Doc(spacy.blank("en").vocab),
        spacy.blank("en")("War"),
        spacy.blank("en")("No parse, no sentences; Russia attacked Ukraine."),
        make_doc("attacked/attack/VBD/ROOT/0"),
        make_doc("Attack/attack/NN/ROOT/0 !/!/./punct/0"),
        make_doc(" ".join(f"talks/talk/NNS/conj/{max(i - 1, 0)}" for i in range(3000))),
        make_doc(" ".join(f"agreed/agree/VBD/xcomp/{min(i + 1, 2999)}" for i in range(3000))),
    ],
    ids=["empty", "one word", "no parse", "a lone verb", "a lone noun", "a long list", "a deep nest"],
)
def test_no_document_raises(doc: Doc) -> None:
    assert isinstance(code_events(doc, DocumentFacts(), KNOWLEDGE), tuple)


def test_time_grows_with_the_length_of_a_text_and_not_with_its_square() -> None:
    """Counts the words that are read, not seconds: each sentence's events are those of the sentence alone."""
    sentence = tree_of("suspending aid is SANCTION/discontinue")
    n = len(sentence.split())
    many = " ".join(f"{item.rsplit('/', 1)[0]}/{int(item.rsplit('/', 1)[1]) + n * k}" for k in range(300) for item in sentence.split())
    (event,) = coded(many)
    assert len(event.mentions) == 300


def test_lexicon_and_coder_agree_on_the_language() -> None:
    doc = make_doc(tree_of("issued a warning"))
    assert code_events(doc, make_facts(doc), KNOWLEDGE, load_lexicon("en")) == code_events(doc, make_facts(doc), KNOWLEDGE)
