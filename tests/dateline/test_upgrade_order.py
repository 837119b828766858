"""Workers of several versions side by side: consumers are upgraded first, and who is behind stops before any harm is done."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, text

from dateline import compose
from storage.engine import connect_database, reading, transaction
from storage.schema import articles
from stream.broker import Broker
from stream.connect import connect_broker
from stream.errors import MigrationMismatch, SchemaTooNew
from stream.messages import encode
from stream.settings import Settings, load_settings
from tests.storage.samples import annotated

GROUP, TOPIC = "dateline.store", "dateline.annotated"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path, topic_partitions=1)


@pytest.fixture
def engine(settings: Settings) -> Engine:
    engine = connect_database(settings.database)
    compose.prepare_embedded(settings, engine)
    return engine


@pytest.fixture
def broker(settings: Settings) -> Broker:
    broker = connect_broker(settings.broker)
    broker.ensure_topics(compose.topics(settings))
    return broker


def newer(id_: str, schema: str) -> bytes:
    """An annotated article as a later version writes it: with fields that this one does not know."""
    document: dict[str, Any] = json.loads(encode(annotated(id_)))
    document |= {"schema": schema, "stance": {"left": 0.3}}
    document["article"]["paywall"] = True
    document["events"][0]["weapons"] = ["rifle"]
    return json.dumps(document).encode()


def send(broker: Broker, *values: bytes) -> None:
    producer = broker.producer()
    for value in values:
        producer.send(TOPIC, key=b"k", value=value)
    producer.flush()
    producer.close()


def lag(broker: Broker) -> int:
    return sum(one.lag for one in broker.lag(GROUP, [TOPIC]))


def store_until_read(settings: Settings, broker: Broker) -> None:
    stop = threading.Event()
    worker = threading.Thread(target=compose.store, args=(settings, stop))
    worker.start()
    deadline = time.monotonic() + 30
    while lag(broker) and time.monotonic() < deadline:
        time.sleep(0.05)
    stop.set()
    worker.join()


def test_what_a_newer_producer_adds_is_passed_over(settings: Settings, engine: Engine, broker: Broker) -> None:
    send(broker, encode(annotated("old")), newer("new", "dateline.annotated/1"), encode(annotated("older")))
    store_until_read(settings, broker)
    with reading(engine) as conn:
        assert set(conn.execute(select(articles.c.article_id)).scalars()) == {"old", "new", "older"}
    assert lag(broker) == 0
    assert sum(one.end for one in broker.lag("x", ["dateline.dead-letters"])) == 0


def test_a_newer_major_schema_stops_the_stage_and_commits_nothing(settings: Settings, engine: Engine, broker: Broker) -> None:
    send(broker, encode(annotated("old")), newer("new", "dateline.annotated/2"))
    with pytest.raises(SchemaTooNew, match="consumers are upgraded first"):
        compose.store(settings, threading.Event())
    assert lag(broker) == 2
    assert sum(one.end for one in broker.lag("x", ["dateline.dead-letters"])) == 0
    with reading(engine) as conn:
        assert conn.execute(select(articles.c.article_id)).scalars().all() == []


@pytest.mark.parametrize("worker", [compose.store, compose.ingest, compose.process])
def test_a_worker_refuses_a_database_at_another_migration(settings: Settings, engine: Engine, worker: Any) -> None:
    with transaction(engine) as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    with pytest.raises(MigrationMismatch):
        worker(settings, threading.Event())
