"""What the ingest side has still to do, and what it may forget."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine, delete, exists, func, select

from storage.base import database_now
from storage.engine import reading, transaction
from storage.leases import unheld
from storage.schema_feeds import feeds, fetches, outbox, page_hosts, page_queue


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
    """Forget fetches, and hosts without a page to fetch, older than *keep_days*."""
    with transaction(engine) as connection:
        before = database_now(connection) - timedelta(days=keep_days)
        connection.execute(delete(fetches).where(fetches.c.started_at < before))
        idle = ~exists().where(page_queue.c.host == page_hosts.c.host)
        connection.execute(delete(page_hosts).where(page_hosts.c.ready_at < before, idle))
