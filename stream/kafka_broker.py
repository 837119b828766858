"""The broker contract on Apache Kafka through kafka-python 3.0, whose errors are translated here and go no further.

What kafka-python leaves to its caller, and is done here:

- Its send buffer has no bound: a producer waits once BUFFER_BYTES are under way.
- A failed idempotent producer is thrown away with its sequence numbers; the caller sends its batch again to a new one.
- ``poll`` says nothing when the brokers are away: an idle consumer asks one of them every PROBE_INTERVAL.
- The coordinator checks a commit's generation but not who owns the partition. A member that lost a partition in a rebalance
  and stayed in the group could still commit it: ownership is checked here.
- A client that cannot reach any server keeps its thread after the constructor has raised: the servers are tried first.
- A leader that joined before it knew a topic's partitions joins again when it does. If ``poll`` gives up waiting meanwhile,
  kafka-python forgets that it is joining, and stays without partitions and heartbeats for good: it is reminded here.
- A join that ends between two polls is not taken up by the next one but begun anew, and all other members have to join again:
  members that poll in turn would never be done. Its outcome is handed over here.
"""

from __future__ import annotations

import logging
import socket
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
    MAX_RECORD_BYTES,
    Headers,
    Offsets,
    PartitionLag,
    Record,
    TopicPartition,
    TopicSpec,
    checked_size,
    offsets_lost,
    unknown_topic,
)
from stream.errors import BrokerUnavailable, ConfigError, DatelineError, Fenced, OffsetsLost, RecordTooLarge

SESSION_TIMEOUT = 45.0  # seconds that a silent member keeps its partitions
MAX_POLL_INTERVAL = 300.0  # seconds that a living member may neither poll nor send a heartbeat, and that a rebalance waits for it
MIN_POLL = 0.05  # seconds; shorter ones would give up joining before a broker can answer
HANDOVER = 0.01  # seconds into a poll after which it gets the outcome of a join that ended before it
REQUEST_TIMEOUT = 15.0  # seconds
DELIVERY_TIMEOUT = 20.0  # seconds until a record that no broker takes has failed
CONNECT_TIMEOUT = 10.0  # seconds
COMMIT_TIMEOUT = 15.0  # seconds
CLOSE_TIMEOUT = 3.0  # seconds
PROBE_INTERVAL = 3.0  # seconds without any answer after which an idle consumer asks for one
BUFFER_BYTES = 16 * 1024 * 1024  # under way in one producer
MESSAGE_BYTES = MAX_RECORD_BYTES + 1024 * 1024  # of a batch with one record of the largest size, its framing included

_FENCED = (
    errors.CommitFailedError,
    errors.IllegalGenerationError,
    errors.UnknownMemberIdError,
    errors.RebalanceInProgressError,
    errors.FencedInstanceIdError,
    errors.FencedMemberEpochError,
    errors.StaleMemberEpochError,
)
_TOO_LARGE = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)
_REFUSED = (
    errors.AuthorizationError,
    errors.IllegalSaslStateError,
    errors.InvalidConfigurationError,
    errors.InvalidGroupIdError,
    errors.InvalidReplicationFactorError,
    errors.InvalidSessionTimeoutError,
    errors.InvalidTopicError,
    errors.KafkaConfigurationError,
    errors.PolicyViolationError,
    errors.SaslAuthenticationFailedError,
    errors.SecurityDisabledError,
    errors.UnsupportedCompressionTypeError,
    errors.UnsupportedSaslMechanismError,
    errors.UnsupportedVersionError,
)
_CLIENTS: tuple[Any, ...] = (kafka.KafkaProducer, kafka.KafkaConsumer, kafka.KafkaAdminClient)

log = logging.getLogger("dateline.kafka")


class KafkaBroker:
    """The brokers at *servers* (``host:port``); *options* are kafka-python's keyword options and win over those set here.

    An option goes to every client that knows it. Raises ConfigError for one that none knows.
    """

    def __init__(
        self, servers: Sequence[str], *, options: Mapping[str, Any] | None = None, session_timeout: float = SESSION_TIMEOUT
    ) -> None:
        known = set().union(*(client.DEFAULT_CONFIG for client in _CLIENTS))
        if unknown := sorted(set(options or {}) - known):
            raise ConfigError(f"{unknown[0]} is no option of kafka-python (DATELINE_KAFKA_OPTIONS)")
        self._cluster = _Cluster(tuple(servers), dict(options or {}))
        self._session_timeout = session_timeout

    def ensure_topics(self, topics: Iterable[TopicSpec]) -> tuple[str, ...]:
        """Make the topics that do not exist yet; return the names of those made."""
        with self._cluster.admin() as admin:
            return tuple(spec.name for spec in topics if _make_topic(admin, spec))

    def producer(self) -> KafkaProducer:
        """Return a new producer."""
        return KafkaProducer(self._cluster)

    def consumer(self, group: str, topics: Sequence[str]) -> KafkaConsumer:
        """Return a new member of *group* that reads *topics*."""
        return KafkaConsumer(self._cluster, group, topics, self._session_timeout)

    def lag(self, group: str, topics: Sequence[str]) -> tuple[PartitionLag, ...]:
        """Return how far *group* is in every partition of *topics*, sorted."""
        with self._cluster.admin() as admin:
            partitions = _partitions(admin, topics)
            if not partitions:
                return ()
            committed = _group_offsets(admin, group, partitions)
            starts = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.EARLIEST))
            ends = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
        return tuple(
            PartitionLag(group, TopicPartition(*at), _committed(committed.get(at)), starts[at].offset, ends[at].offset)
            for at in sorted(partitions)
        )

    def close(self) -> None:
        """Nothing is held between calls."""


class KafkaProducer:
    """An idempotent producer that is replaced when it has failed; see ``stream.broker.Producer``."""

    def __init__(self, cluster: _Cluster) -> None:
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
            with _translated(doing):
                yield
        except DatelineError:
            self.close()
            raise


class KafkaConsumer:
    """One member of a group with the cooperative-sticky assignor; see ``stream.broker.Consumer``."""

    def __init__(self, cluster: _Cluster, group: str, topics: Sequence[str], session_timeout: float) -> None:
        self._cluster = cluster
        self._group = group
        self._topics = tuple(topics)
        self._session_timeout = session_timeout
        self._inner: Any = None
        self._resume: dict[KafkaPartition, int] = {}  # the first offset of each partition that was polled and is not committed
        self._rewound: set[KafkaPartition] = set()  # partitions whose position was set back after Fenced
        self._lost: set[KafkaPartition] = set()  # partitions that were taken away since they were last polled
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
            with _translated("committing"):
                self._inner.commit(wanted, timeout_ms=_ms(COMMIT_TIMEOUT))
        except Fenced:
            self._rewind()
            raise
        self._heard_at = time.monotonic()
        for partition, (offset, *_) in wanted.items():
            self._resume[partition] = offset
            if partition in self._rewound:
                self._inner.seek(partition, offset)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read on at *offset*; raises Fenced where *partition* is not assigned."""
        if partition not in self.assignment():
            raise Fenced(f"{partition.topic}[{partition.partition}] is not assigned to this member of {self._group}")
        self._inner.seek(KafkaPartition(*partition), offset)

    def assignment(self) -> frozenset[TopicPartition]:
        """Return the partitions that this member owns now."""
        return frozenset() if self._inner is None else frozenset(TopicPartition(*each) for each in self._inner.assignment())

    def close(self) -> None:
        """Leave the group."""
        inner, self._inner = self._inner, None
        if inner is not None:
            with suppress(errors.KafkaError):
                inner.close(autocommit=False, timeout_ms=_ms(CLOSE_TIMEOUT))
        self._resume, self._rewound, self._lost = {}, set(), set()

    def _joined(self) -> Any:
        for topic in self._topics:
            self._cluster.require(topic)
        session = self._session_timeout
        with _translated("connecting"):
            inner = self._cluster.client(
                kafka.KafkaConsumer,
                group_id=self._group,
                session_timeout_ms=_ms(session),
                heartbeat_interval_ms=_ms(min(3.0, session / 4)),
                max_poll_interval_ms=_ms(max(MAX_POLL_INTERVAL, session)),
                partition_assignment_strategy=[CooperativeStickyAssignor],
                enable_auto_commit=False,
                auto_offset_reset="none",  # what is missing is told, never skipped: see _poll
                allow_auto_create_topics=False,
                max_partition_fetch_bytes=MESSAGE_BYTES,
                fetch_max_bytes=2 * MESSAGE_BYTES,
            )
            inner.subscribe(self._topics, listener=_Listener(self._take_away))
        self._heard_at = time.monotonic()
        return inner

    def _poll(self, timeout: float, max_records: int) -> dict[KafkaPartition, list[Any]]:
        """Poll once. A partition without a committed offset is read from its start."""
        _remember_join(self._inner._coordinator)
        try:
            with _translated("polling"):
                polled: dict[KafkaPartition, list[Any]] = self._inner.poll(timeout_ms=_ms(max(MIN_POLL, timeout)), max_records=max_records)
                return polled
        except _NoOffset as e:
            for partition in e.partitions & self._inner.assignment():
                self._inner.seek_to_beginning(partition)
            return {}
        except _OutOfRange as e:
            raise self._offsets_lost(e.positions) from e

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

    def _probe(self) -> None:
        """Raise BrokerUnavailable if nothing answers: an empty poll does not tell."""
        if time.monotonic() - self._heard_at < PROBE_INTERVAL:
            return
        with _translated("asking a broker for a sign of life"):
            self._inner.end_offsets([KafkaPartition(self._topics[0], 0)], timeout_ms=_ms(PROBE_INTERVAL))
        self._heard_at = time.monotonic()

    def _offsets_lost(self, positions: Mapping[KafkaPartition, int]) -> OffsetsLost:
        """The error for positions that the log does not have: below its start, above its end, or where it was cut and written anew."""
        with _translated("looking for the log's start"):
            starts = self._inner.beginning_offsets(list(positions), timeout_ms=_ms(REQUEST_TIMEOUT))
            ends = self._inner.end_offsets(list(positions), timeout_ms=_ms(REQUEST_TIMEOUT))
        missing = {(at.topic, at.partition): _gap(position, starts[at], ends[at]) for at, position in positions.items()}
        # Above the end the topic was made anew, and everything in it is still to be read.
        anew = {(at.topic, at.partition): starts[at] for at, position in positions.items() if position > ends[at]}
        return offsets_lost(self._group, missing, anew)


class _Cluster:
    """Where the brokers are and how to talk to them; makes clients."""

    def __init__(self, servers: tuple[str, ...], options: dict[str, Any]) -> None:
        self._servers = servers
        self._options = options

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
            "bootstrap_timeout_ms": _ms(CONNECT_TIMEOUT),
            "request_timeout_ms": _ms(REQUEST_TIMEOUT),
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
        with _translated("asking"), self.client(kafka.KafkaAdminClient) as admin:
            yield admin

    def require(self, topic: str) -> None:
        """Raise ConfigError if *topic* does not exist."""
        with self.admin() as admin:
            if not _partitions(admin, [topic]):
                raise unknown_topic(topic)

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


class _NoOffset(Exception):
    """Partitions without a committed offset."""

    def __init__(self, partitions: Collection[KafkaPartition]) -> None:
        super().__init__(f"no committed offset for {partitions}")
        self.partitions = set(partitions)


class _OutOfRange(Exception):
    """Positions that the log does not have."""

    def __init__(self, positions: Mapping[KafkaPartition, int]) -> None:
        super().__init__(f"out of range: {positions}")
        self.positions = dict(positions)


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


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    """Turn kafka-python's errors into Dateline's; *doing* says what was tried."""
    try:
        yield
    except errors.NoOffsetForPartitionError as e:
        raise _NoOffset(e.args[0]) from e
    except errors.OffsetOutOfRangeError as e:
        raise _OutOfRange(e.args[0]) from e
    except errors.LogTruncationError as e:
        raise _OutOfRange({at: end.offset if end else 0 for at, end in e.divergent_offsets.items()}) from e
    except _FENCED as e:
        raise Fenced(f"{doing}: this member is not, or no longer, in its group ({_name(e)})") from e
    except _TOO_LARGE as e:
        raise RecordTooLarge(f"{doing}: the broker takes no record of this size ({e})") from e
    except _REFUSED as e:
        raise ConfigError(f"{doing}: Kafka refuses ({_name(e)}: {e})") from e
    except (errors.KafkaError, OSError) as e:
        raise BrokerUnavailable(f"{doing}: {_name(e)}: {e}") from e


def _name(error: BaseException) -> str:
    return type(error).__name__


def _make_topic(admin: Any, spec: TopicSpec) -> bool:
    configs = {
        "max.message.bytes": str(MESSAGE_BYTES),
        "retention.ms": str(int(spec.retention.total_seconds() * 1000)),
    }
    try:
        admin.create_topics({spec.name: {"num_partitions": spec.partitions, "configs": configs}}, wait_for_metadata=True)
    except errors.TopicAlreadyExistsError:
        return False
    return True


def _partitions(admin: Any, topics: Sequence[str]) -> list[KafkaPartition]:
    """Return the partitions of those *topics* that exist."""
    return [
        KafkaPartition(topic["name"], partition["partition_index"])
        for topic in admin.describe_topics(list(topics))
        if topic["error_code"] != errors.UnknownTopicOrPartitionError.errno
        for partition in topic["partitions"]
    ]


def _group_offsets(admin: Any, group: str, partitions: list[KafkaPartition]) -> Mapping[KafkaPartition, Any]:
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


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
