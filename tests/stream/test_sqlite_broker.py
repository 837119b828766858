"""What only the embedded broker promises: retention, leases, and nothing left over after a failure."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from scripts import clock
from stream.broker import TopicPartition, TopicSpec
from stream.errors import BrokerUnavailable, Fenced, OffsetsLost
from stream.sqlite_log import SWEEP_RECORDS, sweep
from tests.services.needed import need
from tests.stream.brokers import SqliteBackend, Stand, after, read, values

HOUR = 3600.0  # seconds


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "broker.db"


@pytest.fixture
def stand(path: Path) -> Iterator[Stand]:
    with Stand(SqliteBackend(path)) as stand:
        yield stand


def test_offsets_have_no_gaps_when_several_processes_write(stand: Stand) -> None:
    stand.make_topic(1)
    children = [stand.child() for _ in range(3)]
    for _ in range(10):
        for number, child in enumerate(children):
            child.ask("send", stand.topic, [str(number)] * 10)
            child.tell("flush")
        assert [child.answer() for child in children] == [None] * 3
    assert [record.offset for record in read(stand.consumer(), 300)] == list(range(300))


def test_old_records_go_and_new_ones_stay(stand: Stand) -> None:
    stand.broker.ensure_topics([TopicSpec(stand.topic, 1, timedelta(hours=1))])
    stand.publish([b"old"] * (SWEEP_RECORDS + 10))
    now = time.time()
    assert _sweep(stand, now) == 0
    assert _sweep(stand, now + 2 * HOUR) == SWEEP_RECORDS + 10
    stand.publish([b"new"])
    assert [(record.offset, record.value) for record in read(stand.consumer(), 1)] == [(SWEEP_RECORDS + 10, b"new")]


def test_retention_never_passes_the_slowest_living_group(stand: Stand) -> None:
    stand.broker.ensure_topics([TopicSpec(stand.topic, 1, timedelta(hours=1))])
    stand.publish([b"%d" % number for number in range(10)])
    slow, fast = stand.consumer(), stand.consumer(stand.group + "-fast")
    fast.commit(after(read(fast, 10)))
    slow.commit(after(read(slow, 10)[:3]))
    _age(stand, records=2 * HOUR, members=0)
    assert _sweep(stand, time.time()) == 3
    slow.commit({TopicPartition(stand.topic, 0): 10})
    assert _sweep(stand, time.time()) == 7


def test_a_living_group_that_has_committed_nothing_holds_everything(stand: Stand) -> None:
    stand.broker.ensure_topics([TopicSpec(stand.topic, 1, timedelta(hours=1))])
    stand.publish([b"a", b"b"])
    consumer = stand.consumer()
    read(consumer, 2)
    _age(stand, records=2 * HOUR, members=0)
    assert _sweep(stand, time.time()) == 0


def test_a_group_that_was_away_for_longer_than_the_retention_is_told_what_it_missed(stand: Stand) -> None:
    stand.broker.ensure_topics([TopicSpec(stand.topic, 1, timedelta(hours=1))])
    stand.publish([b"a", b"b", b"c"])
    consumer = stand.consumer()
    consumer.commit(after(read(consumer, 3)[:1]))
    consumer.close()
    _age(stand, records=2 * HOUR, members=2 * HOUR)
    assert _sweep(stand, time.time()) == 3
    with pytest.raises(OffsetsLost) as caught:
        stand.consumer().poll(1, 10)
    assert caught.value.missing == {(stand.topic, 0): (1, 3)}


def test_the_file_shrinks_when_records_have_gone(stand: Stand, path: Path) -> None:
    stand.broker.ensure_topics([TopicSpec(stand.topic, 1, timedelta(hours=1))])
    stand.publish([bytes(1_000_000)] * 20)
    _checkpoint(path)
    before = path.stat().st_size
    _sweep(stand, time.time() + 2 * HOUR)
    _checkpoint(path)
    assert before > 20_000_000 > 1_000_000 > path.stat().st_size


def test_the_file_does_not_grow_while_old_records_go_as_new_ones_come(stand: Stand, path: Path) -> None:
    stand.broker.ensure_topics([TopicSpec(stand.topic, 1, timedelta(hours=1))])
    sizes = []
    for _ in range(6):
        stand.publish([bytes(500_000)] * 10)
        _age(stand, records=HOUR / 2 + 60, members=0)  # each round's records outlive one more round
        _sweep(stand, time.time())
        _checkpoint(path)
        sizes.append(path.stat().st_size)
    assert max(sizes) < 2.5 * 10 * 500_000


def test_a_producer_drops_old_records_when_it_flushes(stand: Stand) -> None:
    stand.broker.ensure_topics([TopicSpec(stand.topic, 1, timedelta(hours=1))])
    stand.publish([b"old"])
    _age(stand, records=2 * HOUR, members=0)
    producer = stand.producer()
    producer.send(stand.topic, key=None, value=b"new")
    producer.flush()
    assert values(read(stand.consumer(), 1)) == [b"new"]


def test_what_a_failed_flush_held_is_not_written_later(stand: Stand, path: Path) -> None:
    stand.make_topic(1)
    producer = stand.producer(stand.backend.impatient())
    producer.send(stand.topic, key=None, value=b"refused")
    with stand.backend.going_away(), pytest.raises(BrokerUnavailable, match=r"locked"):
        producer.flush()
    producer.send(stand.topic, key=None, value=b"accepted")
    producer.flush()
    assert values(read(stand.consumer(), 1)) == [b"accepted"]


def test_a_heartbeat_after_the_lease_does_not_bring_the_membership_back(path: Path) -> None:
    with Stand(SqliteBackend(path)) as stand:
        stand.make_topic(1)
        stand.publish([b"a"])
        consumer = stand.consumer()
        records = read(consumer, 1)
        _age(stand, records=0, members=HOUR)
        consumer.heartbeat()
        with pytest.raises(Fenced, match=r"silent for longer than its lease"):
            consumer.commit(after(records))


def test_a_clock_that_was_set_back_keeps_no_dead_member_alive(stand: Stand) -> None:
    stand.make_topic(1)
    stand.publish([b"a"])
    read(stand.consumer(), 1)
    _age(stand, records=0, members=-HOUR)
    assert values(read(stand.consumer(), 1)) == [b"a"]


def test_records_sent_while_the_clock_was_ahead_hold_up_none_behind_them(stand: Stand) -> None:
    stand.broker.ensure_topics([TopicSpec(stand.topic, 1, timedelta(hours=1))])
    stand.publish([b"early"])
    _age(stand, records=-1000 * HOUR, members=0)
    stand.publish([b"late"])
    now = time.time()
    assert _sweep(stand, now) == 0
    assert _sweep(stand, now + 2 * HOUR) == 2


def test_a_clock_that_is_set_forward_makes_no_record_old_that_a_living_group_has_still_to_read(stand: Stand, tmp_path: Path) -> None:
    need(clock.ensure())
    stand.broker.ensure_topics([TopicSpec(stand.topic, 1, timedelta(hours=1))])
    reader, moved = stand.consumer(), clock.Clock(tmp_path / "clock")
    assert reader.poll(0.1, 1) == ()
    child = stand.child(env=moved.environment)
    child.ask("send", stand.topic, ["unread"])
    with moved.moved(48 * 3600):
        child.ask("flush")
    assert values(read(reader, 1)) == [b"unread"]


def _sweep(stand: Stand, now: float) -> int:
    with stand.broker._file() as file:
        return sweep(file, now)


def _age(stand: Stand, *, records: float, members: float) -> None:
    """Make records and signs of life older by so many seconds."""
    with stand.broker._file() as file, file.writing() as db:
        db.execute("UPDATE records SET sent_at = sent_at - ?", (records,))
        db.execute("UPDATE members SET seen_at = seen_at - ?", (members,))
        db.execute("UPDATE subscriptions SET seen_at = seen_at - ?", (members,))


def _checkpoint(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    db.close()
