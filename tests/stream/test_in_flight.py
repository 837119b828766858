"""Records that workers die of: what is under way is noted, and what killed them again and again is found and put aside."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from stream.broker import TopicPartition
from stream.errors import DatabaseUnavailable
from stream.in_flight import DEATHS, InFlight, Mark, Marks, begun, ended, goes_alone, is_deadly
from tests.stream.test_stage import record

HERE = TopicPartition("in", 0)


def died_of(first: int, end: int, times: int) -> Mark:
    mark = None
    for _ in range(times):
        mark = begun(mark, first, end)
    assert mark is not None
    return mark


def test_work_that_ends_leaves_nothing_behind() -> None:
    assert ended(begun(None, 10, 20), 20) is None


@pytest.mark.parametrize("deaths", range(1, DEATHS))
def test_few_deaths_change_nothing(deaths: int) -> None:
    mark = died_of(10, 20, deaths)
    assert not any(goes_alone(mark, offset) or is_deadly(mark, offset) for offset in range(9, 21))


def test_after_many_deaths_the_records_of_the_batch_go_alone_and_no_others() -> None:
    mark = died_of(10, 20, DEATHS)
    assert [offset for offset in range(5, 25) if goes_alone(mark, offset)] == list(range(10, 20))


def test_a_suspect_that_goes_through_leaves_the_others_suspect() -> None:
    mark = ended(begun(died_of(10, 20, DEATHS), 10, 11), 11)
    assert [offset for offset in range(5, 25) if goes_alone(mark, offset)] == list(range(11, 20))
    assert ended(begun(mark, 19, 20), 20) is None


def test_deaths_of_the_whole_batch_are_not_held_against_its_first_record() -> None:
    alone = begun(died_of(10, 20, DEATHS), 10, 11)
    assert alone.starts == 1
    assert not is_deadly(alone, 10)


def test_a_record_that_kills_alone_is_deadly_after_as_many_deaths() -> None:
    mark: Mark | None = died_of(10, 20, DEATHS)
    for _ in range(DEATHS):
        assert not is_deadly(mark, 10)
        mark = begun(mark, 10, 11)
    assert is_deadly(mark, 10)
    assert not is_deadly(mark, 11)


def test_work_elsewhere_in_the_partition_is_a_first_start() -> None:
    assert begun(died_of(10, 20, 2), 20, 30) == Mark(20, 30, 1)


def test_work_given_up_alive_counts_for_no_death() -> None:
    assert ended(died_of(10, 20, 2), 10) is None


class Flaky:
    """Notes that cannot be had while *away*."""

    def __init__(self) -> None:
        self.away, self.marks = True, dict[TopicPartition, Mark]()

    def read(self) -> Marks:
        self._reach()
        return self.marks

    def write(self, marks: Mapping[TopicPartition, Mark | None]) -> None:
        self._reach()
        self.marks = {at: mark for at, mark in {**self.marks, **marks}.items() if mark is not None}

    def _reach(self) -> None:
        if self.away:
            raise DatabaseUnavailable("away")


def test_notes_that_are_away_hold_nothing_up() -> None:
    in_flight = InFlight(Flaky())
    in_flight.look()
    in_flight.begin([record(0), record(1)])
    in_flight.end({HERE: 2})
    assert in_flight.verdict(record(0)) is None
    assert not in_flight.goes_alone(record(0))


def test_what_could_not_be_struck_out_is_struck_out_later() -> None:
    notes = Flaky()
    notes.away = False
    in_flight = InFlight(notes, pause=0.0)
    in_flight.begin([record(0), record(1)])
    assert notes.marks == {HERE: Mark(0, 2, 1)}
    notes.away = True
    in_flight.end({HERE: 2})
    assert in_flight.owes
    notes.away = False
    in_flight.look()
    assert (notes.marks, in_flight.owes) == ({}, False)
