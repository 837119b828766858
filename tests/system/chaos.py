"""Faults by name, and how they are struck at random while articles go through the real workers."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import psycopg

from scripts.kafka import KafkaServer
from scripts.postgres import PostgresServer
from stream.broker import Broker
from tests.system.disk import Disk
from tests.system.harness import Site, Workers

PAUSED = 4.0  # seconds that a worker is stopped: longer than its lease
SHORT = 1.0  # seconds that a database is slow, a disk full, a service away, a clock wrong
JUMP = 3600  # seconds that a clock jumps
POISON = 3  # records that are no message, for each topic
JITTER = 1.0  # seconds at most between the coming of articles and the fault: it finds them anywhere on their way
LOOK_EVERY = 0.1  # seconds between two looks at what is stored


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
    name = victims.any_worker()
    for seconds in (JUMP, -JUMP):
        with victims.workers.clock_moved(name, seconds):
            time.sleep(SHORT)


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
    with victims.stack.disks["kafka"].full():
        time.sleep(SHORT)
    if not victims.kafka.runs:
        victims.kafka.restart()


def fill_disk_of_postgres(victims: Victims) -> None:
    with victims.stack.disks["postgres"].full():
        time.sleep(SHORT)
    if not victims.postgres.runs:
        victims.postgres.restart()


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


def _stop_postgres(victims: Victims, mode: str) -> None:
    victims.postgres.stop(mode)
    time.sleep(SHORT)
    victims.postgres.start()


FAULTS: Mapping[str, Fault] = {
    "worker killed (SIGKILL)": kill_worker,
    "worker stopped for longer than its lease (SIGSTOP)": pause_worker,
    "a worker's clock an hour ahead, then an hour behind": move_clock,
    f"poison: {POISON} records that are no message on each topic": poison,
}
FILE_DISK_FAULTS: Mapping[str, Fault] = {"disk full (tmpfs)": fill_disk}
SERVICE_FAULTS: Mapping[str, Fault] = {
    "Kafka killed and started again": kill_kafka,
    "Kafka stopped and started again": stop_kafka,
    "Postgres stopped (immediate) and started again": stop_postgres_immediate,
    "Postgres stopped (fast) and started again": stop_postgres_fast,
    "every database connection cut": cut_connections,
    "database slow: tables locked": slow_database,
}
SERVICE_DISK_FAULTS: Mapping[str, Fault] = {
    "Kafka's disk full (tmpfs), and Kafka started again where it ended": fill_disk_of_kafka,
    "Postgres's disk full (tmpfs), and Postgres started again where it ended": fill_disk_of_postgres,
}
WITHOUT_DISK: Mapping[str, Fault] = {"no byte more to a worker's files (RLIMIT_FSIZE)": limit_files}


class Flow:
    """Lets the stories of *site* out in as many equal shares as there are *faults*, and one: each fault strikes among articles.

    *stored* says how many are stored. Shares follow what is stored, so the pace is the pipeline's own.
    """

    def __init__(self, site: Site, articles: int, faults: int, stored: Callable[[], int], patience: float) -> None:
        self._site, self._articles, self._parts = site, articles, faults + 1
        self._look, self._seen, self._patience = stored, 0, patience
        site.release(self._share(1))

    def before(self, fault: int) -> None:
        """Wait until articles of the share before that of *fault* (0, 1, …) are stored, then let its own out."""
        assert wait_until(lambda: self._stored() > self._share(fault), self._patience), f"nothing is stored before fault {fault}"
        self._site.release(self._share(fault + 2))

    def unstored(self) -> int:
        """How many articles were let out and are not stored."""
        return self._site.released - self._stored()

    def _stored(self) -> int:
        self._seen = max(self._seen, self._look())  # a database that does not answer has not lost anything
        return self._seen

    def _share(self, number: int) -> int:
        return self._articles * number // self._parts


def strike(victims: Victims, faults: Mapping[str, Fault], order: list[str], flow: Flow) -> dict[str, list[int]]:
    """Strike *faults* by name in *order*; return how many articles were on their way each time that one struck."""
    struck: dict[str, list[int]] = {name: [] for name in faults}
    for number, name in enumerate(order):
        flow.before(number)
        time.sleep(victims.chance.uniform(0.0, JITTER))
        struck[name].append(flow.unstored())
        faults[name](victims)
    return struck


def wait_until(condition: Callable[[], bool], patience: float) -> bool:
    """Return True when *condition* holds, False after *patience* seconds."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_EVERY)
    return True
