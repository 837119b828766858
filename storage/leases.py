"""Who may fetch a feed, until when, and what came of it.

Several workers on several machines share these tables; only the database's clock decides who holds what until when.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Engine, RowMapping, Select, Table, and_, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from storage.base import database_now
from storage.engine import reading, transaction
from storage.feeds import COLUMNS, Feed, Rung, State, fits
from storage.hosts import POLITE, HostLimits, located, pause_host, put_off, set_failures, took_turns, under_way
from storage.schema_feeds import feed_hosts, feeds, fetches
from stream.errors import Fenced
from stream.messages import clean_text

LOOK_AHEAD = 4  # due feeds looked at for each that is leased: a host with many gives way to those behind it
RELEASED = {"lease_token": None, "lease_until": None}  # the columns of a row on which nobody holds a lease


@dataclass(frozen=True, slots=True)
class FeedLease:
    """The right to fetch *feed* and to write what came of it, until the database's clock passes *until*.

    *host_failures*: how often in a row its host, all of it, was away or asked for a pause.
    """

    feed: Feed
    token: str
    until: datetime
    host_failures: int = 0


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

    *error* is None after a success, *rung* where no entries were read. *host_pause*: seconds for which nothing is fetched from
    *host*; *host_failures* is how often in a row it failed as a whole by now.
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
    rhythm: str = ""
    ttl_seconds: float | None = None
    hub: str | None = None
    topic: str | None = None
    hub_trusted: bool = False
    host: str = ""
    host_pause: float = 0.0
    host_failures: int = 0


def claim_due(engine: Engine, limit: int, lease_seconds: float, limits: HostLimits = POLITE) -> tuple[FeedLease, ...]:
    """Lease up to *limit* active feeds that are due, the longest overdue first; no two workers get the same one.

    At one host there is never more under way than *limits* allow, visits included and by whomever; its other feeds are passed over.
    """
    token = uuid.uuid4().hex
    with transaction(engine) as connection:
        now = database_now(connection)
        first = _claimable(now, now, limits).limit(limit * LOOK_AHEAD)
        rows = connection.execute(first.with_for_update(skip_locked=True)).mappings().all()  # what others work on is passed over
        taken = _within(rows, under_way(connection, {row["host"] for row in rows}, now), limits.connections, limit)
        until = now + timedelta(seconds=lease_seconds)
        hold(connection, feeds.c.feed_id, [row["feed_id"] for row in taken], token, until)
        took_turns(connection, Counter(row["host"] for row in taken), now, limits.pause)
    return tuple(FeedLease(Feed(**{c.name: row[c.name] for c in COLUMNS}), token, until, row["host_failures"]) for row in taken)


def anything_left(engine: Engine, limits: HostLimits = POLITE) -> bool:
    """Tell whether a feed is due whose host is not left alone: it may be asked as soon as those before it have had their turns."""
    with reading(engine) as connection:
        now = database_now(connection)
        soon = now + timedelta(seconds=limits.pause * limits.connections)
        return connection.execute(_claimable(now, soon, limits).limit(1)).first() is not None


def _claimable(now: datetime, ready: datetime, limits: HostLimits) -> Select[Any]:
    """Return the query for due feeds at hosts that may be asked at *ready* and have room for a lease, the longest overdue first."""
    other = feeds.alias("held")
    held = select(func.count()).where(other.c.host == feeds.c.host, other.c.lease_until > now).scalar_subquery()
    return (
        select(*COLUMNS, feeds.c.host, feed_hosts.c.failures.label("host_failures"))
        .join(feed_hosts, feed_hosts.c.host == feeds.c.host)
        .where(feeds.c.state == "active", feeds.c.next_fetch_at <= now, unheld(feeds, now))
        .where(feed_hosts.c.ready_at <= ready, held < limits.connections)
        .order_by(feeds.c.next_fetch_at, feeds.c.feed_id)
    )


def _within(rows: Sequence[RowMapping], held: Counter[str], connections: int, limit: int) -> list[RowMapping]:
    """Return the first of *rows*, *limit* at most, with which no host has more than *connections* under way; *held* counts them."""
    taken: list[RowMapping] = []
    for row in rows:
        if len(taken) < limit and held[row["host"]] < connections:
            held[row["host"]] += 1
            taken.append(row)
    return taken


def put_feed_off(engine: Engine, lease: FeedLease, seconds: float, why: str) -> None:
    """End *lease* without a fetch; the feed is due in *seconds*, and *why* is shown. A lease already lost is left alone."""
    with transaction(engine) as connection:
        due = {"next_fetch_at": database_now(connection) + timedelta(seconds=seconds), "next_fetch_why": clean_text(why)}
        connection.execute(update(feeds).where(_ours(lease)).values(**due, **RELEASED))


def release_feeds(engine: Engine, leases: Iterable[FeedLease]) -> None:
    """Give *leases* back unused: the feeds are due for others at once. Leases already lost are left alone."""
    with transaction(engine) as connection:
        for lease in leases:
            connection.execute(update(feeds).where(_ours(lease)).values(RELEASED))


def record_outcome(engine: Engine, lease: FeedLease, change: FeedUpdate, record: FetchRecord) -> None:
    """End *lease* with what came of it.

    A feed that moved to where another feed is already read, or moves at the same moment, stops, with the reason. A URL longer
    than MAX_FEED_URL_BYTES is not taken. A feed of which its hub told news meanwhile is due at once. Raises Fenced, and writes
    nothing, without the current lease.
    """
    with transaction(engine) as connection:
        told_at = check_lease(connection, lease)
        feed = lease.feed
        now = database_now(connection)
        values = _after_fetch(feed, change, now)
        if told_at != feed.told_at:
            values |= {"told_at": now, "next_fetch_at": now}  # as if told right after the fetch, which may have been too early
        # Written only where the fetch says so: an operator may have moved or paused the feed in the meantime.
        twin = _move(connection, feed.feed_id, change.url, now) if change.url != feed.url and fits(change.url) else None
        if twin is not None:
            values |= {"state": "gone", "reason": f"moved to {change.url}, which feed {twin} reads"}
        if change.state != "active":
            values |= {"state": change.state, "reason": change.reason}
        connection.execute(update(feeds).where(feeds.c.feed_id == feed.feed_id).values(_storable(values)))
        _tell_host(connection, lease, change, record, now)
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
        "rhythm": change.rhythm,
        "ttl_seconds": change.ttl_seconds,
        "hub": change.hub,
        "topic": change.topic,
        "hub_trusted": change.hub_trusted,
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


def check_lease(connection: Connection, lease: FeedLease) -> datetime | None:
    """Lock the row of the leased feed until the transaction ends; return when its hub last told of news.

    Raises Fenced without the current lease.
    """
    query = select(feeds.c.lease_token, feeds.c.told_at).where(feeds.c.feed_id == lease.feed.feed_id).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None or row.lease_token != lease.token:
        raise Fenced(f"the lease on feed {lease.feed.feed_id} ran out and was passed on, or the feed was removed")
    return row.told_at  # type: ignore[no-any-return]


def unheld(table: Table, now: datetime) -> ColumnElement[bool]:
    """The condition that nobody holds a lease on a row of *table*."""
    return or_(table.c.lease_until.is_(None), table.c.lease_until <= now)


def hold(connection: Connection, key: Column[Any], values: Sequence[str], token: str, until: datetime) -> None:
    """Lease the rows of which *key* is one of *values*."""
    if values:
        connection.execute(update(key.table).where(key.in_(values)).values(lease_token=token, lease_until=until))


def _ours(lease: FeedLease) -> ColumnElement[bool]:
    return and_(feeds.c.feed_id == lease.feed.feed_id, feeds.c.lease_token == lease.token)


def _move(connection: Connection, feed_id: str, url: str, now: datetime) -> str | None:
    """Let *feed_id* be at *url*; where another feed is there, return that one's id instead."""
    query = select(feeds.c.feed_id).where(feeds.c.url == url, feeds.c.feed_id != feed_id)
    twin = connection.execute(query).scalar()
    if twin is None:
        try:
            with connection.begin_nested():
                connection.execute(update(feeds).where(feeds.c.feed_id == feed_id).values(located(connection, url, now)))
        except IntegrityError:  # another feed moved there between the two statements
            twin = connection.execute(query).scalar_one()
    return twin


def _tell_host(connection: Connection, lease: FeedLease, change: FeedUpdate, record: FetchRecord, now: datetime) -> None:
    if change.host_pause:
        until = now + timedelta(seconds=change.host_pause)
        got = f"{record.outcome} {record.status or ''}".rstrip()
        pause_host(connection, change.host, until, change.host_failures)
        put_off(connection, change.host, lease.feed.feed_id, until, f"{change.host} is left alone: feed {lease.feed.feed_id} got {got}")
    elif change.host_failures != lease.host_failures:
        set_failures(connection, change.host, change.host_failures)


def _storable(values: dict[str, Any]) -> dict[str, Any]:
    return {name: clean_text(value) if isinstance(value, str) else value for name, value in values.items()}
