"""The embedded broker's one file: its tables, and a connection whose faults are told in the broker's words."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from stream.errors import BrokerUnavailable, ConfigError
from stream.sqlite_wal import use_wal

SCHEMA_VERSION = 1

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


@dataclass
class BrokerFile:
    """A connection to the broker's file, opened on first use, and again where the file was removed or replaced under it."""

    path: Path
    lock_timeout: float
    _db: sqlite3.Connection | None = field(default=None, init=False)
    _identity: tuple[int, int] | None = field(default=None, init=False)
    _data_version: int = field(default=-1, init=False)

    def __enter__(self) -> BrokerFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next use opens one anew."""
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


def marks(values: Sequence[object]) -> str:
    """Return the placeholders of an IN (…)."""
    return ", ".join("?" * len(values))


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
