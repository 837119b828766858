"""The hosts that are asked: when each may be asked again, and how often it failed as a whole.

A host is a name and a port. Every worker reads and moves the same row, so that together they ask no more often than one alone may.
A lease on a feed is a place at its host and a turn to begin; any other request is a visit, which takes both here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Case, Connection, Engine, Row, bindparam, case, func, literal, select, union_all, update
from yarl import URL

from storage.base import chunks, database_now
from storage.dialect import insert_into
from storage.engine import transaction
from storage.schema_feeds import feed_hosts, feeds

MAX_PLACE_CHARS = 300  # a name has 253, an index entry of Postgres 2,704 bytes
LOOK_AGAIN = 0.5  # seconds until a host all of whose places are taken is looked at again


@dataclass(frozen=True, slots=True)
class HostLimits:
    """At most *connections* requests are under way at one host, which start *pause* seconds apart, over all workers."""

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
    _locked(connection, host, now)
    return {"url": url, "host": host}


def visit(engine: Engine, host: str, token: str | None, seconds: float, limits: HostLimits) -> float:
    """Take the next turn at *host* for a request that is not the first of a lease there; return 0.0, or in how many seconds to ask again.

    With *token* it is a visit: there is one at a time at a host, counted with the leases; it ends with ``leave``, and by itself after
    *seconds*. Who holds a lease at *host* has a place there, gives no token, and only waits for its turn.
    """
    with transaction(engine) as connection:
        now = database_now(connection)
        ready_at, visit_until = _locked(connection, host, now)
        if ready_at > now:
            return (ready_at - now).total_seconds()
        visited = visit_until is not None and visit_until > now
        if token and (visited or under_way(connection, [host], now)[host] >= limits.connections):
            return LOOK_AGAIN
        visitor = {"visit_token": token, "visit_until": now + timedelta(seconds=seconds)} if token else {}
        turn = {"ready_at": now + timedelta(seconds=limits.pause), **visitor}
        connection.execute(update(feed_hosts).where(feed_hosts.c.host == host).values(turn))
    return 0.0


def leave(engine: Engine, host: str, token: str) -> None:
    """End the visit of *token* at *host*; one that has passed to somebody else is left alone."""
    ours = (feed_hosts.c.host == host, feed_hosts.c.visit_token == token)
    with transaction(engine) as connection:
        connection.execute(update(feed_hosts).where(*ours).values(visit_token=None, visit_until=None))


def under_way(connection: Connection, hosts: Iterable[str], now: datetime) -> Counter[str]:
    """Return how many leases and visits there are at each of *hosts*, whose rows have to be locked."""
    names, f, h = sorted(hosts), feeds.c, feed_hosts.c
    leased = select(f.host, func.count()).where(f.host.in_(names), f.lease_until > now).group_by(f.host)
    visited = select(h.host, literal(1)).where(h.host.in_(names), h.visit_until > now)
    found: Counter[str] = Counter()
    for host, number in connection.execute(union_all(leased, visited)):
        found[host] += number
    return found


def took_turns(connection: Connection, starts: Mapping[str, int], now: datetime, pause: float) -> None:
    """Write down that at each host of *starts* so many fetches begin, the first now and the others *pause* seconds apart."""
    later = update(feed_hosts).where(feed_hosts.c.host == bindparam("place")).values(ready_at=bindparam("until"))
    rows = [{"place": host, "until": now + timedelta(seconds=pause * times)} for host, times in sorted(starts.items())]
    if rows and pause:
        connection.execute(later, rows)


def pause_host(connection: Connection, host: str, until: datetime, failures: int) -> None:
    """Have nothing be fetched from *host* before *until*; *failures* is how often in a row it failed as a whole."""
    connection.execute(update(feed_hosts).where(feed_hosts.c.host == host).values(ready_at=_later(until), failures=failures))


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


def _locked(connection: Connection, host: str, now: datetime) -> Row[datetime, datetime | None]:
    """Return when *host* may be asked, *now* at the earliest, and until when it is visited; its row, new or not, is locked."""
    c = feed_hosts.c
    new = insert_into(connection, feed_hosts).values(host=host, ready_at=now)
    known = new.on_conflict_do_update(index_elements=[c.host], set_={"ready_at": _later(now)})  # so that it is not pruned as idle either
    return connection.execute(known.returning(c.ready_at, c.visit_until)).one()


def _later(moment: datetime) -> Case[datetime]:
    """Return *moment*, or when the host may be asked if that is later."""
    ready_at = feed_hosts.c.ready_at
    return case((ready_at < moment, literal(moment, ready_at.type)), else_=ready_at)
