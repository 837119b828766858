"""Messages per second through both brokers, and through Kafka with and without Dateline's layer: ``python -m benchmarks.brokers``.

Each round sends and flushes in batches of 500, then polls and commits the same records batch by batch. The rounds of all
contenders alternate, so that a slow minute of the machine hits all of them; medians are shown. Contenders: ``sqlite`` and
``kafka`` through ``stream.broker``; ``bare`` is kafka-python alone with the same settings.
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
from rich.console import Console
from rich.table import Table

from scripts.kafka import KafkaServer, missing
from stream.broker import Broker, TopicPartition, TopicSpec
from stream.connect import connect_broker
from stream.kafka_cluster import MESSAGE_BYTES

BATCH = 500
ROUNDS = 5
LOADS = ((1_000, 5_000), (10_000, 2_000))  # bytes a message, messages a round

Round = Callable[[list[bytes]], tuple[float, float]]  # messages → seconds to send, seconds to read and commit


@dataclass(frozen=True)
class Rates:
    """Messages per second of each round."""

    send: list[float]
    read: list[float]


def main() -> None:
    """Measure and print a table; without Kafka's jars only the embedded broker."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        contenders: dict[str, Round] = {"sqlite": _through(connect_broker(f"sqlite:///{folder / 'broker.db'}"))}
        if (reason := missing()) is None:
            server = KafkaServer(folder / "kafka")
            stack.callback(server.stop)
            server.start()
            contenders |= {"kafka": _through(connect_broker(server.url)), "bare": _bare(server)}
        else:
            Console().print(f"Kafka is left out: {reason}")
        for size, count in LOADS:
            _print(size, count, measure(contenders, size, count))


def measure(contenders: dict[str, Round], size: int, count: int) -> dict[str, Rates]:
    """Run ROUNDS rounds of *count* messages of *size* bytes through each, after one that is not counted."""
    rates = {name: Rates([], []) for name in contenders}
    for number in range(ROUNDS + 1):
        messages = list(_messages(size, count))
        for name, run in contenders.items():
            sending, reading = run(messages)
            if number:
                rates[name].send.append(count / sending)
                rates[name].read.append(count / reading)
    return rates


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


def _print(size: int, count: int, rates: dict[str, Rates]) -> None:
    table = Table(title=f"{count} messages of {size} bytes, medians of {ROUNDS} rounds, messages/s", title_justify="left")
    for column in ("broker", "send + flush", "poll + commit", "of bare: send", "of bare: poll"):
        table.add_column(column, justify="left" if column == "broker" else "right")
    bare = rates.get("bare")
    for name, rate in rates.items():
        ratios = [f"{median(rate.send) / median(bare.send):.2f}", f"{median(rate.read) / median(bare.read):.2f}"] if bare else ["", ""]
        table.add_row(name, f"{median(rate.send):,.0f}", f"{median(rate.read):,.0f}", *ratios)
    Console().print(table)


if __name__ == "__main__":
    main()
