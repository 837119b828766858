"""Several processes that open a new SQLite file together."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.engine import connect_database
from stream.sqlite_wal import use_wal


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that holds the write lock of a new file, not in WAL mode yet."""
    db = sqlite3.connect(tmp_path / "new.db", isolation_level=None, check_same_thread=False)
    db.execute("BEGIN IMMEDIATE")
    db.execute("CREATE TABLE t (a)")
    yield db
    db.close()


def test_change_to_wal_waits_for_the_one_that_holds_the_lock(locked: sqlite3.Connection, tmp_path: Path) -> None:
    def open_it() -> str:
        db = sqlite3.connect(tmp_path / "new.db")
        use_wal(db, 30.0)
        mode: str = db.execute("PRAGMA journal_mode").fetchone()[0]
        db.close()
        return mode

    with ThreadPoolExecutor(1) as pool:
        opened = pool.submit(open_it)
        assert not opened.done()
        locked.execute("COMMIT")
        assert opened.result() == "wal"


def test_database_opened_while_another_process_makes_it_is_no_failure(locked: sqlite3.Connection, tmp_path: Path) -> None:
    engine = connect_database(f"sqlite:///{tmp_path / 'new.db'}")
    with ThreadPoolExecutor(1) as pool:
        opened = pool.submit(engine.connect)
        with pytest.raises(TimeoutError):
            opened.result(timeout=0.3)
        locked.execute("COMMIT")
        opened.result().close()
    engine.dispose()


def test_lock_that_is_never_given_back_is_an_error_in_the_end(locked: sqlite3.Connection, tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "new.db", timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        use_wal(db, 0.05)
    db.close()
