"""``docs/operations.md`` walked through with the real workers: an upgrade, and more partitions, while articles flow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from sqlalchemy import select

from scripts.kafka import KafkaServer
from storage.engine import connect_database, reading
from storage.schema import articles
from stream.connect import connect_broker
from tests.dateline.running import until
from tests.services.postgres import fresh_database
from tests.system.harness import Site, Story, Workers, run_dateline, stories

DEADLINE = 120.0  # seconds
FEEDS = 3  # one before the upgrade, one under it, one after the partitions were added
BEFORE, AFTER = 2, 6  # partitions
TOPICS = ("articles", "annotated", "articles.replay", "dead-letters")
LOOK_FOR_PARTITIONS = 1_000  # milliseconds; five minutes by default


@pytest.fixture
def empty_postgres_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with fresh_database(request, "postgres", tmp_path, migrated=False) as url:
        yield url


@pytest.fixture
def env(kafka_server: KafkaServer, empty_postgres_url: str, tmp_path: Path) -> dict[str, str]:
    return {
        "DATELINE_BROKER_URL": kafka_server.url,
        "DATELINE_DATABASE_URL": empty_postgres_url.replace("+psycopg", ""),
        "DATELINE_TOPIC_PREFIX": f"walk-{tmp_path.name}",
        "DATELINE_TOPIC_PARTITIONS": str(BEFORE),
        "DATELINE_KAFKA_OPTIONS": json.dumps({"metadata_max_age_ms": LOOK_FOR_PARTITIONS}),
        "DATELINE_ALLOW_NETWORKS": "127.0.0.1/32",
        "DATELINE_HOST_PAUSE": "0",
        "HOME": str(tmp_path),
    }


def titles(entries: list[Story]) -> set[str]:
    return {story.title for story in entries}


def stored(env: Mapping[str, str]) -> list[str]:
    engine = connect_database(env["DATELINE_DATABASE_URL"])
    with reading(engine) as conn:
        found = list(conn.execute(select(articles.c.title)).scalars())
    engine.dispose()
    return found


def wait_for(env: Mapping[str, str], wanted: set[str]) -> None:
    assert until(lambda: wanted <= set(stored(env)), DEADLINE)


def add_partitions(kafka: KafkaServer, *topics: str) -> None:
    """As ``kafka-topics.sh --alter --partitions`` does."""
    with KafkaAdminClient(bootstrap_servers=kafka.bootstrap) as admin:
        admin.create_partitions(dict.fromkeys(topics, AFTER))


def read_partitions(kafka: KafkaServer, group: str, topic: str) -> list[int]:
    broker = connect_broker(kafka.url)
    return [one.partition.partition for one in broker.lag(group, [topic]) if one.committed]


def test_an_upgrade_and_more_partitions_while_articles_flow(env: dict[str, str], kafka_server: KafkaServer, tmp_path: Path) -> None:
    feeds, prefix = stories(feeds=FEEDS, each=30), env["DATELINE_TOPIC_PREFIX"]
    first, second, third = feeds.values()
    with Site(feeds) as site, ExitStack() as running:

        def start(worker: str) -> Workers:
            return running.enter_context(Workers([worker], env, tmp_path / f"{worker}.log"))

        run_dateline(env, "db", "upgrade")
        run_dateline(env, "topics", "ensure")
        run_dateline(env, "feeds", "add", site.feed_urls[0])
        workers = {name: start(name) for name in ("ingest", "process", "store")}
        wait_for(env, titles(first))

        run_dateline(env, "feeds", "add", site.feed_urls[1])
        run_dateline(env, "db", "upgrade")
        run_dateline(env, "topics", "ensure")
        for name in ("store", "process", "ingest"):
            assert workers[name].stop() == {name: 0}
            workers[name] = start(name)
        wait_for(env, titles(first) | titles(second))

        add_partitions(kafka_server, *(f"{prefix}.{name}" for name in TOPICS))
        env["DATELINE_TOPIC_PARTITIONS"] = str(AFTER)
        findings = {one["check"]: one["state"] for one in json.loads(run_dateline(env, "doctor", "--json"))}
        assert (findings["topics"], findings["migrations"]) == ("ok", "ok")
        run_dateline(env, "feeds", "add", site.feed_urls[2])
        wait_for(env, titles(first) | titles(second) | titles(third))
        assert {name: worker.stop() for name, worker in workers.items()} == {name: {name: 0} for name in workers}

    assert sorted(stored(env)) == sorted(titles(first) | titles(second) | titles(third))  # each once
    assert max(read_partitions(kafka_server, f"{prefix}.process", f"{prefix}.articles")) >= BEFORE
    assert max(read_partitions(kafka_server, f"{prefix}.store", f"{prefix}.annotated")) >= BEFORE
    assert json.loads(run_dateline(env, "status", "--json"))["rows"]["dead_letters"] == 0
