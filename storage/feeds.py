"""The feeds that are read: one row each, added, found, moved and removed by an operator. Who fetches one when: ``leases.py``."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal, get_args
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine, RowMapping, delete, or_, select, update

from storage.base import database_now
from storage.dialect import insert_into
from storage.engine import reading, transaction
from storage.hosts import located
from storage.schema_feeds import feeds, subscriptions
from stream.errors import ConfigError

FullText = Literal["auto", "always", "never"]
State = Literal["active", "gone", "paused"]
Rung = Literal["guid", "link", "link-date", "link-date-title", "content"]

RUNGS: tuple[Rung, ...] = get_args(Rung)

MAX_FEED_URL_BYTES = 2000  # an entry of a Postgres index holds 2,704


@dataclass(frozen=True, slots=True)
class Feed:
    """One row of ``feeds`` without its lease."""

    feed_id: str
    url: str
    title: str
    outlet: str | None
    country: str | None
    language: str | None
    full_text: FullText
    state: State
    reason: str | None
    added_at: datetime
    etag: str | None
    last_modified: str | None
    body_hash: str | None
    interval_seconds: float | None
    failures: int
    last_fetch_at: datetime | None
    last_success_at: datetime | None
    last_error: str | None
    next_fetch_at: datetime
    moved_to: str | None
    moved_sightings: int
    rung: Rung = "guid"
    next_fetch_why: str = ""
    skip: str = ""
    rhythm: str = ""
    ttl_seconds: float | None = None
    hub: str | None = None
    topic: str | None = None
    hub_until: datetime | None = None
    hub_trusted: bool = False
    told_at: datetime | None = None


COLUMNS = tuple(feeds.c[item.name] for item in fields(Feed))


def feed_id_of(url: str) -> str:
    """Return the id of the feed first known at *url*."""
    return "f" + hashlib.sha256(url.encode()).hexdigest()[:16]


def fits(url: str) -> bool:
    """Return whether *url* is short enough to be that of a feed."""
    return len(url.encode("utf-8", "replace")) <= MAX_FEED_URL_BYTES


def feed_url(url: str) -> str:
    """Return *url* as that of a feed. Raises ConfigError for one that is not http(s), or is longer than MAX_FEED_URL_BYTES."""
    url = url.strip()
    parts = _split(url)
    if parts is None or parts[0] not in {"http", "https"} or not parts[1]:
        raise ConfigError(f"{url[:200]!r} is no feed address: it has to begin with http:// or https://")
    _check_length(url)
    return url


def add_feed(
    engine: Engine,
    url: str,
    *,
    title: str = "",
    outlet: str | None = None,
    country: str | None = None,
    language: str | None = None,
    full_text: FullText = "auto",
) -> tuple[Feed, bool]:
    """Return the feed at *url* and whether it is new; new feeds are due at once.

    A feed that is known, also under the first URL it had, is returned as it is; if it had stopped it is active again.
    Raises ConfigError as ``feed_url`` does.
    """
    url = feed_url(url)
    with transaction(engine) as connection:
        now = database_now(connection)
        known = _find(connection, url)
        if known is None:
            values = {"title": title, "outlet": outlet, "country": country, "language": language, "full_text": full_text}
            row = {"feed_id": feed_id_of(url), **located(connection, url, now), "added_at": now, "next_fetch_at": now, **values}
            connection.execute(insert_into(connection, feeds).on_conflict_do_nothing(), [row])
        elif known.state != "active":
            awake = {"state": "active", "reason": None, "failures": 0, "next_fetch_at": now, "next_fetch_why": ""}
            connection.execute(update(feeds).where(feeds.c.feed_id == known.feed_id).values(awake))
        feed = _find(connection, url)
    assert feed is not None
    return feed, known is None


def list_feeds(engine: Engine) -> tuple[Feed, ...]:
    """Return all feeds in the order in which they were added."""
    with reading(engine) as connection:
        rows = connection.execute(select(*COLUMNS).order_by(feeds.c.added_at, feeds.c.feed_id)).mappings().all()
    return tuple(_feed(row) for row in rows)


def find_feed(engine: Engine, name: str) -> Feed | None:
    """Return the feed whose id, URL or first URL is *name*."""
    with reading(engine) as connection:
        return _find(connection, name.strip())


def move_feed(engine: Engine, feed_id: str, url: str) -> None:
    """Say that the feed is at *url* from now on, and due; its id and what was seen of it stay. Raises ConfigError as ``add_feed`` does."""
    _check_length(url)
    with transaction(engine) as connection:
        now = database_now(connection)
        due = {**located(connection, url, now), "state": "active", "reason": None, "next_fetch_at": now, "next_fetch_why": ""}
        connection.execute(update(feeds).where(feeds.c.feed_id == feed_id).values(due))


def remove_feed(engine: Engine, name: str) -> bool:
    """Remove the feed whose id or URL is *name*; False if there is none.

    What it published stays, and its sightings stay too, so that adding it again publishes nothing twice.
    """
    with transaction(engine) as connection:
        feed = _find(connection, name.strip())
        if feed is None:
            return False
        for table in (subscriptions, feeds):
            connection.execute(delete(table).where(table.c.feed_id == feed.feed_id))
        return True


def database_time(engine: Engine) -> datetime:
    """Return the database's clock, by which leases and fetches are timed."""
    with reading(engine) as connection:
        return database_now(connection)


def _find(connection: Connection, name: str) -> Feed | None:
    query = select(*COLUMNS).where(or_(feeds.c.url == name, feeds.c.feed_id.in_([name, feed_id_of(name)])))
    row = connection.execute(query.order_by(feeds.c.url == name)).mappings().all()
    return _feed(row[-1]) if row else None


def _feed(row: RowMapping) -> Feed:
    return Feed(**row)


def _check_length(url: str) -> None:
    if not fits(url):
        raise ConfigError(f"{url[:80]!r}… is no feed address: it is longer than {MAX_FEED_URL_BYTES:,} bytes")


def _split(url: str) -> tuple[str, str | None] | None:
    try:
        parts = urlsplit(url)
        return parts.scheme.lower(), parts.hostname
    except ValueError:
        return None
