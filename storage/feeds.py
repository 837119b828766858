"""Feeds, their leases, what they published, and the way out: sightings, revisions, page queue, outbox.

Several workers on several machines share these tables; only the database's clock decides who holds what until when.

How an entry gets out, and why nothing is lost or doubled:

1. ``claim_due`` leases feeds. A lease that ran out may be claimed again; whoever lost it is refused later (Fenced).
2. ``write_entries`` notes in one transaction what was seen and either puts finished messages into the outbox or entries that
   want their page into the page queue. The rows of the articles are locked, so a revision is given out once.
3. Messages are sent and flushed by whoever wrote them, then ``mark_sent`` deletes them. A crash in between leaves the rows, and
   any worker sends the same bytes later (``pending_outbox``).
4. ``release_page`` turns a waiting entry into a message, with its page or without; the first one wins.
5. ``record_outcome`` ends the lease. A crash before it means that the feed is fetched again, and everything in it is known.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal
from urllib.parse import urlsplit

from sqlalchemy import Column, Connection, Engine, RowMapping, Table, and_, bindparam, delete, exists, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from storage.base import database_now
from storage.dialect import insert_into
from storage.engine import reading, transaction
from storage.schema_feeds import article_ids, feeds, fetches, outbox, page_hosts, page_queue, sightings, url_keys
from stream.errors import ConfigError, Fenced
from stream.messages import clean_text

FullText = Literal["auto", "always", "never"]
State = Literal["active", "gone", "paused"]

MAX_FEED_URL_BYTES = 2000  # an entry of a Postgres index holds 2,704
MAX_OUTBOX_BYTES = 16 * 1024 * 1024  # of messages that are read at once when catching up
LOOKUP_CHUNK = 500  # keys in one IN (…): well under SQLite's 32,766 and Postgres' 65,535 parameters


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


@dataclass(frozen=True, slots=True)
class FeedLease:
    """The right to fetch *feed* and to write what came of it, until the database's clock passes *until*."""

    feed: Feed
    token: str
    until: datetime


@dataclass(frozen=True, slots=True)
class EntryKeys:
    """Who an entry is: its key in its feed, the key of its link where that identifies it, and the article id if it is new."""

    entry_key: str
    url_key: str | None
    fresh_id: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a feed gave for an entry when it was last seen; *changes* counts how often that was something else."""

    text_rank: int
    text_hash: str
    changes: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an entry's article: the last revision given out (0: none), its text, and this feed's sighting of it.

    *waiting* says that the article stands in the page queue.
    """

    article_id: str
    first_seen_at: datetime
    revision: int
    text_rank: int
    text_hash: str
    waiting: bool = False
    sighting: Sighting | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """A revision as it goes out; *payload* is the encoded message."""

    revision: int
    text_rank: int
    text_hash: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class PageRequest:
    """An entry that waits for its page, *wait* seconds at most; *payload* is its draft as JSON."""

    url: str
    host: str
    payload: str
    wait: float


@dataclass(frozen=True, slots=True)
class Write:
    """What is to be written of one entry: always its sighting, and at most one of *publish* and *page*."""

    sighting: Sighting
    publish: Publication | None = None
    page: PageRequest | None = None


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message that is not known to be durable in the broker yet."""

    outbox_id: int
    article_id: str
    revision: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Written:
    """What ``write_entries`` did: entries seen for the first time, entries whose text changed, messages to send, pages to fetch."""

    new: int
    changed: int
    outbox: tuple[OutboxRow, ...]
    pages: int


@dataclass(frozen=True, slots=True)
class PageLease:
    """The right to ask *host* for one page. *attempts* counts earlier tries."""

    article_id: str
    url: str
    host: str
    attempts: int
    token: str


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


@dataclass(frozen=True, slots=True)
class FeedUpdate:
    """What a fetch makes of its feed; the next one is due in *delay* seconds. *error* is None after a success."""

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


Decide = Callable[[int, Known], Write]
DecidePage = Callable[[str, Known], Publication | None]


# Feeds


def feed_id_of(url: str) -> str:
    """Return the id of the feed first known at *url*."""
    return "f" + hashlib.sha256(url.encode()).hexdigest()[:16]


def fits(url: str) -> bool:
    """Return whether *url* is short enough to be that of a feed."""
    return len(url.encode("utf-8", "replace")) <= MAX_FEED_URL_BYTES


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
    Raises ConfigError for a URL that is not http(s), or is longer than MAX_FEED_URL_BYTES.
    """
    url = url.strip()
    parts = _split(url)
    if parts is None or parts[0] not in {"http", "https"} or not parts[1]:
        raise ConfigError(f"{url[:200]!r} is no feed address: it has to begin with http:// or https://")
    _check_length(url)
    with transaction(engine) as connection:
        now = database_now(connection)
        known = _find(connection, url)
        if known is None:
            values = {"title": title, "outlet": outlet, "country": country, "language": language, "full_text": full_text}
            row = {"feed_id": feed_id_of(url), "url": url, "added_at": now, "next_fetch_at": now, **values}
            connection.execute(insert_into(connection, feeds).on_conflict_do_nothing(), [row])
        elif known.state != "active":
            awake = {"state": "active", "reason": None, "failures": 0, "next_fetch_at": now}
            connection.execute(update(feeds).where(feeds.c.feed_id == known.feed_id).values(awake))
        feed = _find(connection, url)
    assert feed is not None
    return feed, known is None


def list_feeds(engine: Engine) -> tuple[Feed, ...]:
    """Return all feeds in the order in which they were added."""
    with reading(engine) as connection:
        rows = connection.execute(select(*_FEED_COLUMNS).order_by(feeds.c.added_at, feeds.c.feed_id)).mappings().all()
    return tuple(_feed(row) for row in rows)


def find_feed(engine: Engine, name: str) -> Feed | None:
    """Return the feed whose id, URL or first URL is *name*."""
    with reading(engine) as connection:
        return _find(connection, name.strip())


def move_feed(engine: Engine, feed_id: str, url: str) -> None:
    """Say that the feed is at *url* from now on, and due; its id and what was seen of it stay. Raises ConfigError as ``add_feed`` does."""
    _check_length(url)
    with transaction(engine) as connection:
        due = {"url": url, "state": "active", "reason": None, "next_fetch_at": database_now(connection)}
        connection.execute(update(feeds).where(feeds.c.feed_id == feed_id).values(due))


def database_time(engine: Engine) -> datetime:
    """Return the database's clock, by which leases and fetches are timed."""
    with reading(engine) as connection:
        return database_now(connection)


def remove_feed(engine: Engine, name: str) -> bool:
    """Remove the feed whose id or URL is *name*; False if there is none.

    What it published stays, and its sightings stay too, so that adding it again publishes nothing twice.
    """
    with transaction(engine) as connection:
        feed = _find(connection, name.strip())
        if feed is None:
            return False
        connection.execute(delete(feeds).where(feeds.c.feed_id == feed.feed_id))
        return True


# Leases


def claim_due(engine: Engine, limit: int, lease_seconds: float) -> tuple[FeedLease, ...]:
    """Lease up to *limit* active feeds that are due, the longest overdue first; no two workers get the same one."""
    token = uuid.uuid4().hex
    with transaction(engine) as connection:
        now = database_now(connection)
        due = (
            select(*_FEED_COLUMNS)
            .where(feeds.c.state == "active", feeds.c.next_fetch_at <= now, _free(feeds, now))
            .order_by(feeds.c.next_fetch_at, feeds.c.feed_id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        found = tuple(_feed(row) for row in connection.execute(due).mappings())
        until = now + timedelta(seconds=lease_seconds)
        _set_lease(connection, feeds.c.feed_id, [feed.feed_id for feed in found], token, until)
    return tuple(FeedLease(feed, token, until) for feed in found)


def release_feeds(engine: Engine, leases: Iterable[FeedLease]) -> None:
    """Give *leases* back unused: the feeds are due for others at once. Leases already lost are left alone."""
    with transaction(engine) as connection:
        for lease in leases:
            ours = and_(feeds.c.feed_id == lease.feed.feed_id, feeds.c.lease_token == lease.token)
            connection.execute(update(feeds).where(ours).values(lease_token=None, lease_until=None))


def record_outcome(engine: Engine, lease: FeedLease, change: FeedUpdate, record: FetchRecord) -> None:
    """End *lease* with what came of it.

    A feed that moved to where another feed is already read, or moves at the same moment, stops, with the reason. A URL longer
    than MAX_FEED_URL_BYTES is not taken. Raises Fenced, and writes nothing, without the current lease.
    """
    with transaction(engine) as connection:
        _check_lease(connection, lease)
        now = database_now(connection)
        feed_id = lease.feed.feed_id
        values: dict[str, Any] = {
            "etag": change.etag,
            "last_modified": change.last_modified,
            "body_hash": change.body_hash,
            "interval_seconds": change.interval_seconds,
            "failures": change.failures,
            "last_fetch_at": now,
            "last_error": change.error,
            "next_fetch_at": now + timedelta(seconds=change.delay),
            "moved_to": change.moved_to,
            "moved_sightings": change.moved_sightings,
            "lease_token": None,
            "lease_until": None,
        }
        if change.error is None:
            values["last_success_at"] = now
        if change.title and not lease.feed.title:
            values["title"] = change.title
        # Written only where the fetch says so: an operator may have moved or paused the feed in the meantime.
        twin = _move(connection, feed_id, change.url) if change.url != lease.feed.url and fits(change.url) else None
        if twin is not None:
            values |= {"state": "gone", "reason": f"moved to {change.url}, which feed {twin} reads"}
        if change.state != "active":
            values |= {"state": change.state, "reason": change.reason}
        connection.execute(update(feeds).where(feeds.c.feed_id == feed_id).values(_storable(values)))
        row = {item.name: getattr(record, item.name) for item in fields(record)}
        connection.execute(fetches.insert(), [{"feed_id": feed_id, **_storable(row)}])


# Entries


def write_entries(engine: Engine, lease: FeedLease, entries: Sequence[EntryKeys], decide: Decide) -> Written:
    """Write down, in one transaction, what *decide(index, known)* says of each of *entries*; return what is to be sent.

    *entries* have distinct keys. An article id is that of the sighting, else of the link, else the fresh one. *decide* is pure:
    a transaction that is tried again calls it again. Raises Fenced without the current lease.
    """
    feed_id = lease.feed.feed_id
    with transaction(engine) as connection:
        _check_lease(connection, lease)
        now = database_now(connection)
        # Locks are taken in one order everywhere (feed, URL keys, articles, queue, each sorted), so that no two wait for each other.
        seen = _sightings_of(connection, feed_id, [entry.entry_key for entry in entries])
        owners = _url_owners(connection, {e.url_key: _own_id(e, seen) for e in entries if e.url_key})
        ids = [seen[e.entry_key][0] if e.entry_key in seen else owners.get(e.url_key or "", e.fresh_id) for e in entries]
        unknown = {i for i, e in zip(ids, entries, strict=True) if e.entry_key not in seen}
        batch = _Batch(_lock_articles(connection, ids, unknown, now))
        for index, (entry, article_id) in enumerate(zip(entries, ids, strict=True)):
            batch.add(article_id, entry.entry_key, seen.get(entry.entry_key, (article_id, None))[1], partial(decide, index))
        return batch.write(connection, feed_id, now)


def pending_outbox(
    engine: Engine, *, older_than: float = 0.0, limit: int = 500, max_bytes: int = MAX_OUTBOX_BYTES
) -> tuple[OutboxRow, ...]:
    """Return messages written at least *older_than* seconds ago and not marked sent, oldest first.

    Up to *limit* of them, and *max_bytes* of payloads; one at least. Two workers may get the same ones and both send them: the
    bytes are the same.
    """
    c = outbox.c
    with reading(engine) as connection:
        until = database_now(connection) - timedelta(seconds=older_than)
        sizes = select(c.outbox_id, func.length(c.payload)).where(c.created_at <= until).order_by(c.outbox_id).limit(limit)
        chosen = _within(max_bytes, ((row[0], row[1]) for row in connection.execute(sizes)))
        query = select(c.outbox_id, c.article_id, c.revision, c.payload).where(c.outbox_id.in_(chosen)).order_by(c.outbox_id)
        return tuple(OutboxRow(*row) for row in connection.execute(query))


def _within(max_bytes: int, sizes: Iterable[tuple[int, int]]) -> list[int]:
    chosen: list[int] = []
    total = 0
    for outbox_id, size in sizes:
        total += size
        if chosen and total > max_bytes:
            break
        chosen.append(outbox_id)
    return chosen


def mark_sent(engine: Engine, outbox_ids: Iterable[int]) -> None:
    """Forget messages that are durable in the broker. Idempotent."""
    with transaction(engine) as connection:
        for part in _chunks(sorted(outbox_ids)):
            connection.execute(delete(outbox).where(outbox.c.outbox_id.in_(part)))


# Pages


def claim_pages(engine: Engine, limit: int, lease_seconds: float) -> tuple[PageLease, ...]:
    """Lease one due page of each of up to *limit* hosts that are not being asked now and have had their pause."""
    token = uuid.uuid4().hex
    with transaction(engine) as connection:
        now = database_now(connection)
        due = and_(page_queue.c.host == page_hosts.c.host, page_queue.c.due_at <= now)
        free = (
            select(page_hosts.c.host)
            .where(page_hosts.c.ready_at <= now, _free(page_hosts, now), exists().where(due))
            .order_by(page_hosts.c.ready_at, page_hosts.c.host)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        hosts = connection.execute(free).scalars().all()
        _set_lease(connection, page_hosts.c.host, hosts, token, now + timedelta(seconds=lease_seconds))
        return tuple(lease for host in hosts for lease in _first_page(connection, host, now, token))


def overdue_pages(engine: Engine, limit: int = 100) -> tuple[str, ...]:
    """Return the article ids of entries that have waited for their page long enough."""
    with reading(engine) as connection:
        late = page_queue.c.deadline_at <= database_now(connection)
        query = select(page_queue.c.article_id).where(late).order_by(page_queue.c.deadline_at).limit(limit)
        return tuple(connection.execute(query).scalars())


def release_page(engine: Engine, article_id: str, decide: DecidePage) -> OutboxRow | None:
    """Take *article_id* out of the page queue and return the message that *decide(payload, known)* makes of it, if any.

    None also where someone else was faster: an entry goes out once.
    """
    with transaction(engine) as connection:
        known = _lock_articles(connection, [article_id], set(), database_now(connection)).get(article_id)
        taken = delete(page_queue).where(page_queue.c.article_id == article_id).returning(page_queue.c.payload)
        payload = connection.execute(taken).scalar()
        publication = decide(payload, known) if payload is not None and known is not None else None
        if publication is None:
            return None
        connection.execute(update(article_ids).where(article_ids.c.article_id == article_id).values(_article_values(publication)))
        (row,) = _into_outbox(connection, [(article_id, publication)], database_now(connection))
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
        connection.execute(update(page_hosts).where(ours).values(ready_at=ready, lease_token=None, lease_until=None))


def count_waiting(engine: Engine) -> tuple[int, int]:
    """Return how many entries wait for their page and how many messages wait to be sent."""
    with reading(engine) as connection:
        pages = connection.execute(select(func.count()).select_from(page_queue)).scalar_one()
        messages = connection.execute(select(func.count()).select_from(outbox)).scalar_one()
    return pages, messages


def prune(engine: Engine, keep_days: float = 30.0) -> None:
    """Forget fetches, and hosts without a page to fetch, older than *keep_days*."""
    with transaction(engine) as connection:
        before = database_now(connection) - timedelta(days=keep_days)
        connection.execute(delete(fetches).where(fetches.c.started_at < before))
        idle = ~exists().where(page_queue.c.host == page_hosts.c.host)
        connection.execute(delete(page_hosts).where(page_hosts.c.ready_at < before, idle))


# Inside one transaction


@dataclass(slots=True)
class _Batch:
    """Decisions of one transaction, each taken on what the ones before it left, and the rows they make."""

    articles: dict[str, Known]
    seen: list[tuple[str, str, Write]] = field(default_factory=list)
    new: int = 0
    changed: int = 0

    def add(self, article_id: str, entry_key: str, sighting: Sighting | None, decide: Callable[[Known], Write]) -> None:
        article = self.articles[article_id]
        write = decide(_with(article, sighting=sighting))
        self.seen.append((article_id, entry_key, write))
        self.new += sighting is None
        self.changed += sighting is not None and sighting.changes != write.sighting.changes
        if write.publish is not None:
            self.articles[article_id] = _with(article, publication=write.publish)
        if write.page is not None:
            self.articles[article_id] = _with(article, waiting=True)

    def write(self, connection: Connection, feed_id: str, now: datetime) -> Written:
        publications = [(article_id, write.publish) for article_id, _, write in self.seen if write.publish is not None]
        pages = {article_id: write.page for article_id, _, write in self.seen if write.page is not None}
        _write_sightings(connection, feed_id, self.seen, now)
        _write_articles(connection, dict(publications))
        _queue_pages(connection, pages, now)
        return Written(self.new, self.changed, _into_outbox(connection, publications, now), len(pages))


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


def _storable(values: dict[str, Any]) -> dict[str, Any]:
    return {name: clean_text(value) if isinstance(value, str) else value for name, value in values.items()}


def _check_lease(connection: Connection, lease: FeedLease) -> None:
    query = select(feeds.c.lease_token).where(feeds.c.feed_id == lease.feed.feed_id).with_for_update()
    if connection.execute(query).scalar() != lease.token:
        raise Fenced(f"the lease on feed {lease.feed.feed_id} ran out and was passed on, or the feed was removed")


def _sightings_of(connection: Connection, feed_id: str, keys: Sequence[str]) -> dict[str, tuple[str, Sighting]]:
    c = sightings.c
    found: dict[str, tuple[str, Sighting]] = {}
    for part in _chunks(keys):
        query = select(c.entry_key, c.article_id, c.text_rank, c.text_hash, c.changes).where(c.feed_id == feed_id, c.entry_key.in_(part))
        found |= {key: (article_id, Sighting(rank, digest, n)) for key, article_id, rank, digest, n in connection.execute(query)}
    return found


def _own_id(entry: EntryKeys, seen: dict[str, tuple[str, Sighting]]) -> str:
    return seen[entry.entry_key][0] if entry.entry_key in seen else entry.fresh_id


def _url_owners(connection: Connection, wanted: dict[str, str]) -> dict[str, str]:
    """Return whose each URL key is; keys that nobody has yet go to the article named in *wanted*."""
    owners = _owners(connection, wanted)
    fresh = [{"url_key": key, "article_id": wanted[key]} for key in sorted(wanted.keys() - owners.keys())]
    if not fresh:
        return owners
    connection.execute(insert_into(connection, url_keys).on_conflict_do_nothing(), fresh)
    return _owners(connection, wanted)  # again: another worker may have been faster with some of them


def _owners(connection: Connection, keys: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in _chunks(sorted(keys)):
        query = select(url_keys.c.url_key, url_keys.c.article_id).where(url_keys.c.url_key.in_(part))
        found |= {row.url_key: row.article_id for row in connection.execute(query)}
    return found


def _lock_articles(connection: Connection, ids: Iterable[str], unknown: set[str], now: datetime) -> dict[str, Known]:
    """Allot the *unknown* of *ids*, lock the rows of all of them, and return what is known of each."""
    if unknown:
        fresh = [{"article_id": i, "revision": 0, "text_rank": 0, "text_hash": "", "first_seen_at": now} for i in sorted(unknown)]
        connection.execute(insert_into(connection, article_ids).on_conflict_do_nothing(), fresh)
    known: dict[str, Known] = {}
    c = article_ids.c
    for part in _chunks(sorted(set(ids))):
        waiting = exists().where(page_queue.c.article_id == c.article_id)
        columns = (c.article_id, c.first_seen_at, c.revision, c.text_rank, c.text_hash, waiting)
        query = select(*columns).where(c.article_id.in_(part)).order_by(c.article_id).with_for_update(of=article_ids)
        known |= {row[0]: Known(row[0], row[1], row[2], row[3], row[4], bool(row[5])) for row in connection.execute(query)}
    return known


def _write_sightings(connection: Connection, feed_id: str, seen: Sequence[tuple[str, str, Write]], now: datetime) -> None:
    rows = [
        {"feed_id": feed_id, "entry_key": key, "article_id": article_id, "first_seen_at": now, "last_seen_at": now, **_sighting(write)}
        for article_id, key, write in seen
    ]
    if rows:
        insert = insert_into(connection, sightings)
        kept = {name: insert.excluded[name] for name in ("last_seen_at", "text_rank", "text_hash", "changes")}
        connection.execute(insert.on_conflict_do_update(index_elements=["feed_id", "entry_key"], set_=kept), rows)


def _sighting(write: Write) -> dict[str, Any]:
    return {"text_rank": write.sighting.text_rank, "text_hash": write.sighting.text_hash, "changes": write.sighting.changes}


def _write_articles(connection: Connection, last: dict[str, Publication]) -> None:
    if last:
        change = update(article_ids).where(article_ids.c.article_id == bindparam("published_id"))
        connection.execute(change, [{"published_id": article_id, **_article_values(p)} for article_id, p in last.items()])


def _article_values(publication: Publication) -> dict[str, Any]:
    return {"revision": publication.revision, "text_rank": publication.text_rank, "text_hash": publication.text_hash}


def _queue_pages(connection: Connection, pages: dict[str, PageRequest], now: datetime) -> None:
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


def _into_outbox(connection: Connection, publications: Sequence[tuple[str, Publication]], now: datetime) -> tuple[OutboxRow, ...]:
    rows = [{"article_id": i, "revision": p.revision, "payload": p.payload, "created_at": now} for i, p in publications]
    if not rows:
        return ()
    insert = outbox.insert().returning(outbox.c.outbox_id, sort_by_parameter_order=True)
    numbers = connection.execute(insert, rows).scalars().all()
    return tuple(OutboxRow(n, i, p.revision, p.payload) for n, (i, p) in zip(numbers, publications, strict=True))


def _first_page(connection: Connection, host: str, now: datetime, token: str) -> Iterator[PageLease]:
    c = page_queue.c
    query = (
        select(c.article_id, c.url, c.host, c.attempts).where(c.host == host, c.due_at <= now).order_by(c.due_at, c.enqueued_at).limit(1)
    )
    for row in connection.execute(query):
        yield PageLease(*row, token=token)


def _free(table: Table, now: datetime) -> Any:
    return or_(table.c.lease_until.is_(None), table.c.lease_until <= now)


def _set_lease(connection: Connection, key: Column[Any], values: Sequence[str], token: str, until: datetime) -> None:
    if values:
        connection.execute(update(key.table).where(key.in_(values)).values(lease_token=token, lease_until=until))


def _find(connection: Connection, name: str) -> Feed | None:
    query = select(*_FEED_COLUMNS).where(or_(feeds.c.url == name, feeds.c.feed_id.in_([name, feed_id_of(name)])))
    row = connection.execute(query.order_by(feeds.c.url == name)).mappings().all()
    return _feed(row[-1]) if row else None


def _feed(row: RowMapping) -> Feed:
    return Feed(**row)


def _with(known: Known, *, sighting: Sighting | None = None, publication: Publication | None = None, waiting: bool = False) -> Known:
    revision, rank, digest = known.revision, known.text_rank, known.text_hash
    if publication is not None:
        revision, rank, digest = publication.revision, publication.text_rank, publication.text_hash
    return Known(known.article_id, known.first_seen_at, revision, rank, digest, known.waiting or waiting, sighting)


def _chunks(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (keys[i : i + LOOKUP_CHUNK] for i in range(0, len(keys), LOOKUP_CHUNK))


def _check_length(url: str) -> None:
    if not fits(url):
        raise ConfigError(f"{url[:80]!r}… is no feed address: it is longer than {MAX_FEED_URL_BYTES:,} bytes")


def _split(url: str) -> tuple[str, str | None] | None:
    try:
        parts = urlsplit(url)
        return parts.scheme.lower(), parts.hostname
    except ValueError:
        return None


_FEED_COLUMNS = tuple(feeds.c[item.name] for item in fields(Feed))
