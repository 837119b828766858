"""The outbox: messages that were decided upon in a transaction, until they are durable in the broker."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, delete, func, select

from storage.base import chunks, database_now
from storage.engine import reading, transaction
from storage.schema_feeds import outbox

MAX_OUTBOX_BYTES = 16 * 1024 * 1024  # of messages that are read at once when catching up


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message that is not known to be durable in the broker yet."""

    outbox_id: int
    article_id: str
    revision: int
    payload: bytes


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


def mark_sent(engine: Engine, outbox_ids: Iterable[int]) -> None:
    """Forget messages that are durable in the broker. Idempotent."""
    with transaction(engine) as connection:
        for part in chunks(sorted(outbox_ids)):
            connection.execute(delete(outbox).where(outbox.c.outbox_id.in_(part)))


def into_outbox(connection: Connection, messages: Sequence[tuple[str, int, bytes]], now: datetime) -> tuple[OutboxRow, ...]:
    """Put *messages* (article id, revision, payload; one at least) into the outbox; return them in the same order.

    They are told apart by what they are about: numbers given back in the order of the parameters cost SQLite a statement each.
    """
    rows = [
        {"article_id": article_id, "revision": revision, "payload": payload, "created_at": now}
        for article_id, revision, payload in messages
    ]
    c = outbox.c
    found = connection.execute(outbox.insert().returning(c.article_id, c.revision, c.outbox_id), rows)
    numbers = {(article_id, revision): number for article_id, revision, number in found}
    return tuple(OutboxRow(numbers[message[:2]], *message) for message in messages)


def _within(max_bytes: int, sizes: Iterable[tuple[int, int]]) -> list[int]:
    chosen: list[int] = []
    total = 0
    for outbox_id, size in sizes:
        total += size
        if chosen and total > max_bytes:
            break
        chosen.append(outbox_id)
    return chosen
