"""What ``stream.broker`` promises, on every implementation: the embedded broker and a real Kafka."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stream.broker import MAX_RECORD_BYTES, Consumer, Headers, PartitionLag, Producer, Record, TopicPartition, TopicSpec
from stream.errors import BrokerUnavailable, ConfigError, Fenced, OffsetsLost, RecordTooLarge
from tests.stream.brokers import KafkaBackend, SqliteBackend, Stand, after, numbers, read, until, values

SHORT_SESSION = 2.0  # seconds, where a test waits for a member to be given up
HOUR = timedelta(hours=1)
EMPTY = 0.3  # seconds of a poll that is expected to give nothing


@pytest.fixture(params=["sqlite", "kafka"])
def stand(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stand]:
    backend = SqliteBackend(tmp_path / "broker.db") if request.param == "sqlite" else KafkaBackend(request.getfixturevalue("kafka_server"))
    with Stand(backend) as stand:
        yield stand


def test_a_record_comes_back_as_it_was_sent(stand: Stand) -> None:
    stand.make_topic(1)
    headers: Headers = (("stage", b"process"), ("raw", bytes(range(256))), ("stage", b"again"), ("empty", b""))
    before = datetime.now(UTC) - timedelta(seconds=1)

    producer = stand.producer()
    producer.send(stand.topic, key=b"k", value=b"v", headers=headers)
    producer.flush()

    [record] = read(stand.consumer(), 1)
    assert (record.topic, record.partition, record.offset, record.key, record.value) == (stand.topic, 0, 0, b"k", b"v")
    assert record.headers == headers
    assert before <= record.timestamp <= datetime.now(UTC) + timedelta(seconds=1)
    assert record.timestamp.utcoffset() == timedelta(0)


@pytest.mark.parametrize(("key", "value"), [(None, b"v"), (b"k", None), (b"", b""), (None, None)])
def test_an_absent_key_or_value_stays_absent(stand: Stand, key: bytes | None, value: bytes | None) -> None:
    stand.make_topic()
    producer = stand.producer()
    producer.send(stand.topic, key=key, value=value)
    producer.flush()
    assert [(record.key, record.value) for record in read(stand.consumer(), 1)] == [(key, value)]


def test_records_of_one_partition_keep_their_order(stand: Stand) -> None:
    stand.make_topic()
    stand.publish(numbers(1000), key=lambda value: value[-2:])
    by_key = defaultdict(list)
    offsets = defaultdict(list)
    for record in read(stand.consumer(), 1000, max_records=100):
        by_key[record.key].append(record.value)
        offsets[record.partition].append(record.offset)
    assert len(by_key) == 100
    assert all(sequence == sorted(sequence) for sequence in by_key.values())
    assert all(sequence == sorted(set(sequence)) for sequence in offsets.values())


def test_one_key_goes_to_one_partition_whoever_sends_it(stand: Stand) -> None:
    stand.make_topic()
    for _ in range(3):
        producer = stand.producer()
        for number in range(20):
            producer.send(stand.topic, key=b"key %d" % number, value=b"")
        producer.flush()
    partitions = defaultdict(set)
    for record in read(stand.consumer(), 60):
        partitions[record.key].add(record.partition)
    assert all(len(each) == 1 for each in partitions.values())
    assert len({next(iter(each)) for each in partitions.values()}) > 1


def test_twenty_thousand_records_arrive_once_each(stand: Stand) -> None:
    stand.make_topic()
    sent = numbers(20_000)
    stand.publish(sent)
    consumer = stand.consumer()
    received = read(consumer, len(sent))
    consumer.commit(after(received))
    assert sorted(values(received)) == sent
    assert sum(each.lag for each in stand.broker.lag(stand.group, [stand.topic])) == 0


@pytest.mark.parametrize("size", [1_000_000, 7_900_000, MAX_RECORD_BYTES - 1])
def test_large_records_pass_unharmed(stand: Stand, size: int) -> None:
    stand.make_topic(2)
    content = os.urandom(size)
    producer = stand.producer()
    for key in (b"1", b"2"):
        producer.send(stand.topic, key=key, value=content)
    producer.flush()
    assert [value == content for value in values(read(stand.consumer(), 2))] == [True, True]


@pytest.mark.parametrize("headers", [(), (("h", b"x" * 100),)])
def test_a_record_over_the_limit_is_refused_and_the_next_one_is_not(stand: Stand, headers: Headers) -> None:
    stand.make_topic(1)
    producer = stand.producer()
    with pytest.raises(RecordTooLarge, match=str(MAX_RECORD_BYTES)):
        producer.send(stand.topic, key=b"k", value=bytes(MAX_RECORD_BYTES - len(headers)), headers=headers)
    producer.send(stand.topic, key=b"k", value=b"small")
    producer.flush()
    assert values(read(stand.consumer(), 1)) == [b"small"]


def test_what_was_flushed_survives_the_death_of_its_producer(stand: Stand) -> None:
    stand.make_topic()
    sent = [value.decode() for value in numbers(500)]
    child = stand.child()
    child.ask("send", stand.topic, sent)
    assert child.ask("flush") is None
    child.kill()
    assert sorted(value.decode() for value in values(read(stand.consumer(), 500))) == sent


def test_a_group_goes_on_at_its_committed_offsets(stand: Stand) -> None:
    stand.make_topic()
    stand.publish(numbers(100))
    first = stand.consumer()
    done = read(first, 100, max_records=30)[:60]
    first.commit(after(done))
    first.close()
    stand.publish(numbers(10, start=100))

    rest = read(stand.consumer(), 50)
    assert sorted(values(done) + values(rest)) == numbers(110)


def test_what_was_read_but_not_committed_is_delivered_again(stand: Stand) -> None:
    stand.make_topic()
    stand.publish(numbers(20))
    first = stand.consumer()
    read(first, 20)
    first.close()
    assert sorted(values(read(stand.consumer(), 20))) == numbers(20)


def test_groups_do_not_touch_each_other(stand: Stand) -> None:
    stand.make_topic()
    stand.publish(numbers(20))
    one, other = stand.consumer(), stand.consumer(stand.group + "-other")
    one.commit(after(read(one, 20)))
    assert len(read(other, 20)) == 20
    assert [each.committed for each in stand.broker.lag(stand.group + "-other", [stand.topic])] == [None] * 4


def test_an_empty_poll_comes_back_empty(stand: Stand) -> None:
    stand.make_topic()
    consumer = stand.consumer()
    assert [list(consumer.poll(EMPTY, 10)) for _ in range(3)] == [[], [], []]
    stand.publish([b"late"])
    assert values(read(consumer, 1)) == [b"late"]


def test_a_poll_gives_no_more_than_was_asked_for(stand: Stand) -> None:
    stand.make_topic()
    stand.publish(numbers(50))
    consumer = stand.consumer()
    batches = until(lambda: consumer.poll(1, 7), "a batch")
    assert 1 <= len(batches) <= 7
    assert len(read(consumer, 50 - len(batches), max_records=7)) == 50 - len(batches)


def test_short_polls_join_the_group_too(stand: Stand) -> None:
    topic = stand.topic
    for number in range(6):
        stand.topic = f"{topic}-{number}"
        stand.make_topic()
        consumer = stand.consumer(f"{stand.group}-{number}")
        until(lambda consumer=consumer: list(consumer.poll(0.01, 1)) or consumer.assignment(), "partitions")
        consumer.close()


def test_members_share_the_partitions_and_each_record_is_read_by_one(stand: Stand) -> None:
    topic = stand.make_topic()
    one, other = stand.consumer(), stand.consumer()

    def shared() -> bool:
        for member in (one, other):
            assert not member.poll(0.1, 10)
        return len(one.assignment()) == len(other.assignment()) == 2

    until(shared, "two partitions for each member")
    assert one.assignment() | other.assignment() == {TopicPartition(topic, number) for number in range(4)}

    stand.publish(numbers(200))
    received: list[Record] = []
    while len(received) < 200:
        received += [*one.poll(0.5, 50), *other.poll(0.5, 50)]
    assert sorted(values(received)) == numbers(200)


def test_a_member_that_leaves_passes_its_partitions_on(stand: Stand) -> None:
    stand.make_topic()
    stand.publish(numbers(20))
    leaving, staying = stand.consumer(session_timeout=30), stand.consumer(session_timeout=30)
    read(leaving, 20)
    leaving.close()
    leaving.close()
    assert sorted(values(read(staying, 20))) == numbers(20)


def test_a_killed_member_s_records_are_delivered_to_another(stand: Stand) -> None:
    stand.make_topic()
    stand.publish(numbers(40))
    child = stand.child(session_timeout=SHORT_SESSION)
    got = until(lambda: child.ask("poll", stand.group, stand.topic, 1.0), "records for the child")
    child.kill()
    again = read(stand.consumer(session_timeout=SHORT_SESSION), 40)
    assert {value.encode() for value in got} <= set(values(again))
    assert sorted(values(again)) == numbers(40)


def test_a_commit_is_refused_after_a_pause_past_the_session(stand: Stand) -> None:
    stand.make_topic(1)
    stand.publish(numbers(10))
    child = stand.child(session_timeout=SHORT_SESSION)
    until(lambda: child.ask("poll", stand.group, stand.topic, 1.0), "records for the child")
    child.pause()
    other = stand.consumer(session_timeout=SHORT_SESSION)
    taken = read(other, 10)
    other.commit(after(taken[:5]))
    child.go_on()

    assert child.ask("commit") == {"error": "Fenced"}
    assert [each.committed for each in stand.broker.lag(stand.group, [stand.topic])] == [taken[4].offset + 1]


def test_after_a_refused_commit_the_records_come_again(stand: Stand) -> None:
    topic = stand.make_topic(2)
    stand.publish(numbers(20))
    consumer = stand.consumer()
    records = read(consumer, 20)
    with pytest.raises(Fenced):
        consumer.commit({**after(records), TopicPartition(topic, 99): 1})
    assert [each.committed for each in stand.broker.lag(stand.group, [topic])] == [None, None]

    again = read(consumer, 20)
    assert sorted(values(again)) == numbers(20)
    consumer.commit(after(again))
    assert not consumer.poll(EMPTY, 10)


def test_what_is_committed_after_a_refusal_does_not_come_again(stand: Stand) -> None:
    topic = stand.make_topic(2)
    stand.publish(numbers(20))
    consumer = stand.consumer()
    records = read(consumer, 20)
    with pytest.raises(Fenced):
        consumer.commit({**after(records), TopicPartition(topic, 99): 1})
    consumer.commit(after(records))
    assert not consumer.poll(EMPTY, 10)


def test_a_commit_by_a_member_that_never_polled_is_refused(stand: Stand) -> None:
    topic = stand.make_topic(1)
    with pytest.raises(Fenced):
        stand.consumer().commit({TopicPartition(topic, 0): 0})


def test_heartbeats_keep_the_membership_and_lose_no_record(stand: Stand) -> None:
    stand.make_topic()
    stand.publish(numbers(100))
    consumer = stand.consumer(session_timeout=SHORT_SESSION)
    first = until(lambda: consumer.poll(1, 10), "a first batch")
    for _ in range(20):
        consumer.heartbeat()
        time.sleep(SHORT_SESSION / 10)
    consumer.commit(after(first))
    rest = read(consumer, 100 - len(first))
    assert sorted(values([*first, *rest])) == numbers(100)


def test_a_batch_of_which_a_partition_has_moved_on_is_not_committed(stand: Stand) -> None:
    stand.make_topic()
    stand.publish(numbers(100))
    one, other = stand.consumer(), stand.consumer()
    batch = read(one, 100)

    done: set[bytes] = set()

    def moved() -> bool:
        assert not one.poll(0.1, 10)
        done.update(values(_handled(other)))
        return len(one.assignment()) == len(other.assignment()) == 2

    until(moved, "two partitions for the other member")
    assert not one.poll(1, 10)  # the rebalance is over for this member too, and it is in good standing
    with pytest.raises(Fenced):
        one.commit(after(batch))
    lag = stand.broker.lag(stand.group, [stand.topic])
    assert {each.committed for each in lag if each.partition in one.assignment()} == {None}
    _finish(stand, one, other, done)


def test_a_rebalance_under_a_batch_loses_nothing(stand: Stand) -> None:
    stand.make_topic()
    stand.publish(numbers(100))
    one, other = stand.consumer(), stand.consumer()
    batch = read(one, 100)
    done: set[bytes] = set()
    for _ in range(10):
        one.heartbeat()
        done.update(values(_handled(other)))
    try:
        one.commit(after(batch))
        done |= set(values(batch))
    except Fenced:
        pass

    _finish(stand, one, other, done)


def _finish(stand: Stand, one: Consumer, other: Consumer, done: set[bytes]) -> None:
    """Have two members handle what is not done of the hundred records; passes when all are done and committed."""

    def all_done() -> bool:
        done.update(value for member in (one, other) for value in values(_handled(member)))
        return len(done) == 100 and sum(each.lag for each in stand.broker.lag(stand.group, [stand.topic])) == 0

    until(all_done, "every record handled and committed")


def _handled(member: Consumer) -> list[Record]:
    """Poll and commit; records whose commit is refused do not count."""
    records = list(member.poll(0.2, 30))
    try:
        member.commit(after(records))
    except Fenced:
        return []
    return records


def test_seeking_reads_again_from_there(stand: Stand) -> None:
    topic = stand.make_topic(1)
    stand.publish(numbers(10))
    consumer = stand.consumer()
    read(consumer, 10)
    consumer.seek(TopicPartition(topic, 0), 4)
    assert values(read(consumer, 6)) == numbers(6, start=4)
    with pytest.raises(Fenced):
        consumer.seek(TopicPartition(topic, 99), 0)


def test_lag_tells_what_is_committed_and_what_is_there(stand: Stand) -> None:
    topic = stand.make_topic(1)
    partition = TopicPartition(topic, 0)
    assert stand.broker.lag(stand.group, [topic]) == (PartitionLag(stand.group, partition, None, 0, 0),)
    stand.publish(numbers(10))
    consumer = stand.consumer()
    consumer.commit(after(read(consumer, 10)[:4]))
    [lag] = stand.broker.lag(stand.group, [topic])
    assert (lag, lag.lag) == (PartitionLag(stand.group, partition, 4, 0, 10), 6)


def test_making_topics_again_changes_nothing(stand: Stand) -> None:
    one, other = TopicSpec(stand.topic, 3, timedelta(days=1)), TopicSpec(stand.topic + "-other", 1)
    assert stand.broker.ensure_topics([one]) == (stand.topic,)
    assert stand.broker.ensure_topics([TopicSpec(stand.topic, 8), other]) == (other.name,)
    assert stand.broker.ensure_topics([one, other]) == ()
    assert len(stand.broker.lag(stand.group, [stand.topic])) == 3


def test_a_topic_that_does_not_exist_is_an_error_with_a_remedy(stand: Stand) -> None:
    stand.broker.ensure_topics([TopicSpec(stand.topic + "-other", 1)])
    producer = stand.producer()
    with pytest.raises(ConfigError, match=r"dateline topics ensure"):
        producer.send(stand.topic, key=b"k", value=b"v")
    with pytest.raises(ConfigError, match=r"dateline topics ensure"):
        stand.consumer().poll(EMPTY, 1)
    stand.make_topic(1)
    producer.send(stand.topic, key=b"k", value=b"v")
    producer.flush()
    assert values(read(stand.consumer(), 1)) == [b"v"]


def test_records_that_are_gone_before_they_were_read_stop_the_group_until_the_gap_is_accepted(stand: Stand) -> None:
    partition = TopicPartition(stand.make_topic(1), 0)
    stand.publish(numbers(10))
    first = stand.consumer()
    first.commit(after(read(first, 10)[:3]))
    first.close()
    stand.backend.drop_records(partition, 7)

    consumer = stand.consumer()
    for _ in range(2):
        with pytest.raises(OffsetsLost) as caught:
            read(consumer, 1)
        assert caught.value.missing == {tuple(partition): (3, 7)}
    consumer.seek(partition, 7)
    consumer.commit({partition: 7})
    assert values(read(consumer, 3)) == numbers(3, start=7)


def test_an_offset_above_the_log_s_end_is_told_and_all_of_the_log_is_still_to_be_read(stand: Stand) -> None:
    partition = TopicPartition(stand.make_topic(1), 0)
    stand.publish(numbers(3))
    consumer = stand.consumer()
    consumer.commit(after(read(consumer, 3)))
    consumer.seek(partition, 10)
    with pytest.raises(OffsetsLost) as caught:
        read(consumer, 1)
    assert (caught.value.missing, caught.value.resume) == ({tuple(partition): (3, 10)}, {tuple(partition): 0})


def test_only_old_records_that_are_still_to_be_read_are_waited_for(stand: Stand) -> None:
    topic, long_ago, soon = stand.make_topic(2), datetime.now(UTC) - HOUR, datetime.now(UTC) + HOUR
    assert not stand.broker.waits_since_before(stand.group, [topic], soon)
    stand.publish(numbers(10))
    assert stand.broker.waits_since_before(stand.group, [topic], soon)
    assert not stand.broker.waits_since_before(stand.group, [topic], long_ago)
    consumer = stand.consumer()
    consumer.commit(after(read(consumer, 10)))
    assert not stand.broker.waits_since_before(stand.group, [topic], soon)


def test_single_records_are_read_where_they_lie_as_long_as_they_do(stand: Stand) -> None:
    partition = TopicPartition(stand.make_topic(1), 0)
    stand.publish(numbers(10))
    stand.backend.drop_records(partition, 4)
    beyond, unknown, nowhere = (partition, 10), (TopicPartition(stand.topic, 9), 0), (TopicPartition("nowhere", 0), 0)
    places = [(partition, 8), (partition, 3), (partition, 5), (partition, 8), beyond, unknown, nowhere]
    assert values(list(stand.broker.records_at(places))) == [b"000005", b"000008"]
    assert list(stand.broker.records_at([])) == []
    assert len(read(stand.consumer(), 6)) == 6  # no group was moved


def test_a_new_group_starts_at_the_earliest_record_that_is_left(stand: Stand) -> None:
    partition = TopicPartition(stand.make_topic(1), 0)
    stand.publish(numbers(10))
    stand.backend.drop_records(partition, 7)
    assert values(read(stand.consumer(), 3)) == numbers(3, start=7)


def test_a_broker_that_goes_away_is_told_and_work_goes_on_when_it_is_back(stand: Stand) -> None:
    stand.make_topic(2)
    broker = stand.backend.impatient()
    producer, consumer = stand.producer(broker), stand.consumer(broker=broker)
    _send(producer, stand.topic, numbers(10))
    before = read(consumer, 10)
    consumer.commit(after(before[:5]))

    with stand.backend.going_away():
        with pytest.raises(BrokerUnavailable):
            _send(producer, stand.topic, numbers(10, start=10))
        with pytest.raises(BrokerUnavailable):
            until(lambda: consumer.poll(0.5, 10), "an error")
        with pytest.raises(BrokerUnavailable):
            _send(producer, stand.topic, numbers(10, start=10))

    until(lambda: _succeeds(lambda: _send(producer, stand.topic, numbers(10, start=10))), "sending again")
    received = set(values(before))

    def all_there() -> bool:
        _succeeds(lambda: received.update(values(consumer.poll(0.5, 100))))
        return received >= set(numbers(20))

    until(all_there, "what was sent again")


def _send(producer: Producer, topic: str, contents: list[bytes]) -> None:
    for content in contents:
        producer.send(topic, key=content, value=content)
    producer.flush()


def _succeeds(action: Callable[[], object]) -> bool:
    try:
        action()
    except BrokerUnavailable:
        return False
    return True
