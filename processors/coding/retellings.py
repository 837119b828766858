"""Sentences that come back to an event without naming its parties: "the attack happened on Sunday", "twelve died in the attack".

An event noun with a definite article that is no event by itself speaks of the last one of its kind before it; day, place and
victims that stand beside it are that event's.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from processors.coding.dates import date_event, is_historical, times_of
from processors.coding.drafts import Draft
from processors.coding.magnitudes import magnitudes_of
from processors.coding.merging import joined_magnitudes, sharper
from processors.coding.parties import parties_at
from processors.coding.places import Ground, event_place
from processors.coding.scene import Scene, by_dep, is_verb, objects_of_preposition
from processors.coding.token import Token
from processors.coding.triggers import kind_of
from stream.messages import Span

ANSWER = 120  # tokens after a dated act in which the other side's of the same kind is taken to be of that day
NEWS_DAYS = 14  # before publication; what is older is told for comparison
REACH = 20  # events before the noun among which the one that it speaks of is sought
_DEFINITE = frozenset({"the", "this", "these", "that", "those"})
_AGREED = frozenset({"AGREE", "CONCEDE"})  # what is agreed on is spoken of by its own name, what is asked for is not
_AS_PART = frozenset({"in", "during", "from"})  # victims in the attack


def with_retellings(scene: Scene, on: Ground, drafts: Sequence[Draft]) -> list[Draft]:
    """Return *drafts*, in text order, with what sentences that do not name their parties add to them. Linear in tokens."""
    found = sorted(drafts, key=lambda d: d.order)
    orders = [draft.order for draft in found]
    taken = {head.i for d in found for head in d.heads}
    deeds = _deeds(found)
    gone: set[int] = set()
    for token in scene.tokens if found else ():
        if token.i in taken or not _refers_back(scene, token):
            continue
        _, end = scene.sentence_of[token.i]
        here = bisect_left(orders, token.i)
        beside = range(here, min(bisect_left(orders, end), here + REACH))
        before = range(here - 1, max(here - 1 - REACH, -1), -1)
        own = deeds.get(token.i)
        options = (n for n in (*beside, *before) if n != own and n not in gone)
        meant = next((n for n in options if _is_meant(scene, token, found[n])), None)
        if meant is not None:
            found[meant] = _told_again(scene, on, found[meant], token)
            gone |= set() if own is None else {own}
    return [draft for n, draft in enumerate(found) if n not in gone]


def _deeds(drafts: Sequence[Draft]) -> dict[int, int]:
    """Map the deed that stands for an unnamed actor ("killed in the attack") to the number of its event, which is the deed itself."""
    return {draft.actors[0].head: n for n, draft in enumerate(drafts) if [who.sector for who in draft.actors] == ["UNK"]}


def with_doers(scene: Scene, drafts: Sequence[Draft]) -> list[Draft]:
    """Return *drafts*, in text order, with who did a deed told before as the one who is accused of it: "condemned the coup"."""
    found: list[Draft] = []
    for draft in drafts:
        deed = _accused_deed(scene, draft)
        before = reversed(found[-REACH:]) if deed is not None else ()
        done = next((d for d in before if deed is not None and _is_told_of(scene, d, deed)), None)
        if done is not None and not set(done.event.actors) & set(draft.event.actors):
            draft = replace(draft, event=draft.event.model_copy(update={"recipients": done.event.actors}), recipients=done.actors)
        found.append(draft)
    return found


def _is_told_of(scene: Scene, draft: Draft, deed: Token) -> bool:
    told = draft.event.modality == "asserted" and draft.event.type == kind_of(scene, deed)
    return told and _is_meant(scene, deed, draft)


def _accused_deed(scene: Scene, draft: Draft) -> Token | None:
    """Return the event noun that stands for whoever is accused, where nobody is named."""
    if draft.event.type != "ACCUSE" or [(r.country, r.entity) for r in draft.event.recipients] != [(None, None)]:
        return None
    noun = scene.tokens[draft.recipients[0].head]
    definite = any(d.lower_ in _DEFINITE for d in by_dep(scene, noun, "det"))
    return noun if definite and kind_of(scene, noun) is not None else None


def with_days_of_answers(drafts: Sequence[Draft], published_on: date | None) -> list[Draft]:
    """Date an act that has no day of its own by the last one between the same countries, a few sentences before: a blow by a blow."""
    dated: dict[tuple[str, frozenset[str]], Draft] = {}
    found: list[Draft] = []
    for draft in drafts:
        event = draft.event
        countries = frozenset(p.country for p in (*event.actors, *event.recipients) if p.country)
        before = dated.get((draft.content, countries))
        if event.date is None or event.modality != "asserted" or event.quad not in {2, 4}:
            pass
        elif event.date.evidence is not None:
            if published_on is None or event.date.end >= (published_on - timedelta(days=NEWS_DAYS)).isoformat():
                dated[draft.content, countries] = draft
        elif before is not None and draft.order - before.order <= ANSWER and len(countries) > 1:
            draft = replace(draft, event=event.model_copy(update={"date": before.event.date}))
        found.append(draft)
    return found


def _refers_back(scene: Scene, token: Token) -> bool:
    """Return whether *token* is an event noun with a definite article where something is said of the event itself."""
    if token.tag_ not in {"NN", "NNS"} or not any(d.lower_ in _DEFINITE for d in by_dep(scene, token, "det")):
        return False
    subject = token.dep_ in {"nsubj", "nsubjpass"} and is_verb(token.head)
    return subject or (token.dep_ == "pobj" and token.head.lower_ in _AS_PART)


def _is_meant(scene: Scene, token: Token, draft: Draft) -> bool:
    """Return whether the event noun *token* may speak of *draft*: one word or one kind of act, and who does it, if said, is the same."""
    acts = {draft.event.type, draft.content} if draft.event.type in _AGREED else {draft.event.type}
    if kind_of(scene, token) not in acts and all(scene.lemma_of[head.i] != scene.lemma_of[token.i] for head in draft.heads):
        return False
    agents = objects_of_preposition(scene, token.head if is_verb(token.head) else token, "by".__eq__)
    doers = {p.value.entity or p.value.text for noun in agents for p in parties_at(scene, noun)}
    return not doers or bool(doers & {a.entity or a.text for a in draft.event.actors})


def _told_again(scene: Scene, on: Ground, draft: Draft, token: Token) -> Draft:
    event, published_on = draft.event, scene.facts.published_on
    when, plan = date_event(times_of(scene, (token,)), event.modality, published_on, verbal=event.quad in {1, 3})
    if when and event.date and event.date.evidence and not (when.start <= event.date.end and event.date.start <= when.end):
        return draft  # another one
    start, end = scene.sentence_of[token.i]
    (counts,) = magnitudes_of(scene, start, end, [(token, event.type)])
    day = event.date if when is None or (event.date and event.date.evidence) else when
    details = {
        "mentions": tuple(sorted((*event.mentions, Span(start=token.idx, end=token.idx + len(token))), key=lambda m: m.start)),
        "date": day,
        "historical": is_historical(day, published_on),
        "planned_date": event.planned_date or plan,
        "place": sharper(event.place, event_place(scene, on, (token,), event.type, None)),
        "magnitudes": joined_magnitudes(event.magnitudes, counts),
    }
    return replace(draft, event=event.model_copy(update=details))
