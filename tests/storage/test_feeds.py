"""Feeds are added, found, moved and removed, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from storage import feeds, leases
from stream.errors import ConfigError, Fenced
from tests.storage.ingesting import FREELY, RECORD, URL, keys, leased, update, write


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
    assert [feed] == [lease.feed for lease in leases.claim_due(engine, 10, 60.0, FREELY)]


def test_feed_id_is_f_and_sixteen_digits_and_stays_when_the_feed_moves(engine: Engine) -> None:
    lease = leased(engine)
    leases.record_outcome(engine, lease, update(lease.feed, url="https://example.org/new"), RECORD)
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
        leases.record_outcome(engine, lease, update(lease.feed), RECORD)
    assert (lambda written: (written.new, written.outbox))(write(engine, leased(engine), keys("1"))) == (0, ())


def test_a_stopped_feed_is_woken_by_adding_it_again(engine: Engine) -> None:
    lease = leased(engine)
    leases.record_outcome(engine, lease, update(lease.feed, state="gone", reason="410 Gone", error="410 Gone"), RECORD)
    (gone,) = feeds.list_feeds(engine)
    assert (gone.state, gone.reason) == ("gone", "410 Gone")
    assert leases.claim_due(engine, 10, 60.0, FREELY) == ()
    feed, new = feeds.add_feed(engine, URL)
    assert (feed.state, feed.reason, new) == ("active", None, False)
    assert leased(engine).feed.feed_id == feed.feed_id
