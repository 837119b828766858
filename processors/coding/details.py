"""What is added to an event once it is known who did what to whom: when, where, in which context and how many people it struck."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from processors.coding.contexts import Cues, contexts_of, find_cues
from processors.coding.dates import date_event, default_date, is_historical, times_of
from processors.coding.drafts import Draft
from processors.coding.magnitudes import befell_nobody, magnitudes_of
from processors.coding.places import Ground, event_place, filed_from, ground, home_of
from processors.coding.scene import Scene
from stream.messages import Event, Magnitudes

CALLED = {"CONSULT": "AGREE", "PROTEST": "PROTEST"}  # what may be called for a day to come, and what it is until then


@dataclass(frozen=True, slots=True)
class Background:
    """What the details of every event of a document are read against."""

    ground: Ground
    cues: Cues


def read_background(scene: Scene) -> Background:
    """Return what *scene* as a whole tells of its events."""
    return Background(ground(scene), find_cues(scene))


def detailed(scene: Scene, background: Background, drafts: Sequence[Draft]) -> list[Draft]:
    """Give the events of one sentence their details, as far as its words and its paragraph tell them.

    That nobody was hurt is a count of the event beside it and none by itself.
    """
    struck = [d for d in drafts if not befell_nobody(scene, d.heads[0])]
    drafts = struck or [d for d in drafts if any(p.sector != "UNK" for p in d.event.actors)]
    if not drafts:
        return []
    start, end = scene.sentence_of[drafts[0].order]
    counts = magnitudes_of(scene, start, end, [(d.heads[0], d.event.type) for d in drafts])
    return [_detailed(scene, background, d, found) for d, found in zip(drafts, counts, strict=True)]


def _detailed(scene: Scene, background: Background, draft: Draft, counts: Magnitudes) -> Draft:
    event = draft.event
    verbal = event.quad in {1, 3} or event.type in CALLED
    when, plan = date_event(times_of(scene, draft.heads), event.modality, scene.facts.published_on, verbal=verbal)
    place = event_place(scene, background.ground, draft.heads, event.type, event.mode)
    details = {
        "contexts": contexts_of(scene, background.cues, event, draft.order),
        "historical": is_historical(when, scene.facts.published_on),
        "date": when or default_date(scene, draft.heads[0]),
        "planned_date": plan,
        "place": place or home_of(scene, background.ground, (scene.tokens[actor.head] for actor in draft.actors)),
        "magnitudes": counts,
    }
    return replace(draft, event=event.model_copy(update=details))


def complete(scene: Scene, event: Event) -> Event:
    """Return *event* with what goes without saying, once all tellings of it are known.

    Where its story is filed from; and that a meeting or march whose only day is still to come has not taken place: the one is agreed
    on (PLOVER manual, AGREE), the other planned.
    """
    place = filed_from(event, scene.facts.dateline_place)
    event = event if place is event.place else event.model_copy(update={"place": place})
    dated = event.date is not None and event.date.evidence is not None
    if event.type not in CALLED or event.modality != "asserted" or event.planned_date is None or dated:
        return event
    kind = CALLED[event.type]
    mode = event.mode if kind == event.type else None
    row = scene.lexicon.type_row(kind, mode)
    return event.model_copy(update={"type": kind, "mode": mode, "modality": "planned", "quad": row.quad, "score": row.score})
