"""The questions people ask. Every answer is a tuple of rows, plain mappings whose names are those that commands print.

Filters that are None do not filter; several together must all hold. *since* is inclusive, *until* exclusive. Codes compare
exactly, names as parts of what is stored, without regard to case (on SQLite in ASCII only). No text that a person types is
an error of the database's, or means more than its letters.
"""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    and_,
    exists,
    false,
    func,
    nulls_last,
    or_,
    select,
    type_coerce,
)

from storage.base import metadata
from storage.dialect import article_matches, best_articles, search_terms
from storage.schema import (
    article_entities,
    entity_aliases,
    event_participants,
    event_reports,
)
from storage.schema import (
    articles as articles_table,
)
from storage.schema import (
    dead_letters as letters_table,
)
from storage.schema import (
    entities as entities_table,
)
from storage.schema import (
    gaps as gaps_table,
)
from storage.views import all_events, is_ahead, is_fact
from storage.views import feed_health as feed_health_view
from stream.broker import Headers
from stream.messages import clean_text

Row = dict[str, Any]
Conditions = list[ColumnElement[bool]]


def articles(
    conn: Connection,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    feed_id: str | None = None,
    language: str | None = None,
    country: str | None = None,
    text: str | None = None,
    limit: int = 20,
) -> tuple[Row, ...]:
    """Return articles, the newest first, by ``dated_at`` (published, else first seen).

    *country* is the outlet's, ISO 3166 alpha-3; *text* as in ``search``. *events* counts the reports in an article.
    """
    a = articles_table
    wanted = _between(a.c.dated_at, since, until)
    wanted += _equal((a.c.feed_id, feed_id), (a.c.language, language), (a.c.country, country))
    if text is not None:
        terms = search_terms(clean_text(text))
        wanted.append(article_matches(conn, terms) if terms.wanted else false())
    events_told = select(func.count()).where(event_reports.c.article_key == a.c.article_key).scalar_subquery()
    query = select(
        a.c.article_id,
        a.c.revision,
        a.c.published_at,
        a.c.dated_at,
        a.c.outlet,
        a.c.country,
        a.c.language,
        a.c.title,
        a.c.url,
        a.c.feed_id,
        a.c.text_source,
        a.c.status,
        events_told.label("events"),
    )
    return _rows(conn, query.where(*wanted).order_by(a.c.dated_at.desc(), a.c.article_key.desc()).limit(limit))


def entities(
    conn: Connection,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    type: str | None = None,
    country: str | None = None,
    name: str | None = None,
    limit: int = 20,
) -> tuple[Row, ...]:
    """Return the entities that the articles of a time name, those in most articles first.

    *name* is part of the name or of an alias. *articles* and *mentions* count within the time asked for.
    """
    e, ae, a = entities_table, article_entities, articles_table
    wanted = _between(a.c.dated_at, since, until) + _equal((e.c.type, type), (e.c.country, country))
    if name is not None:
        wanted.append(_named(e, name))
    count, mentions = func.count(a.c.article_key.distinct()).label("articles"), func.sum(ae.c.mention_count).label("mentions")
    first, last = func.min(a.c.day).label("first_day"), func.max(a.c.day).label("last_day")
    joined = ae.join(e, e.c.entity_key == ae.c.entity_key).join(a, a.c.article_key == ae.c.article_key)
    query = select(e.c.entity_key, e.c.key, e.c.name, e.c.type, e.c.country, e.c.sectors, count, mentions, first, last)
    query = query.select_from(joined).where(*wanted).group_by(e.c.entity_key)
    return _rows(conn, query.order_by(count.desc(), mentions.desc(), e.c.key).limit(limit))


def events(
    conn: Connection,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    type: str | None = None,
    country: str | None = None,
    actor_country: str | None = None,
    recipient_country: str | None = None,
    entity: str | None = None,
    modality: str | None = None,
    quad: int | None = None,
    planned: bool = False,
    limit: int = 20,
) -> tuple[Row, ...]:
    """Return events, the latest first: what was done (view ``event_facts``), or all of a *modality* where one is asked for.

    *planned* gives what lies ahead (view ``planned_events``) instead, the earliest first. *since* and *until* compare days:
    those on which it took place, or is planned to; an event without them falls out. *country* is that of any party or of
    the place; *entity* part of a party's name, of its wording or of an alias.
    """
    v = all_events
    start, end = (v.c.planned_start, v.c.planned_end) if planned else (v.c.date_start, v.c.date_end)
    wanted = _equal((v.c.type, type), (v.c.modality, modality), (v.c.quad, quad))
    if planned or modality is None:
        wanted.append(is_ahead(v) if planned else is_fact(v))
    if since is not None:
        wanted.append(func.coalesce(end, start) >= since.astimezone(UTC).date())
    if until is not None:
        wanted.append(start < _first_day_after(until))
    p = event_participants
    if actor_country is not None:
        wanted.append(_party(v, p.c.role == "actor", p.c.country == clean_text(actor_country)))
    if recipient_country is not None:
        wanted.append(_party(v, p.c.role == "recipient", p.c.country == clean_text(recipient_country)))
    if country is not None:
        wanted.append(or_(v.c.place_country == clean_text(country), _party(v, p.c.country == clean_text(country))))
    if entity is not None:
        named = p.c.entity_key.in_(select(entities_table.c.entity_key).where(_named(entities_table, entity)))
        wanted.append(_party(v, or_(_contains(p.c.text, entity), named)))
    order = (nulls_last(start.asc() if planned else start.desc()), v.c.dated_at.desc(), v.c.article_key.desc(), v.c.n)
    chosen = select(v.c.article_key, v.c.n).where(*wanted).order_by(*order).limit(limit).subquery()  # before who and whom are put together
    here = and_(v.c.article_key == chosen.c.article_key, v.c.n == chosen.c.n)
    return _rows(conn, select(v).join(chosen, here).order_by(*order))


def search(conn: Connection, text: str, *, limit: int = 20) -> tuple[Row, ...]:
    """Return the articles that fit *text* best, the best first, each with a *snippet* that has the found words in [brackets].

    All words must occur, in any of their English forms; "words in a row" in quotes; -word must not occur. A text without a
    word to look for finds nothing.
    """
    terms = search_terms(clean_text(text))
    if not terms.wanted:
        return ()
    found, a = best_articles(conn, terms, limit).subquery(), articles_table
    query = select(a.c.article_id, a.c.published_at, a.c.dated_at, a.c.outlet, a.c.title, found.c.snippet, a.c.url, found.c.rank)
    joined = found.join(a, a.c.article_key == found.c.article_key)
    rows = _rows(conn, query.select_from(joined).order_by(found.c.rank.desc(), a.c.dated_at.desc(), a.c.article_key))
    return tuple(row | {"snippet": " ".join(row["snippet"].split())} for row in rows)


def counts(conn: Connection) -> dict[str, int]:
    """Return the number of rows of each table, by name."""
    return {
        table.name: conn.execute(select(func.count()).select_from(table)).scalar_one()
        for table in sorted(metadata.tables.values(), key=lambda table: table.name)
    }


def feed_health(conn: Connection) -> tuple[Row, ...]:
    """Return how each feed does (view ``feed_health``), sorted by outlet and URL."""
    v = feed_health_view
    return _rows(conn, select(v).order_by(func.coalesce(v.c.outlet, v.c.title), v.c.url))


def dead_letters(
    conn: Connection,
    *,
    stage: str | None = None,
    topic: str | None = None,
    error: str | None = None,
    since: datetime | None = None,
    limit: int = 50,
) -> tuple[Row, ...]:
    """Return dead letters, the newest first, without their bytes and traces; *error* is a class of errors or a cause."""
    d = letters_table
    query = select(*(column for column in _letter_columns() if column.name not in {"key", "value", "headers", "trace"}))
    wanted = _equal((d.c.stage, stage), (d.c.topic, topic)) + _between(d.c.failed_at, since, None)
    if error is not None:
        wanted.append(or_(d.c.error_class == clean_text(error), d.c.cause == clean_text(error)))
    return _rows(conn, query.where(*wanted).order_by(d.c.dead_letter_id.desc()).limit(limit))


def dead_letter(conn: Connection, id: int) -> Row | None:
    """Return one dead letter whole, or None; ``letter_headers`` reads its *headers*."""
    if not 0 <= id < 2**63:
        return None
    found = _rows(conn, select(*_letter_columns()).where(letters_table.c.dead_letter_id == id))
    return found[0] if found else None


def letter_headers(letter: Row) -> Headers:
    """Return the headers that the record of a dead letter had."""
    return tuple((name, base64.b64decode(value)) for name, value in letter["headers"])


def gaps(conn: Connection) -> tuple[Row, ...]:
    """Return the ranges of records that a group could no longer read, the newest first."""
    return _rows(conn, select(gaps_table).order_by(gaps_table.c.gap_id.desc()))


def _rows(conn: Connection, query: Select[Any]) -> tuple[Row, ...]:
    return tuple(dict(row) for row in conn.execute(query).mappings())


def _between(moment: ColumnElement[Any], since: datetime | None, until: datetime | None) -> Conditions:
    return ([moment >= since] if since is not None else []) + ([moment < until] if until is not None else [])


def _equal(*pairs: tuple[ColumnElement[Any], str | int | None]) -> Conditions:
    return [column == (clean_text(value) if isinstance(value, str) else value) for column, value in pairs if value is not None]


def _contains(column: ColumnElement[Any], part: str) -> ColumnElement[bool]:
    return type_coerce(column, String).icontains(clean_text(part), autoescape=True)


def _named(e: Any, part: str) -> ColumnElement[bool]:
    aliased = exists().where(entity_aliases.c.entity_key == e.c.entity_key, _contains(entity_aliases.c.alias, part))
    return or_(_contains(e.c.name, part), aliased)


def _party(v: Any, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    p = event_participants
    return exists().where(and_(p.c.article_key == v.c.article_key, p.c.n == v.c.n, *conditions))


def _first_day_after(until: datetime) -> date:
    """A day that *until* cuts through still counts."""
    moment = until.astimezone(UTC)
    return moment.date() if moment.time() == time.min else moment.date() + timedelta(days=1)


def _letter_columns() -> tuple[ColumnElement[Any], ...]:
    d = letters_table
    named = {"dead_letter_id": "id", "record_offset": "offset"}
    return tuple(column.label(named.get(column.name, column.name)) for column in d.c if column.name != "content_hash")
