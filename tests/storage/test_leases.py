"""Who may fetch a feed, and what a fetch leaves behind, on both databases."""

from __future__ import annotations

import random
import string
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from storage import feeds, leases
from storage.engine import reading
from storage.leases import FeedLease
from storage.schema_feeds import fetches
from storage.views import coverage_hourly
from stream.errors import ConfigError, Fenced
from tests.storage.ingesting import FREELY, NOW, RECORD, URL, keys, leased, update, write


def test_workers_share_feeds_and_never_hold_one_twice(engine: Engine) -> None:
    for number in range(40):
        feeds.add_feed(engine, f"{URL}/{number}")

    def work(_: int) -> list[str]:
        held: list[str] = []
        while claimed := leases.claim_due(engine, 3, 60.0, FREELY):
            held += [lease.feed.url for lease in claimed]
        return held

    with ThreadPoolExecutor(4) as pool:
        held = [url for part in pool.map(work, range(4)) for url in part]
    assert len(held) == 40 == len(set(held))


def test_a_lease_that_ran_out_passes_on_and_its_first_holder_is_refused(engine: Engine) -> None:
    feeds.add_feed(engine, URL)
    (slow,) = leases.claim_due(engine, 10, 0.0, FREELY)
    (quick,) = leases.claim_due(engine, 10, 60.0, FREELY)
    assert slow.token != quick.token
    with pytest.raises(Fenced):
        write(engine, slow, keys("1"))
    with pytest.raises(Fenced):
        leases.record_outcome(engine, slow, update(slow.feed, title="Wrong"), RECORD)
    assert len(write(engine, quick, keys("1")).outbox) == 1
    leases.record_outcome(engine, quick, update(quick.feed), RECORD)
    assert [feed.title for feed in feeds.list_feeds(engine)] == ["Title"]


def test_leases_given_back_are_due_at_once_unless_they_were_lost(engine: Engine) -> None:
    feeds.add_feed(engine, URL)
    (lost,) = leases.claim_due(engine, 10, 0.0, FREELY)
    (held,) = leases.claim_due(engine, 10, 60.0, FREELY)
    leases.release_feeds(engine, [lost])
    assert leases.claim_due(engine, 10, 60.0, FREELY) == ()
    leases.release_feeds(engine, [held])
    assert len(leases.claim_due(engine, 10, 60.0, FREELY)) == 1


def test_longest_overdue_feeds_come_first(engine: Engine) -> None:
    urls = [f"{URL}/{number}" for number in (3, 1, 2)]
    for url in urls:
        feeds.add_feed(engine, url)
    assert urls == [lease.feed.url for _ in urls for lease in leases.claim_due(engine, 1, 60.0, FREELY)]


def test_outcome_moves_the_next_fetch_by_the_databases_clock(engine: Engine) -> None:
    lease = leased(engine)
    before = feeds.database_time(engine)
    leases.record_outcome(engine, lease, update(lease.feed, etag='"1"', last_modified="Mon", body_hash="h", delay=100.0), RECORD)
    (feed,) = feeds.list_feeds(engine)
    assert (
        feed.etag,
        feed.last_modified,
        feed.body_hash,
        feed.interval_seconds,
        feed.failures,
        feed.last_error,
    ) == ('"1"', "Mon", "h", 1800.0, 0, None)
    assert timedelta(seconds=100) <= feed.next_fetch_at - before < timedelta(seconds=160)
    assert feed.last_fetch_at == feed.last_success_at
    assert leases.claim_due(engine, 10, 60.0, FREELY) == ()
    with engine.connect() as connection:
        rows = connection.execute(select(fetches.c.feed_id, fetches.c.outcome, fetches.c.status, fetches.c.bytes, fetches.c.new)).all()
    assert [(feed.feed_id, "fetched", 200, 1234, 1)] == [tuple(row) for row in rows]


def test_what_no_database_can_hold_is_recorded_without_it(engine: Engine) -> None:
    lease = leased(engine)
    message = "HTTP 404 N\udcff\0"
    leases.record_outcome(engine, lease, update(lease.feed, error=message, title=message), replace(RECORD, message=message))
    (feed,) = feeds.list_feeds(engine)
    assert (feed.last_error, feed.title) == ("HTTP 404 N\ufffd\ufffd", "HTTP 404 N\ufffd\ufffd")


def test_failure_leaves_the_last_success_alone(engine: Engine) -> None:
    lease = leased(engine)
    leases.record_outcome(engine, lease, update(lease.feed, delay=0.0), RECORD)
    lease = leased(engine)
    leases.record_outcome(engine, lease, update(lease.feed, failures=1, error="no such host"), RECORD)
    (feed,) = feeds.list_feeds(engine)
    assert feed.last_success_at is not None
    assert feed.last_fetch_at is not None
    assert feed.last_success_at < feed.last_fetch_at
    assert (feed.last_error, feed.failures) == ("no such host", 1)


def test_a_feed_that_moved_to_another_feed_stops_and_says_so(engine: Engine) -> None:
    other, _ = feeds.add_feed(engine, "https://example.org/new")
    lease = leased(engine)
    leases.record_outcome(engine, lease, update(lease.feed, url=other.url), RECORD)
    moved = feeds.find_feed(engine, URL)
    assert moved is not None
    assert (moved.state, moved.url) == ("gone", URL)
    assert other.feed_id in (moved.reason or "")


def test_a_feed_does_not_move_to_a_url_that_no_index_holds(engine: Engine) -> None:
    lease = leased(engine)
    long = "https://example.org/" + "".join(random.Random(1).choices(string.ascii_letters, k=4000))
    leases.record_outcome(engine, lease, update(lease.feed, url=long), RECORD)
    (feed,) = feeds.list_feeds(engine)
    assert (feed.url, feed.state) == (URL, "active")
    with pytest.raises(ConfigError, match="longer than 2,000 bytes"):
        feeds.move_feed(engine, feed.feed_id, long)


def test_of_feeds_that_move_to_one_url_at_the_same_moment_one_goes_on(engine: Engine) -> None:
    held = [leased(engine, f"https://example.org/{n}") for n in range(4)]
    ready = threading.Barrier(len(held))

    def move(lease: FeedLease) -> None:
        ready.wait()
        leases.record_outcome(engine, lease, update(lease.feed, url="https://example.org/new"), RECORD)

    with ThreadPoolExecutor(len(held)) as threads:
        list(threads.map(move, held))
    found = feeds.list_feeds(engine)
    (active,) = [feed for feed in found if feed.state == "active"]
    assert active.url == "https://example.org/new"
    assert {feed.reason for feed in found if feed is not active} == {f"moved to {active.url}, which feed {active.feed_id} reads"}


def test_what_an_operator_changed_during_a_fetch_stays(engine: Engine) -> None:
    lease = leased(engine)
    feeds.move_feed(engine, lease.feed.feed_id, "https://example.org/elsewhere")
    leases.record_outcome(engine, lease, update(lease.feed), RECORD)
    assert [feed.url for feed in feeds.list_feeds(engine)] == ["https://example.org/elsewhere"]


def test_coverage_counts_by_feed_and_hour_and_keeps_the_marks_of_possible_gaps(engine: Engine) -> None:
    for minutes, change in ((0, {}), (30, {"possible_gap": True}), (60, {"outcome": "timeout", "entries": 0, "new": 0})):
        lease = leased(engine)
        record = replace(RECORD, started_at=NOW + timedelta(minutes=minutes), **change)  # type: ignore[arg-type]
        leases.record_outcome(engine, lease, replace(update(lease.feed), delay=-1.0), record)
    with reading(engine) as conn:
        rows = conn.execute(select(coverage_hourly).order_by(coverage_hourly.c.hour)).all()
    assert [tuple(row)[1:] for row in rows] == [(NOW, 2, 0, 20, 2, 1), (NOW + timedelta(hours=1), 1, 1, 0, 0, 0)]
