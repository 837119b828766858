"""Databases and whole stacks to measure on, thrown away afterwards: durable as in production, and servers only where they can be had."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import Engine

from scripts import kafka, postgres
from scripts.kafka import kafka_server
from scripts.postgres import PostgresServer
from storage.engine import connect_database, upgrade

SQLITE, POSTGRES = "SQLite", "Postgres"
EMBEDDED, SERVERS = "embedded", "Kafka and Postgres"


@contextmanager
def databases(count: int = 1) -> Iterator[Mapping[str, Sequence[Engine]]]:
    """Give *count* empty databases of each kind, at the newest migration."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        urls = {SQLITE: [f"sqlite:///{folder}/{number}.db" for number in range(count)]}
        if postgres.ensure() is None:
            server = stack.enter_context(_postgres())
            urls[POSTGRES] = [server.create_database(f"bench{number}") for number in range(count)]
        engines = {kind: [connect_database(url) for url in found] for kind, found in urls.items()}
        for engine in (one for found in engines.values() for one in found):
            stack.callback(engine.dispose)
            upgrade(engine)
        yield engines


@contextmanager
def settings_of(stack: str, folder: Path) -> Iterator[Mapping[str, str]]:
    """Give the settings of a stack that is EMBEDDED, in *folder*, or of SERVERS that are started for it."""
    if stack == EMBEDDED:
        yield _settings(folder, f"sqlite:///{folder / 'broker.db'}", f"sqlite:///{folder / 'dateline.db'}")
        return
    with kafka_server(folder / "kafka") as broker, _postgres() as server:
        yield _settings(folder, broker.url, server.create_database("bench"))


def stacks() -> tuple[str, ...]:
    """Return the stacks that can be had here."""
    return (EMBEDDED, SERVERS) if kafka.missing() is None and postgres.ensure() is None else (EMBEDDED,)


@contextmanager
def engine_of(settings: Mapping[str, str]) -> Iterator[Engine]:
    """Give an engine of the stack's database for the length of a block."""
    engine = connect_database(settings["DATELINE_DATABASE_URL"])
    try:
        yield engine
    finally:
        engine.dispose()


def _settings(folder: Path, broker: str, database: str) -> Mapping[str, str]:
    return {"DATELINE_DATA_DIR": str(folder), "DATELINE_BROKER_URL": broker, "DATELINE_DATABASE_URL": database}


@contextmanager
def _postgres() -> Iterator[PostgresServer]:
    server = PostgresServer(durable=True)
    try:
        yield server.start()
    finally:
        server.close()
