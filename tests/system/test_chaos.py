"""Whatever fails while articles go through: at the end every article once, every event once, dead letters exactly the poison.

``make test`` strikes each fault once; ``make chaos`` takes thousands of articles and many rounds, and writes what was struck
into ``docs/reliability.md``.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from dateline import compose
from scripts.kafka import KafkaServer, kafka_server, missing
from scripts.postgres import PostgresServer, ensure
from storage.engine import connect_database
from stream.broker import Broker
from stream.connect import connect_broker
from stream.errors import TransientError
from stream.settings import load_settings
from tests.system.chaos import FAULTS, SERVICE_FAULTS, Victims, found, poison, stored, strike, waiting
from tests.system.harness import Site, Workers, run_dateline, stories

ARTICLES, ROUNDS = int(os.environ.get("CHAOS_ARTICLES", "100")), int(os.environ.get("CHAOS_ROUNDS", "1"))
TABLE = os.environ.get("CHAOS_TABLE", "")
EACH = 50  # articles of a feed
POISON = 3  # records of each topic
PAUSE = (0.2, 1.0)  # seconds between two faults
PATIENCE = 300.0 + ARTICLES / 3  # seconds for the rest after the last fault
WORKERS = ("ingest", "process", "process#2", "store", "store#2")


@dataclass(frozen=True)
class Stack:
    name: str
    env: dict[str, str]
    kafka: KafkaServer | None = None
    postgres: PostgresServer | None = None


@pytest.fixture
def embedded(tmp_path: Path) -> Stack:
    return Stack("embedded (two SQLite files)", {"DATELINE_DATA_DIR": str(tmp_path)})


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Stack]:
    """A Kafka and a Postgres of this test alone: it stops them."""
    if reason := missing() or ensure():
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    postgres = PostgresServer(durable=True)
    try:
        with kafka_server(tmp_path / "kafka") as kafka:
            database = postgres.start().create_database("chaos")
            yield Stack("Kafka and Postgres", {"DATELINE_BROKER_URL": kafka.url, "DATELINE_DATABASE_URL": database}, kafka, postgres)
    finally:
        postgres.close()


@pytest.fixture(params=["embedded", "servers"])
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Stack:
    chosen: Stack = request.getfixturevalue(request.param)
    env = {
        "DATELINE_ALLOW_NETWORKS": "127.0.0.1/32",
        "DATELINE_FETCH_CONCURRENCY": "2",
        "DATELINE_SESSION_TIMEOUT": "3",
        "DATELINE_FEED_LEASE": "5",
        "DATELINE_BATCH_RECORDS": "20",
        "DATELINE_TOPIC_PARTITIONS": "4",
        "DATELINE_LOG_FORMAT": "json",
        "XDG_DATA_HOME": str(tmp_path / "unused"),
    }
    return Stack(chosen.name, {**chosen.env, **env}, chosen.kafka, chosen.postgres)


def test_whatever_fails_every_article_is_stored_once_and_only_the_poison_is_dead_lettered(stack: Stack, tmp_path: Path) -> None:
    settings = load_settings(
        **{name.removeprefix("DATELINE_").lower(): value for name, value in stack.env.items() if name.startswith("DATELINE_")}
    )
    engine, broker = connect_database(settings.database), connect_broker(settings.broker)
    groups = compose.groups(settings)
    faults = {**FAULTS, **(SERVICE_FAULTS if stack.kafka else {})}
    started = time.monotonic()
    with Site(stories(ARTICLES // EACH, EACH), delay=0.3) as site:
        for command in (("db", "upgrade"), ("topics", "ensure"), ("feeds", "add", *site.feed_urls, "--full-text", "never")):
            run_dateline(stack.env, *command)
        with Workers(WORKERS, stack.env, tmp_path / "workers.log") as workers:
            victims = Victims(workers, random.Random(23), stack.kafka, stack.postgres, stack.env.get("DATELINE_DATABASE_URL", ""))
            poisoned = poison(broker, tuple(groups.values()), POISON)
            wait_until(lambda: stored(engine) > 0)
            strike(victims, faults, ROUNDS, PAUSE)
            stored_then = stored(engine)
            wait_until(lambda: stored(engine) == ARTICLES and not lag(broker, groups) and not waiting(engine))
            time.sleep(3.0)  # what might still be doubled
            exits = workers.stop()
    result = found(engine, broker, groups, tuple(group for group in groups if ".store" in group))
    report(stack.name, victims, stored_then, len(poisoned), time.monotonic() - started)
    engine.dispose()
    broker.close()

    assert exits == dict.fromkeys(WORKERS, 0)
    assert (result.articles, result.titles) == (ARTICLES, ARTICLES)
    assert result.reports == result.reports_told > 0
    assert (result.poisoned, result.letters) == (poisoned, len(poisoned))
    assert result.offsets_differ == ()
    assert result.waiting == 0


def wait_until(condition: Callable[[], bool]) -> None:
    """Return when *condition* holds, or after PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.5)


def lag(broker: Broker, groups: Mapping[str, str]) -> int:
    """Return how many records are still to be read; 1 while the broker does not answer."""
    try:
        return sum(one.lag for group, topic in groups.items() for one in broker.lag(group, [topic]))
    except TransientError:
        return 1


def report(name: str, victims: Victims, stored_then: int, letters: int, seconds: float) -> None:
    """Print what was struck, and append it to the table where one is asked for."""
    rows = [f"| {name} | {fault} | {count} |" for fault, count in sorted(victims.struck.items())]
    rows.append(f"| {name} | poison: {POISON} records that are no message on each topic | {letters} |")
    rows.append(f"| {name} | **articles, all of them once** ({stored_then} at the last fault; {seconds:.0f} s) | **{ARTICLES}** |")
    print("\n".join(rows))
    if TABLE:
        with Path(TABLE).open("a", encoding="utf-8") as table:
            table.write("\n".join(rows) + "\n")
