"""Clear words about the embedded broker's file."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from stream.broker import TopicSpec
from stream.errors import BrokerUnavailable, ConfigError
from stream.sqlite_broker import SqliteBroker
from tests.stream.brokers import SqliteBackend, Stand, read


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "broker.db"


@pytest.mark.parametrize("remove", [Path.unlink, lambda path: shutil.rmtree(path.parent)])
def test_a_file_that_is_removed_while_in_use_is_told_and_never_written_to(tmp_path: Path, remove: Callable[[Path], None]) -> None:
    path = tmp_path / "folder" / "broker.db"
    with Stand(SqliteBackend(path)) as stand:
        stand.make_topic(1)
        producer, consumer = stand.producer(), stand.consumer()
        producer.send(stand.topic, key=b"k", value=b"v")
        producer.flush()
        read(consumer, 1)
        remove(path)

        producer.send(stand.topic, key=b"k", value=b"v")
        with pytest.raises(BrokerUnavailable, match=r"was removed or replaced"):
            producer.flush()
        with pytest.raises(BrokerUnavailable, match=r"was removed or replaced"):
            consumer.poll(0.1, 1)
        with pytest.raises(ConfigError, match=r"dateline topics ensure"):
            producer.send(stand.topic, key=b"k", value=b"v")


def test_a_file_that_is_no_broker_file_is_refused(path: Path) -> None:
    path.write_bytes(b"not a database, but a text that is long enough to be looked at as one" * 20)
    with pytest.raises(ConfigError, match=r"cannot be used as the broker's file"):
        SqliteBroker(path).ensure_topics([TopicSpec("t")])


@pytest.mark.parametrize("statement", ["PRAGMA user_version = 99", "CREATE TABLE articles (id)"])
def test_a_database_of_something_else_is_refused_and_left_alone(path: Path, statement: str) -> None:
    db = sqlite3.connect(path)
    db.execute(statement)
    db.commit()
    with pytest.raises(ConfigError, match=r"no broker file of this version"):
        SqliteBroker(path).ensure_topics([TopicSpec("t")])
    assert db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'topics'").fetchone() == (0,)
    db.close()


def test_a_path_below_a_file_is_refused(path: Path) -> None:
    path.write_text("")
    with pytest.raises(ConfigError, match=r"cannot be made"):
        SqliteBroker(path / "broker.db").ensure_topics([TopicSpec("t")])


def test_several_processes_may_make_the_file_at_once(path: Path) -> None:
    with Stand(SqliteBackend(path)) as stand:
        children = [stand.child() for _ in range(4)]
        for child in children:
            child.tell("poll", stand.group, stand.topic, 0.1)
        assert [child.answer() for child in children] == [{"error": "ConfigError"}] * 4  # no such topic, in a file that all can use
        stand.make_topic(4)
        assert all(child.ask("poll", stand.group, stand.topic, 0.1) == [] for child in children)
