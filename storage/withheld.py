"""What must not be kept of an annotated article: an entity that was erased, or texts where none may be stored. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from storage.rows import entity_key
from stream.messages import AnnotatedArticle, Attribution, Entity, Event, Participant


def without_text(message: AnnotatedArticle) -> AnnotatedArticle:
    """Return *message* with the headline as all there is of its text; every offset still counts in the text that is not there."""
    return message.model_copy(update={"article": message.article.model_copy(update={"text": ""})})


def without_entities(message: AnnotatedArticle, keys: Collection[str]) -> AnnotatedArticle:
    """Return *message* as if it did not know the entities of which ``rows.entity_key`` is in *keys*.

    Gone are these, the participants that are one of them or in whose words one is named, and what is said to come from one.
    Events stay, with whoever is left. Title and text are not touched.
    """
    gone = [entity for entity in message.entities if entity_key(entity) in keys]
    if not gone:
        return message
    kept = tuple(entity for entity in message.entities if entity not in gone)
    return message.model_copy(update={"entities": kept, "events": tuple(_event_without(event, gone) for event in message.events)})


def _event_without(event: Event, gone: Collection[Entity]) -> Event:
    said = event.attribution
    return event.model_copy(
        update={
            "actors": _others(event.actors, gone),
            "recipients": _others(event.recipients, gone),
            "attribution": None if said is not None and _comes_from(said, gone) else said,
        }
    )


def _others(participants: Iterable[Participant], gone: Collection[Entity]) -> tuple[Participant, ...]:
    ids = {entity.id for entity in gone}
    spans = [(mention.start, mention.end) for entity in gone for mention in entity.mentions]
    named = [one for one in participants if any(one.start < end and start < one.end for start, end in spans)]
    return tuple(one for one in participants if one.entity not in ids and one not in named)


def _comes_from(said: Attribution, gone: Collection[Entity]) -> bool:
    return any(said.entity == entity.id or any(mention.text in said.text for mention in entity.mentions) for entity in gone)
