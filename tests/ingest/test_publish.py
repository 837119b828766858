"""Messages on their way to a broker that fails, on both databases, with a real HTTP server, a real broker, and real children that parse."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select, update

from storage import feeds, upkeep
from storage.outbox import pending_outbox
from storage.schema_feeds import outbox
from stream.broker import MAX_RECORD_BYTES
from stream.messages import Article, decode
from tests.ingest.conftest import Loopback
from tests.ingest.working import LONG, Breaking, Ingest, rss


def test_a_broker_that_comes_back_gets_everything_once(ingest: Ingest, loopback: Loopback) -> None:
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(("g1", loopback.url("/1"), LONG), ("g2", loopback.url("/2"), LONG))))
    broker = Breaking(ingest.broker, 2)
    assert ingest.once(broker) == ["fetched"]
    assert broker.left == 0
    assert sorted(article.entry_key or "" for article in ingest.published()) == ["g1", "g2"]
    assert upkeep.count_waiting(ingest.engine) == (0, 0)


def test_what_was_written_before_a_crash_is_published_after_it_with_the_same_bytes(ingest: Ingest, loopback: Loopback) -> None:
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(("g1", loopback.url("/1"), LONG))))
    stop = threading.Event()
    assert ingest.once(Breaking(ingest.broker, 99, stop.set), stop) == [], "the worker ends between writing and sending"
    assert ingest.records() == []
    (left,) = pending_outbox(ingest.engine)
    loopback.serve("/feed", rss(("g1", loopback.url("/1"), LONG + "Corrected meanwhile.")))
    assert ingest.again() == ["fetched"]
    values = sorted((decode(Article, record.value).revision, record.value) for record in ingest.records())
    assert [revision for revision, _ in values] == [1, 2]
    assert values[0][1] == left.payload
    assert upkeep.count_waiting(ingest.engine) == (0, 0)


def test_a_message_that_the_broker_never_takes_is_dropped_with_a_log_line_and_holds_up_no_other(
    ingest: Ingest, loopback: Loopback, caplog: pytest.LogCaptureFixture
) -> None:
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(("g1", loopback.url("/1"), LONG), ("g2", loopback.url("/2"), LONG))))
    stop = threading.Event()
    ingest.once(Breaking(ingest.broker, 99, stop.set), stop)
    with ingest.engine.begin() as connection:
        first = select(outbox.c.outbox_id).order_by(outbox.c.outbox_id).limit(1).scalar_subquery()
        connection.execute(update(outbox).where(outbox.c.outbox_id == first).values(payload=b"x" * (MAX_RECORD_BYTES + 1)))
    ingest.once()
    assert [article.entry_key for article in ingest.published()] == ["g2"]
    assert upkeep.count_waiting(ingest.engine) == (0, 0)
    assert len([record for record in caplog.records if record.message.startswith("dropped revision 1 of article")]) == 1
