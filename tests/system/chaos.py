"""Faults by name, struck at random while articles go through the real workers, and what must hold when all is quiet again."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import psycopg
from sqlalchemy import Engine, Table, func, select

from scripts.kafka import KafkaServer
from scripts.postgres import PostgresServer
from storage import queries
from storage.engine import reading
from storage.schema import annotations, articles, dead_letters, event_reports, in_flight
from storage.schema_feeds import outbox, page_queue
from storage.writer import stored_offsets
from stream.broker import Broker
from stream.errors import DatabaseUnavailable
from stream.messages import AnnotatedArticle
from tests.system.harness import Workers

PAUSED = 5.0  # seconds that a worker is stopped: longer than its lease
SHORT = 1.0  # seconds that a database is slow, a disk full, a service away


@dataclass
class Victims:
    """What faults strike; *kafka* and *postgres* are None on the embedded stack. *struck* counts."""

    workers: Workers
    chance: random.Random
    kafka: KafkaServer | None = None
    postgres: PostgresServer | None = None
    database: str = ""
    struck: Counter[str] = field(default_factory=Counter)

    def any_worker(self) -> str:
        return self.chance.choice(self.workers.names)


def kill_worker(victims: Victims) -> None:
    victims.workers.kill(victims.any_worker())


def pause_worker(victims: Victims) -> None:
    with victims.workers.paused(victims.any_worker()):
        time.sleep(PAUSED)


def fill_disk(victims: Victims) -> None:
    with victims.workers.disk_full(victims.any_worker()):
        time.sleep(SHORT)


def kill_broker(victims: Victims) -> None:
    assert victims.kafka is not None
    victims.kafka.kill9()
    time.sleep(SHORT)
    victims.kafka.start()


def stop_broker(victims: Victims) -> None:
    assert victims.kafka is not None
    victims.kafka.stop()
    time.sleep(SHORT)
    victims.kafka.start()


def stop_postgres_fast(victims: Victims) -> None:
    _stop_postgres(victims, "fast")


def stop_postgres_immediate(victims: Victims) -> None:
    _stop_postgres(victims, "immediate")


def cut_connections(victims: Victims) -> None:
    with psycopg.connect(victims.database, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dateline'")


def slow_database(victims: Victims) -> None:
    with psycopg.connect(victims.database) as connection:
        connection.execute("LOCK TABLE articles, feeds IN ACCESS EXCLUSIVE MODE")
        time.sleep(SHORT)


def _stop_postgres(victims: Victims, mode: str) -> None:
    assert victims.postgres is not None
    victims.postgres.stop(mode)
    time.sleep(SHORT)
    victims.postgres.start()


FAULTS: Mapping[str, Callable[[Victims], None]] = {
    "worker killed (SIGKILL)": kill_worker,
    "worker stopped for longer than its lease (SIGSTOP)": pause_worker,
    "no byte more to a worker's files (disk full)": fill_disk,
}
SERVICE_FAULTS: Mapping[str, Callable[[Victims], None]] = {
    "Kafka killed and started again": kill_broker,
    "Kafka stopped and started again": stop_broker,
    "Postgres stopped (immediate) and started again": stop_postgres_immediate,
    "Postgres stopped (fast) and started again": stop_postgres_fast,
    "every database connection cut": cut_connections,
    "database slow: tables locked": slow_database,
}


def strike(victims: Victims, faults: Mapping[str, Callable[[Victims], None]], rounds: int, pause: tuple[float, float]) -> None:
    """Strike each of *faults* *rounds* times, in a random order, with pauses between them."""
    order = [name for name in faults for _ in range(rounds)]
    victims.chance.shuffle(order)
    for name in order:
        time.sleep(victims.chance.uniform(*pause))
        faults[name](victims)
        victims.struck[name] += 1


def poison(broker: Broker, topics: tuple[str, ...], each: int) -> set[bytes]:
    """Send *each* records that are no message to each of *topics*; return their values."""
    producer = broker.producer()
    sent = [(topic, b"\xff\x00 poison %d for %s" % (number, topic.encode())) for topic in topics for number in range(each)]
    for number, (topic, value) in enumerate(sent):
        producer.send(topic, key=b"poison%d" % number, value=value)
    producer.flush()
    producer.close()
    return {value for _, value in sent}


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
    offsets_differ: tuple[str, ...]  # groups that the broker and the database see at different places, or that lag


def found(engine: Engine, broker: Broker, groups: Mapping[str, str], storing: tuple[str, ...]) -> Found:
    """Look at the database and the broker; *groups* by name with their topic, *storing* keep their offsets in the database."""
    with reading(engine) as conn:
        counts = queries.counts(conn)
        titles = conn.execute(select(func.count(articles.c.title.distinct()))).scalar_one()
        values = conn.execute(select(dead_letters.c.value)).scalars().all()
        documents = conn.execute(select(annotations.c.document)).scalars().all()
    told = sum(len(AnnotatedArticle.model_validate(document).events) for document in documents)
    return Found(
        articles=counts[articles.name],
        titles=titles,
        reports=counts[event_reports.name],
        reports_told=told,
        poisoned=frozenset(value for value in values if value is not None),
        letters=counts[dead_letters.name],
        waiting=sum(counts[table.name] for table in (outbox, page_queue, in_flight)),
        offsets_differ=tuple(group for group, topic in groups.items() if not _consistent(engine, broker, group, topic, group in storing)),
    )


def stored(engine: Engine) -> int:
    """Return how many articles are stored, 0 while the database does not answer."""
    return rows(engine, articles)


def waiting(engine: Engine) -> int:
    """Return how many messages are to be sent, pages to be fetched, and marks of work under way; 0 while nothing answers."""
    return rows(engine, outbox, page_queue, in_flight)


def rows(engine: Engine, *tables: Table) -> int:
    """Return how many rows *tables* have together, 0 while the database does not answer."""
    with suppress(DatabaseUnavailable), reading(engine) as conn:
        return sum(conn.execute(select(func.count()).select_from(table)).scalar_one() for table in tables)
    return 0


def _consistent(engine: Engine, broker: Broker, group: str, topic: str, in_database: bool) -> bool:
    lags = broker.lag(group, [topic])
    at = {one.partition: one.committed for one in lags if one.committed}
    return not sum(one.lag for one in lags) and (not in_database or at == stored_offsets(engine, group))
