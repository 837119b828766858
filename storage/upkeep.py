"""What the ingest side has still to do, and what it may forget."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine, delete, exists, func, select, update

from storage.base import database_now
from storage.engine import reading, transaction
from storage.leases import RELEASED, unheld
from storage.schema_feeds import feed_hosts, feeds, fetches, outbox, page_hosts, page_queue, subscriptions

AHEAD = timedelta(seconds=60)  # what is further in the future was written by a clock that has been set back since
WRITTEN = (  # the key of a row, when it was written, and what was planned from then
    (feeds.c.feed_id, feeds.c.last_fetch_at, (feeds.c.next_fetch_at,)),
    (page_queue.c.article_id, page_queue.c.enqueued_at, (page_queue.c.due_at, page_queue.c.deadline_at)),
    (outbox.c.outbox_id, outbox.c.created_at, ()),
    (subscriptions.c.feed_id, subscriptions.c.asked_at, (subscriptions.c.ask_at,)),
)


def count_waiting(engine: Engine) -> tuple[int, int]:
    """Return how many entries wait for their page and how many messages wait to be sent."""
    with reading(engine) as connection:
        pages = connection.execute(select(func.count()).select_from(page_queue)).scalar_one()
        messages = connection.execute(select(func.count()).select_from(outbox)).scalar_one()
    return pages, messages


def count_due(engine: Engine) -> tuple[int, float]:
    """Return how many active feeds are due and held by nobody, and for how many seconds the longest overdue one has been."""
    with reading(engine) as connection:
        now = database_now(connection)
        due = (feeds.c.state == "active", feeds.c.next_fetch_at <= now, unheld(feeds, now))
        number, first = connection.execute(select(func.count(), func.min(feeds.c.next_fetch_at)).where(*due)).one()
    return number, (now - first).total_seconds() if first else 0.0


def prune(engine: Engine, keep_days: float = 30.0) -> None:
    """Forget fetches, and hosts without a feed or a page to fetch, older than *keep_days*."""
    with transaction(engine) as connection:
        before = database_now(connection) - timedelta(days=keep_days)
        connection.execute(delete(fetches).where(fetches.c.started_at < before))
        idle = ~exists().where(page_queue.c.host == page_hosts.c.host)
        connection.execute(delete(page_hosts).where(page_hosts.c.ready_at < before, idle))
        feedless = ~exists().where(feeds.c.host == feed_hosts.c.host)
        connection.execute(delete(feed_hosts).where(feed_hosts.c.ready_at < before, feedless))


def follow_clock(engine: Engine, lease_seconds: float) -> int:
    """Bring back what a clock planned that has been set back since, by as much as it was ahead; return how many rows that were.

    Else a feed that was fetched while the clock was a day ahead would not be fetched for a day. A lease on a feed that ends
    later than one of *lease_seconds* that began now ends at once.
    """
    moved = 0
    with transaction(engine) as connection:
        now = database_now(connection)
        for key, written, planned in WRITTEN:
            columns = (written, *planned)
            for row_key, *times in connection.execute(select(key, *columns).where(written > now + AHEAD)).all():
                back = {column.name: time - (times[0] - now) for column, time in zip(columns, times, strict=True)}
                connection.execute(update(key.table).where(key == row_key).values(back))
                moved += 1
        late = feeds.c.lease_until > now + timedelta(seconds=lease_seconds) + AHEAD
        moved += connection.execute(update(feeds).where(late).values(RELEASED)).rowcount
    return moved
