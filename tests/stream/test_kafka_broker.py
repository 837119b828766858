"""What only the Kafka broker has: its clients tidied away, and what a group lost told."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from scripts.kafka import KafkaServer
from stream.broker import TopicPartition, TopicSpec
from stream.connect import connect_broker
from stream.errors import BrokerUnavailable, ConfigError, OffsetsLost
from stream.kafka_broker import KafkaBroker
from tests.stream.brokers import KafkaBackend, Stand, read, until


@pytest.fixture
def stand(kafka_server: KafkaServer) -> Iterator[Stand]:
    with Stand(KafkaBackend(kafka_server)) as stand:
        yield stand


def test_servers_of_which_none_listens_are_named_and_no_thread_is_left() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        server = f"127.0.0.1:{closed.getsockname()[1]}"
        broker = KafkaBroker([server])
        before = threading.active_count()
        with pytest.raises(BrokerUnavailable, match=server):
            broker.ensure_topics([TopicSpec("t")])
        with pytest.raises(BrokerUnavailable, match=server):
            broker.consumer("g", ["t"]).poll(0.1, 1)
        with pytest.raises(BrokerUnavailable, match=server):
            broker.producer().send("t", key=b"k", value=b"v")
        assert threading.active_count() == before


def test_one_server_that_answers_is_enough(stand: Stand, kafka_server: KafkaServer) -> None:
    stand.make_topic(1)
    broker = connect_broker(f"kafka://127.0.0.1:1,{kafka_server.bootstrap}")
    assert len(broker.lag("group", [stand.topic])) == 1


def test_closing_leaves_no_thread(stand: Stand) -> None:
    stand.make_topic(1)
    stand.publish([b"a"])
    before = threading.active_count()
    for _ in range(3):
        producer, consumer = stand.broker.producer(), stand.broker.consumer(stand.group, [stand.topic])
        producer.send(stand.topic, key=b"k", value=b"v")
        producer.flush()
        read(consumer, 1)
        producer.close()
        consumer.close()
    until(lambda: threading.active_count() <= before, "threads to end")


def test_an_option_reaches_the_clients_that_know_it(kafka_server: KafkaServer) -> None:
    broker = KafkaBroker([kafka_server.bootstrap], options={"compression_type": "nonsense"})
    with pytest.raises(ConfigError, match=r"dateline topics ensure"):  # the admin client has no such option
        broker.consumer("g", ["no-such-topic"]).poll(0.1, 1)
    broker.ensure_topics([TopicSpec("options", 1)])
    with pytest.raises(ConfigError, match=r"nonsense.*DATELINE_KAFKA_OPTIONS"):
        broker.producer().send("options", key=b"k", value=b"v")


def test_a_position_above_the_end_is_told_and_reading_can_go_on_at_the_start(kafka_server: KafkaServer) -> None:
    """A topic that was deleted and made anew has fewer records than its group has committed."""
    broker = connect_broker(kafka_server.url, session_timeout=6)
    topic, group = f"anew-{time.time_ns()}", f"g-{time.time_ns()}"
    broker.ensure_topics([TopicSpec(topic, 1)])
    producer = broker.producer()
    producer.send(topic, key=b"k", value=b"v")
    producer.flush()
    consumer = broker.consumer(group, [topic])
    while not consumer.poll(1.0, 10):
        pass
    partition = TopicPartition(topic, 0)
    consumer.commit({partition: 1000})
    consumer.close()

    again = broker.consumer(group, [topic])
    with pytest.raises(OffsetsLost) as lost:  # noqa: PT012
        for _ in range(10):
            again.poll(1.0, 10)
    assert lost.value.resume == {partition: 0}
    again.seek(partition, 0)
    assert [record.value for record in again.poll(5.0, 10)] == [b"v"]
    again.close()
    producer.close()
