"""The embedded broker: topics, partitions, groups and offsets in one SQLite file, for several processes of one machine.

What holds it together:

1. Offsets are given out inside the write transaction (``BEGIN IMMEDIATE``), so a partition has no gaps, and a record that can be
   seen has no earlier one that cannot. WAL with ``synchronous=FULL``: a commit survives a power failure.
2. A member owns a partition while its row in ``assignments`` says so and its lease has not run out. A member changes only its own
   rows: it lets go of what it has too much (in ``poll``, never while a batch is worked on) and takes what nobody owns, so a
   partition never has two owners. Whoever notices a member whose lease ran out strikes it off.
3. ``commit`` checks lease, owner and generation in the transaction that writes the offsets.

Time is the wall clock, which all processes share; a heartbeat from the future (the clock was set back) counts as none.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
import uuid
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from stream.broker import (
    Headers,
    Offsets,
    PartitionLag,
    Record,
    TopicPartition,
    TopicSpec,
    checked_size,
    offsets_lost,
    record_bytes,
    unknown_topic,
)
from stream.errors import BrokerUnavailable, ConfigError, DatelineError, Fenced, TransientError
from stream.sqlite_wal import use_wal

LEASE = 10.0  # seconds that a silent member keeps its partitions
LOCK_TIMEOUT = 10.0  # seconds to wait for the write lock
POLL_INTERVAL = 0.05  # seconds between two looks into the file
SWEEP_INTERVAL = 60.0  # seconds between two looks for records past their retention
SWEEP_RECORDS = 5_000  # deleted in one transaction, so that the lock is held briefly
BUFFER_BYTES = 8 * 1024 * 1024  # sent records held in memory before they are written without waiting for flush
POLL_BYTES = 16 * 1024 * 1024  # about what one poll returns at most
SCHEMA_VERSION = 1
OFFSET_BITS = 40  # of a record's row id; a partition may hold 10^12 records over its life

_SCHEMA = """
CREATE TABLE topics (name TEXT PRIMARY KEY, retention REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE partitions (
    id INTEGER PRIMARY KEY, topic TEXT NOT NULL, number INTEGER NOT NULL,
    start INTEGER NOT NULL DEFAULT 0, end INTEGER NOT NULL DEFAULT 0, UNIQUE (topic, number));
CREATE TABLE records (
    id INTEGER PRIMARY KEY, -- partition id << 40 | offset: one partition's records lie together, in order, without a second index
    key BLOB, value BLOB, headers BLOB, sent_at REAL NOT NULL);
CREATE TABLE groups (name TEXT PRIMARY KEY, generation INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE subscriptions (grp TEXT NOT NULL, topic TEXT NOT NULL, seen_at REAL NOT NULL, PRIMARY KEY (grp, topic)) WITHOUT ROWID;
CREATE TABLE members (
    id TEXT PRIMARY KEY, grp TEXT NOT NULL, topics TEXT NOT NULL, lease REAL NOT NULL, seen_at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE assignments (
    grp TEXT NOT NULL, partition INTEGER NOT NULL, member TEXT NOT NULL, generation INTEGER NOT NULL,
    PRIMARY KEY (grp, partition)) WITHOUT ROWID;
CREATE TABLE offsets (grp TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL, PRIMARY KEY (grp, partition)) WITHOUT ROWID;
"""


class SqliteBroker:
    """The broker in the file *path*; *lease* is how many seconds a silent member keeps its partitions."""

    def __init__(self, path: Path, *, lease: float = LEASE, lock_timeout: float = LOCK_TIMEOUT) -> None:
        self._path = path
        self._lease = lease
        self._lock_timeout = lock_timeout

    def ensure_topics(self, topics: Iterable[TopicSpec]) -> tuple[str, ...]:
        """Make the topics that do not exist yet; return the names of those made."""
        with self._file() as file, file.writing() as db:
            return tuple(spec.name for spec in topics if _make_topic(db, spec))

    def producer(self) -> SqliteProducer:
        """Return a new producer."""
        return SqliteProducer(self._file)

    def consumer(self, group: str, topics: Sequence[str]) -> SqliteConsumer:
        """Return a new member of *group* that reads *topics*."""
        return SqliteConsumer(self._file, group, topics, self._lease)

    def lag(self, group: str, topics: Sequence[str]) -> tuple[PartitionLag, ...]:
        """Return how far *group* is in every partition of *topics*, sorted."""
        with self._file() as file, file.reading() as db:
            rows = db.execute(
                "SELECT topic, number, start, end, offset FROM partitions LEFT JOIN offsets ON partition = id AND grp = ? "
                f"WHERE topic IN ({_marks(topics)}) ORDER BY topic, number",
                (group, *topics),
            ).fetchall()
        return tuple(PartitionLag(group, TopicPartition(topic, number), offset, start, end) for topic, number, start, end, offset in rows)

    def close(self) -> None:
        """Nothing is held between calls."""

    def _file(self) -> _File:
        return _File(self._path, self._lock_timeout)


class SqliteProducer:
    """Buffers what is sent and writes it in one transaction."""

    def __init__(self, opener: Callable[[], _File]) -> None:
        self._file = opener()
        self._partitions: dict[str, tuple[int, ...]] = {}
        self._buffer: list[tuple[int, bytes | None, bytes | None, bytes | None, float]] = []
        self._buffered = 0  # bytes
        self._turn = 0
        self._sweep_at = 0.0

    def send(self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        """Buffer one record; see ``stream.broker.Producer``."""
        try:
            size = checked_size(topic, key, value, headers)
            self._buffer.append((self._partition(topic, key), key, value, _pack(headers), time.time()))
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
            with suppress(TransientError):
                sweep(self._file, time.time())

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
            found = tuple(row[0] for row in db.execute("SELECT id FROM partitions WHERE topic = ? ORDER BY number", (topic,)))
        if not found:
            raise unknown_topic(topic)
        self._partitions[topic] = found
        return found

    def _write(self) -> None:
        if not self._buffer:
            return
        try:
            with self._file.writing() as db:
                _append(db, self._buffer)
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

    def __init__(self, opener: Callable[[], _File], group: str, topics: Sequence[str], lease: float) -> None:
        self._file = opener()
        self._group = group
        self._topics = tuple(topics)
        self._lease = lease
        self._member: str | None = None  # None: not in the group
        self._generation = -1  # of the group, when last looked at
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
            if _is_living(db, self._member, time.time()):
                db.execute("UPDATE members SET seen_at = ? WHERE id = ?", (time.time(), self._member))

    def commit(self, offsets: Offsets) -> None:
        """Write *offsets* if this member still owns every partition; else raise Fenced and read on at the committed offsets."""
        if not offsets:
            return
        try:
            with self._file.writing() as db:
                self._check_owner(db, offsets)
                db.executemany(
                    "INSERT INTO offsets VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET offset = excluded.offset",
                    [(self._group, self._owned[partition].id, offset) for partition, offset in offsets.items()],
                )
                db.execute("UPDATE members SET seen_at = ? WHERE id = ?", (time.time(), self._member))
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
                _strike_off(db, self._group, [self._member])
        self._member, self._owned, self._tend_at = None, {}, 0.0
        self._file.close()

    def _rewind(self) -> None:
        """Have the next poll look at the group anew and read on at the committed offsets."""
        for owned in self._owned.values():
            owned.position = None
        self._tend_at = 0.0

    def _check_owner(self, db: sqlite3.Connection, offsets: Offsets) -> None:
        now = time.time()
        if self._member is None or not _is_living(db, self._member, now):
            raise Fenced(f"this member of {self._group} was silent for longer than its lease of {self._lease:g} s")
        rows = db.execute("SELECT partition, generation FROM assignments WHERE grp = ? AND member = ?", (self._group, self._member))
        generations = dict(rows.fetchall())
        for partition in offsets:
            owned = self._owned.get(partition)
            if owned is None or generations.get(owned.id) != owned.generation:
                raise Fenced(f"{partition.topic}[{partition.partition}] belongs to another member of {self._group} by now")

    def _tend(self) -> bool:
        """Join, renew the lease, let go and take: at intervals, and at once when the group changed. Return whether there may be news."""
        changed = self._file.changed()
        if time.monotonic() < self._tend_at and not (changed and self._group_changed()):
            return changed
        with self._file.writing() as db:
            now = time.time()
            if self._member is None or not _is_living(db, self._member, now):
                self._join(db)
            self._renew(db, now)
            _strike_off(db, self._group, _dead_members(db, self._group, now))
            self._rebalance(db)
            self._adopt(db)
        self._tend_at = time.monotonic() + self._lease / 5
        return True

    def _group_changed(self) -> bool:
        with self._file.reading() as db:
            row = db.execute("SELECT generation FROM groups WHERE name = ?", (self._group,)).fetchone()
        return row is None or row[0] != self._generation

    def _join(self, db: sqlite3.Connection) -> None:
        for topic in self._topics:
            if db.execute("SELECT 1 FROM topics WHERE name = ?", (topic,)).fetchone() is None:
                raise unknown_topic(topic)
        if self._member is not None:
            _strike_off(db, self._group, [self._member])
        self._member, self._owned = uuid.uuid4().hex, {}
        db.execute("INSERT INTO members VALUES (?, ?, ?, ?, 0)", (self._member, self._group, json.dumps(self._topics), self._lease))
        _new_generation(db, self._group)

    def _renew(self, db: sqlite3.Connection, now: float) -> None:
        db.execute("UPDATE members SET seen_at = ? WHERE id = ?", (now, self._member))
        db.executemany(
            "INSERT INTO subscriptions VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seen_at = excluded.seen_at",
            [(self._group, topic, now) for topic in self._topics],
        )

    def _rebalance(self, db: sqlite3.Connection) -> None:
        assert self._member is not None
        subscribed = {
            member: json.loads(topics) for member, topics in db.execute("SELECT id, topics FROM members WHERE grp = ?", (self._group,))
        }
        release: list[int] = []
        take: list[int] = []
        for topic in self._topics:
            rows = db.execute(
                "SELECT id, member FROM partitions LEFT JOIN assignments ON partition = id AND grp = ? WHERE topic = ? ORDER BY number",
                (self._group, topic),
            )
            move = share(self._member, [member for member, topics in subscribed.items() if topic in topics], dict(rows.fetchall()))
            release += move.release
            take += move.take
        if release or take:
            generation = _new_generation(db, self._group)
            db.executemany("DELETE FROM assignments WHERE grp = ? AND partition = ?", [(self._group, each) for each in release])
            db.executemany("INSERT INTO assignments VALUES (?, ?, ?, ?)", [(self._group, each, self._member, generation) for each in take])

    def _adopt(self, db: sqlite3.Connection) -> None:
        """Bring what is remembered in line with the file; a partition that was ours all along keeps its position."""
        self._generation = db.execute("SELECT generation FROM groups WHERE name = ?", (self._group,)).fetchone()[0]
        rows = db.execute(
            "SELECT topic, number, id, generation FROM assignments JOIN partitions ON id = partition WHERE grp = ? AND member = ?",
            (self._group, self._member),
        )
        fresh = {TopicPartition(topic, number): _Owned(id_, generation) for topic, number, id_, generation in rows}
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
                for record in _read(db, partition, self._owned[partition], max_records - len(records)):
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
        """Fill in positions that are not known; raise OffsetsLost where records before the log's start would be next."""
        missing: dict[tuple[str, int], tuple[int, int]] = {}
        for partition, owned in self._owned.items():
            start, committed = db.execute(
                "SELECT start, offset FROM partitions LEFT JOIN offsets ON partition = id AND grp = ? WHERE id = ?", (self._group, owned.id)
            ).fetchone()
            if owned.position is None:
                owned.position = start if committed is None else committed
            if owned.position < start:
                missing[partition] = (owned.position, start)
                owned.position = None
        if missing:
            raise offsets_lost(self._group, missing)


@dataclass(frozen=True)
class Move:
    """What one member changes: partition ids it lets go of, and ids it takes."""

    release: tuple[int, ...] = ()
    take: tuple[int, ...] = ()


def share(me: str, members: Collection[str], owners: Mapping[int, str | None]) -> Move:
    """Return what *me* changes so that *members* share the partitions evenly, counts differing by one at most.

    *owners* maps partition ids to members, None where nobody owns one. Who owns most now may keep the odd ones, so nothing
    moves without need. Only what nobody owns is taken: another member first has to let go.
    """
    held = {member: [each for each, owner in owners.items() if owner == member] for member in members}
    ranked = sorted(members, key=lambda member: (-len(held[member]), member))
    quota = len(owners) // len(members) + (ranked.index(me) < len(owners) % len(members))
    free = [each for each, owner in owners.items() if owner is None]
    return Move(release=tuple(held[me][quota:]), take=tuple(free[: max(0, quota - len(held[me]))]))


def sweep(file: _File, now: float) -> int:
    """Delete records older than their topic's retention; return how many.

    Never past the committed offset of a living group that reads the topic: one of which a member was alive within the topic's
    retention. A living group that has committed nothing yet holds everything.
    """
    deleted = 0
    with file.reading() as db:
        partitions = db.execute("SELECT id, retention FROM partitions JOIN topics ON name = topic").fetchall()
    for partition, retention in partitions:
        while True:
            with file.writing() as db:
                count = _sweep_some(db, partition, now - retention)
            deleted += count
            if count < SWEEP_RECORDS:
                break
    if deleted:
        file.shrink()
    return deleted


@dataclass
class _File:
    """A connection to the broker's file, opened on first use, and again where the file was removed or replaced under it."""

    path: Path
    lock_timeout: float
    _db: sqlite3.Connection | None = field(default=None, init=False)
    _identity: tuple[int, int] | None = field(default=None, init=False)
    _data_version: int = field(default=-1, init=False)

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction that holds the write lock from its start; undone by any exception."""
        with self._transaction("BEGIN IMMEDIATE") as db:
            yield db

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One consistent view."""
        with self._transaction("BEGIN") as db:
            yield db

    def changed(self) -> bool:
        """Whether another connection has written since the last call."""
        with self._translated():
            version = self._connection().execute("PRAGMA data_version").fetchone()[0]
        changed = version != self._data_version
        self._data_version = version
        return bool(changed)

    def shrink(self) -> None:
        """Give pages that deleting has freed back to the file system, at most 64 MiB a time."""
        with self._translated():
            # One step frees one page, and execute() takes one step of a statement without columns.
            self._connection().executescript("PRAGMA incremental_vacuum(16384)")

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._translated():
            db = self._connection()
            db.execute(begin)
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
                raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as e:
            raise BrokerUnavailable(f"the broker's file {self.path}: {e}") from e
        except sqlite3.DatabaseError as e:
            self.close()
            raise ConfigError(f"{self.path} cannot be used as the broker's file ({e}): move it away or restore it") from e
        except (PermissionError, NotADirectoryError, FileExistsError) as e:
            raise ConfigError(f"the broker's file {self.path} cannot be made: {e.strerror}") from e
        except OSError as e:
            raise BrokerUnavailable(f"the broker's file {self.path}: {e.strerror}") from e

    def _connection(self) -> sqlite3.Connection:
        """The open connection. SQLite would go on writing into a removed file without a word: look before each use."""
        if self._db is not None and self._identity != _identity(self.path):
            self.close()
            raise BrokerUnavailable(f"the broker's file {self.path} was removed or replaced while it was in use")
        if self._db is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = _open(self.path, self.lock_timeout)
            self._identity = _identity(self.path)
        return self._db


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _open(path: Path, lock_timeout: float) -> sqlite3.Connection:
    # Read past the thread check: a supervisor may close from another thread than the one that polls.
    db = sqlite3.connect(path, timeout=lock_timeout, isolation_level=None, check_same_thread=False)
    try:
        _prepare(db, path, lock_timeout)
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, path: Path, lock_timeout: float) -> None:
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # has an effect only before the first table
    use_wal(db, lock_timeout)
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA journal_size_limit = 67108864")
    if db.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION:
        return
    db.execute("BEGIN IMMEDIATE")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version == 0 and db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0:
        for statement in _SCHEMA.split(";\n"):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    db.execute("COMMIT")
    if version not in (0, SCHEMA_VERSION) or db.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
        raise ConfigError(f"{path} is no broker file of this version of Dateline: name another file in DATELINE_BROKER_URL")


def _make_topic(db: sqlite3.Connection, spec: TopicSpec) -> bool:
    row = (spec.name, spec.retention.total_seconds())
    if db.execute("INSERT INTO topics VALUES (?, ?) ON CONFLICT DO NOTHING", row).rowcount == 0:
        return False
    db.executemany("INSERT INTO partitions (topic, number) VALUES (?, ?)", [(spec.name, number) for number in range(spec.partitions)])
    return True


def _append(db: sqlite3.Connection, records: Sequence[tuple[int, bytes | None, bytes | None, bytes | None, float]]) -> None:
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


def _read(db: sqlite3.Connection, at: TopicPartition, owned: _Owned, limit: int) -> Iterator[Record]:
    assert owned.position is not None
    rows = db.execute(
        "SELECT id, key, value, headers, sent_at FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
        (_row_id(owned.id, owned.position), _row_id(owned.id + 1, 0), limit),
    )
    for row_id, key, value, headers, sent_at in rows:
        offset = row_id & ((1 << OFFSET_BITS) - 1)
        yield Record(at.topic, at.partition, offset, key, value, _unpack(headers), datetime.fromtimestamp(sent_at, UTC))


def _sweep_some(db: sqlite3.Connection, partition: int, cutoff: float) -> int:
    """Delete the oldest records of one partition, up to SWEEP_RECORDS, that were sent before *cutoff*."""
    start, topic = db.execute("SELECT start, topic FROM partitions WHERE id = ?", (partition,)).fetchone()
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


def _is_living(db: sqlite3.Connection, member: str, now: float) -> bool:
    row = db.execute("SELECT seen_at, lease FROM members WHERE id = ?", (member,)).fetchone()
    return row is not None and abs(now - row[0]) <= row[1]


def _dead_members(db: sqlite3.Connection, group: str, now: float) -> list[str]:
    return [row[0] for row in db.execute("SELECT id FROM members WHERE grp = ? AND abs(? - seen_at) > lease", (group, now))]


def _strike_off(db: sqlite3.Connection, group: str, members: Sequence[str]) -> None:
    """Take *members* out of the group: their partitions belong to nobody."""
    if members:
        db.execute(f"DELETE FROM assignments WHERE grp = ? AND member IN ({_marks(members)})", (group, *members))
        db.execute(f"DELETE FROM members WHERE id IN ({_marks(members)})", tuple(members))
        _new_generation(db, group)


def _new_generation(db: sqlite3.Connection, group: str) -> int:
    row = db.execute(
        "INSERT INTO groups VALUES (?, 1) ON CONFLICT DO UPDATE SET generation = generation + 1 RETURNING generation", (group,)
    ).fetchall()[0]
    return int(row[0])


def _row_id(partition: int, offset: int) -> int:
    return partition << OFFSET_BITS | offset


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _pack(headers: Headers) -> bytes | None:
    """Headers as JSON with the values as Latin-1 text: every byte has its own code point, and most are ASCII anyway."""
    return json.dumps([[name, value.decode("latin-1")] for name, value in headers]).encode() if headers else None


def _unpack(packed: bytes | None) -> Headers:
    return tuple((name, value.encode("latin-1")) for name, value in json.loads(packed)) if packed else ()
