"""What only the Kafka broker has: its clients tidied away, and what a group lost told."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from threading import Event

import pytest
from kafka import KafkaAdminClient

from scripts.kafka import KafkaServer
from stream.broker import TopicPartition, TopicSpec
from stream.connect import connect_broker
from stream.errors import BrokerUnavailable, ConfigError, DatabaseUnavailable, OffsetsLost
from stream.kafka_broker import KafkaBroker
from stream.member import Member
from tests.stream.brokers import KafkaBackend, Stand, after, numbers, read, until, values


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


@pytest.mark.parametrize("count", [3, 20])  # fewer and more than were read of the old one
def test_a_member_is_told_that_its_topic_was_made_anew_and_reads_all_of_it(stand: Stand, kafka_server: KafkaServer, count: int) -> None:
    partition = TopicPartition(stand.make_topic(1), 0)
    stand.publish(numbers(10))
    consumer = stand.consumer()
    consumer.commit(after(read(consumer, 10)[:8]))

    anew(stand, kafka_server)
    stand.publish(numbers(count, start=100))
    with pytest.raises(OffsetsLost, match=r"made anew.* from 8") as lost:
        until(lambda: consumer.poll(0.5, 1000) and False, "an error")
    assert (lost.value.missing, lost.value.resume) == ({partition: (8, 8)}, {partition: 0})
    with pytest.raises(OffsetsLost):
        consumer.poll(0.5, 1000)
    consumer.seek(partition, 0)
    assert values(read(consumer, count)) == numbers(count, start=100)


def test_a_group_that_was_away_while_its_topic_was_made_anew_reads_all_of_it(stand: Stand, kafka_server: KafkaServer) -> None:
    stand.make_topic(1)
    stand.publish(numbers(10))
    consumer = stand.consumer()
    consumer.commit(after(read(consumer, 10)[:8]))
    consumer.close()

    anew(stand, kafka_server)
    stand.publish(numbers(20, start=100))
    assert values(read(stand.consumer(), 20)) == numbers(20, start=100)


def test_a_sink_that_has_more_of_a_topic_than_there_is_stops_until_the_gap_is_accepted(stand: Stand, kafka_server: KafkaServer) -> None:
    partition = TopicPartition(stand.make_topic(1), 0)
    stand.publish(numbers(10))
    anew(stand, kafka_server)
    stand.publish(numbers(3, start=100))
    told: list[OffsetsLost] = []

    def accepts(lost: OffsetsLost) -> bool:
        told.append(lost)
        if len(told) == 2:
            raise DatabaseUnavailable("away for a moment: what was polled is polled again")
        return len(told) > 1

    member = Member(stand.broker, stand.group, stand.topic, Event(), accepts, lambda: {partition: 10}, drain=1.0)
    with pytest.raises(OffsetsLost):
        until(lambda: member.poll(1000) and False, "an error")
    assert values(until(lambda: member.poll(1000), "records")) == numbers(3, start=100)
    assert [(lost.missing, lost.resume) for lost in told] == [({partition: (3, 10)}, {partition: 0})] * 3
    member.close()


def test_a_position_above_the_end_is_told_and_reading_can_go_on_at_the_start(kafka_server: KafkaServer) -> None:
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


def anew(stand: Stand, server: KafkaServer) -> None:
    """Delete the topic and make it anew, as soon as Kafka lets that be done."""
    with KafkaAdminClient(bootstrap_servers=server.bootstrap) as admin:
        admin.delete_topics([stand.topic])
    until(lambda: stand.broker.ensure_topics([TopicSpec(stand.topic, 1)]), "the topic to be made")
