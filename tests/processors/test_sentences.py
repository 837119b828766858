"""News sentences of sentences.txt through the bundled pipeline: each tells the event that its line says, or none."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import pytest

from processors.annotate import Annotator
from processors.coding.lexicon import TYPES
from stream.messages import Article, Event

SENTENCES = Path(__file__).with_name("sentences.txt")
HOLD = 0.9  # share of the sentences; a parser gets about one short sentence in twenty wrong
HOLD_OF_A_TYPE = 0.75


def rows() -> list[tuple[str, str]]:
    """Return (what is expected, sentence) of every line."""
    lines = SENTENCES.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition(" | ") for line in lines if line and not line.startswith("#"))
    return [(expected, sentence) for expected, _, sentence in pairs]


@lru_cache(maxsize=1)
def coded() -> list[tuple[str, str, tuple[Event, ...]]]:
    """Return (what is expected, sentence, its events) of every line."""
    seen = datetime(2026, 1, 5, tzinfo=UTC)
    articles = [Article(id=f"s{n}", first_seen_at=seen, title="", text=sentence, language="en") for n, (_, sentence) in enumerate(rows())]
    return [(*row, found.events) for row, found in zip(rows(), Annotator().annotate(articles), strict=True)]


def tells(expected: str, events: tuple[Event, ...]) -> bool:
    """Return whether one of *events* is of the type, mode (where one is asked for) and modality of *expected*; for "-", whether none is."""
    if expected == "-":
        return not events
    kind, modality = expected.split()
    type_, _, mode = kind.partition("/")
    return any(e.type == type_ and e.modality == modality and (not mode or e.mode == mode) for e in events)


def misses(wanted: str) -> tuple[int, list[str]]:
    """Return how many lines begin with *wanted*, and those of them that do not hold."""
    of = [row for row in coded() if row[0].startswith(wanted)]
    shown = ["{}: {} -> {}".format(e, s, [f"{v.type}/{v.mode} {v.modality} {v.trigger.text}" for v in events]) for e, s, events in of
             if not tells(e, events)]  # fmt: skip
    return len(of), shown


def test_nearly_every_sentence_tells_its_event() -> None:
    n, wrong = misses("")
    assert len(wrong) <= (1 - HOLD) * n, "\n".join(wrong)


@pytest.mark.parametrize("type_", sorted(TYPES))
def test_most_sentences_hold_in(type_: str) -> None:
    n, wrong = misses(type_)
    assert len(wrong) <= (1 - HOLD_OF_A_TYPE) * n, "\n".join(wrong)


def test_sport_markets_weather_and_daily_life_tell_next_to_nothing() -> None:
    n, wrong = misses("-")
    assert len(wrong) <= 0.2 * n, "\n".join(wrong)
