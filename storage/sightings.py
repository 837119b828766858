"""What feeds published: sightings of entries, whose each one is, and what is to be sent or fetched because of it.

How an entry gets out, and why nothing is lost or doubled:

1. ``leases.claim_due`` leases feeds. A lease that ran out may be claimed again; whoever lost it is refused later (Fenced).
2. ``write_entries`` notes in one transaction what was seen and either puts finished messages into the outbox or entries
   that want their page into the page queue. The rows of the articles are locked, so a revision is given out once.
3. Messages are sent and flushed by whoever wrote them, then ``outbox.mark_sent`` deletes them. A crash in between leaves the rows,
   and any worker sends the same bytes later (``outbox.pending_outbox``).
4. ``pages.release_page`` turns a waiting entry into a message, with its page or without; the first one wins.
5. ``leases.record_outcome`` ends the lease. A crash before it means that the feed is fetched again, and everything in it is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, Engine, select

from storage.base import chunks, database_now
from storage.dialect import insert_into
from storage.engine import reading, transaction
from storage.leases import FeedLease, check_lease
from storage.outbox import OutboxRow
from storage.pages import PageRequest, queue_pages
from storage.revisions import Known, Publication, Sighting, after, lock_articles, publish
from storage.schema_feeds import sightings, url_keys

Seen = Mapping[str, tuple[str, Sighting]]  # of one feed: article id and sighting by entry key


@dataclass(frozen=True, slots=True)
class EntryKeys:
    """Who an entry is: its key in its feed, the key of its link where that identifies it, and the article id if it is new.

    *others* are the keys that it may have been known by before its feed came to be known by another kind of key.
    """

    entry_key: str
    url_key: str | None
    fresh_id: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Memory:
    """What was seen of a feed before: article id and hash of the text by entry key, article id by key of a link, and which of
    these articles the feed itself has shown."""

    by_key: Mapping[str, tuple[str, str]]
    by_url: Mapping[str, str]
    shown: frozenset[str]


NOTHING_SEEN = Memory({}, {}, frozenset())


@dataclass(frozen=True, slots=True)
class Write:
    """What is to be written of one entry: always its sighting, and at most one of *publish* and *page*."""

    sighting: Sighting
    publish: Publication | None = None
    page: PageRequest | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What ``write_entries`` did: entries seen for the first time, entries whose text changed, messages to send, pages to fetch.

    *known* entries were seen before, changed or not.
    """

    new: int
    changed: int
    outbox: tuple[OutboxRow, ...]
    pages: int
    known: int = 0


Decide = Callable[[int, Known], Write]


def write_entries(engine: Engine, lease: FeedLease, entries: Sequence[EntryKeys], decide: Decide) -> Written:
    """Write down, in one transaction, what *decide(index, known)* says of each of *entries*; return what is to be sent.

    *entries* have distinct keys. An article id is that of the sighting, else of the link, else the fresh one. *decide* is pure:
    a transaction that is tried again calls it again. Raises Fenced without the current lease.
    """
    feed_id = lease.feed.feed_id
    with transaction(engine) as connection:
        check_lease(connection, lease)
        now = database_now(connection)
        # Locks are taken in one order everywhere (feed, URL keys, articles, queue, each sorted), so that no two wait for each other.
        seen = _seen(connection, feed_id, entries)
        owners = _url_owners(connection, {e.url_key: _article_id(e, seen, {}) for e in entries if e.url_key})
        ids = [_article_id(e, seen, owners) for e in entries]
        known = [_sighting(e, seen, owners) for e in entries]
        batch = _Batch(lock_articles(connection, ids, {i for i, before in zip(ids, known, strict=True) if before is None}, now))
        for index, (entry, article_id, before) in enumerate(zip(entries, ids, known, strict=True)):
            batch.add(article_id, entry.entry_key, before[1] if before else None, partial(decide, index))
        return batch.write(connection, feed_id, now)


def recall(engine: Engine, feed_id: str, entries: Sequence[EntryKeys]) -> Memory:
    """Return what was seen of *entries* before."""
    with reading(engine) as connection:
        seen = _sightings_of(connection, feed_id, [entry.entry_key for entry in entries])
        owners = _owners(connection, [entry.url_key for entry in entries if entry.url_key])
        shown: set[str] = set()
        for part in chunks(sorted(set(owners.values()))):
            query = select(sightings.c.article_id).where(sightings.c.feed_id == feed_id, sightings.c.article_id.in_(part))
            shown.update(connection.execute(query).scalars())
    return Memory({key: (article_id, before.text_hash) for key, (article_id, before) in seen.items()}, owners, frozenset(shown))


@dataclass(slots=True)
class _Batch:
    """Decisions of one transaction, each taken on what the ones before it left, and the rows they make."""

    articles: dict[str, Known]
    seen: list[tuple[str, str, Write]] = field(default_factory=list)
    new: int = 0
    changed: int = 0

    def add(self, article_id: str, entry_key: str, sighting: Sighting | None, decide: Callable[[Known], Write]) -> None:
        article = self.articles[article_id]
        write = decide(replace(article, sighting=sighting))
        self.seen.append((article_id, entry_key, write))
        self.new += sighting is None
        self.changed += sighting is not None and sighting.changes != write.sighting.changes
        self.articles[article_id] = after(article, publication=write.publish, waiting=write.page is not None)

    def write(self, connection: Connection, feed_id: str, now: datetime) -> Written:
        publications = [(article_id, write.publish) for article_id, _, write in self.seen if write.publish is not None]
        pages = {article_id: write.page for article_id, _, write in self.seen if write.page is not None}
        _write_sightings(connection, feed_id, self.seen, now)
        messages = publish(connection, publications, now)
        queue_pages(connection, pages, now)
        return Written(self.new, self.changed, messages, len(pages), len(self.seen) - self.new)


def _sightings_of(connection: Connection, feed_id: str, keys: Sequence[str]) -> Seen:
    c = sightings.c
    found: dict[str, tuple[str, Sighting]] = {}
    for part in chunks(keys):
        query = select(c.entry_key, c.article_id, c.text_rank, c.text_hash, c.changes).where(c.feed_id == feed_id, c.entry_key.in_(part))
        found |= {key: (article_id, Sighting(rank, digest, n)) for key, article_id, rank, digest, n in connection.execute(query)}
    return found


def _seen(connection: Connection, feed_id: str, entries: Sequence[EntryKeys]) -> Seen:
    """Return the sightings of *entries*, by their other keys too where they have none by their own."""
    seen = _sightings_of(connection, feed_id, [entry.entry_key for entry in entries])
    return {**_sightings_of(connection, feed_id, [key for e in entries if e.entry_key not in seen for key in e.others]), **seen}


def _sighting(entry: EntryKeys, seen: Seen, owners: Mapping[str, str]) -> tuple[str, Sighting] | None:
    """Return article id and sighting of *entry*; another key of it does not count where its link is that of another article."""
    if entry.entry_key in seen:
        return seen[entry.entry_key]
    others = (seen[key] for key in entry.others if key in seen)
    return next((found for found in others if entry.url_key is None or owners.get(entry.url_key) == found[0]), None)


def _article_id(entry: EntryKeys, seen: Seen, owners: Mapping[str, str]) -> str:
    """That of the sighting, else of the link, else the fresh one."""
    known = _sighting(entry, seen, owners)
    return known[0] if known else owners.get(entry.url_key or "", entry.fresh_id)


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
    for part in chunks(sorted(keys)):
        query = select(url_keys.c.url_key, url_keys.c.article_id).where(url_keys.c.url_key.in_(part))
        found |= {row.url_key: row.article_id for row in connection.execute(query)}
    return found


def _write_sightings(connection: Connection, feed_id: str, seen: Sequence[tuple[str, str, Write]], now: datetime) -> None:
    rows = [
        {
            "feed_id": feed_id,
            "entry_key": key,
            "article_id": article_id,
            "first_seen_at": now,
            "last_seen_at": now,
            **asdict(write.sighting),
        }
        for article_id, key, write in seen
    ]
    if rows:
        insert = insert_into(connection, sightings)
        kept = {name: insert.excluded[name] for name in ("last_seen_at", "text_rank", "text_hash", "changes")}
        connection.execute(insert.on_conflict_do_update(index_elements=["feed_id", "entry_key"], set_=kept), rows)
