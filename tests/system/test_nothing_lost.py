"""A thousand articles through the real workers, which are killed again and again: every article once, every event once."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from processors.annotate import Annotator
from scripts.kafka import KafkaServer
from storage.engine import connect_database, reading
from storage.schema import annotations as annotations_table
from storage.schema import articles, dead_letters, event_reports
from stream.messages import AnnotatedArticle
from tests.system.flow import Flow, wait_until
from tests.system.found import stored
from tests.system.harness import QUICK, Site, Workers, run_dateline, stories
from tests.system.table import EMBEDDED, SERVERS, result, struck, tell

FEEDS, EACH = 20, 50
WORKERS = ("ingest", "process", "process#2", "store", "store#2")
KILLS = int(os.environ.get("CHAOS_KILLS", "20"))
PATIENCE = 240.0  # seconds for the articles between two kills, and for the rest after the last one


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
    """The environment of the workers."""
    return {**QUICK, **request.getfixturevalue(request.param), "XDG_DATA_HOME": str(tmp_path / "unused")}


def test_every_article_and_event_is_stored_once_however_often_workers_are_killed(stack: dict[str, str], tmp_path: Path) -> None:
    chance, on_their_way = random.Random(11), list[int]()
    with Site(stories(FEEDS, EACH), delay=0.3, released=0) as site:
        run_dateline(stack, "db", "upgrade")
        run_dateline(stack, "topics", "ensure")
        run_dateline(stack, "feeds", "add", *site.feed_urls, "--full-text", "never")
        engine = _engine(stack, tmp_path)
        with Workers(WORKERS, stack, tmp_path / "workers.log") as workers:
            flow = Flow(site, FEEDS * EACH, KILLS, lambda: stored(engine), PATIENCE)
            for number in range(KILLS):
                on_their_way.append(flow.wait(number, chance))
                workers.kill(chance.choice(WORKERS))
            wait_until(lambda: stored(engine) == FEEDS * EACH, PATIENCE)
            time.sleep(3.0)  # what might still be doubled
            exits = workers.stop()
            kills = ", ".join(f"{name} {count}" for name, count in workers.kills.items())
    name = SERVERS if "DATELINE_BROKER_URL" in stack else EMBEDDED
    tell(struck(name, f"nothing but kills (SIGKILL): {kills}", on_their_way), result(name, "articles, all of them once", FEEDS * EACH))

    assert exits == dict.fromkeys(WORKERS, 0)
    assert _count(engine, articles) == FEEDS * EACH
    assert _count(engine, dead_letters) == 0
    documents = _documents(engine)
    assert {(one.article.feed_id, one.article.entry_key) for one in documents} == {
        (one.article.feed_id, one.article.entry_key) for one in documents if one.article.revision == 1
    }
    assert min(on_their_way) > 0
    assert len({one.article.title for one in documents}) == FEEDS * EACH
    expected = Annotator().annotate([one.article for one in documents])
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


def _documents(engine: Engine) -> list[AnnotatedArticle]:
    with reading(engine) as conn:
        documents = conn.execute(select(annotations_table.c.document)).scalars().all()
    return [document if isinstance(document, AnnotatedArticle) else AnnotatedArticle.model_validate(document) for document in documents]
