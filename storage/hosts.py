"""The hosts that feeds are read from: when each may be asked again, and how often it failed as a whole.

A host is a name and a port. Every worker reads and moves the same row, so that together they ask no more often than one alone may.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, case, literal, select, update
from yarl import URL

from storage.base import chunks
from storage.dialect import insert_into
from storage.schema_feeds import feed_hosts, feeds

MAX_PLACE_CHARS = 300  # a name has 253, an index entry of Postgres 2,704 bytes


@dataclass(frozen=True, slots=True)
class HostLimits:
    """At most *connections* fetches of feeds are under way at one host, which start *pause* seconds apart, over all workers."""

    connections: int = 2
    pause: float = 1.0


POLITE = HostLimits()


def place_of(url: str) -> str:
    """Return the host and port of *url*, the port where it is not the default one; as much of *url* as is handy where it has none."""
    try:
        return (URL(url.strip()).host_port_subcomponent or url)[:MAX_PLACE_CHARS]
    except ValueError:
        return url[:MAX_PLACE_CHARS]


def located(connection: Connection, url: str, now: datetime) -> dict[str, str]:
    """Return the columns of ``feeds`` that say where a feed is, *url* and its host, which is known from now on."""
    host = place_of(url)
    connection.execute(insert_into(connection, feed_hosts).on_conflict_do_nothing(), [{"host": host, "ready_at": now}])
    return {"url": url, "host": host}


def took_turns(connection: Connection, starts: Mapping[str, int], now: datetime, pause: float) -> None:
    """Write down that at each host of *starts* so many fetches begin, the first now and the others *pause* seconds apart."""
    later = update(feed_hosts).where(feed_hosts.c.host == bindparam("place")).values(ready_at=bindparam("until"))
    rows = [{"place": host, "until": now + timedelta(seconds=pause * times)} for host, times in sorted(starts.items())]
    if rows and pause:
        connection.execute(later, rows)


def pause_host(connection: Connection, host: str, until: datetime, failures: int) -> None:
    """Have nothing be fetched from *host* before *until*; *failures* is how often in a row it failed as a whole."""
    c = feed_hosts.c
    later = case((c.ready_at < until, literal(until, c.ready_at.type)), else_=c.ready_at)
    connection.execute(update(feed_hosts).where(c.host == host).values(ready_at=later, failures=failures))


def set_failures(connection: Connection, host: str, failures: int) -> None:
    """Write down how often in a row *host* failed as a whole."""
    connection.execute(update(feed_hosts).where(feed_hosts.c.host == host).values(failures=failures))


def put_off(connection: Connection, host: str, but: str, until: datetime, why: str) -> None:
    """Have no feed at *host*, all *but* the one of that id, be due before *until*; *why* is shown. Those being recorded are left out."""
    sooner = (feeds.c.host == host, feeds.c.feed_id != but, feeds.c.next_fetch_at < until)
    # Locked in one order and past those that others hold: two workers that are told to pause at once must not wait for each other.
    found = select(feeds.c.feed_id).where(*sooner).order_by(feeds.c.feed_id).with_for_update(skip_locked=True)
    for some in chunks(connection.execute(found).scalars().all()):
        connection.execute(update(feeds).where(feeds.c.feed_id.in_(some)).values(next_fetch_at=until, next_fetch_why=why))
