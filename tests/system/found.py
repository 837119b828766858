"""What the database and the broker hold when all is quiet again, and on the way there."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Engine, Table, func, select

from storage import queries
from storage.engine import reading
from storage.schema import annotations as annotations_table
from storage.schema import articles, dead_letters, event_reports, in_flight
from storage.schema_feeds import outbox, page_queue
from storage.writer import stored_offsets
from stream.broker import Broker
from stream.errors import DatabaseUnavailable, TransientError
from stream.messages import AnnotatedArticle


@dataclass(frozen=True)
class Found:
    """What is in the database when all is quiet."""

    articles: int
    titles: int
    reports: int
    reports_told: int  # by the stored annotations
    poisoned: frozenset[bytes]
    letters: int
    waiting: int  # messages to send, pages to fetch, marks of work under way
    offsets_differ: tuple[str, ...]  # groups that lag, or of which the database knows another place than the broker


def found(engine: Engine, broker: Broker, groups: Mapping[str, str], storing: tuple[str, ...]) -> Found:
    """Look at the database and the broker; *groups* by name with their topic, *storing* keep their offsets in the database."""
    with reading(engine) as conn:
        counts = queries.counts(conn)
        titles = conn.execute(select(func.count(articles.c.title.distinct()))).scalar_one()
        values = conn.execute(select(dead_letters.c.value)).scalars().all()
        documents = conn.execute(select(annotations_table.c.document)).scalars().all()
    told = sum(len(AnnotatedArticle.model_validate(document).events) for document in documents)
    return Found(
        articles=counts[articles.name],
        titles=titles,
        reports=counts[event_reports.name],
        reports_told=told,
        poisoned=frozenset(value for value in values if value is not None),
        letters=counts[dead_letters.name],
        waiting=waiting(engine, broker, groups),
        offsets_differ=tuple(group for group, topic in groups.items() if not _consistent(engine, broker, group, topic, group in storing)),
    )


def stored(engine: Engine) -> int:
    """Return how many articles are stored, 0 while the database does not answer."""
    return _rows(engine, articles)


def waiting(engine: Engine, broker: Broker, groups: Mapping[str, str]) -> int:
    """Return how many messages are to be sent, pages to be fetched, and marks of work under way; 0 while nothing answers.

    A worker that is killed between its commit and striking out its mark leaves one behind until the next record of that
    partition: work that is committed is no longer under way.
    """
    with suppress(DatabaseUnavailable, TransientError):
        committed = {(group, *one.partition): one.committed or 0 for group, topic in groups.items() for one in broker.lag(group, [topic])}
        with reading(engine) as conn:
            t = in_flight.c
            marks = conn.execute(select(t.consumer_group, t.topic, t.partition, t.end_offset)).all()
        under_way = sum(end > committed.get((group, topic, partition), 0) for group, topic, partition, end in marks)
        return under_way + _rows(engine, outbox, page_queue)
    return 0


def lag(broker: Broker, groups: Mapping[str, str]) -> int:
    """Return how many records are still to be read; 1 while the broker does not answer."""
    try:
        return sum(one.lag for group, topic in groups.items() for one in broker.lag(group, [topic]))
    except TransientError:
        return 1


def _rows(engine: Engine, *tables: Table) -> int:
    with suppress(DatabaseUnavailable), reading(engine) as conn:
        return sum(conn.execute(select(func.count()).select_from(table)).scalar_one() for table in tables)
    return 0


def _consistent(engine: Engine, broker: Broker, group: str, topic: str, in_database: bool) -> bool:
    lags = broker.lag(group, [topic])
    at = {one.partition: one.committed for one in lags if one.committed}
    known = stored_offsets(engine, group) if in_database else at
    return not sum(one.lag for one in lags) and at == known
