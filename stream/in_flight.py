"""Deaths at work: what a stage is about to work on is noted down before and struck out after, so that its next start can tell.

A child that dies is seen by its parent. A parent that dies (the kernel ends it for memory, a library ends the process) is seen
by nobody: the next member reads the same records and dies of them too, for ever. With the notes, records that DEATHS members
in a row began and did not end go one at a time; one that DEATHS members died of alone goes to dead letters.

What decides is pure; where the notes lie is the business of ``Notes``. They are an aid: where they cannot be read or
written, the stage goes on without them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from stream.broker import Offsets, Record, TopicPartition
from stream.errors import DatelineError, WorkerDied

DEATHS = 3  # members that began and did not end, after which their records are suspects
PAUSE = 30.0  # seconds without notes after they could not be had: a database that is away must not hold up a stage that can do without

log = logging.getLogger("dateline.stage")


@dataclass(frozen=True, slots=True)
class Mark:
    """Work begun in one partition: offsets *first* up to *end*, for the *starts*-th time. Those before *alone_until* go one at a time."""

    first: int
    end: int
    starts: int
    alone_until: int = 0


Marks = Mapping[TopicPartition, Mark]


class Notes(Protocol):
    """Where the marks of one consumer group lie, for all its members on all machines."""

    def read(self) -> Marks:
        """Return the marks that there are."""

    def write(self, marks: Mapping[TopicPartition, Mark | None]) -> None:
        """Put these in place of those there are; None strikes one out. Durable on return."""


class NoNotes:
    """Notes of a stage that nobody watches."""

    def read(self) -> Marks:
        """Return none."""
        return {}

    def write(self, marks: Mapping[TopicPartition, Mark | None]) -> None:
        """Forget them."""


NO_NOTES = NoNotes()


def begun(mark: Mark | None, first: int, end: int) -> Mark:
    """Return the mark of work that begins on offsets *first* up to *end*, where *mark* is what was left there."""
    if mark is None:
        return Mark(first, end, 1)
    until = _alone_until(mark)
    narrowed = mark.end - mark.first > 1 >= end - first
    again = mark.first == first and not narrowed
    return Mark(first, end, mark.starts + 1 if again else 1, until if until > first else 0)


def ended(mark: Mark | None, offset: int) -> Mark | None:
    """Return what is left of *mark* once the work before *offset* is committed, or was given up alive."""
    until = _alone_until(mark) if mark else 0
    return Mark(offset, offset, 0, until) if until > offset else None


def goes_alone(mark: Mark | None, offset: int) -> bool:
    """Tell whether the record at *offset* may be what members died of."""
    return mark is not None and mark.first <= offset < _alone_until(mark)


def is_deadly(mark: Mark | None, offset: int) -> bool:
    """Tell whether members died of the record at *offset* and of nothing else."""
    return mark is not None and (mark.first, mark.end) == (offset, offset + 1) and mark.starts >= DEATHS


def _alone_until(mark: Mark) -> int:
    return max(mark.alone_until, mark.end if mark.starts >= DEATHS and mark.end - mark.first > 1 else 0)


class InFlight:
    """What the members of a group died of, as their *notes* say. They are let alone for *pause* seconds where they cannot be had."""

    def __init__(self, notes: Notes, pause: float = PAUSE) -> None:
        self._notes, self._pause = notes, pause
        self._marks: dict[TopicPartition, Mark] = {}
        self._owed: dict[TopicPartition, Mark | None] = {}  # what could not be written yet
        self._asked_again_at = 0.0  # monotonic

    @property
    def owes(self) -> bool:
        """Whether something is still to be written."""
        return bool(self._owed)

    def look(self) -> None:
        """Write what is owed, and read what members before this one left behind."""
        self._try(self._catch_up)

    def goes_alone(self, record: Record) -> bool:
        """Tell whether *record* must be handled alone."""
        return goes_alone(self._marks.get(_at(record)), record.offset)

    def verdict(self, record: Record) -> WorkerDied | None:
        """Return the error of a record that workers died of, None for any other."""
        mark = self._marks.get(_at(record))
        if mark is None or not is_deadly(mark, record.offset):
            return None
        return WorkerDied(f"{mark.starts} workers in a row began this record alone and died, so it is not tried again")

    def begin(self, records: Sequence[Record]) -> None:
        """Note that work on *records*, in order within each partition, begins."""
        ranges: dict[TopicPartition, tuple[int, int]] = {}
        for record in records:
            first, _ = ranges.get(_at(record), (record.offset, 0))
            ranges[_at(record)] = first, record.offset + 1
        self._put({at: begun(self._marks.get(at), *offsets) for at, offsets in ranges.items()})

    def end(self, offsets: Offsets) -> None:
        """Note that the work before *offsets* is over, by whatever but a death."""
        self._put({at: ended(self._marks.get(at), offset) for at, offset in offsets.items()})

    def give_up(self, records: Sequence[Record]) -> None:
        """Note that nobody died of *records*, which were begun: the stage stops of itself, or others have them now."""
        self.end({_at(record): record.offset for record in reversed(records)})

    def _catch_up(self) -> None:
        self._write()
        self._marks = dict(self._notes.read())

    def _write(self) -> None:
        if self._owed:
            self._notes.write(self._owed)
            self._owed = {}

    def _put(self, marks: Mapping[TopicPartition, Mark | None]) -> None:
        self._marks = {at: mark for at, mark in {**self._marks, **marks}.items() if mark is not None}
        self._owed |= marks
        self._try(self._write)

    def _try(self, ask: Callable[[], None]) -> None:
        if time.monotonic() < self._asked_again_at:
            return
        try:
            ask()
        except DatelineError as e:
            self._asked_again_at = time.monotonic() + self._pause
            log.warning("goes on without notes of what is under way", extra={"error": str(e)})


def _at(record: Record) -> TopicPartition:
    return TopicPartition(record.topic, record.partition)
