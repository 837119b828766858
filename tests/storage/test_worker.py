"""The storage stage from the embedded broker into both databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, func, select

from storage import queries
from storage.dead_letters import accept_gaps, gaps_accepted, mark_replayed, record_gaps
from storage.engine import reading, transaction
from storage.schema import articles, dead_letters, stage_offsets
from storage.worker import DatabaseSink, write_dead_letters
from storage.writer import reset_offsets, stored_offsets
from stream.broker import Broker, Record, TopicPartition, TopicSpec
from stream.chunk import Batch
from stream.connect import connect_broker
from stream.dead_letters import Failure, send_dead_letter
from stream.errors import BadMessage, OffsetsLost
from stream.messages import AnnotatedArticle, decode, encode
from stream.stage import Source, Stage, run_stage
from tests.storage.samples import annotated
from tests.stream.brokers import SqliteBackend

TOPIC, LETTERS, GROUP = "t.annotated", "t.dead-letters", "t.store"
NOW = datetime(2025, 6, 1, tzinfo=UTC)


class Outbox:
    """A producer that keeps what it is given, as records of one partition."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def send(self, topic: str, *, key: bytes | None, value: bytes | None, headers: tuple[tuple[str, bytes], ...] = ()) -> None:
        self.records.append(Record(topic, 0, len(self.records), key, value, headers, NOW))

    def flush(self) -> None:
        """Everything is kept already."""

    def close(self) -> None:
        """Nothing is held."""


def letter(value: bytes | None = b"\x00\xff not JSON", offset: int = 7, message: str = "no \x00 JSON") -> Record:
    """A record of the dead-letter topic."""
    outbox = Outbox()
    failed = Record("t.articles", 2, offset, b"a1", value, (("trace", b"\xfe"),), NOW)
    send_dead_letter(outbox, LETTERS, Failure(failed, BadMessage(message)), stage="t.process", version="0.1.0", now=NOW)
    return outbox.records[0]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker with 40 annotated articles, and one record that is none, in TOPIC."""
    broker = connect_broker(f"sqlite:///{tmp_path / 'broker.db'}")
    broker.ensure_topics([TopicSpec(TOPIC, 2), TopicSpec(LETTERS, 1)])
    producer = broker.producer()
    for number in range(40):
        producer.send(TOPIC, key=f"a{number}".encode(), value=encode(annotated(f"a{number}")))
    producer.send(TOPIC, key=b"bad", value=b"no message")
    producer.flush()
    producer.close()
    yield broker
    broker.close()


def store(broker: Broker, engine: Engine, records: int) -> None:
    """Run the storage stage until it has done *records*."""
    stop, seen = threading.Event(), list[Batch]()

    def count(batch: Batch) -> None:
        seen.append(batch)
        if sum(one.records for one in seen) == records:
            stop.set()

    def as_it_is(messages: Sequence[AnnotatedArticle]) -> Sequence[AnnotatedArticle]:
        return messages

    source = Source(TOPIC, lambda record: decode(AnnotatedArticle, record.value), lambda message: len(message.article.text))
    stage = Stage(GROUP, source, DatabaseSink(engine, GROUP), as_it_is)
    stored = partial(stored_offsets, engine, GROUP)
    threading.Timer(30.0, stop.set).start()
    run_stage(stage, broker, stop, dead_letters=LETTERS, version="0", stored=stored, on_batch=count)


def stored_articles(engine: Engine) -> int:
    with reading(engine) as conn:
        return conn.execute(select(func.count()).select_from(articles)).scalar_one()


def test_stage_stores_what_the_topic_holds_and_where_it_stands(engine: Engine, broker: Broker) -> None:
    store(broker, engine, 41)
    assert stored_articles(engine) == 40
    assert stored_offsets(engine, GROUP) == {lag.partition: lag.end for lag in broker.lag(GROUP, [TOPIC]) if lag.end}


@pytest.mark.parametrize("kept", [0, 3])
def test_a_database_restored_from_an_older_copy_is_filled_again_from_where_it_is(engine: Engine, broker: Broker, kept: int) -> None:
    store(broker, engine, 41)
    partition = TopicPartition(TOPIC, 0)
    end = stored_offsets(engine, GROUP)[partition]
    with transaction(engine) as conn:  # what an older copy has not got
        conn.execute(delete(articles))
        if kept:
            reset_offsets(conn, GROUP, {partition: kept})
        else:
            conn.execute(delete(stage_offsets).where(stage_offsets.c.partition == partition.partition))
    store(broker, engine, end - kept)
    assert stored_articles(engine) >= end - kept - 1  # one record may be the one that is none
    assert stored_offsets(engine, GROUP)[partition] == end


def test_a_restored_database_whose_records_are_gone_from_the_log_stops_the_stage(engine: Engine, broker: Broker, tmp_path: Path) -> None:
    store(broker, engine, 41)
    with transaction(engine) as conn:
        conn.execute(delete(stage_offsets))
    SqliteBackend(tmp_path / "broker.db").drop_records(TopicPartition(TOPIC, 0), 5)
    with pytest.raises(OffsetsLost) as caught:
        store(broker, engine, 100)
    assert caught.value.missing == {(TOPIC, 0): (0, 5)}


def test_a_log_made_anew_under_a_database_stops_the_stage_instead_of_passing_for_the_old_one(
    engine: Engine, broker: Broker, tmp_path: Path
) -> None:
    store(broker, engine, 41)
    anew = connect_broker(f"sqlite:///{tmp_path / 'anew.db'}")
    anew.ensure_topics([TopicSpec(TOPIC, 2), TopicSpec(LETTERS, 1)])
    with pytest.raises(OffsetsLost) as caught:
        store(anew, engine, 1)
    assert caught.value.missing == {tuple(at): (0, end) for at, end in stored_offsets(engine, GROUP).items()}
    anew.close()


def test_dead_letter_is_stored_untouched(engine: Engine) -> None:
    assert write_dead_letters(engine, [letter()], GROUP, {TopicPartition(LETTERS, 0): 1}) == 1
    with reading(engine) as conn:
        (listed,) = queries.dead_letters(conn, stage="t.process", topic="t.articles")
        found = queries.dead_letter(conn, listed["id"])
    assert found is not None
    assert (found["key"], found["value"], queries.letter_headers(found)) == (b"a1", b"\x00\xff not JSON", (("trace", b"\xfe"),))
    assert (listed["topic"], listed["partition"], listed["offset"]) == ("t.articles", 2, 7)
    assert (listed["error_class"], listed["message"], listed["attempt"], listed["failed_at"]) == ("BadMessage", "no \ufffd JSON", 1, NOW)


def test_the_same_failure_is_one_row_however_often_it_comes(engine: Engine) -> None:
    again = letter(message="said otherwise the second time")
    assert write_dead_letters(engine, [letter(), again], GROUP, {}) == 1
    assert write_dead_letters(engine, [letter()], GROUP, {}) == 0
    assert write_dead_letters(engine, [letter(offset=8), letter(value=b"of a topic made anew"), letter(value=None)], GROUP, {}) == 3


def test_record_that_is_no_dead_letter_of_ours_is_stored_all_the_same(engine: Engine) -> None:
    stranger = Record(LETTERS, 0, 5, None, None, (("dateline.errors.offset", b"\xff"), ("a\x00", b"")), NOW)
    assert write_dead_letters(engine, [stranger], GROUP, {}) == 1
    with reading(engine) as conn:
        (found,) = queries.dead_letters(conn)
    assert (found["topic"], found["partition"], found["offset"], found["failed_at"]) == (LETTERS, 0, 5, NOW)


def test_replay_is_noted(engine: Engine) -> None:
    write_dead_letters(engine, [letter()], GROUP, {})
    with transaction(engine) as conn:
        id_ = conn.execute(select(dead_letters.c.dead_letter_id)).scalar_one()
        assert (mark_replayed(conn, id_, now=NOW), mark_replayed(conn, id_ + 1)) == (True, False)
        assert [row["replayed_at"] for row in queries.dead_letters(conn)] == [NOW]


@pytest.mark.parametrize("id_", [0, -1, 2**63, 2**80])
def test_dead_letter_that_does_not_exist_is_none(engine: Engine, id_: int) -> None:
    with reading(engine) as conn:
        assert queries.dead_letter(conn, id_) is None


def test_gap_is_recorded_once_and_open_until_it_is_accepted(engine: Engine) -> None:
    with transaction(engine) as conn:
        for _ in range(2):
            record_gaps(conn, GROUP, {("t", 1): (5, 9), ("t", 0): (0, 3)}, now=NOW)
        record_gaps(conn, "another", {("t", 1): (5, 9)}, now=NOW)
    with transaction(engine) as conn:
        assert (accept_gaps(conn, GROUP, now=NOW), accept_gaps(conn, GROUP, now=NOW)) == (2, 0)
        found = [(row["consumer_group"], row["partition"], row["from_offset"], row["accepted_at"]) for row in queries.gaps(conn)]
    assert found == [("another", 1, 5, None), (GROUP, 1, 5, NOW), (GROUP, 0, 0, NOW)]


@pytest.mark.parametrize(
    ("missing", "taken"),
    [
        ({("t", 0): (3, 10)}, True),
        ({("t", 0): (7, 10)}, True),  # the log has grown since
        ({("t", 0): (3, 12)}, False),  # more has gone since
        ({("t", 1): (3, 10)}, False),
        ({("t", 0): (3, 10), ("t", 1): (0, 1)}, False),
    ],
)
def test_a_loss_is_taken_with_all_that_lies_within_it(engine: Engine, missing: dict[tuple[str, int], tuple[int, int]], taken: bool) -> None:
    with transaction(engine) as conn:
        record_gaps(conn, GROUP, {("t", 0): (3, 10)}, now=NOW)
        assert not gaps_accepted(conn, GROUP, {("t", 0): (3, 10)})
        accept_gaps(conn, GROUP, now=NOW)
        assert gaps_accepted(conn, GROUP, missing) == taken
