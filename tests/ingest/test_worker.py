"""Workers that start, share and stop, on both databases, with a real HTTP server, a real broker, and real children that parse."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import replace

import pytest
from sqlalchemy import Connection, event

from ingest.outcome import Outcome
from ingest.worker import run_ingest
from storage import feeds, upkeep
from stream.errors import ConfigError, DatabaseUnavailable
from tests.ingest.conftest import Handler, Loopback
from tests.ingest.working import LONG, QUICK, Ingest, rss


def test_a_database_that_comes_back_is_asked_again(ingest: Ingest, loopback: Loopback) -> None:
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(("g1", loopback.url("/1"), LONG))))
    chance = random.Random(5)  # every second time would never let a call of two transactions through

    @event.listens_for(ingest.engine, "begin")
    def now_and_then(_: Connection) -> None:
        if chance.random() < 0.5:
            raise DatabaseUnavailable("the database is away")

    assert ingest.once() == ["fetched"]
    event.remove(ingest.engine, "begin", now_and_then)
    assert len(ingest.published()) == 1
    assert upkeep.count_waiting(ingest.engine) == (0, 0)


def test_a_missing_topic_ends_the_worker_with_the_remedy_and_loses_nothing(ingest: Ingest, loopback: Loopback) -> None:
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(("g1", loopback.url("/1"), LONG))))
    with pytest.raises(ConfigError, match="topics ensure"):
        ingest.once(topic_prefix="elsewhere")
    assert upkeep.count_waiting(ingest.engine) == (0, 1)


def test_no_feed_is_leased_while_there_is_a_reason_to_wait(ingest: Ingest, loopback: Loopback, caplog: pytest.LogCaptureFixture) -> None:
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(("g1", loopback.url("/1"), LONG))))
    ingest.brake = "the disk is full"
    assert ingest.once() == []
    assert "no feed is fetched: the disk is full" in caplog.text
    ingest.brake = None
    assert ingest.once() == ["fetched"]


def test_two_workers_share_the_feeds_and_stop_when_told(ingest: Ingest, loopback: Loopback) -> None:
    for n in range(12):
        items = [(f"g{m}", loopback.url(f"/{n}/{m}"), LONG) for m in range(3)]
        feeds.add_feed(ingest.engine, loopback.serve(f"/feed/{n}", rss(*items)))
    stop = threading.Event()
    done: list[Outcome] = []

    def work() -> None:
        run_ingest(ingest.settings, ingest.engine, ingest.broker, stop, on_outcome=done.append, timing=QUICK)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    deadline = time.monotonic() + 60
    while len(done) < 12 and time.monotonic() < deadline:
        time.sleep(0.05)
    stop.set()
    for worker in workers:
        worker.join(60)
    assert not any(worker.is_alive() for worker in workers)
    assert len({outcome.url for outcome in done}) == 12 == len(done)
    assert len({article.id for article in ingest.published()}) == 36


def test_told_to_stop_a_worker_ends_what_it_has_begun(ingest: Ingest, loopback: Loopback) -> None:
    stop = threading.Event()

    def slow(handler: Handler) -> None:
        stop.set()
        time.sleep(0.5)
        handler.answer(200, rss(("g1", loopback.url("/1"), LONG)))

    feeds.add_feed(ingest.engine, loopback.route("/feed", slow))
    assert ingest.once(stop=stop) == ["fetched"]
    assert len(ingest.published()) == 1


def test_told_to_stop_a_worker_ends_in_time_whatever_hangs(ingest: Ingest, loopback: Loopback) -> None:
    stop, release = threading.Event(), threading.Event()

    @event.listens_for(ingest.engine, "begin")
    def hang(connection: Connection) -> None:
        if stop.is_set():
            release.wait(60)

    def slow(handler: Handler) -> None:
        stop.set()
        release.wait(60)

    feeds.add_feed(ingest.engine, loopback.route("/feed", slow))
    worker = threading.Thread(
        target=run_ingest,
        args=(ingest.settings, ingest.engine, ingest.broker, stop),
        kwargs={"timing": replace(QUICK, grace=0.1, last=0.5)},
    )
    worker.start()
    stop.wait(30)
    told = time.monotonic()
    worker.join(30)
    took = time.monotonic() - told
    release.set()
    assert not worker.is_alive()
    assert took < 15
    event.remove(ingest.engine, "begin", hang)
