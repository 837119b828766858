"""Faults by name, and how they are struck at random while articles go through the real workers."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import psycopg

from scripts.kafka import KafkaServer
from scripts.postgres import PostgresServer
from stream.broker import Broker
from tests.system.disk import Disk
from tests.system.flow import Flow
from tests.system.harness import Workers

PAUSED = 4.0  # seconds that a worker is stopped: longer than its lease
SHORT = 1.0  # seconds that a database is slow, a disk full, a service away, a clock wrong
JUMP = 3600  # seconds that a clock jumps
POISON = 3  # records that are no message, for each topic


Fault = Callable[["Victims"], None]


@dataclass(frozen=True)
class Stack:
    """What workers run on, with the environment that leads them there, and the *faults* that strike it; *disks* by who writes to them."""

    name: str
    env: Mapping[str, str]
    faults: Mapping[str, Fault]
    disks: Mapping[str, Disk] = field(default_factory=dict)
    kafka: KafkaServer | None = None
    postgres: PostgresServer | None = None


@dataclass
class Victims:
    """What faults strike; *poisoned* are the values that were sent as poison."""

    workers: Workers
    chance: random.Random
    stack: Stack
    broker: Broker
    topics: tuple[str, ...]
    poisoned: set[bytes] = field(default_factory=set)

    @property
    def kafka(self) -> KafkaServer:
        assert self.stack.kafka is not None
        return self.stack.kafka

    @property
    def postgres(self) -> PostgresServer:
        assert self.stack.postgres is not None
        return self.stack.postgres

    @property
    def database(self) -> str:
        return self.stack.env["DATELINE_DATABASE_URL"]

    def any_worker(self) -> str:
        return self.chance.choice(self.workers.names)


def kill_worker(victims: Victims) -> None:
    victims.workers.kill(victims.any_worker())


def pause_worker(victims: Victims) -> None:
    with victims.workers.paused(victims.any_worker()):
        time.sleep(PAUSED)


def move_clock(victims: Victims) -> None:
    _move_clocks(victims, [victims.any_worker()])


def move_every_clock(victims: Victims) -> None:
    """The embedded default is one machine, whose processes have one clock."""
    _move_clocks(victims, victims.workers.names)


def poison(victims: Victims) -> None:
    producer = victims.broker.producer()
    for topic in victims.topics:
        for number in range(len(victims.poisoned), len(victims.poisoned) + POISON):
            value = b"\xff\x00 poison %d for %s" % (number, topic.encode())
            producer.send(topic, key=b"poison%d" % number, value=value)
            victims.poisoned.add(value)
    producer.flush()
    producer.close()


def limit_files(victims: Victims) -> None:
    with victims.workers.no_byte_more(victims.any_worker()):
        time.sleep(SHORT)


def fill_disk(victims: Victims) -> None:
    with victims.stack.disks["workers"].full():
        time.sleep(SHORT)


def fill_disk_of_kafka(victims: Victims) -> None:
    """Kafka gives a disk up for good where a write fails, and ends; whoever runs it starts it again."""
    with victims.stack.disks["kafka"].full():
        time.sleep(SHORT)
    victims.kafka.restart()


def fill_disk_of_postgres(victims: Victims) -> None:
    """Postgres refuses what needs room, or recovers by itself; where that fails as well, it ends."""
    with victims.stack.disks["postgres"].full():
        time.sleep(SHORT)
    victims.postgres.restart("immediate")


def kill_kafka(victims: Victims) -> None:
    victims.kafka.kill9()
    time.sleep(SHORT)
    victims.kafka.start()


def stop_kafka(victims: Victims) -> None:
    victims.kafka.stop()
    time.sleep(SHORT)
    victims.kafka.start()


def stop_postgres_fast(victims: Victims) -> None:
    _stop_postgres(victims, "fast")


def stop_postgres_immediate(victims: Victims) -> None:
    _stop_postgres(victims, "immediate")


def cut_connections(victims: Victims) -> None:
    with psycopg.connect(victims.database, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dateline'")


def slow_database(victims: Victims) -> None:
    with psycopg.connect(victims.database) as connection:
        connection.execute("LOCK TABLE articles, feeds IN ACCESS EXCLUSIVE MODE")
        time.sleep(SHORT)


def _move_clocks(victims: Victims, names: Sequence[str]) -> None:
    for seconds in (JUMP, -JUMP):
        with ExitStack() as moved:
            for name in names:
                moved.enter_context(victims.workers.clock_moved(name, seconds))
            time.sleep(SHORT)


def _stop_postgres(victims: Victims, mode: str) -> None:
    victims.postgres.stop(mode)
    time.sleep(SHORT)
    victims.postgres.start()


FAULTS: Mapping[str, Fault] = {
    "worker killed (SIGKILL)": kill_worker,
    "worker stopped for longer than its lease (SIGSTOP)": pause_worker,
    f"poison: {POISON} records that are no message on each topic": poison,
}
FILE_FAULTS: Mapping[str, Fault] = {"the machine's clock an hour ahead, then an hour behind": move_every_clock}
FILE_DISK_FAULTS: Mapping[str, Fault] = {"disk full (tmpfs)": fill_disk}
SERVICE_FAULTS: Mapping[str, Fault] = {
    "Kafka killed and started again": kill_kafka,
    "Kafka stopped and started again": stop_kafka,
    "Postgres stopped (immediate) and started again": stop_postgres_immediate,
    "Postgres stopped (fast) and started again": stop_postgres_fast,
    "every database connection cut": cut_connections,
    "database slow: tables locked": slow_database,
    "a worker's clock an hour ahead, then an hour behind": move_clock,
}
SERVICE_DISK_FAULTS: Mapping[str, Fault] = {
    "Kafka's disk full (tmpfs), then Kafka started again": fill_disk_of_kafka,
    "Postgres's disk full (tmpfs), then Postgres started again": fill_disk_of_postgres,
}
WITHOUT_DISK: Mapping[str, Fault] = {"no byte more to a worker's files (RLIMIT_FSIZE)": limit_files}


def strike(victims: Victims, faults: Mapping[str, Fault], order: list[str], flow: Flow) -> dict[str, list[int]]:
    """Strike *faults* by name in *order*; return how many articles were on their way each time that one struck."""
    struck: dict[str, list[int]] = {name: [] for name in faults}
    for number, name in enumerate(order):
        struck[name].append(flow.wait(number, victims.chance))
        faults[name](victims)
    return struck
