"""AnnotatedArticle → rows, without a database: what ``writer.py`` writes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from typing import Any

from storage.bands import band_keys
from storage.dialect import RawJson
from stream.errors import BadMessage
from stream.messages import AnnotatedArticle, Article, Entity, Event, EventDate, Magnitude, Mention, Participant, Place, encode

MAX_KEY_CHARS = 400  # Postgres refuses index entries over 2,704 bytes; a code point takes up to 4
MAX_ALIAS_CHARS = 200  # anything longer is no name
MAX_NUMBER = 2**63 - 1  # the columns are 64 bits wide

Row = dict[str, Any]
Rank = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Places and entities of a batch by key, and each entity's place and wordings."""

    places: Mapping[str, Row]
    entities: Mapping[str, Row]
    place_of: Mapping[str, str]  # entity key → place key
    aliases: frozenset[tuple[str, str]]  # (entity key, alias)


@dataclass(frozen=True, slots=True)
class Findings:
    """The rows of what was found in articles, by table."""

    article_entities: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    event_reports: list[Row] = field(default_factory=list)
    event_participants: list[Row] = field(default_factory=list)
    event_mentions: list[Row] = field(default_factory=list)
    article_bands: list[Row] = field(default_factory=list)

    def __len__(self) -> int:
        return sum(len(getattr(self, table.name)) for table in fields(self))


def rank(message: AnnotatedArticle) -> Rank:
    """Return (revision, run): of two annotations of an article the higher one stands."""
    return message.article.revision, message.run


def latest(batch: Iterable[AnnotatedArticle]) -> dict[str, AnnotatedArticle]:
    """Return by article id, sorted, the message of the highest rank; among equals the last."""
    best: dict[str, AnnotatedArticle] = {}
    for message in batch:
        known = best.get(message.article.id)
        if known is None or rank(message) >= rank(known):
            best[message.article.id] = message
    return dict(sorted(best.items()))


def article_row(message: AnnotatedArticle, now: datetime) -> Row:
    """Return the row of ``articles``, all but its key."""
    article = message.article
    dated_at = article.published_at or article.first_seen_at or now
    return {
        "article_id": article.id,
        "revision": article.revision,
        "run": message.run,
        "status": message.status,
        "feed_id": article.feed_id,
        "entry_key": article.entry_key,
        "url": article.url,
        "link": article.link,
        "outlet": article.outlet,
        "country": article.country,
        "language": message.language or article.language,
        "title": article.title,
        "text": article.text,
        "text_source": article.text_source,
        "truncated": article.truncated,
        "authors": article.authors,
        "categories": article.categories,
        "published_at": article.published_at,
        "published_at_source": article.published_at_source,
        "first_seen_at": article.first_seen_at,
        "dated_at": dated_at,
        "day": dated_at.astimezone(UTC).date(),
        "stored_at": now,
        "minhash": article.minhash,
    }


def revision_row(article: Article, article_key: int, now: datetime, *, keep_text: bool = True) -> Row:
    """Return the row of ``article_revisions``; without *keep_text* only the hash tells what the text was."""
    return {
        "article_key": article_key,
        "revision": article.revision,
        "title": article.title,
        "text_hash": hashlib.sha256(article.text.encode()).hexdigest(),
        "text": article.text if keep_text else "",
        "stored_at": now,
    }


def annotation_row(message: AnnotatedArticle, article_key: int, now: datetime) -> Row:
    """Return the row of ``annotations``, the whole document in it."""
    made_by = message.pipeline
    return {
        "article_key": article_key,
        "revision": message.article.revision,
        "run": message.run,
        "pipeline": made_by.name,
        "pipeline_version": made_by.version,
        "knowledge": made_by.knowledge,
        "lexicon": made_by.lexicon,
        "ontology": made_by.ontology,
        "document": RawJson(encode(message).decode()),
        "stored_at": now,
    }


def vocabulary(messages: Iterable[AnnotatedArticle]) -> Vocabulary:
    """Return the places and entities that *messages* name, each once, with what they say of it taken together."""
    places: dict[str, Row] = {}
    entities: dict[str, Row] = {}
    place_of: dict[str, str] = {}
    aliases: set[tuple[str, str]] = set()
    for message in messages:
        for place in _places(message):
            _add(places, _place_row(place, message.run))
        for entity in message.entities:
            row = _entity_row(entity, message.run)
            _add(entities, row)
            if entity.place is not None:
                place_of.setdefault(row["key"], place_key(entity.place))
            aliases.update((row["key"], alias) for alias in _aliases(entity))
    return Vocabulary(places, entities, place_of, frozenset(aliases))


def merged(known: Mapping[str, Any], new: Mapping[str, Any]) -> Row | None:
    """Return how *known* reads after *new* came in, None where nothing changes.

    A higher run describes a thing anew; within a run what was unknown is filled in and nothing is overwritten, so that
    the order in which articles arrive matters little.
    """
    if new["run"] < known["run"]:
        return None
    anew = new["run"] > known["run"]
    row = {name: value if anew or known[name] in (None, []) else known[name] for name, value in new.items()}
    return row if any(row[name] != known[name] for name in row) else None


def entity_key(entity: Entity) -> str:
    """Return the key of ``entities`` for *entity*, short enough to be indexed."""
    return _bounded(entity.key)


def place_key(place: Place) -> str:
    """Return the key of ``places``: the geonames id, else name, country and coordinates to about a kilometre."""
    if place.geonames_id is not None:
        return f"geonames:{place.geonames_id}"
    where = "" if place.lat is None or place.lon is None else f"{place.lat:.2f},{place.lon:.2f}"
    return _bounded(f"{place.name}|{place.country or ''}|{where}")


def add_findings(
    found: Findings, message: AnnotatedArticle, article_key: int, entity_keys: Mapping[str, int], place_keys: Mapping[str, int]
) -> None:
    """Add the rows of *message* to *found*; the two maps give the database's numbers for the keys of the vocabulary."""
    local = {entity.id: entity_keys[entity_key(entity)] for entity in message.entities}
    for n, entity in enumerate(message.entities):
        found.article_entities.append({"article_key": article_key, "n": n, **_article_entity(entity, local[entity.id])})
    for n, event in enumerate(message.events):
        report = {"article_key": article_key, "n": n}
        found.events.append(report)
        place = None if event.place is None else place_keys[place_key(event.place)]
        found.event_reports.append({**report, **_report(event, message, local, place), "event_article_key": article_key, "event_n": n})
        for role, people in (("actor", event.actors), ("recipient", event.recipients)):
            found.event_participants.extend(
                {**report, "role": role, "position": i, **_participant(one, local)} for i, one in enumerate(people)
            )
        found.event_mentions.extend(
            {**report, "m": m, "start_char": span.start, "end_char": span.end} for m, span in enumerate(event.mentions)
        )
    if message.article.minhash:
        bands = enumerate(band_keys(message.article.minhash))
        found.article_bands.extend({"article_key": article_key, "band": band, "key": key} for band, key in bands)


def _places(message: AnnotatedArticle) -> Iterable[Place]:
    yield from (entity.place for entity in message.entities if entity.place is not None)
    yield from (event.place for event in message.events if event.place is not None)


def _place_row(place: Place, run: int) -> Row:
    return {
        "key": place_key(place),
        "run": run,
        "name": place.name,
        "country": place.country,
        "lat": place.lat,
        "lon": place.lon,
        "geonames_id": place.geonames_id,
        "precision": place.precision,
    }


def _entity_row(entity: Entity, run: int) -> Row:
    return {
        "key": entity_key(entity),
        "run": run,
        "name": entity.name,
        "type": entity.type,
        "country": entity.country,
        "sectors": list(entity.sectors),
    }


def _aliases(entity: Entity) -> set[str]:
    wordings = {" ".join(wording.split()) for wording in (entity.name, *(mention.text for mention in entity.mentions))}
    return {wording for wording in wordings if 0 < len(wording) <= MAX_ALIAS_CHARS}


def _add(rows: dict[str, Row], row: Row) -> None:
    known = rows.get(row["key"])
    rows[row["key"]] = row if known is None else merged(known, row) or known


def _bounded(key: str) -> str:
    if len(key) <= MAX_KEY_CHARS:
        return key
    return f"{key[: MAX_KEY_CHARS - 65]}#{hashlib.sha256(key.encode()).hexdigest()}"


def _article_entity(entity: Entity, key: int) -> Row:
    return {
        "entity_key": key,
        "local_id": entity.id,
        "name": entity.name,
        "type": entity.type,
        "mentions": [_mention(mention) for mention in entity.mentions],
        "mention_count": len(entity.mentions),
    }


def _mention(mention: Mention) -> Row:
    return {"start": mention.start, "end": mention.end, "text": mention.text, "label": mention.label}


def _report(event: Event, message: AnnotatedArticle, local: Mapping[str, int], place: int | None) -> Row:
    said = event.attribution
    return {
        "local_id": event.id,
        "type": event.type,
        "mode": event.mode,
        "contexts": event.contexts,
        "quad": event.quad,
        "score": event.score,
        "modality": event.modality,
        "historical": event.historical,
        "trigger_text": event.trigger.text,
        "trigger_start": event.trigger.start,
        "trigger_end": event.trigger.end,
        "sentence_start": event.sentence.start,
        "sentence_end": event.sentence.end,
        **_days("date", event.date, event),
        **_days("planned", event.planned_date, event),
        "place_key": place,
        "place_start": event.place.start if event.place else None,
        "place_end": event.place.end if event.place else None,
        "attribution_text": said.text if said else None,
        "attribution_entity_key": local.get(said.entity) if said and said.entity else None,
        **_count("killed", event.magnitudes.killed),
        **_count("injured", event.magnitudes.injured),
        **_count("arrested", event.magnitudes.arrested),
        **_count("crowd", event.magnitudes.crowd),
        "confidence": event.confidence,
        "ontology": message.pipeline.ontology,
        "lexicon": message.pipeline.lexicon,
    }


def _days(name: str, when: EventDate | None, event: Event) -> Row:
    if when is None:
        return {f"{name}_start": None, f"{name}_end": None, f"{name}_precision": None}
    try:
        start, end = date.fromisoformat(when.start), date.fromisoformat(when.end)
    except ValueError as e:
        raise BadMessage(f"event {event.id} has a date that is no calendar date: {when.start!r} to {when.end!r}") from e
    return {f"{name}_start": start, f"{name}_end": end, f"{name}_precision": when.precision}


def _count(name: str, count: Magnitude | None) -> Row:
    low, high = (count.min, count.max) if count else (None, None)
    return {f"{name}_min": _number(low), f"{name}_max": _number(high)}


def _number(value: int | None) -> int | None:
    return None if value is None else max(-MAX_NUMBER, min(value, MAX_NUMBER))


def _participant(one: Participant, local: Mapping[str, int]) -> Row:
    return {
        "text": one.text,
        "start_char": one.start,
        "end_char": one.end,
        "entity_key": local.get(one.entity) if one.entity else None,
        "country": one.country,
        "sector": one.sector,
    }
