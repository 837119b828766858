"""One event that a document tells several times (headline, lead, body) → one draft with all its mentions.

Two tellings are of one event unless something speaks against it: another type of act, one real and one not, parties that
are not among each other's, days or places that exclude each other, other numbers of victims.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta

from processors.coding.confidence import TOLD_AGAIN
from processors.coding.drafts import Draft, Who
from processors.coding.scene import Scene, by_dep, is_verb
from processors.coding.syntax import governors
from processors.coding.token import Token
from stream.messages import Event, EventDate, Magnitude, Magnitudes, Modality, Place

REACH = 40  # tellings of one kind before a telling with which it is compared, so that time stays linear
MEANS = frozenset({"by", "in", "with", "through"})  # before a clause that says how something was done
NEWS_DAYS = 14  # a telling without a day of its own is of these days before publication
AHEAD: tuple[Modality, ...] = ("planned", "conditional", "possible", "hypothetical")  # surest first
_FORCES = frozenset({"MIL", "COP", "REB", "OPP", "CVL", "PRM", "UAF"})  # two of them are two parties, whatever their country
_OF_STATE = frozenset({None, "GOV", "MIL"})  # who acts for it


def merged(scene: Scene, drafts: Iterable[Draft]) -> list[Draft]:
    """Join the tellings of one event; in text order of the first. Each is compared with the last REACH of its kind."""
    found: list[Draft] = []
    groups: dict[tuple[object, ...], list[int]] = {}
    for draft in sorted(drafts, key=lambda d: d.order):
        event = draft.event
        same = groups.setdefault((event.type, draft.content, _reality(event.modality)), [])
        done = groups.get((event.type, draft.content, "asserted"), []) if event.modality in AHEAD else []
        again = next((n for n in reversed(done[-REACH:]) if _is_named_again(scene, found[n], draft)), None)
        if again is not None:
            found[again] = _filled(found[again], draft)
            continue
        for n in reversed(same[-REACH:]):
            if _is_manner(scene, found[n], draft):
                found[n] = _with_manner(found[n], draft)
                break
            if _is_result(found[n], draft) or _is_same(found[n], draft, scene.facts.published_on):
                found[n] = _join(found[n], draft)
                break
        else:
            same.append(len(found))
            found.append(draft)
    return found


def _reality(modality: Modality) -> str:
    return "ahead" if modality in AHEAD else modality


# --- do two tellings mean one event?


def _is_result(old: Draft, new: Draft) -> bool:
    """Return whether one counts the victims of the other in the same clause.

    "Shelled the town, killing five", "the shelling of the town killed five", "five were killed in the shelling".
    """
    told = _counts(new) and (_follows(new.heads[0], old.heads[0]) or _is_deed(old.heads[0], new.heads[0]))
    told = told or (_counts(old) and _is_deed(new.heads[0], old.heads[0]))
    return new.content == "ASSAULT" and told and _agree(old.actors, new.actors)


def _is_named_again(scene: Scene, old: Draft, new: Draft) -> bool:
    """Return whether *new* only names a deed that *old* has told by the same noun: "asked to apply the sentence of the court"."""
    noun = new.heads[0]
    definite = not is_verb(noun) and any(d.lower_ == "the" for d in by_dep(scene, noun, "det"))
    same = any(not is_verb(h) and scene.lemma_of[h.i] == scene.lemma_of[noun.i] for h in old.heads)
    return definite and same and _agree(old.actors, new.actors)


def _is_manner(scene: Scene, old: Draft, new: Draft) -> bool:
    """Return whether *new* says how *old* was done: "retaliated by firing", "criticised the plan, calling it a mistake"."""
    head = new.heads[0]
    link = head.head if head.dep_ == "pcomp" else next(iter(by_dep(scene, head, "mark")), None)
    beside = head.dep_ in {"advcl", "pcomp"} and old.heads[0] in governors(head)[:2]
    return head.tag_ == "VBG" and beside and (link is None or link.lower_ in MEANS) and _agree(old.actors, new.actors)


def _follows(head: Token, verb: Token) -> bool:
    return head.dep_ in {"advcl", "conj", "xcomp"} and verb in governors(head)[:2]


def _is_deed(noun: Token, verb: Token) -> bool:
    """Return whether *noun* names the deed by which what *verb* says was done."""
    by_it = noun.dep_ == "nsubj" or (noun.dep_ == "pobj" and noun.head.lower_ in {"in", "by", "during"})
    return not is_verb(noun) and by_it and verb in governors(noun)[:2]


def _counts(draft: Draft) -> bool:
    return bool(draft.event.magnitudes.killed or draft.event.magnitudes.injured)


def _is_same(old: Draft, new: Draft, published_on: date | None) -> bool:
    a, b = old.event, new.event
    return (
        (a.mode is None or b.mode is None or a.mode == b.mode)
        and _same_parties(old, new)
        and _same_days(a, b, published_on)
        and _same_place(a.place, b.place)
        and all(_same_count(getattr(a.magnitudes, kind), getattr(b.magnitudes, kind)) for kind in Magnitudes.model_fields)
    )


def _same_parties(old: Draft, new: Draft) -> bool:
    """Return whether roles agree; of what is done together (talks) it does not matter who stands where.

    Blows exchanged are not the blow of one side.
    """
    if old.content == "CONSULT":
        return _agree((*old.actors, *old.recipients), (*new.actors, *new.recipients))
    if _is_mutual(old) != _is_mutual(new):
        return False
    return _agree(old.actors, new.actors) and (not old.recipients or not new.recipients or _agree(old.recipients, new.recipients))


def _is_mutual(draft: Draft) -> bool:
    return len(draft.actors) > 1 and not draft.recipients


def _agree(these: Sequence[Who], those: Sequence[Who]) -> bool:
    """Return whether the smaller of two groups is part of the larger."""
    few, many = sorted((these, those), key=len)
    return all(any(_same(a, b) for b in many) for a in few)


def _same(a: Who, b: Who) -> bool:
    """Return whether two may be one party: one entity, one noun, or a state and who acts for it."""
    if a.sector != b.sector and {a.sector, b.sector} <= _FORCES:
        return False
    if any(one.is_state and other.sector not in _OF_STATE for one, other in ((a, b), (b, a))):  # Syria is not the Syrian opposition
        return False
    if a.entity is None and b.entity is None:
        return a.noun == b.noun and (a.country == b.country or None in (a.country, b.country))
    state = a.country is not None and a.country == b.country and (a.is_state or b.is_state) and {a.sector, b.sector} <= _OF_STATE
    return state or (a.entity is not None and a.entity == b.entity)


def _same_days(a: Event, b: Event, published_on: date | None) -> bool:
    if a.historical != b.historical:
        return False
    return _overlap(a.planned_date, b.planned_date) and _overlap(_days(a.date, published_on), _days(b.date, published_on))


def _days(when: EventDate | None, published_on: date | None) -> EventDate | None:
    """Return the days that *when* may mean: those of the news where it is only that of publication."""
    if when is None or when.evidence is not None or published_on is None:
        return when
    return when.model_copy(update={"start": (published_on - timedelta(days=NEWS_DAYS)).isoformat()})


def _overlap(a: EventDate | None, b: EventDate | None) -> bool:
    return a is None or b is None or (a.start <= b.end and b.start <= a.end)


def _same_place(a: Place | None, b: Place | None) -> bool:
    """Return whether two places may be one: of the same name, or one is the country or region of the other."""
    if a is None or b is None or a.name == b.name:
        return True
    if None not in (a.country, b.country) and a.country != b.country:
        return False
    return "country" in (a.precision, b.precision) or a.name == b.region or b.name == a.region


def _same_count(a: Magnitude | None, b: Magnitude | None) -> bool:
    if a is None or b is None:
        return True
    return (b.max is None or (a.min or 0) <= b.max) and (a.max is None or (b.min or 0) <= a.max)


# --- two tellings → one


def _join(old: Draft, new: Draft) -> Draft:
    """Return the fuller of two tellings with the mentions of both, in text order."""
    return _filled(new, old) if _fullness(new) > _fullness(old) else _filled(old, new)


def _with_manner(old: Draft, new: Draft) -> Draft:
    """Return an act with the clause that says how it was done, which names the means and whom it struck."""
    return _filled(new, old) if new.event.mode and not old.event.mode else _join(old, new)


def _filled(best: Draft, other: Draft) -> Draft:
    """Return *best* with what only *other* tells."""
    a, b = best.event, other.event
    modality = min((a.modality, b.modality), key=AHEAD.index) if a.modality in AHEAD and b.modality in AHEAD else a.modality
    event = a.model_copy(
        update={
            "mentions": tuple(sorted({*a.mentions, *b.mentions}, key=lambda m: m.start)),
            "mode": a.mode or b.mode,
            "modality": modality,
            "place": sharper(a.place, b.place),
            "planned_date": a.planned_date or b.planned_date,
            "date": _dated(a.date, b.date),
            "magnitudes": joined_magnitudes(a.magnitudes, b.magnitudes),
        }
    )
    surer = max((best, other), key=lambda d: d.event.confidence)
    return replace(best, event=event, signs=surer.signs | {TOLD_AGAIN})


def _fullness(draft: Draft) -> tuple[bool, int, float]:
    return bool(draft.recipients), len(draft.actors) + len(draft.recipients), draft.event.confidence


def sharper(a: Place | None, b: Place | None) -> Place | None:
    """Return the more precise of two places if they may be one, else the first; the first of equals."""
    found = [place for place in (a, b) if place]
    if not _same_place(a, b):
        return a
    return min(found, key=lambda p: p.precision == "country", default=None)


def _dated(first: EventDate | None, second: EventDate | None) -> EventDate | None:
    return second if second is not None and second.evidence is not None and (first is None or first.evidence is None) else first


def joined_magnitudes(first: Magnitudes, second: Magnitudes) -> Magnitudes:
    """Return the counts of *first*, those that it lacks from *second*."""
    return Magnitudes(**{name: getattr(first, name) or getattr(second, name) for name in Magnitudes.model_fields})
