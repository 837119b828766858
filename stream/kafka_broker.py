"""The broker contract on Apache Kafka through kafka-python 3.0, whose errors go no further (``kafka_errors.py``).

What kafka-python leaves to its caller, and is done here:

- Its send buffer has no bound: a producer waits once BUFFER_BYTES are under way.
- A failed idempotent producer is thrown away with its sequence numbers; the caller sends its batch again to a new one.
- ``poll`` says nothing when the brokers are away: an idle consumer asks one of them every PROBE_INTERVAL.
- The coordinator checks a commit's generation but not who owns the partition. A member that lost a partition in a rebalance
  and stayed in the group could still commit it: ownership is checked here.
- A leader that joined before it knew a topic's partitions joins again when it does. If ``poll`` gives up waiting meanwhile,
  kafka-python forgets that it is joining, and stays without partitions and heartbeats for good: it is reminded here.
- A topic that is deleted and made anew keeps its name, by which records are fetched: a consumer would read on at its old position
  without a word. The topic's id is compared, which brokers tell at every METADATA_AGE and when a fetch fails.
- A join that ends between two polls is not taken up by the next one but begun anew, and all other members have to join again:
  members that poll in turn would never be done. Its outcome is handed over here.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import kafka
import kafka.errors as errors
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.protocol.consumer import OffsetSpec
from kafka.serializer.abstract import Serializer
from kafka.structs import OffsetAndMetadata
from kafka.structs import TopicPartition as KafkaPartition

from stream.broker import (
    Headers,
    Offsets,
    PartitionLag,
    Place,
    Record,
    TopicPartition,
    TopicSpec,
    checked_size,
    offsets_lost,
)
from stream.errors import DatelineError, Fenced, OffsetsLost
from stream.kafka_cluster import DELIVERY_TIMEOUT, MESSAGE_BYTES, REQUEST_TIMEOUT, Cluster, group_offsets, make_topic, ms, partitions_of
from stream.kafka_errors import NoOffset, OutOfRange, translated

SESSION_TIMEOUT = 45.0  # seconds that a silent member keeps its partitions
MAX_POLL_INTERVAL = 300.0  # seconds that a living member may neither poll nor send a heartbeat, and that a rebalance waits for it
MIN_POLL = 0.05  # seconds; shorter ones would give up joining before a broker can answer
HANDOVER = 0.01  # seconds into a poll after which it gets the outcome of a join that ended before it
COMMIT_TIMEOUT = 15.0  # seconds
CLOSE_TIMEOUT = 3.0  # seconds
METADATA_AGE = 15.0  # seconds after which a client asks anew for what the brokers hold; 300 by default
PROBE_INTERVAL = 3.0  # seconds without any answer after which an idle consumer asks for one
BUFFER_BYTES = 16 * 1024 * 1024  # under way in one producer
FETCH = {"max_partition_fetch_bytes": MESSAGE_BYTES, "fetch_max_bytes": 2 * MESSAGE_BYTES}


class KafkaBroker:
    """The brokers at *servers* (``host:port``); *options* are kafka-python's keyword options and win over those set here.

    An option goes to every client that knows it. Raises ConfigError for one that none knows.
    """

    def __init__(
        self, servers: Sequence[str], *, options: Mapping[str, Any] | None = None, session_timeout: float = SESSION_TIMEOUT
    ) -> None:
        self._cluster = Cluster(servers, options or {})
        self._session_timeout = session_timeout

    def ensure_topics(self, topics: Iterable[TopicSpec]) -> tuple[str, ...]:
        """Make the topics that do not exist yet; return the names of those made."""
        with self._cluster.admin() as admin:
            return tuple(spec.name for spec in topics if make_topic(admin, spec))

    def producer(self) -> KafkaProducer:
        """Return a new producer."""
        return KafkaProducer(self._cluster)

    def consumer(self, group: str, topics: Sequence[str]) -> KafkaConsumer:
        """Return a new member of *group* that reads *topics*."""
        return KafkaConsumer(self._cluster, group, topics, self._session_timeout)

    def lag(self, group: str, topics: Sequence[str]) -> tuple[PartitionLag, ...]:
        """Return how far *group* is in every partition of *topics*, sorted."""
        with self._cluster.admin() as admin:
            partitions = partitions_of(admin, topics)
            if not partitions:
                return ()
            committed = group_offsets(admin, group, partitions)
            starts = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.EARLIEST))
            ends = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
        return tuple(
            PartitionLag(group, TopicPartition(*at), _committed(committed.get(at)), starts[at].offset, ends[at].offset)
            for at in sorted(partitions)
        )

    def waits_since_before(self, group: str, topics: Sequence[str], moment: datetime) -> bool:
        """Tell whether *group* has still to read a record that was sent before *moment*."""
        waiting = {KafkaPartition(*one.partition): max(one.start, one.committed or 0) for one in self.lag(group, topics) if one.lag}
        if not waiting:
            return False
        with self._cluster.admin() as admin:
            later = admin.list_partition_offsets(dict.fromkeys(waiting, ms(moment.timestamp())))
        return any(later[at].offset < 0 or offset < later[at].offset for at, offset in waiting.items())  # -1: all are older

    def records_at(self, places: Iterable[Place]) -> Iterator[Record]:
        """Yield the records at *places* that are still in the log."""
        wanted = [(KafkaPartition(*at), offset) for at, offset in sorted(set(places))]
        there = self._there(wanted)
        if not there:
            return
        with translated("reading"):
            inner = self._cluster.client(kafka.KafkaConsumer, group_id=None, auto_offset_reset="none", **FETCH)
        try:
            for partition, offset in there:
                with translated("reading"):
                    inner.assign([partition])
                    inner.seek(partition, offset)
                    polled = inner.poll(timeout_ms=ms(REQUEST_TIMEOUT), max_records=1)
                yield from (_record(record) for record in polled.get(partition, ()) if record.offset == offset)
        finally:
            inner.close()

    def _there(self, wanted: Sequence[tuple[KafkaPartition, int]]) -> list[tuple[KafkaPartition, int]]:
        """Return those of *wanted* that lie between the start and the end of a log."""
        with self._cluster.admin() as admin:
            known = set(partitions_of(admin, sorted({at.topic for at, _ in wanted}))) if wanted else set()
            partitions = known & {at for at, _ in wanted}
            if not partitions:
                return []
            starts = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.EARLIEST))
            ends = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
        return [(at, offset) for at, offset in wanted if at in partitions and starts[at].offset <= offset < ends[at].offset]

    def close(self) -> None:
        """Nothing is held between calls."""


class KafkaProducer:
    """An idempotent producer that is replaced when it has failed; see ``stream.broker.Producer``."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._inner: Any = None
        self._topics: set[str] = set()  # known to exist
        self._sent: list[Any] = []  # futures since the last flush
        self._under_way = 0  # bytes

    def send(self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        """Hand one record over; waits while too much is under way."""
        with self._abandoned_on_error(f"sending to {topic}"):
            self._under_way += checked_size(topic, key, value, headers)
            if topic not in self._topics:
                self._cluster.require(topic)
                self._topics.add(topic)
            self._inner = self._inner or self._connected()
            self._sent.append(self._inner.send(topic, key=_or_null(key), value=_or_null(value), headers=list(headers)))
        if self._under_way > BUFFER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Return when all futures since the last flush have succeeded."""
        if not self._sent:
            return
        with self._abandoned_on_error("sending"):
            self._inner.flush(timeout=self._cluster.delivery_timeout + CLOSE_TIMEOUT)
            for future in self._sent:
                if future.failed():
                    raise future.exception
        self._sent, self._under_way = [], 0

    def close(self) -> None:
        """Drop what was not flushed."""
        inner, self._inner = self._inner, None
        self._topics, self._sent, self._under_way = set(), [], 0
        if inner is not None:
            inner._sender.force_close()  # close() alone would first wait for what is under way
            with suppress(errors.KafkaError):
                inner.close(timeout=CLOSE_TIMEOUT)

    def _connected(self) -> Any:
        return self._cluster.client(
            kafka.KafkaProducer,
            acks="all",
            enable_idempotence=True,
            compression_type="zstd",
            linger_ms=25,
            batch_size=256 * 1024,
            max_request_size=MESSAGE_BYTES,
            max_block_ms=int(REQUEST_TIMEOUT * 1000),
            delivery_timeout_ms=int(DELIVERY_TIMEOUT * 1000),
            allow_auto_create_topics=False,
            key_serializer=_NullSerializer(),
            value_serializer=_NullSerializer(),
        )

    @contextmanager
    def _abandoned_on_error(self, doing: str) -> Iterator[None]:
        try:
            with translated(doing):
                yield
        except DatelineError:
            self.close()
            raise


class KafkaConsumer:
    """One member of a group with the cooperative-sticky assignor; see ``stream.broker.Consumer``."""

    def __init__(self, cluster: Cluster, group: str, topics: Sequence[str], session_timeout: float) -> None:
        self._cluster = cluster
        self._group = group
        self._topics = tuple(topics)
        self._session_timeout = session_timeout
        self._inner: Any = None
        self._resume: dict[KafkaPartition, int] = {}  # the first offset of each partition that was polled and is not committed
        self._rewound: set[KafkaPartition] = set()  # partitions whose position was set back after Fenced
        self._lost: set[KafkaPartition] = set()  # partitions that were taken away since they were last polled
        self._ids: dict[str, str] = {}  # of the topics as they were last seen
        self._done: dict[KafkaPartition, int] = {}  # what this member has committed last, of partitions that are its own or were
        self._outdated: dict[KafkaPartition, int] = {}  # partitions of a topic made anew, with how far the old one was done
        self._heard_at = 0.0  # when a broker last answered, monotonic

    def poll(self, timeout: float, max_records: int) -> Sequence[Record]:
        """Return up to *max_records* records; empty after *timeout* seconds without any."""
        deadline = time.monotonic() + timeout
        self._inner = self._inner or self._joined()
        polled: dict[KafkaPartition, list[Any]] = {}
        while not polled:
            left = deadline - time.monotonic()
            polled = self._poll(max(0.0, left), max_records)
            if not polled and left <= 0:
                self._probe()
                return ()
        self._heard_at = time.monotonic()
        for partition, records in polled.items():
            self._resume.setdefault(partition, records[0].offset)
            self._lost.discard(partition)
            self._rewound.discard(partition)
        return [_record(record) for records in polled.values() for record in records]

    def heartbeat(self) -> None:
        """Say that this member is not stuck; the session itself is kept by kafka-python's own thread.

        It takes no part in a rebalance: that waits until the batch is committed and ``poll`` is called, so that no work is lost.
        """
        if self._inner is not None:
            with suppress(errors.KafkaError):
                self._inner._coordinator.poll_heartbeat()

    def commit(self, offsets: Offsets) -> None:
        """Commit *offsets*; raises Fenced if one of the partitions is lost or the group is rebalancing."""
        wanted = {KafkaPartition(*at): OffsetAndMetadata(offset, "", -1) for at, offset in offsets.items()}
        if not wanted:
            return
        self._check_owner(wanted)
        try:
            with translated("committing"):
                self._inner.commit(wanted, timeout_ms=ms(COMMIT_TIMEOUT))
        except Fenced:
            self._rewind()
            raise
        self._heard_at = time.monotonic()
        for partition, (offset, *_) in wanted.items():
            self._resume[partition] = self._done[partition] = offset
            if partition in self._rewound:
                self._inner.seek(partition, offset)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read on at *offset*; raises Fenced where *partition* is not assigned."""
        if partition not in self.assignment():
            raise Fenced(f"{partition.topic}[{partition.partition}] is not assigned to this member of {self._group}")
        self._outdated.pop(KafkaPartition(*partition), None)
        self._resume[KafkaPartition(*partition)] = offset
        self._inner.seek(KafkaPartition(*partition), offset)

    def assignment(self) -> frozenset[TopicPartition]:
        """Return the partitions that this member owns now."""
        return frozenset() if self._inner is None else frozenset(TopicPartition(*each) for each in self._inner.assignment())

    def close(self) -> None:
        """Leave the group."""
        inner, self._inner = self._inner, None
        if inner is not None:
            with suppress(errors.KafkaError):
                inner.close(autocommit=False, timeout_ms=ms(CLOSE_TIMEOUT))
        self._resume, self._done, self._outdated, self._rewound, self._lost = {}, {}, {}, set(), set()

    def _joined(self) -> Any:
        self._ids = {topic: self._cluster.require(topic) for topic in self._topics}
        session = self._session_timeout
        with translated("connecting"):
            inner = self._cluster.client(
                kafka.KafkaConsumer,
                group_id=self._group,
                session_timeout_ms=ms(session),
                heartbeat_interval_ms=ms(min(3.0, session / 4)),
                max_poll_interval_ms=ms(max(MAX_POLL_INTERVAL, session)),
                partition_assignment_strategy=[CooperativeStickyAssignor],
                enable_auto_commit=False,
                auto_offset_reset="none",  # what is missing is told, never skipped: see _poll
                allow_auto_create_topics=False,
                metadata_max_age_ms=ms(METADATA_AGE),
                **FETCH,
            )
            inner.subscribe(self._topics, listener=_Listener(self._take_away))
        self._heard_at = time.monotonic()
        return inner

    def _poll(self, timeout: float, max_records: int) -> dict[KafkaPartition, list[Any]]:
        """Poll once. A partition without a committed offset is read from its start."""
        _remember_join(self._inner._coordinator)
        try:
            with translated("polling"):
                polled: dict[KafkaPartition, list[Any]] = self._inner.poll(timeout_ms=ms(max(MIN_POLL, timeout)), max_records=max_records)
        except NoOffset as e:
            for partition in e.partitions & self._inner.assignment():
                self._inner.seek_to_beginning(partition)
            return {}
        except OutOfRange as e:
            self._check_ids({topic: self._cluster.require(topic) for topic in self._topics})
            raise self._offsets_lost(e.positions) from e
        known = {topic: self._inner._cluster.topic_id(topic) for topic in self._topics}
        self._check_ids({topic: str(topic_id) for topic, topic_id in known.items() if topic_id is not None})
        return polled

    def _check_ids(self, now: Mapping[str, str]) -> None:
        """Raise OffsetsLost while there are positions that belong to a topic which was deleted and made anew since."""
        anew = {topic for topic, topic_id in now.items() if topic_id != self._ids[topic]}
        self._ids |= {topic: now[topic] for topic in anew}
        self._outdated |= {at: self._done.get(at, 0) for at in self._inner.assignment() if at.topic in anew}
        if self._outdated:
            raise self._made_anew()

    def _made_anew(self) -> OffsetsLost:
        """The error for partitions of another topic than the one they were read of; how much of that was left is not known."""
        with translated("looking for the log's start"):
            starts = self._inner.beginning_offsets(list(self._outdated), timeout_ms=ms(REQUEST_TIMEOUT))
        read = ", ".join(f"{at.topic}[{at.partition}] from {offset}" for at, offset in sorted(self._outdated.items()))
        return OffsetsLost(
            f"{self._group} reads a topic that was deleted and made anew; what it had not read of the old one is gone: {read}",
            missing={(at.topic, at.partition): (offset, offset) for at, offset in self._outdated.items()},
            resume={(at.topic, at.partition): starts[at] for at in self._outdated},
        )

    def _check_owner(self, partitions: Iterable[KafkaPartition]) -> None:
        owned = set() if self._inner is None else self._inner.assignment()
        for partition in partitions:
            if partition not in owned or partition in self._lost:
                self._rewind()
                raise Fenced(f"{partition.topic}[{partition.partition}] belongs to another member of {self._group} by now")

    def _rewind(self) -> None:
        """Set what is still owned back to where it was last committed."""
        for partition in set() if self._inner is None else self._inner.assignment() & self._resume.keys():
            self._inner.seek(partition, self._resume[partition])
            self._rewound.add(partition)

    def _take_away(self, partitions: Collection[KafkaPartition]) -> None:
        self._lost |= set(partitions)
        for partition in partitions:
            self._resume.pop(partition, None)
            self._outdated.pop(partition, None)

    def _probe(self) -> None:
        """Raise BrokerUnavailable if nothing answers: an empty poll does not tell."""
        if time.monotonic() - self._heard_at < PROBE_INTERVAL:
            return
        with translated("asking a broker for a sign of life"):
            self._inner.end_offsets([KafkaPartition(self._topics[0], 0)], timeout_ms=ms(PROBE_INTERVAL))
        self._heard_at = time.monotonic()

    def _offsets_lost(self, positions: Mapping[KafkaPartition, int]) -> OffsetsLost:
        """The error for positions that the log does not have: below its start, above its end, or where it was cut and written anew."""
        with translated("looking for the log's start"):
            starts = self._inner.beginning_offsets(list(positions), timeout_ms=ms(REQUEST_TIMEOUT))
            ends = self._inner.end_offsets(list(positions), timeout_ms=ms(REQUEST_TIMEOUT))
        missing = {(at.topic, at.partition): _gap(position, starts[at], ends[at]) for at, position in positions.items()}
        # Above the end the topic was made anew, and everything in it is still to be read.
        anew = {(at.topic, at.partition): starts[at] for at, position in positions.items() if position > ends[at]}
        return offsets_lost(self._group, missing, anew)


def _remember_join(coordinator: Any) -> None:
    """Have the next poll go on with a join under way: see the module's docstring."""
    if not coordinator.rebalance_in_progress():
        return
    coordinator.request_rejoin()
    join = coordinator._join_task
    if join is not None and join.is_done and join.succeeded():

        async def outcome() -> Any:
            await coordinator._net.sleep(HANDOVER)
            return join.value

        coordinator._join_task = coordinator._manager.call_soon(outcome)


class _Listener(kafka.ConsumerRebalanceListener):
    def __init__(self, take_away: Any) -> None:
        self._take_away = take_away

    def on_partitions_revoked(self, revoked: Collection[KafkaPartition]) -> None:
        self._take_away(revoked)

    def on_partitions_assigned(self, assigned: Collection[KafkaPartition]) -> None:
        """What comes in is read from its committed offset."""


_NULL = object()


class _NullSerializer(Serializer):
    """Lets a record without key and value pass, which kafka-python refuses and Kafka does not."""

    def serialize(self, topic: str, headers: Any, data: Any) -> Any:
        return None if data is _NULL else data


def _or_null(data: bytes | None) -> Any:
    return _NULL if data is None else data


def _committed(offset: Any) -> int | None:
    return None if offset is None or offset.offset < 0 else int(offset.offset)


def _gap(position: int, start: int, end: int) -> tuple[int, int]:
    if position < start:
        return position, start
    return (end, position) if position > end else (position, end)


def _record(record: Any) -> Record:
    return Record(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=tuple((name, value or b"") for name, value in record.headers),
        timestamp=datetime.fromtimestamp(record.timestamp / 1000, UTC),
    )
