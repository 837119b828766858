"""Databases for tests: ask for ``engine`` and the test runs on SQLite and on a real Postgres, each time with the empty schema.

One throw-away Postgres serves the whole session; every test has a database of its own, copied from a migrated one.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from scripts.postgres import PostgresServer, ensure
from storage.engine import connect_database, upgrade
from tests.services.needed import need

DATABASES = ("sqlite", "postgres")
TEMPLATE = "migrated"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running server; its database ``migrated`` holds the empty schema, to be copied."""
    reason = ensure()
    need(f"no Postgres: {reason}" if reason else None)
    server = PostgresServer()
    try:
        _migrate(server.start().create_database(TEMPLATE))
        yield server
    finally:
        server.close()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A Postgres database with the schema and no rows."""
    with _copy_of(postgres_server, TEMPLATE) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the schema and no rows, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    _migrate(f"sqlite:///{path}")
    return path


@contextmanager
def fresh_database(request: pytest.FixtureRequest, kind: str, folder: Path, *, migrated: bool = True) -> Iterator[str]:
    """Give the URL of a database of *kind* without rows, for fixtures of any scope; *folder* holds an SQLite file."""
    if kind == "postgres":
        with _copy_of(request.getfixturevalue("postgres_server"), TEMPLATE if migrated else None) as url:
            yield url
    else:
        path = folder / "dateline.db"
        if migrated:
            shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
        yield f"sqlite:///{path}"


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with the schema and no rows."""
    with fresh_database(request, request.param, tmp_path) as url:
        yield url


@pytest.fixture(params=DATABASES)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables."""
    with fresh_database(request, request.param, tmp_path, migrated=False) as url:
        yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on a database with the schema and no rows."""
    engine = connect_database(database_url)
    yield engine
    engine.dispose()


@contextmanager
def _copy_of(server: PostgresServer, template: str | None) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    yield server.create_database(name, template)
    server.drop_database(name)


def _migrate(url: str) -> None:
    engine = connect_database(url)
    upgrade(engine)
    engine.dispose()
