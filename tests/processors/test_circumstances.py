"""When, where and how many, and which tellings are one event: on trees built by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from processors.events import code_events
from processors.knowledge import load_knowledge
from processors.times import find_times
from stream.messages import Event, EventDate, Magnitude, Place, TimeExpression
from tests.processors.handmade import Construction, constructions, make_doc, make_facts

CIRCUMSTANCES = constructions(Path(__file__).with_name("circumstances.txt"))
PUBLISHED = date(2025, 5, 13)


def shown(event: Event) -> str:
    place = event.place.name if event.place else "-"
    counts = ", ".join(f"{kind} {bounds(count)}" for kind, count in event.magnitudes if count) or "-"
    return f"{event.type} | {days(event.date)} | {days(event.planned_date)} | {place} | {counts} | {len(event.mentions)}"


def days(when: EventDate | None) -> str:
    return "-" if when is None else when.start if when.start == when.end else f"{when.start}..{when.end}"


def bounds(count: Magnitude) -> str:
    return str(count.min) if count.min == count.max else f"{count.min}-{'' if count.max is None else count.max}"


@pytest.mark.parametrize(("day", "place"), [("2025-05-12", "Peshawar"), ("2025-02", None), ("2024-05-12", None)])
def test_only_what_is_of_its_days_took_place_where_a_story_is_filed(day: str, place: str | None) -> None:
    doc = make_doc("Pakistan/Pakistan/NNP/nsubj/1 attacked/attack/VBD/ROOT/1 rebels/rebel/NNS/dobj/1 then/then/RB/advmod/1 ./././punct/1")
    start = doc.text.index("then")
    time = TimeExpression(start=start, end=start + 4, text="then", type="DATE", value=day)
    facts = replace(make_facts(doc, PUBLISHED, (time,)), dateline_place=Place(name="Peshawar", country="PAK", precision="city"))
    (event,) = code_events(doc, facts, load_knowledge())
    assert (event.place.name if event.place else None) == place


@pytest.mark.parametrize("told", CIRCUMSTANCES, ids=lambda c: c.name)
def test_what_stands_beside_an_event_is_found(told: Construction) -> None:
    doc = make_doc(told.tree)
    facts = make_facts(doc, PUBLISHED, find_times(doc.text, PUBLISHED))
    assert [shown(event) for event in code_events(doc, facts, load_knowledge())] == list(told.events)
