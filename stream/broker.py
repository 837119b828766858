"""The broker contract, in Kafka's words; ``tests/stream/test_broker_contract.py`` runs it against every implementation.

At least once: what was sent is durable when ``flush`` returns, a group goes on at its committed offset, and a record may
be delivered again after a crash. Order is kept within a partition; a record's partition follows from its key alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from stream.errors import ConfigError, OffsetsLost, RecordTooLarge

MAX_RECORD_BYTES = 8 * 1024 * 1024  # key, value and headers of one record, on both brokers
DEFAULT_PARTITIONS = 12
DEFAULT_RETENTION = timedelta(days=7)

Headers = tuple[tuple[str, bytes], ...]


class TopicPartition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


Offsets = Mapping[TopicPartition, int]
Place = tuple[TopicPartition, int]  # of one record: its partition and offset


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a partition; *timestamp* is when it was sent, aware UTC."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp: datetime


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """What ``ensure_topics`` makes; an existing topic keeps its partitions."""

    name: str
    partitions: int = DEFAULT_PARTITIONS
    retention: timedelta = DEFAULT_RETENTION


class Producer(Protocol):
    """Sends records. Not shared between threads."""

    def send(self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        """Hand one record over; it is durable once ``flush`` has returned.

        Records of one key keep their order. Raises RecordTooLarge, BrokerUnavailable, or ConfigError for a topic that
        does not exist (``dateline topics ensure`` makes it: nothing is made by itself).
        """

    def flush(self) -> None:
        """Return when everything sent is durable; raises BrokerUnavailable if that is not certain.

        After any error from ``send`` or ``flush`` nothing is left over: what was sent since the last good flush is sent again
        by the caller, who may see records twice.
        """

    def close(self) -> None:
        """Flush nothing, free what is held. May be called twice."""


class Consumer(Protocol):
    """One member of a consumer group. Not shared between threads."""

    def poll(self, timeout: float, max_records: int) -> Sequence[Record]:
        """Return up to *max_records* records, in order within each partition; empty after *timeout* seconds without any.

        Joins the group on the first call. A new group starts at the earliest record. Raises OffsetsLost where a
        committed offset is below the log's start or a topic was made anew, BrokerUnavailable where the broker is away,
        ConfigError for a topic that does not exist.
        """

    def heartbeat(self) -> None:
        """Say that this member lives while a batch is being worked on, and fetch nothing; call it at least every 2 s.

        Never raises for a lost membership: ``commit`` does.
        """

    def commit(self, offsets: Offsets) -> None:
        """Make *offsets*, each the next one to read, the place where the group goes on.

        Raises Fenced, and commits nothing, if this member no longer owns one of the partitions. The next ``poll`` then reads
        what it still owns again from where it was last committed, unless that is committed first.
        """

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read on at *offset* in an assigned partition; raises Fenced where it is not assigned.

        An offset that the log does not have is told by the next ``poll``, by OffsetsLost.
        """

    def assignment(self) -> frozenset[TopicPartition]:
        """Return the partitions that this member owns now."""

    def close(self) -> None:
        """Leave the group so that the partitions pass on at once. May be called twice."""


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """How far a group is in one partition: *committed* is None before its first commit; *end* is the next offset to be written."""

    group: str
    partition: TopicPartition
    committed: int | None
    start: int
    end: int

    @property
    def lag(self) -> int:
        """Records that the group has still to read."""
        return self.end - max(self.start, self.committed or 0)


class Broker(Protocol):
    """Topics, producers and group members. Connects on first use, never when it is made."""

    def ensure_topics(self, topics: Iterable[TopicSpec]) -> tuple[str, ...]:
        """Make the topics that do not exist yet; return the names of those made. Idempotent."""

    def producer(self) -> Producer:
        """Return a new producer."""

    def consumer(self, group: str, topics: Sequence[str]) -> Consumer:
        """Return a new member of *group* that reads *topics*."""

    def lag(self, group: str, topics: Sequence[str]) -> tuple[PartitionLag, ...]:
        """Return how far *group* is in every partition of *topics*, sorted."""

    def waits_since_before(self, group: str, topics: Sequence[str], moment: datetime) -> bool:
        """Tell whether a record of *topics* that was sent before *moment* (aware) is one that *group* has still to read."""

    def records_at(self, places: Iterable[Place]) -> Iterator[Record]:
        """Yield the records at *places* that are still in the log, sorted by place, one at a time; no group is asked or moved."""

    def close(self) -> None:
        """Free what the broker itself holds. May be called twice."""


def record_bytes(key: bytes | None, value: bytes | None, headers: Headers) -> int:
    """Return the size of a record that MAX_RECORD_BYTES limits."""
    return len(key or b"") + len(value or b"") + sum(len(name.encode()) + len(content) for name, content in headers)


def checked_size(topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> int:
    """Return the size of a record for *topic*; raises RecordTooLarge."""
    size = record_bytes(key, value, headers)
    if size > MAX_RECORD_BYTES:
        raise RecordTooLarge(f"a record for {topic} has {size} bytes, more than {MAX_RECORD_BYTES}")
    return size


def unknown_topic(topic: str) -> ConfigError:
    """The error for a topic that does not exist."""
    return ConfigError(f"the topic {topic} does not exist: `dateline topics ensure` makes it")


def offsets_lost(
    group: str, missing: dict[tuple[str, int], tuple[int, int]], resume: dict[tuple[str, int], int] | None = None
) -> OffsetsLost:
    """The error for records that are gone before *group* read them; *missing* and *resume* as in OffsetsLost.

    Reading goes on behind what is missing where *resume* does not say otherwise.
    """
    ranges = ", ".join(f"{topic}[{number}] {first}–{last - 1}" for (topic, number), (first, last) in sorted(missing.items()))
    behind = {partition: last for partition, (_, last) in missing.items()}
    message = f"{group} has not read records that are gone from the log: {ranges}"
    return OffsetsLost(message, missing=missing, resume={**behind, **(resume or {})})
