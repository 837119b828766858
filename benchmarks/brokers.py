"""Messages per second through both brokers, and through Kafka with and without Dateline's layer: ``python -m benchmarks.brokers``.

Each round sends and flushes in batches of 500, then polls and commits the same records batch by batch. The rounds of all
contenders alternate, so that a slow minute of the machine hits all of them; medians are shown, of ratios those of the rounds. Contenders:
``sqlite`` and ``kafka`` through ``stream.broker``; ``bare`` is kafka-python alone with the same settings.
"""

from __future__ import annotations

import random
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import kafka
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.structs import OffsetAndMetadata

from benchmarks.report import Section, at_least
from scripts.kafka import KafkaServer, kafka_server, missing
from stream.broker import Broker, TopicPartition, TopicSpec
from stream.connect import connect_broker
from stream.kafka_cluster import MESSAGE_BYTES

BATCH = 500
ROUNDS = 7
LEAST = 0.8  # of a bare loop's speed
LOADS = ((1_000, 5_000), (10_000, 2_000))  # bytes a message, messages a round

TITLE = "A hop through a broker"
ABOUT = (
    f"Messages a second: sent and flushed in batches of {BATCH}, then polled and committed batch by batch. `sqlite` and `kafka` go through "
    "Dateline's brokers, `bare` is a loop on kafka-python alone with the same settings."
)
HEAD = ("broker", "send + flush", "poll + commit", "hop", "hop, of bare")

Round = Callable[[list[bytes]], tuple[float, float]]  # messages → seconds to send, seconds to read and commit


@dataclass(frozen=True, slots=True)
class Hops:
    """Seconds of each round: to send all messages, and to read and commit them."""

    count: int
    send: list[float]
    read: list[float]

    @property
    def whole(self) -> list[float]:
        """Return the seconds from the first send to the last commit."""
        return [sum(both) for both in zip(self.send, self.read, strict=True)]


def run() -> Section:
    """Measure; without Kafka's jars only the embedded broker."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        contenders: dict[str, Round] = {"sqlite": _through(connect_broker(f"sqlite:///{folder / 'broker.db'}"))}
        if missing() is None:
            server = stack.enter_context(kafka_server(folder / "kafka"))
            contenders |= {"kafka": _through(connect_broker(server.url)), "bare": _bare(server)}
        hops = {size: measure(contenders, size, count) for size, count in LOADS}
    rows = [row for size, found in hops.items() for row in _rows(size, found)]
    targets = [
        at_least(f"hop of {size:,} bytes, of bare:", LEAST, _ratio(one["bare"], one["kafka"]))
        for size, one in hops.items()
        if "bare" in one
    ]
    return Section("brokers", TITLE, ABOUT, HEAD, tuple(rows), tuple(targets))


def measure(contenders: dict[str, Round], size: int, count: int) -> dict[str, Hops]:
    """Run ROUNDS rounds of *count* messages of *size* bytes through each, after one that is not counted."""
    hops = {name: Hops(count, [], []) for name in contenders}
    for number in range(ROUNDS + 1):
        messages = list(_messages(size, count))
        for name, contend in contenders.items():
            sending, reading = contend(messages)
            if number:
                hops[name].send.append(sending)
                hops[name].read.append(reading)
    return hops


def _messages(size: int, count: int) -> Iterator[bytes]:
    """Texts of random words, which compress about as well as news does (to a third)."""
    words = [bytes(random.choices(b"abcdefghijklmnopqrstuvwxyz", k=random.randint(3, 9))) for _ in range(5_000)]
    for _ in range(count):
        yield b" ".join(random.choices(words, k=size // 6))[:size]


def _through(broker: Broker) -> Round:
    def run(messages: list[bytes]) -> tuple[float, float]:
        topic = f"bench-{uuid.uuid4().hex}"
        broker.ensure_topics([TopicSpec(topic)])
        producer, consumer = broker.producer(), broker.consumer(topic, [topic])
        producer.send(topic, key=b"0", value=b"connects")
        producer.flush()
        while not consumer.poll(1.0, 1):
            pass

        started = time.perf_counter()
        for number, message in enumerate(messages, 1):
            producer.send(topic, key=b"%d" % number, value=message)
            if number % BATCH == 0:
                producer.flush()
        sent = time.perf_counter()
        left = len(messages)
        while left > 0:
            records = consumer.poll(1.0, BATCH)
            consumer.commit({TopicPartition(record.topic, record.partition): record.offset + 1 for record in records})
            left -= len(records)
        done = time.perf_counter()
        producer.close()
        consumer.close()
        return sent - started, done - sent

    return run


def _bare(server: KafkaServer) -> Round:
    def run(messages: list[bytes]) -> tuple[float, float]:
        topic = f"bench-{uuid.uuid4().hex}"
        connect_broker(server.url).ensure_topics([TopicSpec(topic)])
        producer: Any = kafka.KafkaProducer(
            bootstrap_servers=server.bootstrap,
            acks="all",
            enable_idempotence=True,
            compression_type="zstd",
            linger_ms=25,
            batch_size=256 * 1024,
            max_request_size=MESSAGE_BYTES,
        )
        consumer: Any = kafka.KafkaConsumer(
            topic,
            bootstrap_servers=server.bootstrap,
            group_id=topic,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            partition_assignment_strategy=[CooperativeStickyAssignor],
            max_partition_fetch_bytes=MESSAGE_BYTES,
            fetch_max_bytes=2 * MESSAGE_BYTES,
        )
        producer.send(topic, key=b"0", value=b"connects")
        producer.flush()
        while not consumer.poll(timeout_ms=1000, max_records=1):
            pass

        started = time.perf_counter()
        for number, message in enumerate(messages, 1):
            producer.send(topic, key=b"%d" % number, value=message)
            if number % BATCH == 0:
                producer.flush()
        sent = time.perf_counter()
        left = len(messages)
        while left > 0:
            polled = consumer.poll(timeout_ms=1000, max_records=BATCH)
            consumer.commit({at: OffsetAndMetadata(records[-1].offset + 1, "", -1) for at, records in polled.items()})
            left -= sum(map(len, polled.values()))
        done = time.perf_counter()
        producer.close()
        consumer.close()
        return sent - started, done - sent

    return run


def _rows(size: int, hops: dict[str, Hops]) -> Iterator[tuple[str, ...]]:
    for name, hop in hops.items():
        rates = [f"{hop.count / median(seconds):,.0f}" for seconds in (hop.send, hop.read, hop.whole)]
        yield f"{name}, {size:,} bytes", *rates, f"{_ratio(hops['bare'], hop):.2f}" if "bare" in hops else ""


def _ratio(bare: Hops, hop: Hops) -> float:
    """Return how fast a hop is beside a bare one of the same round, 1 is as fast."""
    return median(theirs / ours for theirs, ours in zip(bare.whole, hop.whole, strict=True))
