"""Who may fetch a feed, until when, and what came of it.

Several workers on several machines share these tables; only the database's clock decides who holds what until when.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Column, ColumnElement, Connection, Engine, Table, and_, or_, select, update
from sqlalchemy.exc import IntegrityError

from storage.base import chunks, database_now
from storage.engine import transaction
from storage.feeds import COLUMNS, Feed, Rung, State, fits
from storage.schema_feeds import feeds, fetches
from stream.errors import Fenced
from stream.messages import clean_text

RELEASED = {"lease_token": None, "lease_until": None}  # the columns of a row on which nobody holds a lease


@dataclass(frozen=True, slots=True)
class FeedLease:
    """The right to fetch *feed* and to write what came of it, until the database's clock passes *until*."""

    feed: Feed
    token: str
    until: datetime


@dataclass(frozen=True, slots=True)
class FetchRecord:
    """One row of ``fetches``; *duration* in seconds, *bytes* of the decompressed body."""

    started_at: datetime
    duration: float
    outcome: str
    status: int | None = None
    bytes: int = 0
    entries: int = 0
    new: int = 0
    changed: int = 0
    message: str | None = None
    possible_gap: bool = False


@dataclass(frozen=True, slots=True)
class FeedUpdate:
    """What a fetch makes of its feed; the next one is due in *delay* seconds.

    *error* is None after a success, *rung* where no entries were read. *host_pause*: seconds for which the other feeds of the host
    are not due either.
    """

    url: str
    delay: float
    interval_seconds: float | None
    failures: int
    state: State = "active"
    reason: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None
    moved_to: str | None = None
    moved_sightings: int = 0
    title: str = ""
    error: str | None = None
    rung: Rung | None = None
    why: str = ""
    skip: str = ""
    host_pause: float = 0.0


def claim_due(engine: Engine, limit: int, lease_seconds: float) -> tuple[FeedLease, ...]:
    """Lease up to *limit* active feeds that are due, the longest overdue first; no two workers get the same one."""
    token = uuid.uuid4().hex
    with transaction(engine) as connection:
        now = database_now(connection)
        due = (
            select(*COLUMNS)
            .where(feeds.c.state == "active", feeds.c.next_fetch_at <= now, unheld(feeds, now))
            .order_by(feeds.c.next_fetch_at, feeds.c.feed_id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        found = tuple(Feed(**row) for row in connection.execute(due).mappings())
        until = now + timedelta(seconds=lease_seconds)
        hold(connection, feeds.c.feed_id, [feed.feed_id for feed in found], token, until)
    return tuple(FeedLease(feed, token, until) for feed in found)


def release_feeds(engine: Engine, leases: Iterable[FeedLease]) -> None:
    """Give *leases* back unused: the feeds are due for others at once. Leases already lost are left alone."""
    with transaction(engine) as connection:
        for lease in leases:
            ours = and_(feeds.c.feed_id == lease.feed.feed_id, feeds.c.lease_token == lease.token)
            connection.execute(update(feeds).where(ours).values(RELEASED))


def record_outcome(engine: Engine, lease: FeedLease, change: FeedUpdate, record: FetchRecord) -> None:
    """End *lease* with what came of it.

    A feed that moved to where another feed is already read, or moves at the same moment, stops, with the reason. A URL longer
    than MAX_FEED_URL_BYTES is not taken. Raises Fenced, and writes nothing, without the current lease.
    """
    with transaction(engine) as connection:
        check_lease(connection, lease)
        feed = lease.feed
        now = database_now(connection)
        values = _after_fetch(feed, change, now)
        # Written only where the fetch says so: an operator may have moved or paused the feed in the meantime.
        twin = _move(connection, feed.feed_id, change.url) if change.url != feed.url and fits(change.url) else None
        if twin is not None:
            values |= {"state": "gone", "reason": f"moved to {change.url}, which feed {twin} reads"}
        if change.state != "active":
            values |= {"state": change.state, "reason": change.reason}
        connection.execute(update(feeds).where(feeds.c.feed_id == feed.feed_id).values(_storable(values)))
        if change.host_pause:
            _pause_host(connection, feed, now + timedelta(seconds=change.host_pause))
        row = {item.name: getattr(record, item.name) for item in fields(record)}
        connection.execute(fetches.insert(), [{"feed_id": feed.feed_id, **_storable(row)}])


def _after_fetch(feed: Feed, change: FeedUpdate, now: datetime) -> dict[str, Any]:
    """Return the columns that every fetch sets, and those that a success, or a first title, sets."""
    values: dict[str, Any] = {
        "etag": change.etag,
        "last_modified": change.last_modified,
        "body_hash": change.body_hash,
        "interval_seconds": change.interval_seconds,
        "failures": change.failures,
        "last_fetch_at": now,
        "last_error": change.error,
        "next_fetch_at": now + timedelta(seconds=change.delay),
        "next_fetch_why": change.why,
        "skip": change.skip,
        "moved_to": change.moved_to,
        "moved_sightings": change.moved_sightings,
        **RELEASED,
    }
    if change.error is None:
        values["last_success_at"] = now
    if change.rung is not None:
        values["rung"] = change.rung
    if change.title and not feed.title:
        values["title"] = change.title
    return values


def check_lease(connection: Connection, lease: FeedLease) -> None:
    """Lock the row of the leased feed until the transaction ends. Raises Fenced without the current lease."""
    query = select(feeds.c.lease_token).where(feeds.c.feed_id == lease.feed.feed_id).with_for_update()
    if connection.execute(query).scalar() != lease.token:
        raise Fenced(f"the lease on feed {lease.feed.feed_id} ran out and was passed on, or the feed was removed")


def unheld(table: Table, now: datetime) -> ColumnElement[bool]:
    """The condition that nobody holds a lease on a row of *table*."""
    return or_(table.c.lease_until.is_(None), table.c.lease_until <= now)


def hold(connection: Connection, key: Column[Any], values: Sequence[str], token: str, until: datetime) -> None:
    """Lease the rows of which *key* is one of *values*."""
    if values:
        connection.execute(update(key.table).where(key.in_(values)).values(lease_token=token, lease_until=until))


def _move(connection: Connection, feed_id: str, url: str) -> str | None:
    """Let *feed_id* be at *url*; where another feed is there, return that one's id instead."""
    query = select(feeds.c.feed_id).where(feeds.c.url == url, feeds.c.feed_id != feed_id)
    twin = connection.execute(query).scalar()
    if twin is None:
        try:
            with connection.begin_nested():
                connection.execute(update(feeds).where(feeds.c.feed_id == feed_id).values(url=url))
        except IntegrityError:  # another feed moved there between the two statements
            twin = connection.execute(query).scalar_one()
    return twin


def _pause_host(connection: Connection, feed: Feed, until: datetime) -> None:
    """Have no other feed at the host and port of *feed* be due before *until*; those that are being recorded now say so themselves."""
    host = urlsplit(feed.url).netloc
    there = or_(*(feeds.c.url.startswith(f"{scheme}://{host}/", autoescape=True) for scheme in ("http", "https")))
    sooner = (there, feeds.c.feed_id != feed.feed_id, feeds.c.next_fetch_at < until)
    # Locked in one order and past those that others hold: two workers that are told to pause at once must not wait for each other.
    found = select(feeds.c.feed_id).where(*sooner).order_by(feeds.c.feed_id).with_for_update(skip_locked=True)
    others = connection.execute(found).scalars().all()
    later = {"next_fetch_at": until, "next_fetch_why": f"{host} asked for a pause when feed {feed.feed_id} was fetched"}
    for some in chunks(others):
        connection.execute(update(feeds).where(feeds.c.feed_id.in_(some)).values(later))


def _storable(values: dict[str, Any]) -> dict[str, Any]:
    return {name: clean_text(value) if isinstance(value, str) else value for name, value in values.items()}
