"""``docs/operations.md``, backup and restore, walked through with the real worker: what came since the backup is read again."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from scripts.kafka import KafkaServer
from scripts.postgres import PostgresServer, binaries
from stream.broker import Broker
from stream.connect import connect_broker
from stream.messages import encode
from tests.storage.samples import annotated
from tests.system.harness import Workers, run_dateline

DEADLINE = 60.0  # seconds
BEFORE = [f"before{number}" for number in range(5)]
SINCE = [f"since{number}" for number in range(5)]


def publish(broker: Broker, topic: str, ids: Iterable[str]) -> None:
    producer = broker.producer()
    for one in ids:
        producer.send(topic, key=one.encode(), value=encode(annotated(one)))
    producer.flush()
    producer.close()


def stored(env: Mapping[str, str]) -> set[str]:
    return {row["article_id"] for row in json.loads(run_dateline(env, "query", "articles", "--json", "--limit", "100"))}


@contextmanager
def storing(env: Mapping[str, str], log: Path) -> Iterator[Callable[[Iterable[str]], None]]:
    """Run a storage worker, to be stopped as an operator does; give what waits until articles are in the database."""

    def until(ids: Iterable[str]) -> None:
        deadline = time.monotonic() + DEADLINE
        while not set(ids) <= stored(env) and time.monotonic() < deadline:
            time.sleep(1.0)

    with Workers(["store"], env, log) as workers:
        yield until
        assert workers.stop() == {"store": 0}


def run_postgres(program: str, *arguments: str) -> None:
    folder = binaries()
    assert folder is not None
    subprocess.run([folder / program, *arguments], check=True, capture_output=True)


def test_postgres_is_restored_and_what_was_stored_since_is_read_again(
    kafka_server: KafkaServer, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    name, prefix = f"restore_{tmp_path.name}".lower().replace("-", "_"), f"restore-{tmp_path.name}"
    postgres_server.create_database(name)
    url = make_url(postgres_server.url(name)).render_as_string(hide_password=False)
    env = {"DATELINE_BROKER_URL": kafka_server.url, "DATELINE_DATABASE_URL": url, "DATELINE_TOPIC_PREFIX": prefix, "HOME": str(tmp_path)}
    topic, dump = f"{prefix}.annotated", tmp_path / "dateline.dump"
    run_dateline(env, "db", "upgrade")
    run_dateline(env, "topics", "ensure")
    broker = connect_broker(kafka_server.url)

    publish(broker, topic, BEFORE)
    with storing(env, tmp_path / "log") as until:
        until(BEFORE)
        run_postgres("pg_dump", "--format=custom", f"--file={dump}", url)  # while the worker runs
        publish(broker, topic, SINCE)
        until(SINCE)

    postgres_server.drop_database(name)
    postgres_server.create_database(name)
    run_postgres("pg_restore", "--exit-on-error", f"--dbname={url}", str(dump))
    run_dateline(env, "db", "upgrade")
    assert stored(env) == set(BEFORE)
    assert json.loads(run_dateline(env, "query", "search", "geneva", "--json"))  # the index of full-text search is there again
    with storing(env, tmp_path / "log") as until:
        until(SINCE)
    assert stored(env) == {*BEFORE, *SINCE}
    broker.close()


def test_the_folder_of_one_machine_is_restored_as_it_was_copied(tmp_path: Path) -> None:
    data, backup = tmp_path / "data", tmp_path / "backup"
    env = {"DATELINE_DATA_DIR": str(data)}
    run_dateline(env, "db", "upgrade")
    run_dateline(env, "topics", "ensure")
    broker = connect_broker(f"sqlite:///{data / 'broker.db'}")
    publish(broker, "dateline.annotated", BEFORE)
    with storing(env, tmp_path / "log") as until:
        until(BEFORE)
    publish(broker, "dateline.annotated", SINCE)
    broker.close()
    shutil.copytree(data, backup)
    shutil.rmtree(data)
    shutil.copytree(backup, data)
    with storing(env, tmp_path / "log") as until:
        until(SINCE)
    assert stored(env) == {*BEFORE, *SINCE}
    findings = {one["check"]: one["state"] for one in json.loads(run_dateline(env, "doctor", "--json"))}
    assert (findings["broker"], findings["migrations"], findings["gaps"]) == ("ok", "ok", "ok")


@pytest.mark.parametrize("word", ["pg_dump", "pg_restore", "dropdb"])
def test_the_page_tells_what_is_rehearsed_here(word: str) -> None:
    assert word in (Path(__file__).parents[2] / "docs/operations.md").read_text()
