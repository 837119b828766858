"""Views for people, the same columns on both databases; every upgrade makes them anew (see ``migrations/env.py``).

``COLUMN_NOTES`` explains the columns that are not simply those of a table.
"""

from __future__ import annotations

from sqlalchemy import (
    ColumnElement,
    CreateView,
    DropView,
    Float,
    FromClause,
    ScalarSelect,
    Select,
    Table,
    Text,
    and_,
    case,
    cast,
    distinct,
    func,
    inspect,
    nulls_last,
    or_,
    select,
)
from sqlalchemy.engine import Connection

from storage.dialect import hour_of, week_ago
from storage.schema import article_entities, articles, entities, event_participants, event_reports, places
from storage.schema_feeds import feeds, fetches

COLUMN_NOTES = {
    "article_key": "number of the article",
    "n": "place in the article's list of events, from 0",
    "who": "the actors as the article names them, in its order, separated by '; '",
    "who_countries": "the actors' countries, each once, alphabetical, separated by ', '",
    "who_sectors": "the actors' PLOVER sectors, likewise",
    "whom": "the recipients, likewise",
    "whom_countries": "the recipients' countries, likewise",
    "whom_sectors": "the recipients' sectors, likewise",
    "what": "the word that tells of it (trigger)",
    "sentence": "the sentence that tells of it",
    "place": "name of the place where it took place",
    "place_country": "country of that place, ISO 3166 alpha-3",
    "attribution": "who says so, where it is not the narrator",
    "articles": "how many articles name it, or come from it",
    "articles_per_day": "how many articles of the last seven days come from it, by the day",
    "mentions": "how often those articles name it",
    "health": "new (never read), ok, failing (the last fetch failed), gone or paused",
    "last_article_at": "dated_at of its newest article",
    "hour": "start of the hour, UTC",
    "fetches": "how often it was fetched",
    "failed": "how many of those gave nothing that could be read",
    "entries": "entries that it showed, those of every fetch",
    "new": "entries that it showed for the first time",
    "possible_gaps": "fetches that shared no entry with those before: some may have come and gone unseen",
    "last_status": "HTTP status of the last fetch that had one",
}

VIEW_NOTES = {
    "all_events": "Every event report with its article, whatever its modality",
    "event_facts": "What was done: asserted events, and verbal acts (quad 1 and 3) whose content is planned or conditional",
    "planned_events": "What is planned, conditional or hypothetical, the earliest planned day first",
    "entity_daily": "How often each entity is in the news, by day",
    "feed_health": "How each feed does",
    "coverage_hourly": "What each feed gave, by hour, and where more may have come and gone unseen; as far back as `fetches` (30 days)",
}


def _joined(column: str, role: str) -> ScalarSelect[str]:
    """Return the texts of an event's participants in order."""
    p = event_participants
    texts = _participants(select(p.c[column].label("part")), role).order_by(p.c.position).subquery()
    return select(func.aggregate_strings(texts.c.part, "; ")).select_from(texts).scalar_subquery()


def _joined_once(column: str, role: str) -> ScalarSelect[str]:
    """Return what an event's participants have in *column*, each value once, sorted."""
    p = event_participants
    values = _participants(select(p.c[column].label("part")).distinct(), role).where(p.c[column].is_not(None)).order_by("part").subquery()
    return select(func.aggregate_strings(values.c.part, ", ")).select_from(values).scalar_subquery()


def _participants(query: Select[tuple[str]], role: str) -> Select[tuple[str]]:
    p, r = event_participants, event_reports
    return query.where(p.c.article_key == r.c.article_key, p.c.n == r.c.n, p.c.role == role).correlate(r)


def _all_events() -> Select[tuple[object, ...]]:
    r, a, p = event_reports, articles, places
    return (
        select(
            r.c.article_key,
            r.c.n,
            r.c.type,
            r.c.mode,
            r.c.contexts,
            r.c.quad,
            r.c.score,
            r.c.modality,
            r.c.historical,
            _joined("text", "actor").label("who"),
            _joined_once("country", "actor").label("who_countries"),
            _joined_once("sector", "actor").label("who_sectors"),
            r.c.trigger_text.label("what"),
            _joined("text", "recipient").label("whom"),
            _joined_once("country", "recipient").label("whom_countries"),
            _joined_once("sector", "recipient").label("whom_sectors"),
            r.c.date_start,
            r.c.date_end,
            r.c.date_precision,
            r.c.planned_start,
            r.c.planned_end,
            r.c.planned_precision,
            p.c.name.label("place"),
            p.c.country.label("place_country"),
            p.c.lat,
            p.c.lon,
            r.c.attribution_text.label("attribution"),
            r.c.killed_min,
            r.c.killed_max,
            r.c.injured_min,
            r.c.injured_max,
            r.c.arrested_min,
            r.c.arrested_max,
            r.c.crowd_min,
            r.c.crowd_max,
            r.c.confidence,
            func.substr(a.c.text, r.c.sentence_start + 1, r.c.sentence_end - r.c.sentence_start, type_=Text).label("sentence"),
            a.c.title,
            a.c.url,
            a.c.outlet,
            a.c.language,
            a.c.feed_id,
            a.c.article_id,
            a.c.published_at,
            a.c.dated_at,
        )
        .select_from(r)
        .join(a, a.c.article_key == r.c.article_key)
        .outerjoin(p, p.c.place_key == r.c.place_key)
    )


def is_fact(view: FromClause) -> ColumnElement[bool]:
    """Return the condition that an event was done: asserted, or a verbal act whose content lies ahead."""
    verbal = and_(view.c.quad.in_((1, 3)), view.c.modality.in_(("planned", "conditional")))
    return or_(view.c.modality == "asserted", verbal)


def is_ahead(view: FromClause) -> ColumnElement[bool]:
    """Return the condition that an event is planned, conditional or hypothetical."""
    return view.c.modality.in_(("planned", "conditional", "hypothetical"))


def _event_facts() -> Select[tuple[object, ...]]:
    return select(all_events).where(is_fact(all_events))


def _planned_events() -> Select[tuple[object, ...]]:
    return select(all_events).where(is_ahead(all_events)).order_by(nulls_last(all_events.c.planned_start))


def _entity_daily() -> Select[tuple[object, ...]]:
    e, ae, a = entities, article_entities, articles
    columns = (e.c.entity_key, e.c.key, e.c.name, e.c.type, e.c.country, a.c.day)
    counts = (func.count(distinct(a.c.article_key)).label("articles"), func.sum(ae.c.mention_count).label("mentions"))
    joined = ae.join(e, e.c.entity_key == ae.c.entity_key).join(a, a.c.article_key == ae.c.article_key)
    return select(*columns, *counts).select_from(joined).group_by(*columns)


def _feed_health() -> Select[tuple[object, ...]]:
    f, a, t = feeds, articles, fetches
    health = case((f.c.state != "active", f.c.state), (f.c.failures > 0, "failing"), (f.c.last_success_at.is_(None), "new"), else_="ok")
    lately = select(cast(func.count(), Float) / 7.0).where(a.c.feed_id == f.c.feed_id, a.c.dated_at > week_ago())
    last_status = select(t.c.status).where(t.c.feed_id == f.c.feed_id, t.c.status.is_not(None)).order_by(t.c.started_at.desc()).limit(1)
    return select(
        f.c.feed_id,
        f.c.url,
        f.c.title,
        f.c.outlet,
        f.c.country,
        f.c.language,
        health.label("health"),
        f.c.reason,
        f.c.failures,
        f.c.last_error,
        last_status.scalar_subquery().label("last_status"),
        f.c.last_fetch_at,
        f.c.last_success_at,
        f.c.next_fetch_at,
        f.c.next_fetch_why,
        f.c.interval_seconds,
        case((f.c.hub_until.is_not(None), f.c.hub)).label("pushed_by"),
        f.c.hub_until,
        select(func.count()).where(a.c.feed_id == f.c.feed_id).scalar_subquery().label("articles"),
        lately.scalar_subquery().label("articles_per_day"),
        select(func.max(a.c.dated_at)).where(a.c.feed_id == f.c.feed_id).scalar_subquery().label("last_article_at"),
    )


def _coverage_hourly() -> Select[tuple[object, ...]]:
    t = fetches
    hour = hour_of(t.c.started_at)
    good = t.c.outcome.in_(("fetched", "unchanged", "not-modified"))
    return select(
        t.c.feed_id,
        hour.label("hour"),
        func.count().label("fetches"),
        func.sum(case((good, 0), else_=1)).label("failed"),
        func.sum(t.c.entries).label("entries"),
        func.sum(t.c.new).label("new"),
        func.sum(case((t.c.possible_gap, 1), else_=0)).label("possible_gaps"),
    ).group_by(t.c.feed_id, hour)


def _view(name: str, query: Select[tuple[object, ...]]) -> CreateView:
    return CreateView(query, name)


_ALL_EVENTS = _view("all_events", _all_events())
all_events: Table = _ALL_EVENTS.table
_EVENT_FACTS = _view("event_facts", _event_facts())
event_facts: Table = _EVENT_FACTS.table
_PLANNED_EVENTS = _view("planned_events", _planned_events())
planned_events: Table = _PLANNED_EVENTS.table
_ENTITY_DAILY = _view("entity_daily", _entity_daily())
entity_daily: Table = _ENTITY_DAILY.table
_FEED_HEALTH = _view("feed_health", _feed_health())
feed_health: Table = _FEED_HEALTH.table
_COVERAGE_HOURLY = _view("coverage_hourly", _coverage_hourly())
coverage_hourly: Table = _COVERAGE_HOURLY.table

VIEWS = (all_events, event_facts, planned_events, entity_daily, feed_health, coverage_hourly)
_STATEMENTS = (_ALL_EVENTS, _EVENT_FACTS, _PLANNED_EVENTS, _ENTITY_DAILY, _FEED_HEALTH, _COVERAGE_HOURLY)


def create_views(conn: Connection) -> None:
    """Create every view, those that others are made of first."""
    for statement in _STATEMENTS:
        conn.execute(statement)


def drop_views(conn: Connection) -> None:
    """Drop the views that there are."""
    there = set(inspect(conn).get_view_names())
    for view in reversed(VIEWS):
        if view.name in there:
            conn.execute(DropView(view))
