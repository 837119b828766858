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
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from stream.batches import batches
from stream.broker import Broker, Record, TopicPartition
from stream.chunk import Batch, Breaker, Chunk, Interrupted, Item
from stream.dead_letters import DeadLetters
from stream.errors import NOT_THE_INPUT, BadMessage, OffsetsLost, PermanentError
from stream.member import Member
from stream.sink import Sink

log = logging.getLogger("dateline.stage")

In = TypeVar("In")
Out = TypeVar("Out")


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
class Poll:
    """A poll that the broker answered: how many records it gave, and the partitions that the member owned then."""

    stage: str
    records: int
    assigned: frozenset[TopicPartition]


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
    breaker = Breaker(stage.name, limits.failures_in_row)
    letters = DeadLetters(broker, dead_letters, stage.name, version)
    member = Member(broker, stage.name, stage.source.topic, stop, accepts, limits.drain)
    try:
        while not stop.is_set():
            records = member.poll(limits.records)
            on_poll(Poll(stage.name, len(records), member.assignment()))
            decoded = _decoded(stage.source, records, member.owns)
            for items in batches(decoded, most=limits.records, size=limits.chars):
                if stop.is_set():
                    break
                started = time.monotonic()
                chunk = Chunk(stage.handle, stage.sink, items, breaker, letters)
                member.work(chunk)
                if not member.commit(chunk.offsets):
                    break
                batch = chunk.batch(stage.name, time.monotonic() - started)
                _log(batch)
                on_batch(batch)
    except Interrupted:
        log.warning("stopped within a batch, which will be read again", extra={"stage": stage.name})
    finally:
        member.close(stage.sink.close, letters.close)


def _log(batch: Batch) -> None:
    told = {"stage": batch.stage, "records": batch.records, "dead": len(batch.errors), "seconds": round(batch.seconds, 3)}
    log.info("batch committed", extra=told)


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
