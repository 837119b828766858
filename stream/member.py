"""A group member that lives on while work is done on another thread, and that waits out whatever is transient."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Future, wait
from typing import TypeVar

from stream.backoff import pause
from stream.broker import Broker, Consumer, Offsets, PartitionLag, Record, TopicPartition, offsets_lost
from stream.chunk import Chunk, Interrupted
from stream.errors import Fenced, OffsetsLost, TransientError
from stream.threads import Threads

POLL_TIMEOUT = 0.5  # seconds; also how soon an idle stage notices that it should stop
HEARTBEAT_EVERY = 1.0  # seconds
CLOSE_TIMEOUT = 2.0  # seconds for closing what the work thread holds, if that is free

log = logging.getLogger("dateline.stage")

In = TypeVar("In")
Out = TypeVar("Out")


def rewinds(stored: Offsets, lags: Iterable[PartitionLag], partitions: Collection[TopicPartition]) -> Offsets:
    """Return where reading has to go on in those of *partitions* of which more is committed than *stored*."""
    at = {one.partition: one.committed for one in lags if one.partition in partitions and one.committed is not None}
    return {partition: stored.get(partition, 0) for partition, committed in at.items() if stored.get(partition, 0) < committed}


def beyond_end(group: str, stored: Offsets, lags: Iterable[PartitionLag], partitions: Collection[TopicPartition]) -> OffsetsLost | None:
    """Return the error for those of *partitions* that end before what is *stored* of them, None where there is none.

    Their topic was deleted and made anew, and with it went what *group* had committed: all that they hold is still to be read.
    """
    short = [one for one in lags if one.partition in partitions and stored.get(one.partition, 0) > one.end]
    if not short:
        return None
    missing: dict[tuple[str, int], tuple[int, int]] = {one.partition: (one.end, stored[one.partition]) for one in short}
    return offsets_lost(group, missing, {one.partition: one.start for one in short})


class Member:
    """A group member that lives on while work is done on another thread, and that waits out whatever is transient."""

    def __init__(
        self,
        broker: Broker,
        group: str,
        topic: str,
        stop: threading.Event,
        accepts: Callable[[OffsetsLost], bool],
        stored: Callable[[], Offsets] | None,
        drain: float,
    ) -> None:
        self._broker, self._group, self._topic, self._stop = broker, group, topic, stop
        self._accepts, self._stored, self._drain = accepts, stored, drain
        self._compared: frozenset[TopicPartition] = frozenset()  # partitions whose committed offset is no later than the stored one
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
            records = consumer.poll(POLL_TIMEOUT, max_records)
        except OffsetsLost as e:
            if not self._accepts(e):
                raise
            for (topic, partition), offset in e.resume.items():
                consumer.seek(TopicPartition(topic, partition), offset)
            log.warning("went on behind records that are lost", extra={"stage": self._group, "missing": str(e.missing)})
            records = consumer.poll(POLL_TIMEOUT, max_records)
        behind = self._go_back(consumer)
        return [record for record in records if TopicPartition(record.topic, record.partition) not in behind]

    def _go_back(self, consumer: Consumer) -> Offsets:
        """Set partitions that came in back to where the sink itself is, if that is earlier; return those.

        A sink that was restored from a copy is behind what the group has committed. It is never set forward: the same topic,
        made anew, may have other records there. Where that is certain, it is OffsetsLost, and back to the start.
        """
        fresh = consumer.assignment() - self._compared
        if self._stored is None or not fresh:
            return {}
        try:
            behind = self._behind(self._stored(), fresh)
        except TransientError:
            self._reopen()  # what was polled is read again
            raise
        for partition, offset in behind.items():
            log.warning("went back to where the sink is", extra={"stage": self._group, "partition": str(partition), "offset": offset})
            consumer.seek(partition, offset)
        self._compared = consumer.assignment()
        return behind

    def _behind(self, stored: Offsets, fresh: Collection[TopicPartition]) -> Offsets:
        """Return where reading goes on in those of *fresh* that are set back; raises OffsetsLost that nobody has accepted."""
        lags = self._broker.lag(self._group, (self._topic,))
        lost = beyond_end(self._group, stored, lags, fresh)
        if lost is None:
            return rewinds(stored, lags, fresh)
        if not self._accepts(lost):
            raise lost
        return {**rewinds(stored, lags, fresh), **{TopicPartition(*at): offset for at, offset in lost.resume.items()}}

    def work(self, chunk: Chunk[In, Out]) -> None:
        """Run *chunk* on the work thread until it is done; raises what it raises for good, and Interrupted."""
        attempt = 0
        while True:
            try:
                return self._wait(self._thread.submit(chunk.run), chunk)
            except TransientError as e:
                if self._stop.is_set():
                    raise Interrupted from e
                self._back_off(e, attempt)
                attempt += 1

    def beside(self, call: Callable[[], None]) -> None:
        """Return when *call*, which may block, is done on the work thread, or when the stage was told to stop meanwhile."""
        future = self._thread.submit(call)
        while wait([future], timeout=HEARTBEAT_EVERY).not_done:
            if self._stop.is_set():
                return
            self._heartbeat()
        future.result()

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
                self._compared = frozenset()
                log.warning("lost partitions; their records will be read again", extra={"stage": self._group, "error": str(e)})
                kept = {partition: offset for partition, offset in offsets.items() if partition in self._consumer.assignment()}
                if len(kept) == len(offsets):
                    return False
                offsets = kept
            except TransientError as e:
                if self._stop.is_set():
                    raise Interrupted from e
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
        self._compared = frozenset()
        if consumer is not None:
            try:
                consumer.close()
            except TransientError as e:
                log.warning("left the group without saying so", extra={"stage": self._group, "error": str(e)})

    def _wait(self, future: Future[None], chunk: Chunk[In, Out]) -> None:
        deadline: float | None = None
        while not future.done():
            if self._stop.is_set():
                deadline = deadline or time.monotonic() + self._drain
                if time.monotonic() > deadline:
                    chunk.give_up()
                    raise Interrupted
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
