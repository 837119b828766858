"""Workers of several versions side by side: consumers are upgraded first, and who is behind stops before any harm is done."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text

from dateline import compose
from storage.engine import connect_database, reading, transaction
from storage.schema import articles
from stream.broker import Broker
from stream.connect import connect_broker
from stream.errors import MigrationMismatch, SchemaTooNew
from stream.messages import encode
from stream.settings import Settings, load_settings
from tests.storage.samples import annotated

GOLDEN = Path(__file__).parents[1] / "stream" / "golden"
GROUP, TOPIC = "dateline.store", "dateline.annotated"
PROCESS, ARTICLES = "dateline.process", "dateline.articles"


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


def newer_article(schema: str) -> bytes:
    """An article as a later ingest worker writes it."""
    document: dict[str, Any] = json.loads((GOLDEN / "dateline.article-1.json").read_bytes())
    return json.dumps(document | {"schema": schema, "id": "newer", "paywall": True}).encode()


def send(broker: Broker, *values: bytes, topic: str = TOPIC) -> None:
    producer = broker.producer()
    for value in values:
        producer.send(topic, key=b"k", value=value)
    producer.flush()
    producer.close()


def lag(broker: Broker, group: str = GROUP, topic: str = TOPIC) -> int:
    return sum(one.lag for one in broker.lag(group, [topic]))


def letters(broker: Broker) -> int:
    return sum(one.end for one in broker.lag("x", ["dateline.dead-letters"]))


def run_until_read(worker: Callable[[Settings, threading.Event], None], settings: Settings, broker: Broker, group: str, topic: str) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=worker, args=(settings, stop))
    thread.start()
    deadline = time.monotonic() + 120
    while lag(broker, group, topic) and time.monotonic() < deadline:
        time.sleep(0.05)
    stop.set()
    thread.join()


def test_what_a_newer_producer_adds_is_passed_over(settings: Settings, engine: Engine, broker: Broker) -> None:
    send(broker, encode(annotated("old")), newer("new", "dateline.annotated/1"), encode(annotated("older")))
    run_until_read(compose.store, settings, broker, GROUP, TOPIC)
    with reading(engine) as conn:
        assert set(conn.execute(select(articles.c.article_id)).scalars()) == {"old", "new", "older"}
    assert lag(broker) == 0
    assert letters(broker) == 0


def test_a_newer_major_schema_stops_the_stage_and_commits_nothing(settings: Settings, engine: Engine, broker: Broker) -> None:
    send(broker, encode(annotated("old")), newer("new", "dateline.annotated/2"))
    with pytest.raises(SchemaTooNew, match="consumers are upgraded first"):
        compose.store(settings, threading.Event())
    assert lag(broker) == 2
    assert letters(broker) == 0
    with reading(engine) as conn:
        assert conn.execute(select(articles.c.article_id)).scalars().all() == []


def test_articles_of_an_older_and_a_newer_ingest_pass_a_processor_and_a_storing_worker(
    settings: Settings, engine: Engine, broker: Broker
) -> None:
    send(broker, (GOLDEN / "dateline.article-1.json").read_bytes(), newer_article("dateline.article/1"), topic=ARTICLES)
    run_until_read(compose.process, settings, broker, PROCESS, ARTICLES)
    run_until_read(compose.store, settings, broker, GROUP, TOPIC)
    with reading(engine) as conn:
        assert "newer" in conn.execute(select(articles.c.article_id)).scalars().all()
        assert conn.execute(select(func.count()).select_from(articles)).scalar_one() == 2
    assert letters(broker) == 0


def test_an_article_of_a_newer_major_schema_stops_the_processor_and_commits_nothing(
    settings: Settings, engine: Engine, broker: Broker
) -> None:
    send(broker, (GOLDEN / "dateline.article-1.json").read_bytes(), newer_article("dateline.article/2"), topic=ARTICLES)
    with pytest.raises(SchemaTooNew, match="consumers are upgraded first"):
        compose.process(settings, threading.Event())
    assert (lag(broker, PROCESS, ARTICLES), letters(broker)) == (2, 0)


@pytest.mark.parametrize("worker", [compose.store, compose.ingest, compose.process])
def test_a_worker_refuses_a_database_at_another_migration(settings: Settings, engine: Engine, worker: Any) -> None:
    with transaction(engine) as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    with pytest.raises(MigrationMismatch):
        worker(settings, threading.Event())
