"""Confidence: a sum of signs on a curve, read from a data file, and the bar below which an event is left out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from processors.coding.calibration import Calibration, parse_calibration
from processors.coding.lexicon import load_lexicon
from processors.events import code_events, draft_events
from processors.knowledge import load_knowledge
from stream.errors import ConfigError
from tests.processors.handmade import constructions, make_doc, make_facts

KNOWLEDGE = load_knowledge()
LEXICON = load_lexicon("en")
FILE = "# head\nversion\t1\nbar\t0.2\nsign\t(always)\t1.0\nsign\tweak word\t-2.0\npoint\t-1\t0.1\npoint\t1\t0.9\n"
MADE = Calibration(0.2, {"(always)": 1.0, "weak word": -2.0}, ((-1.0, 0.1), (1.0, 0.9)))


def test_a_file_is_read_as_its_head_says() -> None:
    assert parse_calibration(FILE, "x") == MADE


@pytest.mark.parametrize(
    ("signs", "confidence"), [((), 0.9), (("weak word",), 0.1), (("unheard of",), 0.9)], ids=["none", "one", "without a weight"]
)
def test_signs_are_summed_and_laid_on_the_curve(signs: tuple[str, ...], confidence: float) -> None:
    assert MADE.confidence(signs) == pytest.approx(confidence)


@pytest.mark.parametrize(("raw", "share"), [(-9.0, 0.1), (-1.0, 0.1), (0.0, 0.5), (1.0, 0.9), (9.0, 0.9)])
def test_between_two_points_lies_a_line_and_beyond_the_ends_nothing_more(raw: float, share: float) -> None:
    assert MADE.on_curve(raw) == pytest.approx(share)


@pytest.mark.parametrize(
    "text",
    ["", "point\t0\t0.5\npoint\t1\t0.4\n", "point\t1\t0.5\npoint\t0\t0.6\n", "point\t0\t1.5\n", FILE + "sign\tx\n", FILE + "bar\tlow\n"],
    ids=["no curve", "falling", "out of order", "no share", "a cell short", "no number"],
)
def test_what_is_no_calibration_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_calibration(text, "x")


def test_the_shipped_calibration_tells_surer_events_from_others() -> None:
    shares = [share for _, share in LEXICON.calibration.curve]
    assert shares[0] < 0.6
    assert shares[-1] > 0.9


def test_an_event_below_the_bar_is_left_out() -> None:
    doc = make_doc(constructions()[0].tree)
    never = replace(LEXICON, calibration=replace(LEXICON.calibration, bar=1.1))
    assert code_events(doc, make_facts(doc), KNOWLEDGE)
    assert code_events(doc, make_facts(doc), KNOWLEDGE, never) == ()
    assert draft_events(doc, make_facts(doc), KNOWLEDGE, never)


def test_an_event_that_is_told_again_says_so() -> None:
    tree = constructions()[0].tree
    n = len(tree.split())
    again = " ".join(f"{item.rsplit('/', 1)[0]}/{int(item.rsplit('/', 1)[1]) + n}" for item in tree.split())
    doc = make_doc(f"{tree} {again}")
    (draft,) = draft_events(doc, make_facts(doc), KNOWLEDGE, LEXICON)
    assert "told again" in draft.signs
    assert len(draft.event.mentions) == 2
