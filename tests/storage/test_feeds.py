"""Feeds, leases, the page queue and the outbox, on both databases."""

from __future__ import annotations

import random
import string
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from storage import feeds
from storage.feeds import EntryKeys, Feed, FeedLease, FeedUpdate, FetchRecord, Known, PageRequest, Publication, Sighting, Write
from storage.schema_feeds import article_ids, fetches, sightings
from stream.errors import ConfigError, Fenced

URL = "https://example.org/feed"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
RECORD = FetchRecord(NOW, 0.5, "fetched", 200, 1234, 10, 1, 0, None)


def update(feed: Feed, **changes: object) -> FeedUpdate:
    return replace(FeedUpdate(feed.url, 3600.0, 1800.0, 0, title="Title"), **changes)  # type: ignore[arg-type]


def leased(engine: Engine, url: str = URL) -> FeedLease:
    """Return a lease on the feed at *url*, added if it is not there."""
    feed, _ = feeds.add_feed(engine, url)
    leases = {lease.feed.feed_id: lease for lease in feeds.claim_due(engine, 100, 60.0)}
    return leases[feed.feed_id]


def keys(*names: str, linked: bool = True) -> list[EntryKeys]:
    return [EntryKeys(name, f"url:{name}" if linked else None, f"id:{name}") for name in names]


def publish(text: str, index: int, known: Known) -> Write:
    """Publish *text* wherever it differs from what is out."""
    seen = known.sighting
    sighting = Sighting(2, text, seen.changes + 1 if seen and seen.text_hash != text else 0)
    if known.text_hash == text:
        return Write(sighting)
    return Write(sighting, publish=Publication(known.revision + 1, 2, text, f"{known.article_id} {text}".encode()))


def enqueue(host: str, wait: float, index: int, known: Known) -> Write:
    return Write(Sighting(4, "t"), page=PageRequest(f"https://{host}/{index}", host, f"draft {index}", wait))


def write(engine: Engine, lease: FeedLease, entries: list[EntryKeys], text: str = "text") -> feeds.Written:
    return feeds.write_entries(engine, lease, entries, lambda index, known: publish(text, index, known))


def queue(engine: Engine, names: Iterable[str], host: str = "example.org", wait: float = 600.0) -> None:
    lease = leased(engine, f"https://{host}/feed")
    feeds.write_entries(engine, lease, keys(*names), lambda index, known: enqueue(host, wait, index, known))


def as_publication(payload: str, known: Known) -> Publication:
    return Publication(known.revision + 1, 4, payload, payload.encode())


# Feeds


def test_a_feed_is_added_once_and_due_at_once(engine: Engine) -> None:
    feed, new = feeds.add_feed(engine, f" {URL} ", title="News", outlet="Example", country="GBR", language="en", full_text="always")
    assert new
    assert (
        feed.title,
        feed.outlet,
        feed.country,
        feed.language,
        feed.full_text,
        feed.state,
    ) == ("News", "Example", "GBR", "en", "always", "active")
    assert (feed, False) == feeds.add_feed(engine, URL, title="Other")
    assert (feed,) == feeds.list_feeds(engine)
    assert [feed] == [lease.feed for lease in feeds.claim_due(engine, 10, 60.0)]


def test_feed_id_is_f_and_sixteen_digits_and_stays_when_the_feed_moves(engine: Engine) -> None:
    lease = leased(engine)
    feeds.record_outcome(engine, lease, update(lease.feed, url="https://example.org/new"), RECORD)
    moved = feeds.find_feed(engine, "https://example.org/new")
    assert moved is not None
    assert moved.feed_id == feeds.feed_id_of(URL)
    assert (len(moved.feed_id), moved.feed_id[0]) == (17, "f")
    assert (moved, False) == feeds.add_feed(engine, URL)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/" + "a" * feeds.MAX_FEED_URL_BYTES,
        "",
        "example.org/feed",
        "ftp://example.org/feed",
        "https://",
        "https://[::1/feed",
    ],
)
def test_an_address_that_is_no_feed_is_refused(engine: Engine, url: str) -> None:
    with pytest.raises(ConfigError, match="no feed address"):
        feeds.add_feed(engine, url)


@pytest.mark.parametrize("by_id", [True, False])
def test_a_removed_feed_is_gone_and_what_it_published_is_remembered(engine: Engine, by_id: bool) -> None:
    lease = leased(engine)
    write(engine, lease, keys("1"))
    assert feeds.remove_feed(engine, lease.feed.feed_id if by_id else URL)
    assert not feeds.remove_feed(engine, URL)
    assert feeds.list_feeds(engine) == ()
    with pytest.raises(Fenced):
        feeds.record_outcome(engine, lease, update(lease.feed), RECORD)
    assert (lambda written: (written.new, written.outbox))(write(engine, leased(engine), keys("1"))) == (0, ())


def test_a_stopped_feed_is_woken_by_adding_it_again(engine: Engine) -> None:
    lease = leased(engine)
    feeds.record_outcome(engine, lease, update(lease.feed, state="gone", reason="410 Gone", error="410 Gone"), RECORD)
    (gone,) = feeds.list_feeds(engine)
    assert (gone.state, gone.reason) == ("gone", "410 Gone")
    assert feeds.claim_due(engine, 10, 60.0) == ()
    feed, new = feeds.add_feed(engine, URL)
    assert (feed.state, feed.reason, new) == ("active", None, False)
    assert leased(engine).feed.feed_id == feed.feed_id


# Leases


def test_workers_share_feeds_and_never_hold_one_twice(engine: Engine) -> None:
    for number in range(40):
        feeds.add_feed(engine, f"{URL}/{number}")

    def work(_: int) -> list[str]:
        held: list[str] = []
        while leases := feeds.claim_due(engine, 3, 60.0):
            held += [lease.feed.url for lease in leases]
        return held

    with ThreadPoolExecutor(4) as pool:
        held = [url for part in pool.map(work, range(4)) for url in part]
    assert len(held) == 40 == len(set(held))


def test_a_lease_that_ran_out_passes_on_and_its_first_holder_is_refused(engine: Engine) -> None:
    feeds.add_feed(engine, URL)
    (slow,) = feeds.claim_due(engine, 10, 0.0)
    (quick,) = feeds.claim_due(engine, 10, 60.0)
    assert slow.token != quick.token
    with pytest.raises(Fenced):
        write(engine, slow, keys("1"))
    with pytest.raises(Fenced):
        feeds.record_outcome(engine, slow, update(slow.feed, title="Wrong"), RECORD)
    assert len(write(engine, quick, keys("1")).outbox) == 1
    feeds.record_outcome(engine, quick, update(quick.feed), RECORD)
    assert [feed.title for feed in feeds.list_feeds(engine)] == ["Title"]


def test_leases_given_back_are_due_at_once_unless_they_were_lost(engine: Engine) -> None:
    feeds.add_feed(engine, URL)
    (lost,) = feeds.claim_due(engine, 10, 0.0)
    (held,) = feeds.claim_due(engine, 10, 60.0)
    feeds.release_feeds(engine, [lost])
    assert feeds.claim_due(engine, 10, 60.0) == ()
    feeds.release_feeds(engine, [held])
    assert len(feeds.claim_due(engine, 10, 60.0)) == 1


def test_longest_overdue_feeds_come_first(engine: Engine) -> None:
    urls = [f"{URL}/{number}" for number in (3, 1, 2)]
    for url in urls:
        feeds.add_feed(engine, url)
    assert urls == [lease.feed.url for _ in urls for lease in feeds.claim_due(engine, 1, 60.0)]


def test_outcome_moves_the_next_fetch_by_the_databases_clock(engine: Engine) -> None:
    lease = leased(engine)
    before = feeds.database_time(engine)
    feeds.record_outcome(engine, lease, update(lease.feed, etag='"1"', last_modified="Mon", body_hash="h", delay=100.0), RECORD)
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
    assert feeds.claim_due(engine, 10, 60.0) == ()
    with engine.connect() as connection:
        rows = connection.execute(select(fetches.c.feed_id, fetches.c.outcome, fetches.c.status, fetches.c.bytes, fetches.c.new)).all()
    assert [(feed.feed_id, "fetched", 200, 1234, 1)] == [tuple(row) for row in rows]


def test_what_no_database_can_hold_is_recorded_without_it(engine: Engine) -> None:
    lease = leased(engine)
    message = "HTTP 404 N\udcff\0"
    feeds.record_outcome(engine, lease, update(lease.feed, error=message, title=message), replace(RECORD, message=message))
    (feed,) = feeds.list_feeds(engine)
    assert (feed.last_error, feed.title) == ("HTTP 404 N\ufffd\ufffd", "HTTP 404 N\ufffd\ufffd")


def test_failure_leaves_the_last_success_alone(engine: Engine) -> None:
    lease = leased(engine)
    feeds.record_outcome(engine, lease, update(lease.feed, delay=0.0), RECORD)
    lease = leased(engine)
    feeds.record_outcome(engine, lease, update(lease.feed, failures=1, error="no such host"), RECORD)
    (feed,) = feeds.list_feeds(engine)
    assert feed.last_success_at is not None
    assert feed.last_fetch_at is not None
    assert feed.last_success_at < feed.last_fetch_at
    assert (feed.last_error, feed.failures) == ("no such host", 1)


def test_a_feed_that_moved_to_another_feed_stops_and_says_so(engine: Engine) -> None:
    other, _ = feeds.add_feed(engine, "https://example.org/new")
    lease = leased(engine)
    feeds.record_outcome(engine, lease, update(lease.feed, url=other.url), RECORD)
    moved = feeds.find_feed(engine, URL)
    assert moved is not None
    assert (moved.state, moved.url) == ("gone", URL)
    assert other.feed_id in (moved.reason or "")


def test_a_feed_does_not_move_to_a_url_that_no_index_holds(engine: Engine) -> None:
    lease = leased(engine)
    long = "https://example.org/" + "".join(random.Random(1).choices(string.ascii_letters, k=4000))
    feeds.record_outcome(engine, lease, update(lease.feed, url=long), RECORD)
    (feed,) = feeds.list_feeds(engine)
    assert (feed.url, feed.state) == (URL, "active")
    with pytest.raises(ConfigError, match="longer than 2,000 bytes"):
        feeds.move_feed(engine, feed.feed_id, long)


def test_of_feeds_that_move_to_one_url_at_the_same_moment_one_goes_on(engine: Engine) -> None:
    leases = [leased(engine, f"https://example.org/{n}") for n in range(4)]
    ready = threading.Barrier(len(leases))

    def move(lease: FeedLease) -> None:
        ready.wait()
        feeds.record_outcome(engine, lease, update(lease.feed, url="https://example.org/new"), RECORD)

    with ThreadPoolExecutor(len(leases)) as threads:
        list(threads.map(move, leases))
    found = feeds.list_feeds(engine)
    (active,) = [feed for feed in found if feed.state == "active"]
    assert active.url == "https://example.org/new"
    assert {feed.reason for feed in found if feed is not active} == {f"moved to {active.url}, which feed {active.feed_id} reads"}


def test_what_an_operator_changed_during_a_fetch_stays(engine: Engine) -> None:
    lease = leased(engine)
    feeds.move_feed(engine, lease.feed.feed_id, "https://example.org/elsewhere")
    feeds.record_outcome(engine, lease, update(lease.feed), RECORD)
    assert [feed.url for feed in feeds.list_feeds(engine)] == ["https://example.org/elsewhere"]


# Entries


def test_new_entries_are_written_once_and_lie_in_the_outbox(engine: Engine) -> None:
    lease = leased(engine)
    written = write(engine, lease, keys("1", "2"))
    assert (written.new, written.changed, written.pages) == (2, 0, 0)
    assert [(r.article_id, r.revision, r.payload) for r in written.outbox] == [("id:1", 1, b"id:1 text"), ("id:2", 1, b"id:2 text")]
    assert written.outbox == feeds.pending_outbox(engine)
    again = write(engine, lease, keys("1", "2"))
    assert (again.new, again.changed, again.outbox) == (0, 0, ())


def test_a_changed_entry_gets_the_next_revision_of_the_same_article(engine: Engine) -> None:
    lease = leased(engine)
    write(engine, lease, keys("1"))
    written = write(engine, lease, keys("1"), "corrected")
    assert (written.new, written.changed) == (0, 1)
    assert [(r.article_id, r.revision, r.payload) for r in written.outbox] == [("id:1", 2, b"id:1 corrected")]


def test_the_same_link_in_another_feed_is_the_same_article(engine: Engine) -> None:
    write(engine, leased(engine), [EntryKeys("1", "url:a", "id:a")])
    other = leased(engine, "https://example.com/feed")
    written = write(engine, other, [EntryKeys("x", "url:a", "id:else")], "other words")
    assert [(row.article_id, row.revision) for row in written.outbox] == [("id:a", 2)]
    with engine.connect() as connection:
        assert {"id:a"} == set(connection.execute(select(sightings.c.article_id)).scalars())


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (EntryKeys("1", "url:new", "id:new"), "id:a"),
        (EntryKeys("1", None, "id:new"), "id:a"),
        (EntryKeys("guid changed", "url:a", "id:new"), "id:a"),
        (EntryKeys("guid changed", "url:new", "id:new"), "id:new"),
    ],
)
def test_an_article_keeps_its_id_whatever_its_link_or_its_guid_do(engine: Engine, later: EntryKeys, expected: str) -> None:
    lease = leased(engine)
    write(engine, lease, [EntryKeys("1", "url:a", "id:a")])
    (row,) = write(engine, lease, [later], "later").outbox
    assert expected == row.article_id


def test_two_entries_of_one_article_are_decided_one_after_the_other(engine: Engine) -> None:
    lease = leased(engine)
    write(engine, lease, [EntryKeys("1", "url:a", "id:a")])
    both = [EntryKeys("1", None, "id:x"), EntryKeys("2", "url:a", "id:a")]
    written = feeds.write_entries(engine, lease, both, lambda index, known: publish(f"text {index}", index, known))
    assert [(r.article_id, r.revision, r.payload) for r in written.outbox] == [("id:a", 2, b"id:a text 0"), ("id:a", 3, b"id:a text 1")]


def test_a_failing_decision_writes_nothing(engine: Engine) -> None:
    lease = leased(engine)

    def fail(index: int, known: Known) -> Write:
        if index == 1:
            raise ZeroDivisionError
        return publish("text", index, known)

    with pytest.raises(ZeroDivisionError):
        feeds.write_entries(engine, lease, keys("1", "2"), fail)
    assert feeds.pending_outbox(engine) == ()
    assert write(engine, lease, keys("1", "2")).new == 2


def test_workers_that_see_the_same_articles_at_once_give_every_revision_once(engine: Engine) -> None:
    names = [str(number) for number in range(30)]
    leases = [leased(engine, f"https://example.org/{letter}") for letter in "abcd"]
    start = threading.Barrier(len(leases))

    def work(number: int) -> None:
        start.wait()
        order = names if number % 2 else names[::-1]
        for text in range(3):
            write(engine, leases[number], keys(*order), f"{number}.{text}")

    with ThreadPoolExecutor(len(leases)) as pool:
        list(pool.map(work, range(len(leases))))
    given = [(row.article_id, row.revision) for row in feeds.pending_outbox(engine, limit=10_000)]
    assert len(given) == len(set(given)) == 30 * 4 * 3
    with engine.connect() as connection:
        assert {12} == set(connection.execute(select(article_ids.c.revision)).scalars())


def test_thousands_of_entries_go_in_one_transaction(engine: Engine) -> None:
    lease = leased(engine)
    names = [str(number) for number in range(2500)]
    assert write(engine, lease, keys(*names)).new == 2500
    assert write(engine, lease, keys(*names)).new == 0


def test_outbox_gives_what_was_left_there_until_it_is_marked_sent(engine: Engine) -> None:
    written = write(engine, leased(engine), keys("1", "2", "3"))
    assert feeds.pending_outbox(engine, older_than=60.0) == ()
    assert written.outbox[:2] == feeds.pending_outbox(engine, limit=2)
    feeds.mark_sent(engine, [row.outbox_id for row in written.outbox[:2]])
    feeds.mark_sent(engine, [row.outbox_id for row in written.outbox[:2]])
    assert written.outbox[2:] == feeds.pending_outbox(engine)
    assert feeds.count_waiting(engine) == (0, 1)


# Pages


def test_outbox_gives_no_more_than_memory_should_hold(engine: Engine) -> None:
    write(engine, leased(engine), keys(*"1234"))  # nine bytes each
    found = [[row.article_id for row in feeds.pending_outbox(engine, max_bytes=size)] for size in (1, 27, 35, 36)]
    assert found == [["id:1"], ["id:1", "id:2", "id:3"], ["id:1", "id:2", "id:3"], ["id:1", "id:2", "id:3", "id:4"]]


def test_one_page_of_a_host_is_leased_at_a_time_with_a_pause_between(engine: Engine) -> None:
    queue(engine, "abc")
    queue(engine, "xy", host="example.com")
    first = feeds.claim_pages(engine, 10, 60.0)
    assert {lease.host: lease.url for lease in first} == {"example.org": "https://example.org/0", "example.com": "https://example.com/0"}
    assert feeds.claim_pages(engine, 10, 60.0) == ()
    done = next(lease for lease in first if lease.host == "example.org")
    assert feeds.release_page(engine, done.article_id, as_publication)
    feeds.free_host(engine, done, 0.0)
    (lease,) = feeds.claim_pages(engine, 10, 60.0)
    assert lease.article_id == "id:b"
    feeds.release_page(engine, "id:b", as_publication)
    feeds.free_host(engine, lease, 60.0)
    assert feeds.claim_pages(engine, 10, 60.0) == ()


def test_a_host_whose_lease_ran_out_is_asked_by_another_worker(engine: Engine) -> None:
    queue(engine, "a")
    (lost,) = feeds.claim_pages(engine, 10, 0.0)
    (held,) = feeds.claim_pages(engine, 10, 60.0)
    assert lost.article_id == held.article_id
    feeds.free_host(engine, lost, 0.0)
    assert feeds.claim_pages(engine, 10, 60.0) == ()


def test_a_waiting_entry_goes_out_once(engine: Engine) -> None:
    queue(engine, "a")
    assert feeds.count_waiting(engine) == (1, 0)
    row = feeds.release_page(engine, "id:a", as_publication)
    assert row is not None
    assert (row.article_id, row.revision, row.payload) == ("id:a", 1, b"draft 0")
    assert feeds.release_page(engine, "id:a", as_publication) is None
    assert feeds.count_waiting(engine) == (0, 1)
    assert (row,) == feeds.pending_outbox(engine)


def test_an_entry_that_changes_while_it_waits_goes_out_as_it_is_then(engine: Engine) -> None:
    queue(engine, "a", wait=0.0)
    lease = leased(engine, "https://example.com/feed")
    seen: list[bool] = []

    def again(index: int, known: Known) -> Write:
        seen.append(known.waiting)
        return Write(Sighting(4, "t2"), page=PageRequest("https://example.com/a2", "example.com", "draft, corrected", 600.0))

    feeds.write_entries(engine, lease, keys("a"), again)
    assert seen == [True]
    assert feeds.overdue_pages(engine) == ("id:a",), "the deadline stays that of the first"
    row = feeds.release_page(engine, "id:a", as_publication)
    assert row is not None
    assert row.payload == b"draft, corrected"


def test_entries_are_overdue_when_they_waited_long_enough(engine: Engine) -> None:
    queue(engine, "a")
    queue(engine, "b", host="example.com", wait=0.0)
    assert feeds.overdue_pages(engine) == ("id:b",)


@pytest.mark.parametrize(("delay", "expected"), [(60.0, ("id:b", 0)), (-1.0, ("id:a", 1))])
def test_a_page_is_tried_again_after_its_delay_and_counts_its_attempts(engine: Engine, delay: float, expected: tuple[str, int]) -> None:
    queue(engine, "ab")
    (lease,) = feeds.claim_pages(engine, 10, 60.0)
    assert (lease.article_id, lease.attempts) == ("id:a", 0)
    feeds.delay_page(engine, "id:a", delay)
    if delay < 0:
        feeds.release_page(engine, "id:b", as_publication)
    feeds.free_host(engine, lease, 0.0)
    assert [expected] == [(again.article_id, again.attempts) for again in feeds.claim_pages(engine, 10, 60.0)]


def test_pruning_forgets_old_fetches_and_keeps_new_ones(engine: Engine) -> None:
    for started_at in (NOW - timedelta(days=4000), feeds.database_time(engine)):
        lease = leased(engine)
        feeds.record_outcome(engine, lease, update(lease.feed, delay=0.0), replace(RECORD, started_at=started_at))
    feeds.prune(engine)
    with engine.connect() as connection:
        assert len(connection.execute(select(fetches)).all()) == 1
