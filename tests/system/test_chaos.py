"""Whatever fails while articles go through: at the end every article once, every event once, dead letters exactly the poison.

``make test`` strikes each fault once; ``make chaos`` takes thousands of articles and many rounds, and writes what was struck
into ``docs/reliability.md``.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dateline import compose
from scripts import clock, kafka, postgres
from scripts.kafka import kafka_server
from scripts.postgres import PostgresServer
from storage.engine import connect_database, upgrade
from storage.feeds import add_feed
from stream.connect import connect_broker
from stream.settings import load_settings
from tests.services.needed import need
from tests.system import table
from tests.system.chaos import (
    FAULTS,
    FILE_DISK_FAULTS,
    FILE_FAULTS,
    SERVICE_DISK_FAULTS,
    SERVICE_FAULTS,
    WITHOUT_DISK,
    Stack,
    Victims,
    strike,
)
from tests.system.disk import temporary_disk
from tests.system.flow import Flow, wait_until
from tests.system.found import found, lag, stored, waiting
from tests.system.harness import QUICK, Site, Workers, stories

ARTICLES, ROUNDS = int(os.environ.get("CHAOS_ARTICLES", "180")), int(os.environ.get("CHAOS_ROUNDS", "1"))
DISK_BYTES = 512 * 1024 * 1024  # of each small disk
EACH = 60  # articles of a feed
PATIENCE = 300.0  # seconds for the articles between two faults, and for the rest after the last one
WORKERS = ("ingest", "process", "process#2", "store", "store#2")


@pytest.fixture
def embedded() -> Iterator[Stack]:
    with temporary_disk(DISK_BYTES) as disk:
        faults = {**FILE_FAULTS, **(FILE_DISK_FAULTS if disk.small else WITHOUT_DISK)}
        yield Stack(table.EMBEDDED, {"DATELINE_DATA_DIR": str(disk.folder)}, faults, {"workers": disk})


@pytest.fixture
def servers() -> Iterator[Stack]:
    """A Kafka and a Postgres of this test alone: it stops them."""
    need(kafka.missing() or postgres.ensure())
    with ExitStack() as stack:
        disks = {name: stack.enter_context(temporary_disk(DISK_BYTES)) for name in ("kafka", "postgres")}
        small = all(disk.small for disk in disks.values())
        database = PostgresServer(durable=True, parent=disks["postgres"].folder, settings={"max_wal_size": "64MB"})
        stack.callback(database.close)
        broker = stack.enter_context(kafka_server(disks["kafka"].folder))
        url = database.start().create_database("chaos")
        env = {"DATELINE_BROKER_URL": broker.url, "DATELINE_DATABASE_URL": url}
        faults = {**SERVICE_FAULTS, **(SERVICE_DISK_FAULTS if small else WITHOUT_DISK)}
        yield Stack(table.SERVERS, env, faults, disks, broker, database)


@pytest.fixture(params=["embedded", "servers"])
def stack(request: pytest.FixtureRequest) -> Stack:
    need(clock.ensure())
    chosen: Stack = request.getfixturevalue(request.param)
    return chosen


def test_whatever_fails_every_article_is_stored_once_and_only_the_poison_is_dead_lettered(stack: Stack, tmp_path: Path) -> None:
    env = {**QUICK, **stack.env, "XDG_DATA_HOME": str(tmp_path / "unused")}
    settings = load_settings(**{name.removeprefix("DATELINE_").lower(): env[name] for name in env if name.startswith("DATELINE_")})
    engine, broker = connect_database(settings.database), connect_broker(settings.broker)
    groups, faults = compose.groups(settings), {**FAULTS, **stack.faults}
    chance, started = random.Random(23), time.monotonic()
    order = [name for name in faults for _ in range(ROUNDS)]
    chance.shuffle(order)
    with Site(stories(-(-ARTICLES // EACH), EACH), delay=0.3, released=0) as site:
        upgrade(engine)
        broker.ensure_topics(compose.topics(settings))
        for url in site.feed_urls:
            add_feed(engine, url, full_text="never")
        with Workers(WORKERS, env, tmp_path / "workers.log", clocks=tmp_path) as workers:
            victims = Victims(workers, chance, stack, broker, tuple(groups.values()))
            struck = strike(victims, faults, order, Flow(site, ARTICLES, len(order), lambda: stored(engine), PATIENCE))
            wait_until(lambda: stored(engine) == ARTICLES and not lag(broker, groups) and not waiting(engine, broker, groups), PATIENCE)
            time.sleep(1.0)  # what might still be doubled
            exits = workers.stop()
    result = found(engine, broker, groups, tuple(group for group in groups if ".store" in group))
    table.tell(
        *(table.struck(stack.name, fault, counts) for fault, counts in sorted(struck.items())),
        table.result(stack.name, "dead letters, all of them poison", result.letters),
        table.result(stack.name, f"articles, all of them once ({time.monotonic() - started:.0f} s)", result.articles),
    )
    engine.dispose()
    broker.close()

    assert exits == dict.fromkeys(WORKERS, 0)
    assert (result.articles, result.titles) == (ARTICLES, ARTICLES)
    assert result.reports == result.reports_told > 0
    assert (set(result.poisoned), result.letters) == (victims.poisoned, len(victims.poisoned))
    assert result.offsets_differ == ()
    assert result.waiting == 0
    assert all(min(on_their_way) > 0 for on_their_way in struck.values()), struck
