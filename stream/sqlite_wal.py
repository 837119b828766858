"""What both SQLite files of the embedded default need: the log of the broker and the database."""

from __future__ import annotations

import sqlite3
import time

RETRY = 0.02  # seconds


def use_wal(connection: sqlite3.Connection, timeout: float) -> None:
    """Put the file into WAL mode; wait up to *timeout* seconds for other processes that are in its way.

    A busy timeout does not cover this: SQLite's change of the mode fails at once where another connection holds a lock, as it
    does when several workers open a new file together. Raises sqlite3.OperationalError when the time is over.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(RETRY)
