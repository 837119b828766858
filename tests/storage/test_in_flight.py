"""Workers that die, one after the other, of one record: the notes in the database lead to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from storage.engine import reading
from storage.in_flight import InFlightTable
from storage.schema import in_flight
from stream.broker import Broker, TopicPartition
from stream.connect import connect_broker
from stream.errors import StageStopped
from stream.in_flight import DEATHS, Mark
from stream.stage import Limits, run_stage
from tests.stream.test_stage import GROUP, lag, letters, make_stage, make_topics, send, upper, values

HERE, THERE = TopicPartition("in", 0), TopicPartition("in", 1)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = connect_broker(f"sqlite:///{tmp_path / 'broker.db'}", session_timeout=1.0)
    make_topics(broker)
    yield broker
    broker.close()


class Died(BaseException):
    """The end of the worker, as far as the loop can tell: nothing of it is caught."""


def run_worker(broker: Broker, engine: Engine, deadly: str, limits: Limits) -> type[BaseException] | None:
    """Run one worker until it dies, stops, or has read everything; return what ended it."""
    stop, ended_by = threading.Event(), list[type[BaseException]]()

    def handle(messages: Sequence[str]) -> list[str]:
        if deadly in messages:
            raise Died
        return upper(messages)

    def work() -> None:
        try:
            run_stage(
                make_stage(broker, handle),
                broker,
                stop,
                dead_letters="dead",
                version="1",
                limits=limits,
                notes=InFlightTable(engine, GROUP),
            )
        except BaseException as e:
            ended_by.append(type(e))

    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive() and lag(broker):
        thread.join(0.05)
    stop.set()
    thread.join(30)
    return ended_by[0] if ended_by else None


def test_a_record_that_workers_die_of_is_dead_lettered_alone_and_the_rest_goes_through(engine: Engine, broker: Broker) -> None:
    sent = [f"m{number}" for number in range(9)] + ["deadly"] + [f"n{number}" for number in range(9)]
    send(broker, *sent)
    ends = []
    while (end := run_worker(broker, engine, "deadly", Limits(records=50))) is Died:
        ends.append(end)
    assert end is None
    assert len(ends) == 2 * DEATHS  # of the batch, then of the record
    assert sorted(values(broker)) == sorted(value.upper() for value in sent if value != "deadly")
    [letter] = letters(broker)
    assert (letter.value, letter.error_class) == (b"deadly", "WorkerDied")
    assert "3 workers in a row began this record alone and died" in letter.message
    assert lag(broker) == 0
    with reading(engine) as conn:
        assert conn.execute(select(func.count()).select_from(in_flight)).scalar_one() == 0


def test_a_stage_that_stops_of_itself_is_no_death(engine: Engine, broker: Broker) -> None:
    send(broker, "new")
    for _ in range(DEATHS + 1):
        assert run_worker(broker, engine, "deadly", Limits()) is not Died
    send(broker, *["poison"] * 3)
    assert InFlightTable(engine, GROUP).read() == {}


def test_failures_that_stop_a_stage_leave_no_mark(engine: Engine, broker: Broker) -> None:
    send(broker, *["poison"] * 3)
    assert run_worker(broker, engine, "deadly", Limits(failures_in_row=1)) is StageStopped
    assert InFlightTable(engine, GROUP).read() == {}


def test_marks_are_of_one_group_and_are_replaced_and_struck_out(engine: Engine) -> None:
    ours, theirs = InFlightTable(engine, GROUP), InFlightTable(engine, "t.other")
    theirs.write({HERE: Mark(1, 2, 1)})
    ours.write({HERE: Mark(3, 9, 1), THERE: Mark(0, 5, 2, 5)})
    ours.write({HERE: Mark(3, 9, 2), THERE: None})
    assert ours.read() == {HERE: Mark(3, 9, 2)}
    assert theirs.read() == {HERE: Mark(1, 2, 1)}
