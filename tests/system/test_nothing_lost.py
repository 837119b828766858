"""A thousand articles through the real workers, which are killed again and again: every article once, every event once."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from processors.annotate import Annotator
from scripts.kafka import KafkaServer
from storage.engine import connect_database, reading
from storage.schema import annotations, articles, dead_letters, event_reports
from stream.messages import AnnotatedArticle
from tests.system.harness import Site, Workers, run_dateline, stories

FEEDS, EACH = 20, 50
WORKERS = ("ingest", "process", "process#2", "store", "store#2")
KILLS = 20  # at least; and on until most articles went through
MOST = 0.7  # of the articles stored before the killing ends
KILLING = 90.0  # seconds after which it ends in any case
PAUSE = (0.3, 3.5)  # seconds between two kills: a worker needs about two to start
DEADLINE = 240.0  # seconds for the rest after the last kill


@pytest.fixture
def embedded(tmp_path: Path) -> dict[str, str]:
    return {"DATELINE_DATA_DIR": str(tmp_path)}


@pytest.fixture
def kafka_and_postgres(kafka_server: KafkaServer, postgres_url: str, tmp_path: Path) -> dict[str, str]:
    return {
        "DATELINE_BROKER_URL": kafka_server.url,
        "DATELINE_DATABASE_URL": postgres_url,
        "DATELINE_TOPIC_PREFIX": f"kill{time.time_ns()}",
    }


@pytest.fixture(params=["embedded", "kafka_and_postgres"])
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The environment of the workers: short leases, so that what a killed one held passes on soon."""
    return {
        **request.getfixturevalue(request.param),
        "DATELINE_ALLOW_NETWORKS": "127.0.0.1/32",
        "DATELINE_HOST_PAUSE": "0",
        "DATELINE_FETCH_CONCURRENCY": "2",
        "DATELINE_SESSION_TIMEOUT": "3",
        "DATELINE_FEED_LEASE": "5",
        "DATELINE_BATCH_RECORDS": "20",
        "DATELINE_LOG_FORMAT": "json",
        "XDG_DATA_HOME": str(tmp_path / "unused"),
    }


def test_every_article_and_event_is_stored_once_however_often_workers_are_killed(
    stack: dict[str, str], tmp_path: Path, record_property: pytest.RecordProperty
) -> None:
    chance = random.Random(11)
    with Site(stories(FEEDS, EACH), delay=0.3) as site:
        run_dateline(stack, "db", "upgrade")
        run_dateline(stack, "topics", "ensure")
        run_dateline(stack, "feeds", "add", *site.feed_urls, "--full-text", "never")
        engine = _engine(stack, tmp_path)
        with Workers(WORKERS, stack, tmp_path / "workers.log") as workers:
            end = time.monotonic() + KILLING
            while time.monotonic() < end and (sum(workers.kills.values()) < KILLS or _count(engine, articles) < MOST * FEEDS * EACH):
                time.sleep(chance.uniform(*PAUSE))
                workers.kill(chance.choice(WORKERS))
            stored_then, last_kill = _count(engine, articles), time.monotonic()
            while _count(engine, articles) < FEEDS * EACH and time.monotonic() < last_kill + DEADLINE:
                time.sleep(0.5)
            time.sleep(3.0)  # what might still be doubled
            exits = workers.stop()
            kills = dict(workers.kills)
    record_property("kills", kills)
    print(f"{stack.get('DATELINE_BROKER_URL', 'sqlite')[:6]}: killed {kills}; {stored_then} articles were stored at the last kill")

    assert exits == dict.fromkeys(WORKERS, 0)
    assert _count(engine, articles) == FEEDS * EACH
    assert _count(engine, dead_letters) == 0
    stored = _stored(engine)
    assert {(one.article.feed_id, one.article.entry_key) for one in stored} == {
        (one.article.feed_id, one.article.entry_key) for one in stored if one.article.revision == 1
    }
    assert len({one.article.title for one in stored}) == FEEDS * EACH
    expected = Annotator().annotate([one.article for one in stored])
    assert _reports(engine) == {one.article.id: len(one.events) for one in expected if one.events}
    engine.dispose()


def _engine(stack: dict[str, str], tmp_path: Path) -> Engine:
    return connect_database(stack.get("DATELINE_DATABASE_URL") or f"sqlite:///{tmp_path / 'dateline.db'}")


def _count(engine: Engine, table: object) -> int:
    with reading(engine) as conn:
        return conn.execute(select(func.count()).select_from(table)).scalar_one()  # type: ignore[arg-type]


def _reports(engine: Engine) -> dict[str, int]:
    query = (
        select(articles.c.article_id, func.count())
        .join(event_reports, event_reports.c.article_key == articles.c.article_key)
        .group_by(articles.c.article_id)
    )
    with reading(engine) as conn:
        return {row[0]: row[1] for row in conn.execute(query)}


def _stored(engine: Engine) -> list[AnnotatedArticle]:
    with reading(engine) as conn:
        documents = conn.execute(select(annotations.c.document)).scalars().all()
    return [document if isinstance(document, AnnotatedArticle) else AnnotatedArticle.model_validate(document) for document in documents]
