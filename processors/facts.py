"""What is known of a document before its events are coded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from stream.messages import Entity, Place, TimeExpression


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """Entities and times of one document in text order; offsets are code points, as in the messages."""

    entities: tuple[Entity, ...] = ()
    times: tuple[TimeExpression, ...] = ()
    published_on: date | None = None  # the dateline's day if the text gives one, else that of publication
    dateline_place: Place | None = None

    def entity_at(self, start: int, end: int) -> Entity | None:
        """Return the entity with a mention that overlaps the range, the longest overlap first; None where there is none."""
        best: tuple[int, Entity] | None = None
        for entity in self.entities:
            for mention in entity.mentions:
                shared = min(end, mention.end) - max(start, mention.start)
                if shared > 0 and (best is None or shared > best[0]):
                    best = (shared, entity)
        return best[1] if best else None
