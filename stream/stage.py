"""The only consume → handle → produce → commit loop.

The order of a batch:

1. poll records from the broker, decode them (what is no message fails alone), and cut them into chunks bounded by
   records and characters;
2. handle a chunk and deliver the results to the sink, durable; a failing chunk is halved until the offender is alone;
3. send what failed for good to dead letters and flush;
4. commit the chunk's offsets.

Steps 2 and 3 run on a second thread while the first goes on sending heartbeats, so that a long batch or a long outage
does not cost the membership. A crash between any two steps delivers the chunk again: sinks are idempotent.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar

from stream.backoff import pause
from stream.batches import batches
from stream.broker import Broker, Consumer, Offsets, Producer, Record, TopicPartition
from stream.dead_letters import Failure, send_dead_letter
from stream.errors import NOT_THE_INPUT, BadMessage, ChildLost, Fenced, OffsetsLost, PermanentError, StageStopped, TransientError
from stream.threads import Threads

POLL_TIMEOUT = 0.5  # seconds; also how soon an idle stage notices that it should stop
HEARTBEAT_EVERY = 1.0  # seconds
CLOSE_TIMEOUT = 2.0  # seconds for closing what the work thread holds, if that is free
FAILURE_WINDOW, FAILURES_IN_WINDOW = 500, 100  # more failures than this among the last records stop the stage

log = logging.getLogger("dateline.stage")

In = TypeVar("In")
Out = TypeVar("Out")
Out_contra = TypeVar("Out_contra", contravariant=True)
Item = tuple[Record, In | PermanentError]


class Sink(Protocol[Out_contra]):
    """Where results go. Made on one thread, used and closed on one other."""

    def deliver(self, results: Sequence[Out_contra], offsets: Offsets) -> None:
        """Return when *results* are durable; delivering them again changes nothing.

        *offsets* are the group's next ones where everything before them is done, for sinks that keep them in the same
        transaction; empty while part of a chunk is still open.
        """

    def close(self) -> None:
        """Free what is held."""


@dataclass(frozen=True, slots=True)
class Source(Generic[In]):
    """A topic, how its records become messages, and what a message weighs in characters."""

    topic: str
    decode: Callable[[Record], In]
    size: Callable[[In], int]


@dataclass(frozen=True, slots=True)
class Stage(Generic[In, Out]):
    """A named step: *name* is the consumer group, *handle* maps decoded messages to results and never sees offsets."""

    name: str
    source: Source[In]
    sink: Sink[Out]
    handle: Callable[[Sequence[In]], Sequence[Out]]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a chunk; after how many failures in a row the fault is taken to be the stage's, not the records'; and how many
    seconds a chunk under way may still take once the stage was told to stop.
    """

    records: int = 200
    chars: int = 300_000
    failures_in_row: int = 20
    drain: float = 20.0


@dataclass(frozen=True, slots=True)
class Batch:
    """A chunk that was committed; *errors* are the classes of those that dead-lettered a record, *newest* is when its last one was sent."""

    stage: str
    records: int
    errors: tuple[str, ...]
    seconds: float
    newest: datetime


@dataclass(frozen=True, slots=True)
class Poll:
    """A poll that the broker answered: how many records it gave, and the partitions that the member owned then."""

    stage: str
    records: int
    assigned: frozenset[TopicPartition]


class TopicSink(Generic[Out]):
    """Sends each result to *topic* and flushes; *encode* gives a result's key and value."""

    def __init__(self, broker: Broker, topic: str, encode: Callable[[Out], tuple[bytes, bytes]]) -> None:
        self._broker, self._topic, self._encode = broker, topic, encode
        self._producer: Producer | None = None

    def deliver(self, results: Sequence[Out], offsets: Offsets) -> None:
        """Return when *results* are durable in the topic; the broker's commit keeps the offsets."""
        if not results:
            return
        self._producer = self._producer or self._broker.producer()
        for result in results:
            key, value = self._encode(result)
            self._producer.send(self._topic, key=key, value=value)
        self._producer.flush()

    def close(self) -> None:
        """Close the producer."""
        if self._producer is not None:
            self._producer.close()


def run_stage(
    stage: Stage[In, Out],
    broker: Broker,
    stop: threading.Event,
    *,
    dead_letters: str,
    version: str,
    limits: Limits = Limits(),
    accepts: Callable[[OffsetsLost], bool] = lambda lost: False,
    on_batch: Callable[[Batch], None] = lambda batch: None,
    on_poll: Callable[[Poll], None] = lambda poll: None,
) -> None:
    """Run *stage* until *stop* is set; then finish the chunk under way, commit it and leave the group.

    TransientErrors are retried in place with capped exponential back-off. A record that fails for good goes, alone, to the
    topic *dead_letters*, with *version* in its headers. Where records were deleted before they were read, *accepts* says
    whether an operator has taken the loss; then the stage goes on behind it. *on_poll* and *on_batch* are called on this thread.
    Raises StageStopped, with nothing of the chunk committed, where an operator has to act first.
    """
    breaker = _Breaker(stage.name, limits.failures_in_row)
    letters = _DeadLetters(broker, dead_letters, stage.name, version)
    member = _Member(broker, stage.name, stage.source.topic, stop, accepts, limits.drain)
    try:
        while not stop.is_set():
            records = member.poll(limits.records)
            on_poll(Poll(stage.name, len(records), member.assignment()))
            decoded = _decoded(stage.source, records, member.owns)
            for items in batches(decoded, most=limits.records, size=limits.chars):
                if stop.is_set():
                    break
                started = time.monotonic()
                chunk = _Chunk(stage, items, breaker, letters)
                member.work(chunk)
                if not member.commit(chunk.offsets):
                    break
                batch = chunk.batch(time.monotonic() - started)
                _log(batch)
                on_batch(batch)
    except _Interrupted:
        log.warning("stopped within a batch, which will be read again", extra={"stage": stage.name})
    finally:
        member.close(stage.sink.close, letters.close)


def _log(batch: Batch) -> None:
    told = {"stage": batch.stage, "records": batch.records, "dead": len(batch.errors), "seconds": round(batch.seconds, 3)}
    log.info("batch committed", extra=told)


class _Interrupted(Exception):
    """The stage was told to stop and the chunk cannot be finished now."""


class _Chunk(Generic[In, Out]):
    """Records on their way through a stage. ``run`` may be called again after a TransientError and goes on where it was."""

    def __init__(self, stage: Stage[In, Out], items: Sequence[Item[In]], breaker: _Breaker, letters: _DeadLetters) -> None:
        self._stage, self._breaker, self._letters = stage, breaker, letters
        self._records = len(items)
        self._newest = max(record.timestamp for record, _ in items)
        self.offsets: Offsets = {TopicPartition(record.topic, record.partition): record.offset + 1 for record, _ in items}
        self.failures: list[Failure] = []
        self._given_up = threading.Event()
        self._tried_again: set[int] = set()  # ids of parts
        good = [(record, message) for record, message in items if not isinstance(message, PermanentError)]
        self._todo = deque([(good, 1)] if good else [])  # parts in order, and how often each has been tried then
        for record, message in items:
            if isinstance(message, PermanentError):
                self._fail(Failure(record, message))

    def batch(self, seconds: float) -> Batch:
        """Return what came of the chunk, which took *seconds*."""
        errors = tuple(type(failure.error).__name__ for failure in self.failures)
        return Batch(self._stage.name, self._records, errors, seconds, self._newest)

    def give_up(self) -> None:
        """Have ``run`` neither isolate nor dead-letter anything any more: what goes wrong now comes from the stopping."""
        self._given_up.set()

    def run(self) -> None:
        """Deliver every record or send it to dead letters. Raises what is no record's fault: TransientError, StageStopped, ConfigError."""
        while self._todo:
            part, attempt = self._todo[0]
            whole = len(part) == self._records
            try:
                results = self._stage.handle([message for _, message in part])
                self._stage.sink.deliver(results, self.offsets if whole else {})
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
        self._stage.sink.deliver((), self.offsets)

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
            raise _Interrupted

    def _fail(self, failure: Failure) -> None:
        self.failures.append(failure)
        self._breaker.failed(failure)


def _decoded(source: Source[In], records: Sequence[Record], owns: Callable[[Record], bool]) -> Iterator[tuple[Item[In], int]]:
    """Yield each record that is still owned when its turn comes, with its message or why it is none, and its size."""
    for record in records:
        if not owns(record):
            continue
        try:
            message = source.decode(record)
        except PermanentError as e:
            yield (record, e), 0
        except NOT_THE_INPUT:
            raise
        except Exception as e:  # a decoder's own fault must not stop the stage at the same record for ever
            yield (record, BadMessage(f"cannot be decoded: {type(e).__name__}: {e}")), 0
        else:
            yield (record, message), source.size(message)


class _Breaker:
    """Tells a fault of the stage (a bad upgrade, a missing file) from faults of single records."""

    def __init__(self, stage: str, in_row: int) -> None:
        self._stage, self._in_row = stage, in_row
        self._row = 0
        self._window: deque[bool] = deque(maxlen=FAILURE_WINDOW)

    def passed(self, records: int) -> None:
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


class _DeadLetters:
    """Sends failures to the dead-letter topic, durable on return. Used from one thread."""

    def __init__(self, broker: Broker, topic: str, stage: str, version: str) -> None:
        self._broker, self._topic, self._stage, self._version = broker, topic, stage, version
        self._producer: Producer | None = None

    def send(self, failures: Sequence[Failure]) -> None:
        if not failures:
            return
        self._producer = self._producer or self._broker.producer()
        for failure in failures:
            send_dead_letter(self._producer, self._topic, failure, stage=self._stage, version=self._version, now=datetime.now(UTC))
        self._producer.flush()
        for failure in failures:
            record = failure.record
            log.error(
                "record dead-lettered",
                extra={
                    "stage": self._stage,
                    "record": f"{record.topic}/{record.partition}/{record.offset}",
                    "error": f"{type(failure.error).__name__}: {failure.error}",
                },
            )

    def close(self) -> None:
        if self._producer is not None:
            self._producer.close()


class _Member:
    """A group member that lives on while work is done on another thread, and that waits out whatever is transient."""

    def __init__(
        self, broker: Broker, group: str, topic: str, stop: threading.Event, accepts: Callable[[OffsetsLost], bool], drain: float
    ) -> None:
        self._broker, self._group, self._topic, self._stop = broker, group, topic, stop
        self._accepts, self._drain = accepts, drain
        self._consumer: Consumer | None = None
        self._thread = Threads(1, group)

    def poll(self, max_records: int) -> Sequence[Record]:
        """Return the next records; empty when there are none or the stage should stop."""
        for attempt in range(1_000_000):
            try:
                self._consumer = self._consumer or self._broker.consumer(self._group, (self._topic,))
                return self._read(self._consumer, max_records)
            except TransientError as e:
                if isinstance(e, Fenced):
                    self._reopen()
                if self._stop.is_set():
                    break
                self._back_off(e, attempt)
        return ()

    def _read(self, consumer: Consumer, max_records: int) -> Sequence[Record]:
        try:
            return consumer.poll(POLL_TIMEOUT, max_records)
        except OffsetsLost as e:
            if not self._accepts(e):
                raise
            for (topic, partition), offset in e.resume.items():
                consumer.seek(TopicPartition(topic, partition), offset)
            log.warning("went on behind records that are lost", extra={"stage": self._group, "missing": str(e.missing)})
            return consumer.poll(POLL_TIMEOUT, max_records)

    def work(self, chunk: _Chunk[In, Out]) -> None:
        """Run *chunk* on the work thread until it is done; raises what it raises for good, and _Interrupted."""
        attempt = 0
        while True:
            try:
                return self._wait(self._thread.submit(chunk.run), chunk)
            except TransientError as e:
                if self._stop.is_set():
                    raise _Interrupted from e
                self._back_off(e, attempt)
                attempt += 1

    def assignment(self) -> frozenset[TopicPartition]:
        """Return the partitions that are this member's now."""
        return self._consumer.assignment() if self._consumer is not None else frozenset()

    def owns(self, record: Record) -> bool:
        """Tell whether this member may still work on *record*."""
        return TopicPartition(record.topic, record.partition) in self.assignment()

    def commit(self, offsets: Offsets) -> bool:
        """Commit *offsets*, of lost partitions none; False where nothing could be committed and ``poll`` gives the records again.

        A member that lost some partitions keeps the others: leaving the group at each rebalance would make the next one.
        """
        attempt = 0
        while self._consumer is not None and offsets:
            try:
                self._consumer.commit(offsets)
            except Fenced as e:
                log.warning("lost partitions; their records will be read again", extra={"stage": self._group, "error": str(e)})
                kept = {partition: offset for partition, offset in offsets.items() if partition in self._consumer.assignment()}
                if len(kept) == len(offsets):
                    return False
                offsets = kept
            except TransientError as e:
                if self._stop.is_set():
                    raise _Interrupted from e
                self._back_off(e, attempt)
                attempt += 1
            else:
                return True
        return False

    def close(self, *on_thread: Callable[[], None]) -> None:
        """Leave the group; run *on_thread* where the work was done."""
        for function in on_thread:
            self._thread.submit(function)
        self._thread.close(CLOSE_TIMEOUT)
        self._reopen()

    def _reopen(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            try:
                consumer.close()
            except TransientError as e:
                log.warning("left the group without saying so", extra={"stage": self._group, "error": str(e)})

    def _wait(self, future: Future[None], chunk: _Chunk[In, Out]) -> None:
        deadline: float | None = None
        while not future.done():
            if self._stop.is_set():
                deadline = deadline or time.monotonic() + self._drain
                if time.monotonic() > deadline:
                    chunk.give_up()
                    raise _Interrupted
            wait([future], timeout=HEARTBEAT_EVERY)
            self._heartbeat()
        future.result()

    def _back_off(self, error: TransientError, attempt: int) -> None:
        delay = pause(attempt, random.random(), error.retry_after)  # noqa: S311
        log.warning("trying again", extra={"stage": self._group, "error": str(error), "seconds": round(delay, 1)})
        until = time.monotonic() + delay
        while (left := until - time.monotonic()) > 0 and not self._stop.wait(min(left, HEARTBEAT_EVERY)):
            self._heartbeat()

    def _heartbeat(self) -> None:
        try:
            if self._consumer is not None:
                self._consumer.heartbeat()
        except TransientError as e:
            log.debug("no heartbeat", extra={"stage": self._group, "error": str(e)})
