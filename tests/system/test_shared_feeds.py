"""Real ingest processes that share their feeds, on both databases: the server counts what it is asked."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from sqlalchemy import Engine, update

from storage import feeds
from storage.schema_feeds import feeds as feeds_table
from tests.dateline.running import until
from tests.ingest.conftest import Loopback
from tests.ingest.conftest import loopback as loopback
from tests.ingest.working import LONG, rss
from tests.system.harness import Workers

FEEDS, ROUNDS = 150, 3
NAMES = ("ingest", "ingest#2", "ingest#3")


def test_no_feed_is_fetched_twice_in_a_round(engine: Engine, database_url: str, tmp_path: Path, loopback: Loopback) -> None:
    env = {
        "DATELINE_DATA_DIR": str(tmp_path),
        "DATELINE_DATABASE_URL": database_url,
        "DATELINE_ALLOW_NETWORKS": "127.0.0.1/32",
        "DATELINE_HOST_PAUSE": "0",
        "DATELINE_HOST_CONNECTIONS": "8",
        "DATELINE_FETCH_CONCURRENCY": "8",
    }
    for number in range(FEEDS):
        feeds.add_feed(engine, loopback.serve(f"/{number}", rss((f"g{number}", loopback.url(f"/news/{number}"), LONG)), ETag='"1"'))
    with Workers(NAMES, env, tmp_path / "workers.log") as workers:
        for round_ in range(1, ROUNDS + 1):
            assert until(lambda asked=round_ * FEEDS: len(loopback.requests) >= asked and not _under_way(engine), 90.0)
            assert Counter(request.path for request in loopback.requests) == {f"/{number}": round_ for number in range(FEEDS)}
            _make_due(engine)
        assert workers.stop() == dict.fromkeys(NAMES, 0)


def _under_way(engine: Engine) -> bool:
    return any(feed.next_fetch_at <= feeds.database_time(engine) for feed in feeds.list_feeds(engine))


def _make_due(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(update(feeds_table).values(next_fetch_at=feeds_table.c.added_at))
