"""When an event took place, and when what is planned would: from its clause, else the day of publication."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from processors.coding.scene import Scene, by_dep, is_verb, per_word
from processors.coding.syntax import governors
from processors.coding.token import Token
from stream.messages import EventDate, Modality, Span, TimeExpression

HISTORICAL_DAYS = 90  # an event that ended earlier before publication is history, not news

_ISO = re.compile(r"(?P<year>\d{4})(?:-(?:W(?P<week>\d{2})|(?P<month>\d{2})(?:-(?P<day>\d{2}))?))?")


_OF_ITS_NOUN = frozenset({"poss", "compound", "amod", "nmod", "nummod"})  # Friday's attack, the August accord
_ELSEWHEN = frozenset({"after", "before", "following", "since", "ahead", "until"})
_SUBORDINATE = frozenset({"advcl", "xcomp", "ccomp", "conj", "pcomp", "prep", "parataxis"})
_VERBAL = frozenset({"ACCUSE", "SUPPORT", "REJECT"})


class Timed(NamedTuple):
    """A time of an event: *rank* 0 is the act's own, a later one that of what its words govern; *since* begins a span up to now."""

    rank: int
    time: TimeExpression
    since: bool = False


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


def default_date(scene: Scene, head: Token) -> EventDate | None:
    """Return the day of publication, which is that of an event unless it is said to lie further back ("had previously called")."""
    on = scene.facts.published_on
    past = any(scene.cue("vague_past", word.lower_) for word in by_dep(scene, head, "advmod"))
    return None if on is None or past else EventDate(start=on.isoformat(), end=on.isoformat(), precision="day")


def times_of(scene: Scene, heads: Sequence[Token]) -> list[Timed]:
    """Return the times of the clauses that *heads* govern, in text order; else the only one of the clauses above.

    A time belongs to the nearest verb above it, and not to the event if another stands between them: in "condemned Friday's
    attack", "fled after the war in March" the time is the attack's and the war's.
    """
    rank = {head.i: n for n, head in reversed(list(enumerate(heads)))}
    rank |= {verb.i: 0 for verb in _carriers(scene, heads[0]) if verb.i not in rank}
    found: list[Timed] = []
    loose: list[Timed] = []
    clauses = _clauses_above(scene, heads[0])
    for time, top in _tops(scene, scene.opening(heads[0])):
        owner = _owner(scene, top, rank)
        if owner is not None:
            found.append(Timed(owner, time, since=_is_since(top)))
        elif _is_loose(scene, top, clauses):
            loose.append(Timed(len(heads) - 1, time, since=_is_since(top)))
    return found or (loose if len(loose) == 1 else [])


@per_word
def _tops(scene: Scene, first: Token) -> list[tuple[TimeExpression, Token]]:
    """Return the dates and hours of the sentence that begins with *first*, each with the highest of its words in the tree."""
    found: list[tuple[TimeExpression, Token]] = []
    start, end = scene.sentence_of[first.i]
    for top, time in zip(scene.tokens[start:end], scene.time_of[start:end], strict=True):
        if time is None or time.type not in {"DATE", "TIME"} or (top is not first and scene.time_of[top.i - 1] is time):
            continue
        while top.head is not top and scene.time_of[top.head.i] is time:
            top = top.head
        found.append((time, top))
    return found


def _is_since(top: Token) -> bool:
    return top.dep_ == "pobj" and top.head.lower_ == "since"


def _carriers(scene: Scene, head: Token) -> list[Token]:
    """Return the verbs whose time is also that of *head*: "talks took place in March", "marking the first meeting"."""
    above = head.head
    if above.i == head.i or not is_verb(above) or scene.cue("speech", scene.lemma_of[above.i]):
        return []
    if is_verb(head):
        return [above] if head.dep_ in {"advcl", "xcomp"} and head.tag_ == "VBG" else []
    lemma = scene.lemma_of[above.i]
    done = head.dep_ == "nsubjpass" and not any(entry.type for entry in scene.lexicon.verbs.get(lemma, ()))
    carried = done or (head.dep_ in {"nsubj", "nsubjpass", "dobj"} and scene.cue("carrying", lemma))
    return [above, *_carriers(scene, above)] if carried else []


def _owner(scene: Scene, top: Token, rank: Mapping[int, int]) -> int | None:
    """Return the rank of the head that the time below *top* belongs to, None where it belongs to something else."""
    below = top
    for above in governors(top):
        if above.i in rank:
            return rank[above.i]
        if is_verb(above) or _is_others(scene, below, above, top):
            return None
        below = above
    return None


def _is_others(scene: Scene, below: Token, above: Token, top: Token) -> bool:
    """Return whether the step from *below* up to *above* leads away from what the time *top* tells the day of."""
    if above.lower_ == "time" and below.dep_ == "prep":  # "for the first time since 1992"
        return True
    if above.dep_ in {"relcl", "acl", "appos"} or (below is top and below.dep_ in _OF_ITS_NOUN):
        return True
    named = above.lower_ in scene.lexicon.nouns or scene.lemma_of[above.i] in scene.lexicon.nouns
    elsewhere = above.dep_ == "prep" and above.lower_ in _ELSEWHEN and below is not top
    return elsewhere or (
        named and below.dep_ == "prep" and above.dep_ in {"dobj", "pobj", "nsubj", "nsubjpass"} and _happened_itself(scene, above)
    )


def _happened_itself(scene: Scene, noun: Token) -> bool:
    """Return whether an event noun tells of something apart: what is condemned, praised, rejected; not "at a summit"."""
    occasion = noun.dep_ == "pobj" and noun.head.lower_ in {"at", "during"}
    verb = noun.head.head if noun.dep_ == "pobj" else noun.head
    return not occasion and any(entry.type in _VERBAL for entry in scene.lexicon.verbs.get(scene.lemma_of[verb.i], ()))


def _clauses_above(scene: Scene, head: Token) -> set[int]:
    """Return the verbs to whose clauses that of *head* is subordinate, as far as nobody speaks in between."""
    token = [head, *_carriers(scene, head)][-1]
    found = {token.i}
    while token.dep_ in _SUBORDINATE and token.head.i not in found:
        token = token.head
        if scene.cue("speech", scene.lemma_of[token.i]):
            break
        found.add(token.i)
    return found


def _is_loose(scene: Scene, top: Token, clauses: Container[int]) -> bool:
    """Return whether a time that no word of the event governs may still be its day: it is that of one of *clauses*."""
    below = top
    for above in governors(top):
        if _is_others(scene, below, above, top):
            return False
        if is_verb(above):
            return above.i in clauses
        below = above
    return False


def date_event(
    times: Iterable[Timed], modality: Modality, published_on: date | None, *, verbal: bool
) -> tuple[EventDate | None, EventDate | None]:
    """Return (date of the act, planned date), None where the text does not tell.

    A time after publication can only be that of a plan; a planned act's inner times are the plan's.
    """
    act: EventDate | None = None
    plan: EventDate | None = None
    ahead = modality in {"planned", "conditional", "possible", "hypothetical"}
    for rank, time, since in times:
        found = event_date(time)
        if found is None:
            continue
        if since and published_on is not None and found.end < published_on.isoformat():
            found = found.model_copy(update={"end": published_on.isoformat()})
        later = published_on is not None and date.fromisoformat(found.start) > published_on
        if (ahead and (later or rank > 0 or not verbal)) or (later and verbal):
            plan = plan or found
        elif not later:
            act = act or found
    return act, plan


def is_historical(when: EventDate | None, published_on: date | None) -> bool:
    """Return whether *when* lies more than HISTORICAL_DAYS before publication."""
    if when is None or published_on is None:
        return False
    return (published_on - date.fromisoformat(when.end)).days > HISTORICAL_DAYS
