"""The rim of the database: connecting, transactions whose errors are ours, and the migrations."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from storage.dialect import dump_json
from stream.errors import ConfigError, DatabaseUnavailable, DatelineError, MigrationMismatch, PermanentError, StageStopped
from stream.sqlite_wal import use_wal

SQLITE_BUSY_TIMEOUT = 30_000  # milliseconds that a writer waits for the one before it
LOCK_TIMEOUT = 60_000  # milliseconds; a paused worker that holds row locks must not hold up the others for ever
POOL_SIZE, POOL_OVERFLOW, POOL_TIMEOUT = 5, 5, 30.0  # connections, further ones under load, seconds
MIGRATIONS = "storage:migrations"
MIGRATION_LOCK = 0x6461_7465_6C69_6E65  # "dateline": key of the advisory lock

# synchronous=FULL: once a batch is committed its offsets are committed to the broker, so a power cut must not take it back.
# wal_autocheckpoint=8000: 32 MB instead of 4. With a million rows nearly every batch fills 4 MB, its pages lying far apart, and each
# checkpoint writes them to the file one by one; several batches at a time share many of them (benchmarks/growth.py).
SQLITE_PRAGMAS = ("synchronous=FULL", "foreign_keys=ON", "cache_size=-32000", "wal_autocheckpoint=8000")

# Keepalives: a worker whose server vanished without a word would otherwise wait for hours (Linux starts asking after two).
POSTGRES_ARGUMENTS: dict[str, Any] = {
    "connect_timeout": 10,
    "application_name": "dateline",
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}

# SQLSTATE classes (PostgreSQL, appendix A): what trying again mends, and what is the record's own fault.
TRANSIENT_STATES = ("08", "40", "53", "55", "57", "58", "XX", "25006")
RECORD_STATES = ("21", "22", "23", "54")
SCHEMA_STATES = ("42P01", "42703", "3F000")
TRANSIENT_SQLITE = {"BUSY", "LOCKED", "IOERR", "FULL", "CANTOPEN", "PROTOCOL", "READONLY", "NOMEM", "INTERRUPT"}
RECORD_SQLITE = {"CONSTRAINT", "MISMATCH", "TOOBIG", "RANGE"}


def connect_database(url: str, password: str | None = None) -> Engine:
    """Return an engine for ``postgresql://user@host/name`` or ``sqlite:///path``; it connects on first use.

    *password* wins over one in *url*. Raises ConfigError for a URL that is neither.
    """
    if url.startswith("sqlite:"):
        return _sqlite_engine(url)
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as e:
        raise ConfigError("DATELINE_DATABASE_URL is no URL: write postgresql://user@host/name or sqlite:///path") from e
    if parsed.drivername not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise ConfigError(f"DATELINE_DATABASE_URL: no database {parsed.drivername!r}: write postgresql://user@host/name or sqlite:///path")
    return _postgres_engine(parsed.set(drivername="postgresql+psycopg", password=password or parsed.password))


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Run the block in one writing transaction: committed at its end, rolled back on any exception.

    On SQLite the write lock is taken at the start: a reader that becomes a writer later fails at once when another came
    between. Raises what ``database_errors`` does.
    """
    with _in_turn(engine), database_errors(), engine.begin() as conn:
        if conn.dialect.name == "postgresql":
            conn.exec_driver_sql(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT}")
        yield conn


@contextmanager
def _in_turn(engine: Engine) -> Iterator[None]:
    """Let the threads of this process write one after another where the database takes one writer at a time.

    SQLite has each that comes in between sleep up to a tenth of a second and look again, while nobody writes.
    """
    turn: threading.Lock | None = engine.get_execution_options().get("dateline_turn")
    if turn is None:
        yield
    elif turn.acquire(timeout=SQLITE_BUSY_TIMEOUT / 1000):
        try:
            yield
        finally:
            turn.release()
    else:
        raise DatabaseUnavailable("the database is held by another thread of this process")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Run the block in one read-only transaction, which never waits for writers."""
    with database_errors(), engine.connect() as plain:
        conn = plain.execution_options(postgresql_readonly=True, dateline_reading=True)
        with conn.begin():
            yield conn


@contextmanager
def database_errors() -> Iterator[None]:
    """Turn the database's errors into ours.

    DatabaseUnavailable where trying again helps (connection, locks, deadlock, resources), PermanentError where the data
    is at fault, MigrationMismatch where a table or column is missing, StageStopped for all else (rights, a broken file).
    """
    try:
        yield
    except PoolTimeout as e:
        raise DatabaseUnavailable("no database connection became free in time") from e
    except DBAPIError as e:
        raise _translated(e.orig or e, lost=e.connection_invalidated) from e
    except psycopg.Error as e:  # of a COPY, which goes past SQLAlchemy
        raise _translated(e) from e
    except StatementError as e:  # a value that the driver or a column type cannot take
        raise PermanentError(f"the database cannot hold a value: {_first_line(e.orig or e)}") from e
    except OverflowError as e:  # sqlite3's own, for integers over 64 bits
        raise PermanentError(f"the database cannot hold a number: {e}") from e


def current_migration(engine: Engine) -> str | None:
    """Return the migration that the database is at, None where it has no tables; the folder of an SQLite file is made."""
    _make_folder(engine)
    with reading(engine) as conn:
        return _migration(conn)


def check_migration(engine: Engine) -> None:
    """Return if the database is at the migration that this code expects, else raise MigrationMismatch."""
    found = current_migration(engine)
    script = ScriptDirectory.from_config(_alembic())
    expected = script.get_current_head()
    if found == expected:
        return
    if found is not None and found not in {known.revision for known in script.walk_revisions()}:
        raise MigrationMismatch(f"the database is at migration {found}, newer than this version's {expected}: upgrade Dateline here")
    raise MigrationMismatch(f"the database is at migration {found or 'none'}, this version needs {expected}: run `dateline db upgrade`")


def upgrade(engine: Engine) -> None:
    """Bring the database to this code's migration, in one transaction; safe when several processes do so at once.

    A database that is there already is not touched, so that views keep the rights that were granted on them.
    """
    _make_folder(engine)
    with database_errors(), engine.begin() as conn:  # on SQLite the transaction itself is the lock
        if conn.dialect.name == "postgresql":
            conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        config = _alembic(conn)
        if _migration(conn) != ScriptDirectory.from_config(config).get_current_head():
            command.upgrade(config, "head")


def _make_folder(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        folder = Path(str(engine.url.database)).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise ConfigError(f"the database's folder {folder} cannot be made ({e.strerror}): set DATELINE_DATA_DIR to another") from e


def _sqlite_engine(url: str) -> Engine:
    path = url.removeprefix("sqlite:///") if url.startswith("sqlite:///") else ""
    if not path or path == ":memory:":
        raise ConfigError("DATELINE_DATABASE_URL: an SQLite database needs a file: write sqlite:///path (four slashes for an absolute one)")
    engine = create_engine(
        URL.create("sqlite", database=path),
        json_serializer=dump_json,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=POOL_TIMEOUT,
        execution_options={"dateline_turn": threading.Lock()},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver begins no transactions by itself: _begin_sqlite does
    connection.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_TIMEOUT}")
    use_wal(connection, SQLITE_BUSY_TIMEOUT / 1000)
    for pragma in SQLITE_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(conn: Connection) -> None:
    conn.exec_driver_sql("BEGIN" if conn.get_execution_options().get("dateline_reading") else "BEGIN IMMEDIATE")


def _postgres_engine(url: URL) -> Engine:
    arguments = {name: value for name, value in POSTGRES_ARGUMENTS.items() if name not in url.query}
    return create_engine(
        url,
        json_serializer=dump_json,
        connect_args=arguments,
        pool_pre_ping=True,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=POOL_TIMEOUT,
    )


def _migration(conn: Connection) -> str | None:
    return MigrationContext.configure(conn).get_current_revision()


def _alembic(conn: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", MIGRATIONS)
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = conn
    return config


def _translated(error: BaseException, *, lost: bool = False) -> DatelineError:
    kind, line = _postgres_kind(error) if isinstance(error, psycopg.Error) else _sqlite_kind(error), _first_line(error)
    if lost or kind is DatabaseUnavailable:
        return DatabaseUnavailable(f"the database cannot be used now: {line}")
    if kind is PermanentError:
        return PermanentError(f"the database refuses a row: {line}")
    if kind is MigrationMismatch:
        return MigrationMismatch(f"the database does not fit this version ({line}): run `dateline db upgrade`")
    return StageStopped(f"the database refuses: {line}")


def _postgres_kind(error: psycopg.Error) -> type[DatelineError]:
    state = error.sqlstate
    if state is None:  # raised by the driver: before a connection stands, after it was lost, or for a value it cannot send
        return PermanentError if isinstance(error, psycopg.DataError) else DatabaseUnavailable
    if state.startswith(TRANSIENT_STATES):
        return DatabaseUnavailable
    if state.startswith(RECORD_STATES):
        return PermanentError
    return MigrationMismatch if state in SCHEMA_STATES else StageStopped


def _sqlite_kind(error: BaseException) -> type[DatelineError]:
    name = str(getattr(error, "sqlite_errorname", "")).removeprefix("SQLITE_").split("_")[0]
    if name in TRANSIENT_SQLITE:
        return DatabaseUnavailable
    if name in RECORD_SQLITE or isinstance(error, sqlite3.DataError):
        return PermanentError
    missing = str(error).startswith(("no such table", "no such column", "no such view")) or "has no column" in str(error)
    return MigrationMismatch if missing else StageStopped


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
