"""One event that a document tells several times (headline, lead, body) → one draft with all its mentions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from processors.drafts import Draft
from stream.messages import EventDate, Magnitudes


def merged(drafts: Iterable[Draft]) -> list[Draft]:
    """Join drafts of one type, modality, day and the same parties; a telling that names no recipient fits every other."""
    found: list[Draft] = []
    groups: dict[tuple[object, ...], list[int]] = {}
    for draft in sorted(drafts, key=lambda d: d.order):
        when = draft.event.date.start if draft.event.date else None
        same = groups.setdefault((draft.event.type, draft.actors, when, draft.event.modality), [])
        for n in same:
            old = found[n]
            if not draft.recipients or not old.recipients or draft.recipients == old.recipients:
                found[n] = _join(old, draft)
                break
        else:
            same.append(len(found))
            found.append(draft)
    return found


def _join(old: Draft, new: Draft) -> Draft:
    """Return the fuller of two tellings with the mentions of both, in text order."""
    best = new if (bool(new.recipients), new.event.confidence) > (bool(old.recipients), old.event.confidence) else old
    other = old if best is new else new
    mentions = {(m.start, m.end): m for m in (*old.event.mentions, *new.event.mentions)}
    event = best.event.model_copy(
        update={
            "mentions": tuple(mentions[at] for at in sorted(mentions)),
            "mode": best.event.mode or other.event.mode,
            "place": best.event.place or other.event.place,
            "planned_date": best.event.planned_date or other.event.planned_date,
            "date": _dated(best.event.date, other.event.date),
            "magnitudes": _joined_magnitudes(best.event.magnitudes, other.event.magnitudes),
            "confidence": max(old.event.confidence, new.event.confidence),
        }
    )
    return replace(best, event=event, recipients=old.recipients | new.recipients)


def _dated(first: EventDate | None, second: EventDate | None) -> EventDate | None:
    return second if second is not None and second.evidence is not None and (first is None or first.evidence is None) else first


def _joined_magnitudes(first: Magnitudes, second: Magnitudes) -> Magnitudes:
    return Magnitudes(**{name: getattr(first, name) or getattr(second, name) for name in Magnitudes.model_fields})
