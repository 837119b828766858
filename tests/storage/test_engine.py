"""Connecting, transactions and errors at the rim of the database."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, func, select, text

from scripts.postgres import PostgresServer
from storage import engine as rim
from storage.dialect import insert_rows
from storage.engine import check_migration, connect_database, reading, transaction
from storage.schema import article_entities, articles, events, gaps
from storage.writer import write_annotated
from stream.errors import ConfigError, DatabaseUnavailable, DatelineError, MigrationMismatch, PermanentError, StageStopped
from tests.storage.samples import annotated

NOW = datetime(2025, 6, 1, tzinfo=UTC)


NO_DATABASES = ("mysql://host/name", "nonsense", "", "sqlite://", "sqlite:///:memory:", "postgresql://host:port/name", "postgresql:")


@pytest.mark.parametrize("url", NO_DATABASES)
def test_url_that_names_no_database_is_refused_with_the_forms_that_do(url: str) -> None:
    with pytest.raises(ConfigError, match="sqlite:///path"):
        connect_database(url)


@pytest.mark.parametrize("url", ["postgresql://me@db/news", "postgres://me@db/news", "postgresql+psycopg://me:old@db/news"])
def test_postgres_urls_lead_to_psycopg_and_a_password_kept_apart_wins(url: str) -> None:
    engine = connect_database(url, password="s:e/c@ret")
    assert (engine.url.drivername, engine.url.password, engine.url.host) == ("postgresql+psycopg", "s:e/c@ret", "db")
    assert "s:e/c@ret" not in repr(engine)


@pytest.mark.parametrize("name", ["plain.db", "with space.db", "what?.db", "a%20b#c.db"])
def test_any_file_name_is_an_sqlite_database(tmp_path: Path, name: str) -> None:
    path = tmp_path / "new folder" / name
    engine = connect_database(f"sqlite:///{path}")
    rim.upgrade(engine)
    engine.dispose()
    assert path.stat().st_size > 0


def test_sqlite_commits_survive_a_power_cut_and_foreign_keys_hold(tmp_path: Path) -> None:
    engine = connect_database(f"sqlite:///{tmp_path / 'x.db'}")
    with reading(engine) as conn:
        pragmas = {name: conn.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous", "foreign_keys")}
    engine.dispose()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_threads_of_one_process_write_one_after_another_without_asking_sqlite_again_and_again(tmp_path: Path) -> None:
    engine = connect_database(f"sqlite:///{tmp_path / 'x.db'}")
    with transaction(engine) as conn:
        conn.exec_driver_sql("CREATE TABLE counter (n)")

    def count(_: int) -> None:
        with transaction(engine) as conn:
            conn.exec_driver_sql("INSERT INTO counter VALUES (1)")

    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=0"))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(count, range(100)))
    with reading(engine) as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM counter").scalar() == 100
    engine.dispose()


def test_transaction_that_raises_leaves_nothing(engine: Engine) -> None:
    def write_and_fail() -> None:
        with transaction(engine) as conn:
            write_annotated(conn, [annotated()])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    with reading(engine) as conn:
        assert conn.execute(select(func.count()).select_from(articles)).scalar_one() == 0


def test_reading_cannot_write_to_postgres(postgres_url: str) -> None:
    engine = connect_database(postgres_url)
    with pytest.raises(DatelineError), reading(engine) as conn:
        conn.execute(gaps.delete())
    engine.dispose()


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("INSERT INTO link_queue VALUES (404, 1, 1, '2025-01-01T00:00:00.000000Z')", PermanentError),
        ("INSERT INTO article_revisions (article_key) VALUES (NULL)", PermanentError),
        ("SELECT * FROM no_such_table", MigrationMismatch),
        ("SELECT no_such_column FROM articles", MigrationMismatch),
        ("SELECT nonsense nonsense nonsense", StageStopped),
    ],
)
def test_each_error_of_the_database_says_whether_trying_again_helps(engine: Engine, statement: str, error: type[DatelineError]) -> None:
    with pytest.raises(error), transaction(engine) as conn:
        conn.execute(text(statement))


@pytest.mark.parametrize("number", [2**63, -(2**70)])
def test_number_that_no_column_can_hold_is_the_records_fault(engine: Engine, number: int) -> None:
    with pytest.raises(PermanentError), transaction(engine) as conn:
        conn.execute(gaps.insert().values(consumer_group="g", topic="t", partition=0, from_offset=number, to_offset=1, detected_at=NOW))


def test_text_with_a_nul_is_the_records_fault_on_postgres(postgres_url: str) -> None:
    engine = connect_database(postgres_url)
    with pytest.raises(PermanentError), transaction(engine) as conn:
        conn.execute(text("SELECT CAST(:word AS text)"), {"word": "a\x00b"})
    engine.dispose()


def test_lock_that_is_not_had_is_transient_on_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rim, "SQLITE_BUSY_TIMEOUT", 50)
    url = f"sqlite:///{tmp_path / 'x.db'}"
    first, second = connect_database(url), connect_database(url)
    with transaction(first), pytest.raises(DatabaseUnavailable), transaction(second):
        pass
    first.dispose()
    second.dispose()


def test_lock_that_is_not_had_is_transient_on_postgres(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rim, "LOCK_TIMEOUT", 50)
    engine = connect_database(postgres_url)
    with transaction(engine) as holder:
        holder.exec_driver_sql("LOCK TABLE articles")
        with pytest.raises(DatabaseUnavailable), transaction(engine) as conn:
            write_annotated(conn, [annotated()])
    engine.dispose()


def test_file_that_is_no_database_stops_the_stage(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(b"This is no database. " * 100)
    with pytest.raises(StageStopped, match="not a database"):
        check_migration(connect_database(f"sqlite:///{path}"))


def test_server_that_is_away_is_transient() -> None:
    engine = connect_database("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(DatabaseUnavailable), reading(engine):
        pass


def test_killed_postgres_is_transient_and_keeps_what_was_committed(postgres_server: PostgresServer, postgres_url: str) -> None:
    engine = connect_database(postgres_url)
    with transaction(engine) as conn:
        write_annotated(conn, [annotated()])

    def write_while_the_server_dies() -> None:
        with transaction(engine) as conn:
            write_annotated(conn, [annotated("a2")])
            postgres_server.kill9()

    with pytest.raises(DatabaseUnavailable):
        write_while_the_server_dies()
    with pytest.raises(DatabaseUnavailable), transaction(engine):
        pass
    postgres_server.start()
    with transaction(engine) as conn:
        assert conn.execute(select(articles.c.article_id)).scalars().all() == ["a1"]
    engine.dispose()


def test_row_that_copy_refuses_is_the_records_fault(engine: Engine) -> None:
    row = {"article_key": 404, "n": 0, "entity_key": 1, "local_id": "e1", "name": "x", "type": "ORG", "mentions": [], "mention_count": 0}
    with pytest.raises(PermanentError), transaction(engine) as conn:
        insert_rows(conn, article_entities, [row])
    with transaction(engine) as conn:
        assert write_annotated(conn, [annotated()]).articles == 1


def test_server_that_dies_before_a_copy_is_transient(postgres_server: PostgresServer, postgres_url: str) -> None:
    engine = connect_database(postgres_url)

    def copy_while_the_server_is_away() -> None:
        with transaction(engine) as conn:
            postgres_server.kill9()
            insert_rows(conn, events, [{"article_key": 1, "n": 0}])

    with pytest.raises(DatabaseUnavailable):
        copy_while_the_server_is_away()
    postgres_server.start()
    with transaction(engine) as conn:
        assert write_annotated(conn, [annotated()]).articles == 1
    engine.dispose()


def test_errors_of_python_pass_through_unchanged(engine: Engine) -> None:
    with pytest.raises(sqlite3.Warning), transaction(engine):
        raise sqlite3.Warning("not the database's")
