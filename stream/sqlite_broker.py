"""The embedded broker: topics, partitions, groups and offsets in one SQLite file, for several processes of one machine.

What holds it together:

1. Offsets are given out inside the write transaction (``BEGIN IMMEDIATE``), so a partition has no gaps (``sqlite_log.py``). WAL with
   ``synchronous=FULL``: a commit survives a power failure (``sqlite_file.py``).
2. A partition never has two owners (``sqlite_group.py``). A member lets go and takes in ``poll``, never while a batch is worked on.
3. ``commit`` checks lease, owner and generation in the transaction that writes the offsets.

Time is the wall clock, which all processes share.
"""

from __future__ import annotations

import sqlite3
import time
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from stream import sqlite_group, sqlite_log
from stream.broker import (
    Headers,
    Offsets,
    PartitionLag,
    Place,
    Record,
    TopicPartition,
    TopicSpec,
    checked_size,
    offsets_lost,
    record_bytes,
    unknown_topic,
)
from stream.errors import ConfigError, DatelineError, Fenced, TransientError
from stream.sqlite_file import BrokerFile

LEASE = 10.0  # seconds that a silent member keeps its partitions
LOCK_TIMEOUT = 10.0  # seconds to wait for the write lock
POLL_INTERVAL = 0.05  # seconds between two looks into the file
CLOCK_SET = 60.0  # seconds by which the wall clock has to run away from the monotonic one to have been set
SWEEP_INTERVAL = 60.0  # seconds between two looks for records past their retention
BUFFER_BYTES = 8 * 1024 * 1024  # sent records held in memory before they are written without waiting for flush
POLL_BYTES = 16 * 1024 * 1024  # about what one poll returns at most


class SqliteBroker:
    """The broker in the file *path*; *lease* is how many seconds a silent member keeps its partitions."""

    def __init__(self, path: Path, *, lease: float = LEASE, lock_timeout: float = LOCK_TIMEOUT) -> None:
        self._path = path
        self._lease = lease
        self._lock_timeout = lock_timeout

    def ensure_topics(self, topics: Iterable[TopicSpec]) -> tuple[str, ...]:
        """Make the topics that do not exist yet; return the names of those made."""
        with self._file() as file, file.writing() as db:
            return tuple(spec.name for spec in topics if sqlite_log.make_topic(db, spec))

    def producer(self) -> SqliteProducer:
        """Return a new producer."""
        return SqliteProducer(self._file)

    def consumer(self, group: str, topics: Sequence[str]) -> SqliteConsumer:
        """Return a new member of *group* that reads *topics*."""
        return SqliteConsumer(self._file, group, topics, self._lease)

    def lag(self, group: str, topics: Sequence[str]) -> tuple[PartitionLag, ...]:
        """Return how far *group* is in every partition of *topics*, sorted."""
        with self._file() as file, file.reading() as db:
            return sqlite_log.lags(db, group, topics)

    def waits_since_before(self, group: str, topics: Sequence[str], moment: datetime) -> bool:
        """Tell whether *group* has still to read a record that was sent before *moment*."""
        with self._file() as file, file.reading() as db:
            return sqlite_log.waits_since_before(db, group, topics, moment.timestamp())

    def records_at(self, places: Iterable[Place]) -> Iterator[Record]:
        """Yield the records at *places* that are still in the log."""
        with self._file() as file:
            for at, offset in sorted(set(places)):
                with file.reading() as db:
                    record = sqlite_log.record_at(db, at, offset)
                if record is not None:
                    yield record

    def close(self) -> None:
        """Nothing is held between calls."""

    def _file(self) -> BrokerFile:
        return BrokerFile(self._path, self._lock_timeout)


class SqliteProducer:
    """Buffers what is sent and writes it in one transaction."""

    def __init__(self, opener: Callable[[], BrokerFile]) -> None:
        self._file = opener()
        self._partitions: dict[str, tuple[int, ...]] = {}
        self._buffer: list[sqlite_log.Row] = []
        self._buffered = 0  # bytes
        self._turn = 0
        self._sweep_at = 0.0
        self._ahead = _wall_ahead()

    def send(self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        """Buffer one record; see ``stream.broker.Producer``."""
        try:
            size = checked_size(topic, key, value, headers)
            self._buffer.append(sqlite_log.row_of(self._partition(topic, key), key, value, headers, time.time()))
        except DatelineError:
            self._drop()
            raise
        self._buffered += size
        if self._buffered > BUFFER_BYTES:
            self._write()

    def flush(self) -> None:
        """Return when everything sent is durable; once a minute, also drop records that are past their retention."""
        self._write()
        if time.monotonic() >= self._sweep_at:
            self._sweep_at = time.monotonic() + SWEEP_INTERVAL
            if not self._clock_was_set():
                with suppress(TransientError):
                    sqlite_log.sweep(self._file, time.time())

    def _clock_was_set(self) -> bool:
        """Tell whether the wall clock jumped since the last look: groups that live have not had the time to say so by the new one."""
        before, self._ahead = self._ahead, _wall_ahead()
        return abs(self._ahead - before) > CLOCK_SET

    def close(self) -> None:
        """Drop what was not flushed."""
        self._drop()
        self._file.close()

    def _partition(self, topic: str, key: bytes | None) -> int:
        """The id of the partition for *key*: the same for the same key, the next in turn where there is none."""
        partitions = self._partitions.get(topic) or self._find(topic)
        self._turn += key is None
        return partitions[(self._turn if key is None else zlib.crc32(key)) % len(partitions)]

    def _find(self, topic: str) -> tuple[int, ...]:
        with self._file.reading() as db:
            found = sqlite_log.partition_ids(db, topic)
        if not found:
            raise unknown_topic(topic)
        self._partitions[topic] = found
        return found

    def _write(self) -> None:
        if not self._buffer:
            return
        try:
            with self._file.writing() as db:
                sqlite_log.append(db, self._buffer)
        except DatelineError:
            self._partitions = {}  # the file may be another one by now
            raise
        finally:
            self._drop()

    def _drop(self) -> None:
        self._buffer, self._buffered = [], 0


@dataclass
class _Owned:
    """A partition of this member: the generation in which it was given and the next offset to read, None until it is known."""

    id: int
    generation: int
    position: int | None = None


class SqliteConsumer:
    """One member of a group; see ``stream.broker.Consumer``."""

    def __init__(self, opener: Callable[[], BrokerFile], group: str, topics: Sequence[str], lease: float) -> None:
        self._file = opener()
        self._group = group
        self._topics = tuple(topics)
        self._lease = lease
        self._member: str | None = None  # None: not in the group
        self._generation: int | None = -1  # of the group, when last looked at
        self._owned: dict[TopicPartition, _Owned] = {}
        self._tend_at = 0.0
        self._turn = 0

    def poll(self, timeout: float, max_records: int) -> Sequence[Record]:
        """Return up to *max_records* records; empty after *timeout* seconds without any."""
        deadline = time.monotonic() + timeout
        first = True
        while True:
            changed = self._tend() or first
            if changed and (records := self._fetch(max_records)):
                return records
            first = False
            left = deadline - time.monotonic()
            if left <= 0:
                return ()
            time.sleep(min(POLL_INTERVAL, left))

    def heartbeat(self) -> None:
        """Renew the lease; a lost membership shows at ``commit``."""
        if self._member is None:
            return
        with suppress(TransientError), self._file.writing() as db:
            if sqlite_group.is_living(db, self._member, time.time()):
                sqlite_group.renew(db, self._member, time.time())

    def commit(self, offsets: Offsets) -> None:
        """Write *offsets* if this member still owns every partition; else raise Fenced and read on at the committed offsets."""
        if not offsets:
            return
        try:
            with self._file.writing() as db:
                member = self._owner(db, offsets)
                sqlite_group.commit(db, self._group, [(self._owned[partition].id, offset) for partition, offset in offsets.items()])
                sqlite_group.renew(db, member, time.time())
        except Fenced:
            self._rewind()
            raise
        for partition, offset in offsets.items():
            owned = self._owned[partition]
            owned.position = max(offset, owned.position or 0)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read on at *offset*; raises Fenced where *partition* is not assigned."""
        if partition not in self._owned:
            raise Fenced(f"{partition.topic}[{partition.partition}] is not assigned to this member of {self._group}")
        self._owned[partition].position = offset

    def assignment(self) -> frozenset[TopicPartition]:
        """Return the partitions that this member owns, as far as it knows."""
        return frozenset(self._owned)

    def close(self) -> None:
        """Leave the group; where the file is locked or gone, the lease runs out instead."""
        if self._member is not None:
            with suppress(TransientError, ConfigError), self._file.writing() as db:
                sqlite_group.strike_off(db, self._group, [self._member])
        self._member, self._owned, self._tend_at = None, {}, 0.0
        self._file.close()

    def _rewind(self) -> None:
        """Have the next poll look at the group anew and read on at the committed offsets."""
        for owned in self._owned.values():
            owned.position = None
        self._tend_at = 0.0

    def _owner(self, db: sqlite3.Connection, offsets: Offsets) -> str:
        """Return this member's id; raises Fenced where it does not own all of the partitions any more."""
        if self._member is None or not sqlite_group.is_living(db, self._member, time.time()):
            raise Fenced(f"this member of {self._group} was silent for longer than its lease of {self._lease:g} s")
        assigned = sqlite_group.assigned(db, self._group, self._member)
        for partition in offsets:
            owned = self._owned.get(partition)
            if owned is None or assigned.get(partition) != (owned.id, owned.generation):
                raise Fenced(f"{partition.topic}[{partition.partition}] belongs to another member of {self._group} by now")
        return self._member

    def _tend(self) -> bool:
        """Join, renew the lease, let go and take: at intervals, and at once when the group changed. Return whether there may be news."""
        changed = self._file.changed()
        if time.monotonic() < self._tend_at and not (changed and self._group_changed()):
            return changed
        with self._file.writing() as db:
            now = time.time()
            member = self._joined(db, now)
            sqlite_group.renew(db, member, now)
            sqlite_group.subscribe(db, self._group, self._topics, now)
            sqlite_group.strike_off(db, self._group, sqlite_group.dead_members(db, self._group, now))
            sqlite_group.rebalance(db, self._group, member, self._topics)
            self._adopt(db, member)
        self._tend_at = time.monotonic() + self._lease / 5
        return True

    def _group_changed(self) -> bool:
        with self._file.reading() as db:
            return sqlite_group.generation(db, self._group) != self._generation

    def _joined(self, db: sqlite3.Connection, now: float) -> str:
        """Return this member's id, a new one where its lease ran out."""
        if self._member is not None and sqlite_group.is_living(db, self._member, now):
            return self._member
        if self._member is not None:
            sqlite_group.strike_off(db, self._group, [self._member])
        member = uuid.uuid4().hex
        sqlite_group.join(db, self._group, member, self._topics, self._lease)
        self._member, self._owned = member, {}
        return member

    def _adopt(self, db: sqlite3.Connection, member: str) -> None:
        """Bring what is remembered in line with the file; a partition that was ours all along keeps its position."""
        self._generation = sqlite_group.generation(db, self._group)
        fresh = {at: _Owned(*found) for at, found in sqlite_group.assigned(db, self._group, member).items()}
        known = self._owned
        self._owned = {at: known[at] if at in known and known[at].generation == new.generation else new for at, new in fresh.items()}

    def _fetch(self, max_records: int) -> list[Record]:
        """Read on in every partition, each time beginning with another one."""
        if not self._owned:
            return []
        self._turn += 1
        order = sorted(self._owned)
        order = order[self._turn % len(order) :] + order[: self._turn % len(order)]
        records: list[Record] = []
        size = 0
        with self._file.reading() as db:
            self._find_positions(db)
            for partition in order:
                owned = self._owned[partition]
                assert owned.position is not None
                for record in sqlite_log.read(db, partition, owned.id, owned.position, max_records - len(records)):
                    records.append(record)
                    size += record_bytes(record.key, record.value, record.headers)
                    if size >= POLL_BYTES:
                        break
                if len(records) >= max_records or size >= POLL_BYTES:
                    break
        for record in records:
            self._owned[TopicPartition(record.topic, record.partition)].position = record.offset + 1
        return records

    def _find_positions(self, db: sqlite3.Connection) -> None:
        """Fill in positions that are not known; raise OffsetsLost where the log has not got what would be next."""
        missing: dict[tuple[str, int], tuple[int, int]] = {}
        anew: dict[tuple[str, int], int] = {}
        for partition, owned in self._owned.items():
            start, end, committed = sqlite_group.committed(db, self._group, owned.id)
            if owned.position is None:
                owned.position = start if committed is None else committed
            if owned.position < start:
                missing[partition] = (owned.position, start)
            elif owned.position > end:  # another log: everything in it is still to be read
                missing[partition], anew[partition] = (end, owned.position), start
            else:
                continue
            owned.position = None
        if missing:
            raise offsets_lost(self._group, missing, anew)


def _wall_ahead() -> float:
    """Return by how much the wall clock is ahead of the monotonic one."""
    return time.time() - time.monotonic()
