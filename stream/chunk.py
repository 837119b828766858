"""A chunk of records on its way through a stage: handled whole or, where that fails, in halves until the offender is alone."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from stream.broker import Offsets, Record, TopicPartition
from stream.dead_letters import DeadLetters, Failure
from stream.errors import NOT_THE_INPUT, ChildLost, PermanentError, StageStopped
from stream.sink import Sink

FAILURE_WINDOW, FAILURES_IN_WINDOW = 500, 100  # more failures than this among the last records stop the stage

log = logging.getLogger("dateline.stage")

In = TypeVar("In")
Out = TypeVar("Out")
Item = tuple[Record, In | PermanentError]


@dataclass(frozen=True, slots=True)
class Batch:
    """A chunk that was committed; *errors* are the classes of those that dead-lettered a record, *newest* is when its last one was sent."""

    stage: str
    records: int
    errors: tuple[str, ...]
    seconds: float
    newest: datetime


class Interrupted(Exception):
    """The stage was told to stop and the chunk cannot be finished now."""


class Chunk(Generic[In, Out]):
    """Records on their way through a stage. ``run`` may be called again after a TransientError and goes on where it was."""

    def __init__(
        self,
        handle: Callable[[Sequence[In]], Sequence[Out]],
        sink: Sink[Out],
        items: Sequence[Item[In]],
        breaker: Breaker,
        letters: DeadLetters,
    ) -> None:
        self._handle, self._sink = handle, sink
        self._breaker, self._letters = breaker, letters
        self.records = tuple(record for record, _ in items)
        self._newest = max(record.timestamp for record in self.records)
        self.offsets: Offsets = {TopicPartition(record.topic, record.partition): record.offset + 1 for record in self.records}
        self.failures: list[Failure] = []
        self._given_up = threading.Event()
        self._tried_again: set[int] = set()  # ids of parts
        good = [(record, message) for record, message in items if not isinstance(message, PermanentError)]
        self._todo = deque([(good, 1)] if good else [])  # parts in order, and how often each has been tried then
        for record, message in items:
            if isinstance(message, PermanentError):
                self._fail(Failure(record, message))

    def batch(self, stage: str, seconds: float) -> Batch:
        """Return what came of the chunk, which *stage* took *seconds* for."""
        errors = tuple(type(failure.error).__name__ for failure in self.failures)
        return Batch(stage, len(self.records), errors, seconds, self._newest)

    def give_up(self) -> None:
        """Have ``run`` neither isolate nor dead-letter anything any more: what goes wrong now comes from the stopping."""
        self._given_up.set()

    def run(self) -> None:
        """Deliver every record or send it to dead letters. Raises what is no record's fault: TransientError, StageStopped, ConfigError."""
        while self._todo:
            part, attempt = self._todo[0]
            whole = len(part) == len(self.records)
            try:
                results = self._handle([message for _, message in part])
                self._sink.deliver(results, self.offsets if whole else {})
            except NOT_THE_INPUT:
                raise
            except Exception as e:  # the only other place that catches broadly is the loop over feeds
                self._todo.popleft()
                self._isolate(part, attempt, e)
            else:
                self._todo.popleft()
                self._breaker.passed(len(part))
                if whole:
                    return
        self._check()
        self._letters.send(self.failures)
        self._sink.deliver((), self.offsets)

    def _isolate(self, part: list[tuple[Record, In]], attempt: int, error: Exception) -> None:
        self._check()
        if len(part) > 1:
            middle = len(part) // 2
            self._todo.extendleft([(part[middle:], attempt + 1), (part[:middle], attempt + 1)])
        elif isinstance(error, ChildLost) and error.cause != "timeout" and id(part) not in self._tried_again:
            # Somebody else may have killed the child. A record that does it by itself does it again.
            self._tried_again.add(id(part))
            self._todo.appendleft((part, attempt + 1))
        else:
            self._fail(Failure(part[0][0], error, attempt))

    def _check(self) -> None:
        if self._given_up.is_set():
            raise Interrupted

    def _fail(self, failure: Failure) -> None:
        self.failures.append(failure)
        self._breaker.failed(failure)


class Breaker:
    """Tells a fault of the stage (a bad upgrade, a missing file) from faults of single records."""

    def __init__(self, stage: str, in_row: int) -> None:
        self._stage, self._in_row = stage, in_row
        self._row = 0
        self._window: deque[bool] = deque(maxlen=FAILURE_WINDOW)

    def passed(self, records: int) -> None:
        """Note that so many records went through."""
        self._row = 0
        self._window.extend([False] * records)

    def failed(self, failure: Failure) -> None:
        """Raise StageStopped where the stage itself must be at fault."""
        self._row += 1
        self._window.append(True)
        if self._row > self._in_row or sum(self._window) > FAILURES_IN_WINDOW:
            record, error = failure.record, failure.error
            raise StageStopped(
                f"{self._stage} stopped: {self._row} records failed in a row, {sum(self._window)} of the last {len(self._window)}. "
                f"The last one is {record.topic}/{record.partition} offset {record.offset}: {type(error).__name__}: {error}. "
                "Nothing of the batch was committed. Mend the cause and start again, or raise DATELINE_FAILURES_IN_ROW to send such "
                "records to dead letters"
            ) from error
