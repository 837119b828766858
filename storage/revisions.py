"""The revisions of articles as they are given out: what was given out last is locked, decided upon, and followed by the next one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, exists, select, update

from storage.base import chunks
from storage.dialect import insert_into
from storage.outbox import OutboxRow, into_outbox
from storage.schema_feeds import article_ids, page_queue


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


def lock_articles(connection: Connection, ids: Iterable[str], unknown: set[str], now: datetime) -> dict[str, Known]:
    """Allot the *unknown* of *ids*, lock the rows of all of them, and return what is known of each."""
    if unknown:
        fresh = [{"article_id": i, "revision": 0, "text_rank": 0, "text_hash": "", "first_seen_at": now} for i in sorted(unknown)]
        connection.execute(insert_into(connection, article_ids).on_conflict_do_nothing(), fresh)
    known: dict[str, Known] = {}
    c = article_ids.c
    for part in chunks(sorted(set(ids))):
        waiting = exists().where(page_queue.c.article_id == c.article_id)
        columns = (c.article_id, c.first_seen_at, c.revision, c.text_rank, c.text_hash, waiting)
        query = select(*columns).where(c.article_id.in_(part)).order_by(c.article_id).with_for_update(of=article_ids)
        known |= {row[0]: Known(row[0], row[1], row[2], row[3], row[4], bool(row[5])) for row in connection.execute(query)}
    return known


def publish(connection: Connection, publications: Sequence[tuple[str, Publication]], now: datetime) -> tuple[OutboxRow, ...]:
    """Give *publications*, each with its article id, out: into the outbox, the last of each article as what is known of it.

    The rows of the articles have to be locked.
    """
    if not publications:
        return ()
    change = update(article_ids).where(article_ids.c.article_id == bindparam("published_id"))
    last = dict(publications)
    connection.execute(change, [{"published_id": article_id, **_last_revision(each)} for article_id, each in last.items()])
    return into_outbox(connection, [(article_id, each.revision, each.payload) for article_id, each in publications], now)


def after(known: Known, *, publication: Publication | None = None, waiting: bool = False) -> Known:
    """Return what is known of an article once *publication* is given out, or once it waits for its page."""
    given = publication or known
    return replace(known, revision=given.revision, text_rank=given.text_rank, text_hash=given.text_hash, waiting=known.waiting or waiting)


def _last_revision(publication: Publication) -> dict[str, int | str]:
    return {"revision": publication.revision, "text_rank": publication.text_rank, "text_hash": publication.text_hash}
