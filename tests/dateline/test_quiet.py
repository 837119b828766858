"""Annotating anew waits while news is to be read, and tells that it does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dateline.quiet import REPLAY_LAG, quiet
from stream.broker import Broker, TopicPartition, TopicSpec
from stream.connect import connect_broker
from stream.errors import TransientError

GROUP, TOPIC = "t.process", "t.articles"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = connect_broker(f"sqlite:///{tmp_path / 'broker.db'}")
    broker.ensure_topics([TopicSpec(TOPIC, 1)])
    yield broker
    broker.close()


def publish(broker: Broker, number: int) -> None:
    producer = broker.producer()
    for _ in range(number):
        producer.send(TOPIC, key=b"k", value=b"v")
    producer.flush()
    producer.close()


def read_all(broker: Broker) -> None:
    consumer = broker.consumer(GROUP, [TOPIC])
    while records := consumer.poll(1.0, 1_000):
        consumer.commit({TopicPartition(TOPIC, 0): records[-1].offset + 1})
    consumer.close()


def test_a_few_records_hold_up_nothing(broker: Broker) -> None:
    rests: list[None] = []
    publish(broker, REPLAY_LAG)
    quiet(broker, GROUP, TOPIC, threading.Event(), on_rest=lambda: rests.append(None))()
    assert rests == []


def test_more_are_waited_for_until_they_are_read(broker: Broker) -> None:
    publish(broker, REPLAY_LAG + 1)
    rests: list[int] = []

    def on_rest() -> None:
        rests.append(len(rests))
        if len(rests) == 2:
            read_all(broker)

    quiet(broker, GROUP, TOPIC, threading.Event(), on_rest=on_rest, look_every=0.01)()
    assert rests == [0, 1]


def test_who_is_told_to_stop_meanwhile_waits_no_longer(broker: Broker) -> None:
    publish(broker, REPLAY_LAG + 1)
    stop = threading.Event()
    with pytest.raises(TransientError):
        quiet(broker, GROUP, TOPIC, stop, on_rest=stop.set)()
