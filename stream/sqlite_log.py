"""Topics and their records in the broker's file: made, appended, read in order, and swept when they are old.

Offsets are given out inside the write transaction, so a partition has no gaps, and a record that can be seen has no earlier one
that cannot.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from stream.broker import Headers, PartitionLag, Record, TopicPartition, TopicSpec
from stream.sqlite_file import BrokerFile, marks

SWEEP_RECORDS = 5_000  # deleted in one transaction, so that the lock is held briefly
OFFSET_BITS = 40  # of a record's row id; a partition may hold 10^12 records over its life

Row = tuple[int, bytes | None, bytes | None, bytes | None, float]  # partition id, key, value, packed headers, when it was sent


def make_topic(db: sqlite3.Connection, spec: TopicSpec) -> bool:
    """Make a topic; return False where it exists."""
    row = (spec.name, spec.retention.total_seconds())
    if db.execute("INSERT INTO topics VALUES (?, ?) ON CONFLICT DO NOTHING", row).rowcount == 0:
        return False
    db.executemany("INSERT INTO partitions (topic, number) VALUES (?, ?)", [(spec.name, number) for number in range(spec.partitions)])
    return True


def partition_ids(db: sqlite3.Connection, topic: str) -> tuple[int, ...]:
    """Return the ids of the partitions of *topic*, by number; none where there is no such topic."""
    return tuple(row[0] for row in db.execute("SELECT id FROM partitions WHERE topic = ? ORDER BY number", (topic,)))


def lags(db: sqlite3.Connection, group: str, topics: Sequence[str]) -> tuple[PartitionLag, ...]:
    """Return how far *group* is in every partition of *topics*, sorted."""
    rows = db.execute(
        "SELECT topic, number, start, end, offset FROM partitions LEFT JOIN offsets ON partition = id AND grp = ? "
        f"WHERE topic IN ({marks(topics)}) ORDER BY topic, number",
        (group, *topics),
    )
    return tuple(PartitionLag(group, TopicPartition(topic, number), offset, start, end) for topic, number, start, end, offset in rows)


def waits_since_before(db: sqlite3.Connection, group: str, topics: Sequence[str], moment: float) -> bool:
    """Tell whether the first record that *group* has still to read in some partition of *topics* was sent before *moment*."""
    partitions = db.execute(
        "SELECT id, max(start, coalesce(offset, 0)) FROM partitions LEFT JOIN offsets ON partition = id AND grp = ? "
        f"WHERE topic IN ({marks(topics)})",
        (group, *topics),
    ).fetchall()
    first = "SELECT sent_at FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT 1"
    found = [db.execute(first, (_row_id(number, offset), _row_id(number + 1, 0))).fetchone() for number, offset in partitions]
    return any(row is not None and row[0] < moment for row in found)


def row_of(partition: int, key: bytes | None, value: bytes | None, headers: Headers, sent_at: float) -> Row:
    """Return a record for ``append``."""
    return partition, key, value, _pack(headers), sent_at


def append(db: sqlite3.Connection, records: Sequence[Row]) -> None:
    """Write records, each with the id of its partition, behind the end of their partitions."""
    ends = dict.fromkeys(record[0] for record in records)
    next_offset: dict[int, int] = {
        partition: db.execute("SELECT end FROM partitions WHERE id = ?", (partition,)).fetchone()[0] for partition in ends
    }
    rows = []
    for partition, *rest in records:
        rows.append((_row_id(partition, next_offset[partition]), *rest))
        next_offset[partition] += 1
    db.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", rows)
    db.executemany("UPDATE partitions SET end = ? WHERE id = ?", [(end, partition) for partition, end in next_offset.items()])


def read(db: sqlite3.Connection, at: TopicPartition, partition: int, position: int, limit: int) -> Iterator[Record]:
    """Yield up to *limit* records from offset *position* on; *partition* is the id of *at*."""
    rows = db.execute(
        "SELECT id, key, value, headers, sent_at FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
        (_row_id(partition, position), _row_id(partition + 1, 0), limit),
    )
    for row_id, key, value, headers, sent_at in rows:
        offset = row_id & ((1 << OFFSET_BITS) - 1)
        yield Record(at.topic, at.partition, offset, key, value, _unpack(headers), datetime.fromtimestamp(sent_at, UTC))


def record_at(db: sqlite3.Connection, at: TopicPartition, offset: int) -> Record | None:
    """Return the record of *at* with *offset*, None where there is none, or none any more."""
    row = db.execute("SELECT id FROM partitions WHERE topic = ? AND number = ?", at).fetchone()
    found = next(read(db, at, row[0], offset, 1), None) if row else None
    return found if found is not None and found.offset == offset else None


def sweep(file: BrokerFile, now: float) -> int:
    """Delete records older than their topic's retention; return how many.

    Never past the committed offset of a living group that reads the topic: one of which a member was alive within the topic's
    retention. A living group that has committed nothing yet holds everything. Records of the future, sent while the clock was ahead,
    are taken to be of *now* when they come first: they would hold up all behind them until then.
    """
    deleted = 0
    with file.reading() as db:
        partitions = db.execute("SELECT id, retention FROM partitions JOIN topics ON name = topic").fetchall()
    for partition, retention in partitions:
        while True:
            with file.writing() as db:
                count = _sweep_some(db, partition, now, retention)
            deleted += count
            if count < SWEEP_RECORDS:
                break
    if deleted:
        file.shrink()
    return deleted


def _sweep_some(db: sqlite3.Connection, partition: int, now: float, retention: float) -> int:
    """Delete the oldest records of one partition, up to SWEEP_RECORDS, that were sent more than *retention* seconds ago."""
    cutoff = now - retention
    start, topic = db.execute("SELECT start, topic FROM partitions WHERE id = ?", (partition,)).fetchone()
    _redate(db, partition, start, now)
    floor = db.execute(
        "SELECT min(coalesce(offset, ?)) FROM subscriptions s LEFT JOIN offsets o ON o.grp = s.grp AND o.partition = ? "
        "WHERE topic = ? AND seen_at >= ?",
        (start, partition, topic, cutoff),
    ).fetchone()[0]
    last = _row_id(partition + 1, 0) if floor is None else _row_id(partition, floor)
    rows = db.execute(
        "SELECT id, sent_at FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT ?", (_row_id(partition, start), last, SWEEP_RECORDS)
    )
    count = 0
    for _, sent_at in rows:
        if sent_at >= cutoff:
            break
        count += 1
    if count:
        db.execute("DELETE FROM records WHERE id >= ? AND id < ?", (_row_id(partition, start), _row_id(partition, start + count)))
        db.execute("UPDATE partitions SET start = ? WHERE id = ?", (start + count, partition))
    return count


def _redate(db: sqlite3.Connection, partition: int, start: int, now: float) -> None:
    """Where the first record of a partition was sent after *now*, take all such to be sent now."""
    first = db.execute("SELECT sent_at FROM records WHERE id = ?", (_row_id(partition, start),)).fetchone()
    if first is not None and first[0] > now:
        all_of_it = (_row_id(partition, start), _row_id(partition + 1, 0))
        db.execute("UPDATE records SET sent_at = ? WHERE id >= ? AND id < ? AND sent_at > ?", (now, *all_of_it, now))


def _row_id(partition: int, offset: int) -> int:
    return partition << OFFSET_BITS | offset


def _pack(headers: Headers) -> bytes | None:
    """Headers as JSON with the values as Latin-1 text: every byte has its own code point, and most are ASCII anyway."""
    return json.dumps([[name, value.decode("latin-1")] for name, value in headers]).encode() if headers else None


def _unpack(packed: bytes | None) -> Headers:
    return tuple((name, value.encode("latin-1")) for name, value in json.loads(packed)) if packed else ()
