"""When an event took place, and when what is planned would: from its clause, else the day of publication."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from spacy.tokens import Token

from processors.scene import Scene, is_verb
from processors.syntax import governors
from stream.messages import EventDate, Modality, Span, TimeExpression

HISTORICAL_DAYS = 90  # an event that ended earlier before publication is history, not news

_ISO = re.compile(r"(?P<year>\d{4})(?:-(?:W(?P<week>\d{2})|(?P<month>\d{2})(?:-(?P<day>\d{2}))?))?")


def days_of(value: str) -> tuple[date, date, str] | None:
    """Return first day, last day and precision of an ISO 8601 date, week, month or year; None for anything else."""
    match = _ISO.match(value)
    if match is None:
        return None
    year, week, month, day = (int(part) if part else None for part in match.group("year", "week", "month", "day"))
    try:
        if year is None:
            return None
        if week is not None:
            first = date.fromisocalendar(year, week, 1)
            return first, first + timedelta(days=6), "week"
        if month is None:
            return date(year, 1, 1), date(year, 12, 31), "year"
        if day is None:
            return date(year, month, 1), date(year, month, monthrange(year, month)[1]), "month"
        return date(year, month, day), date(year, month, day), "day"
    except ValueError:
        return None


def event_date(time: TimeExpression) -> EventDate | None:
    """Return the days of *time* with its place in the text as evidence; None for durations and repeated times."""
    first = days_of(time.value) if time.type in {"DATE", "TIME"} else None
    if first is None:
        return None
    last = days_of(time.end_value) if time.end_value else None
    end = last[1] if last else first[1]
    return EventDate(
        start=first[0].isoformat(), end=max(end, first[0]).isoformat(), precision=first[2], evidence=Span(start=time.start, end=time.end)
    )


def published(on: date | None) -> EventDate | None:
    """Return the day of publication as an event's date."""
    return None if on is None else EventDate(start=on.isoformat(), end=on.isoformat(), precision="day")


def times_of(scene: Scene, heads: Sequence[Token]) -> list[tuple[int, TimeExpression]]:
    """Return the times of the clauses that *heads* govern with the head's rank, in text order.

    A time belongs to the nearest verb above it. One at the sentence's beginning also belongs to the clause of the main verb.
    """
    rank = {head.i: n for n, head in reversed(list(enumerate(heads)))}
    rank |= {verb.i: 0 for verb in _carriers(scene, heads[0]) if verb.i not in rank}
    start, end = scene.sentence_of[heads[0].i]
    found: list[tuple[int, TimeExpression]] = []
    for i in range(start, end):
        time = scene.time_of[i]
        if time is None or (i > start and scene.time_of[i - 1] is time):
            continue
        owner = _owner(scene, i, rank)
        if owner is not None:
            found.append((owner, time))
    return found


def _carriers(scene: Scene, head: Token) -> list[Token]:
    """Return the verbs whose time is also that of *head*: "the talks took place in March", "…, killing two"."""
    above = head.head
    carried = head.dep_ in {"nsubj", "nsubjpass", "dobj"} if not is_verb(head) else head.dep_ in {"advcl", "xcomp"} and head.tag_ == "VBG"
    if not carried or above.i == head.i or not is_verb(above) or scene.cue("speech", scene.lemma_of[above.i]):
        return []
    return [above, *(_carriers(scene, above) if not is_verb(head) and above.dep_ == "advcl" else [])]


def _owner(scene: Scene, i: int, rank: dict[int, int]) -> int | None:
    top = scene.doc[i]
    while top.head.i != top.i and scene.time_of[top.head.i] is scene.time_of[i]:
        top = top.head
    if top.i in rank:
        return rank[top.i]
    for above in governors(top):
        if above.i in rank:
            return rank[above.i]
        if is_verb(above) or (above.dep_ in {"relcl", "acl"}):
            return None
    return None


def date_event(
    times: Iterable[tuple[int, TimeExpression]], modality: Modality, published_on: date | None, *, verbal: bool
) -> tuple[EventDate | None, EventDate | None]:
    """Return (date of the act, planned date). *times* are (rank of the head, time); rank 0 is the act's own word.

    A time after publication can only be that of a plan; a planned act's inner times are the plan's.
    """
    act: EventDate | None = None
    plan: EventDate | None = None
    ahead = modality in {"planned", "conditional", "possible", "hypothetical"}
    for rank, time in times:
        found = event_date(time)
        if found is None:
            continue
        later = published_on is not None and date.fromisoformat(found.start) > published_on
        if ahead and (later or rank > 0 or not verbal):
            plan = plan or found
        elif not later:
            act = act or found
    return act or published(published_on), plan


def is_historical(when: EventDate | None, published_on: date | None) -> bool:
    """Return whether *when* lies more than HISTORICAL_DAYS before publication."""
    if when is None or published_on is None:
        return False
    return (published_on - date.fromisoformat(when.end)).days > HISTORICAL_DAYS
