"""Both brokers under one roof for the contract tests: how each is reached, how its records go, and how it goes away."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

from kafka import KafkaAdminClient
from kafka import TopicPartition as KafkaPartition

from scripts.kafka import KafkaServer
from stream.broker import Broker, Consumer, Producer, Record, TopicPartition, TopicSpec
from stream.connect import connect_broker
from stream.kafka_broker import KafkaBroker
from stream.sqlite_broker import SqliteBroker

ROOT = Path(__file__).parents[2]
SESSION_TIMEOUT = 6.0  # seconds; a living member hears of a rebalance at its next heartbeat, four in a session
PATIENCE = 60.0  # seconds that a test waits for what must come in the end


class Backend(Protocol):
    """What differs between the two brokers in a test."""

    url: str

    def impatient(self) -> Broker:
        """A broker that soon gives up."""

    def drop_records(self, partition: TopicPartition, before: int) -> None:
        """Delete the records below an offset, as retention does."""

    def going_away(self) -> Any:
        """A block in which the broker does not answer."""


class SqliteBackend:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.url = f"sqlite:///{path}"

    def impatient(self) -> Broker:
        return SqliteBroker(self._path, lease=1.0, lock_timeout=0.2)

    def drop_records(self, partition: TopicPartition, before: int) -> None:
        with sqlite3.connect(self._path) as db:
            db.execute("UPDATE partitions SET start = ? WHERE topic = ? AND number = ?", (before, *partition))
            db.execute(
                "DELETE FROM records WHERE id >> 40 = (SELECT id FROM partitions WHERE topic = ? AND number = ?) "
                "AND id & ((1 << 40) - 1) < ?",
                (*partition, before),
            )
        db.close()

    @contextmanager
    def going_away(self) -> Iterator[None]:
        """Another process that holds the write lock and does not let go."""
        db = sqlite3.connect(self._path, isolation_level=None)
        db.execute("BEGIN IMMEDIATE")
        yield
        db.close()


class KafkaBackend:
    def __init__(self, server: KafkaServer) -> None:
        self._server = server
        self.url = server.url

    def impatient(self) -> Broker:
        return KafkaBroker([self._server.bootstrap], options={"delivery_timeout_ms": 2000, "request_timeout_ms": 1500})

    def drop_records(self, partition: TopicPartition, before: int) -> None:
        with KafkaAdminClient(bootstrap_servers=self._server.bootstrap) as admin:
            admin.delete_records({KafkaPartition(*partition): before})

    @contextmanager
    def going_away(self) -> Iterator[None]:
        self._server.kill9()
        try:
            yield
        finally:
            self._server.restart()


class Stand:
    """A broker with a topic and a group that no other test uses; closes what it opened."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        name = f"t{uuid.uuid4().hex[:12]}"
        self.topic, self.group = f"{name}.records", f"{name}.group"
        self.broker = connect_broker(backend.url, session_timeout=SESSION_TIMEOUT)
        self._stack = ExitStack()
        self._producer: Producer | None = None

    def __enter__(self) -> Stand:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self.broker.close()

    def make_topic(self, partitions: int = 4) -> str:
        self.broker.ensure_topics([TopicSpec(self.topic, partitions)])
        return self.topic

    def producer(self, broker: Broker | None = None) -> Producer:
        producer = (broker or self.broker).producer()
        self._stack.callback(producer.close)
        return producer

    def consumer(self, group: str | None = None, *, broker: Broker | None = None, session_timeout: float | None = None) -> Consumer:
        if session_timeout is not None:
            broker = connect_broker(self.backend.url, session_timeout=session_timeout)
        consumer = (broker or self.broker).consumer(group or self.group, [self.topic])
        self._stack.callback(consumer.close)
        return consumer

    def publish(self, values: Sequence[bytes], key: Callable[[bytes], bytes | None] = lambda value: value) -> None:
        self._producer = self._producer or self.producer()
        for value in values:
            self._producer.send(self.topic, key=key(value), value=value)
        self._producer.flush()

    def child(self, *, session_timeout: float = 10.0, env: Mapping[str, str] | None = None) -> ChildProcess:
        child = ChildProcess(env or {})
        self._stack.callback(child.kill)
        child.ask("connect", self.backend.url, session_timeout)
        return child


class ChildProcess:
    """A process of its own that uses a broker: see ``tests.stream.broker_child``."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.stream.broker_child"],
            cwd=ROOT,
            env={**os.environ, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def tell(self, *command: Any) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        assert self._process.stdout
        return json.loads(self._process.stdout.readline())

    def ask(self, *command: Any) -> Any:
        self.tell(*command)
        return self.answer()

    def pause(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()


def read(consumer: Consumer, count: int, max_records: int = 1000) -> list[Record]:
    """Poll until *count* records have come; fails with fewer after PATIENCE."""
    records: list[Record] = []
    deadline = time.monotonic() + PATIENCE
    while len(records) < count and time.monotonic() < deadline:
        records += consumer.poll(0.5, max_records)
    assert len(records) >= count, f"{len(records)} of {count} records came"
    return records


def until(condition: Callable[[], Any], what: str) -> Any:
    """Call *condition* until it gives something true, and return that; fails after PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if result := condition():
            return result
    raise AssertionError(f"not within {PATIENCE:.0f} s: {what}")


def values(records: Sequence[Record]) -> list[bytes]:
    return [record.value or b"" for record in records]


def after(records: Sequence[Record]) -> dict[TopicPartition, int]:
    """The offsets to commit once *records* are done."""
    return {TopicPartition(record.topic, record.partition): record.offset + 1 for record in records}


def numbers(count: int, start: int = 0) -> list[bytes]:
    """Values that tell their order."""
    return [b"%06d" % number for number in range(start, start + count)]
