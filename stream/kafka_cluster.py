"""Where the Kafka brokers are, how clients are made that talk to them, and what an admin client is asked.

A client that cannot reach any server keeps its thread after the constructor has raised: the servers are tried first.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import kafka
import kafka.errors as errors
from kafka.structs import TopicPartition as KafkaPartition

from stream.broker import MAX_RECORD_BYTES, TopicSpec, unknown_topic
from stream.errors import BrokerUnavailable, ConfigError
from stream.kafka_errors import translated

REQUEST_TIMEOUT = 15.0  # seconds
DELIVERY_TIMEOUT = 20.0  # seconds until a record that no broker takes has failed
CONNECT_TIMEOUT = 10.0  # seconds
MESSAGE_BYTES = MAX_RECORD_BYTES + 1024 * 1024  # of a batch with one record of the largest size, its framing included

_CLIENTS: tuple[Any, ...] = (kafka.KafkaProducer, kafka.KafkaConsumer, kafka.KafkaAdminClient)


class Cluster:
    """The brokers at *servers*; *options* go to every client that knows them. Raises ConfigError for one that none knows."""

    def __init__(self, servers: Sequence[str], options: Mapping[str, Any]) -> None:
        known = set().union(*(client.DEFAULT_CONFIG for client in _CLIENTS))
        if unknown := sorted(set(options) - known):
            raise ConfigError(f"{unknown[0]} is no option of kafka-python (DATELINE_KAFKA_OPTIONS)")
        self._servers = tuple(servers)
        self._options = dict(options)

    @property
    def delivery_timeout(self) -> float:
        """Seconds until a record that no broker takes has failed."""
        return float(self._options.get("delivery_timeout_ms", DELIVERY_TIMEOUT * 1000)) / 1000

    def client(self, kind: Any, **settings: Any) -> Any:
        """Return a connected client of *kind*. Raises BrokerUnavailable, and kafka-python's errors."""
        self._reach()
        common = {
            "bootstrap_servers": list(self._servers),
            "client_id": "dateline",
            "bootstrap_timeout_ms": ms(CONNECT_TIMEOUT),
            "request_timeout_ms": ms(REQUEST_TIMEOUT),
            "reconnect_backoff_max_ms": 2000,  # by default up to 30 s pass until a broker that is back is noticed
        }
        given = {name: value for name, value in self._options.items() if name in kind.DEFAULT_CONFIG}
        try:
            return kind(**{**common, **settings, **given})
        except (ValueError, TypeError, AssertionError) as e:
            raise ConfigError(f"kafka-python does not take its options: {e} (DATELINE_KAFKA_OPTIONS)") from e

    @contextmanager
    def admin(self) -> Iterator[Any]:
        """An admin client for a block, in which kafka-python's errors are translated."""
        with translated("asking"), self.client(kafka.KafkaAdminClient) as admin:
            yield admin

    def require(self, topic: str) -> str:
        """Return the id of *topic*, another one once it was made anew; raises ConfigError if it does not exist."""
        with self.admin() as admin:
            (found,) = admin.describe_topics([topic])
        if found["error_code"] == errors.UnknownTopicOrPartitionError.errno:
            raise unknown_topic(topic)
        return str(found["topic_id"])

    def _reach(self) -> None:
        if self._options.get("proxy_url"):
            return
        reasons = []
        for server in self._servers:
            host, _, port = server.rpartition(":")
            try:
                socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_TIMEOUT).close()
                return
            except OSError as e:
                reasons.append(f"{server}: {e}")
        raise BrokerUnavailable(f"no Kafka broker answers ({'; '.join(reasons)})")


def make_topic(admin: Any, spec: TopicSpec) -> bool:
    """Make a topic; return False where it exists."""
    configs = {
        "max.message.bytes": str(MESSAGE_BYTES),
        "retention.ms": str(int(spec.retention.total_seconds() * 1000)),
    }
    try:
        admin.create_topics({spec.name: {"num_partitions": spec.partitions, "configs": configs}}, wait_for_metadata=True)
    except errors.TopicAlreadyExistsError:
        return False
    return True


def partitions_of(admin: Any, topics: Sequence[str]) -> list[KafkaPartition]:
    """Return the partitions of those *topics* that exist."""
    return [
        KafkaPartition(topic["name"], partition["partition_index"])
        for topic in admin.describe_topics(list(topics))
        if topic["error_code"] != errors.UnknownTopicOrPartitionError.errno
        for partition in topic["partitions"]
    ]


def group_offsets(admin: Any, group: str, partitions: list[KafkaPartition]) -> Mapping[KafkaPartition, Any]:
    """What *group* has committed. The first group of a new cluster has to wait until the coordinator has made its own topic."""
    deadline = time.monotonic() + CONNECT_TIMEOUT
    while True:
        try:
            offsets: Mapping[KafkaPartition, Any] = admin.list_group_offsets({group: partitions}).get(group, {})
            return offsets
        except (errors.CoordinatorNotAvailableError, errors.CoordinatorLoadInProgressError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def ms(seconds: float) -> int:
    """Return milliseconds, in which kafka-python counts."""
    return int(seconds * 1000)
