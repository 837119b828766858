"""The page queue: entries that wait for their page, and the hosts that are asked for one page at a time."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, and_, delete, exists, select, update

from storage.base import database_now
from storage.dialect import insert_into
from storage.engine import reading, transaction
from storage.leases import RELEASED, hold, unheld
from storage.outbox import OutboxRow
from storage.revisions import Known, Publication, lock_articles, publish
from storage.schema_feeds import page_hosts, page_queue

Decide = Callable[[str, Known], Publication | None]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """An entry that waits for its page, *wait* seconds at most; *payload* is its draft as JSON."""

    url: str
    host: str
    payload: str
    wait: float


@dataclass(frozen=True, slots=True)
class PageLease:
    """The right to ask *host* for one page. *attempts* counts earlier tries."""

    article_id: str
    url: str
    host: str
    attempts: int
    token: str


def claim_pages(engine: Engine, limit: int, lease_seconds: float) -> tuple[PageLease, ...]:
    """Lease one due page of each of up to *limit* hosts that are not being asked now and have had their pause."""
    token = uuid.uuid4().hex
    with transaction(engine) as connection:
        now = database_now(connection)
        due = and_(page_queue.c.host == page_hosts.c.host, page_queue.c.due_at <= now)
        free = (
            select(page_hosts.c.host)
            .where(page_hosts.c.ready_at <= now, unheld(page_hosts, now), exists().where(due))
            .order_by(page_hosts.c.ready_at, page_hosts.c.host)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        hosts = connection.execute(free).scalars().all()
        hold(connection, page_hosts.c.host, hosts, token, now + timedelta(seconds=lease_seconds))
        return tuple(lease for host in hosts for lease in _first_page(connection, host, now, token))


def overdue_pages(engine: Engine, limit: int = 100) -> tuple[str, ...]:
    """Return the article ids of entries that have waited for their page long enough."""
    with reading(engine) as connection:
        late = page_queue.c.deadline_at <= database_now(connection)
        query = select(page_queue.c.article_id).where(late).order_by(page_queue.c.deadline_at).limit(limit)
        return tuple(connection.execute(query).scalars())


def release_page(engine: Engine, article_id: str, decide: Decide) -> OutboxRow | None:
    """Take *article_id* out of the page queue and return the message that *decide(payload, known)* makes of it, if any.

    None also where someone else was faster: an entry goes out once.
    """
    with transaction(engine) as connection:
        known = lock_articles(connection, [article_id], set(), database_now(connection)).get(article_id)
        taken = delete(page_queue).where(page_queue.c.article_id == article_id).returning(page_queue.c.payload)
        payload = connection.execute(taken).scalar()
        publication = decide(payload, known) if payload is not None and known is not None else None
        if publication is None:
            return None
        (row,) = publish(connection, [(article_id, publication)], database_now(connection))
        return row


def delay_page(engine: Engine, article_id: str, delay: float) -> None:
    """Count a failed attempt at the page of *article_id*; it may be asked for again in *delay* seconds."""
    with transaction(engine) as connection:
        due = database_now(connection) + timedelta(seconds=delay)
        later = {"due_at": due, "attempts": page_queue.c.attempts + 1}
        connection.execute(update(page_queue).where(page_queue.c.article_id == article_id).values(later))


def hold_page(engine: Engine, article_id: str, seconds: float) -> None:
    """Leave *article_id* in the page queue for *seconds* more, its deadline included: it could not be released."""
    with transaction(engine) as connection:
        then = database_now(connection) + timedelta(seconds=seconds)
        connection.execute(update(page_queue).where(page_queue.c.article_id == article_id).values(due_at=then, deadline_at=then))


def free_host(engine: Engine, lease: PageLease, pause: float) -> None:
    """End *lease*; the host is asked again after *pause* seconds at the earliest. Does nothing for a lease already lost."""
    with transaction(engine) as connection:
        ready = database_now(connection) + timedelta(seconds=pause)
        ours = and_(page_hosts.c.host == lease.host, page_hosts.c.lease_token == lease.token)
        connection.execute(update(page_hosts).where(ours).values(ready_at=ready, **RELEASED))


def queue_pages(connection: Connection, pages: Mapping[str, PageRequest], now: datetime) -> None:
    """Have the entries of *pages*, by article id, wait for their pages; one that waits already keeps its deadline."""
    if not pages:
        return
    hosts = [{"host": host, "ready_at": now} for host in sorted({page.host for page in pages.values()})]
    connection.execute(insert_into(connection, page_hosts).on_conflict_do_nothing(), hosts)
    rows = [
        {
            "article_id": article_id,
            "payload": page.payload,
            "host": page.host,
            "url": page.url,
            "enqueued_at": now,
            "due_at": now,
            "deadline_at": now + timedelta(seconds=page.wait),
        }
        for article_id, page in sorted(pages.items())
    ]
    insert = insert_into(connection, page_queue)
    newer = {name: insert.excluded[name] for name in ("payload", "host", "url")}  # the deadline stays that of the first
    connection.execute(insert.on_conflict_do_update(index_elements=["article_id"], set_=newer), rows)


def _first_page(connection: Connection, host: str, now: datetime, token: str) -> Iterator[PageLease]:
    c = page_queue.c
    query = (
        select(c.article_id, c.url, c.host, c.attempts).where(c.host == host, c.due_at <= now).order_by(c.due_at, c.enqueued_at).limit(1)
    )
    for row in connection.execute(query):
        yield PageLease(*row, token=token)
