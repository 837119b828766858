"""The only consume → handle → produce → commit loop.

The order of a batch:

1. poll records from the broker, decode them (what is no message fails alone), and cut them into chunks bounded by
   records and characters;
2. handle a chunk and deliver the results to the sink, durable; a failing chunk is halved until the offender is alone;
3. send what failed for good to dead letters and flush;
4. commit the chunk's offsets.

Before step 2 the chunk is noted down and after step 4 struck out, so that records of which workers die are found (``in_flight.py``).
Steps 2 and 3 run on a second thread while the first goes on sending heartbeats, so that a long batch or a long outage
does not cost the membership. A crash between any two steps delivers the chunk again: sinks are idempotent.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from stream.batches import batches
from stream.broker import Broker, Offsets, Record, TopicPartition
from stream.chunk import Batch, Breaker, Chunk, Interrupted, Item
from stream.dead_letters import DeadLetters
from stream.errors import NOT_THE_INPUT, BadMessage, DatelineError, OffsetsLost, PermanentError
from stream.in_flight import NO_NOTES, InFlight, Notes
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
    stored: Callable[[], Offsets] | None = None,
    notes: Notes = NO_NOTES,
    on_batch: Callable[[Batch], None] = lambda batch: None,
    on_poll: Callable[[Poll], None] = lambda poll: None,
) -> None:
    """Run *stage* until *stop* is set; then finish the chunk under way, commit it and leave the group.

    TransientErrors are retried in place with capped exponential back-off. A record that fails for good goes, alone, to the
    topic *dead_letters*, with *version* in its headers. Where records were deleted before they were read, *accepts* says
    whether an operator has taken the loss; then the stage goes on behind it. Where *stored* says that the sink
    itself has less than is committed, the stage goes back there. A record that workers die of is found by *notes*.
    *on_poll* and *on_batch* are called on this thread.
    Raises StageStopped, with nothing of the chunk committed, where an operator has to act first.
    """
    breaker = Breaker(stage.name, limits.failures_in_row)
    letters = DeadLetters(broker, dead_letters, stage.name, version)
    member = Member(broker, stage.name, stage.source.topic, stop, accepts, stored, limits.drain)
    in_flight = InFlight(notes)
    try:
        while not stop.is_set():
            records = member.poll(limits.records)
            on_poll(Poll(stage.name, len(records), member.assignment()))
            if records or in_flight.owes:
                member.beside(in_flight.look)
            decoded = _decoded(stage.source, records, member.owns, in_flight, limits.chars + 1)
            for items in batches(decoded, most=limits.records, size=limits.chars):
                if stop.is_set():
                    break
                started = time.monotonic()
                chunk = Chunk(stage.handle, stage.sink, items, breaker, letters)
                if not _worked(member, chunk, in_flight):
                    break
                batch = chunk.batch(stage.name, time.monotonic() - started)
                _log(batch, chunk.records)
                on_batch(batch)
    except Interrupted:
        log.warning("stopped within a batch, which will be read again", extra={"stage": stage.name})
    finally:
        member.close(stage.sink.close, letters.close)


def _worked(member: Member, chunk: Chunk[In, Out], in_flight: InFlight) -> bool:
    """Return whether *chunk* is done and committed; where it is not, the records come again."""
    member.beside(partial(in_flight.begin, chunk.records))
    try:
        member.work(chunk)
        committed = member.commit(chunk.offsets)
    except (DatelineError, Interrupted):  # anything else is a death
        in_flight.give_up(chunk.records)
        raise
    member.beside(partial(in_flight.end, chunk.offsets) if committed else partial(in_flight.give_up, chunk.records))
    return committed


def _log(batch: Batch, records: Sequence[Record]) -> None:
    counts = {"records": batch.records, "dead": len(batch.errors), "seconds": round(batch.seconds, 3)}
    keys = [(record.key or b"").decode("utf-8", "replace") for record in records]
    log.info("batch committed", extra={"stage": batch.stage, **counts, "offsets": _ranges(records), "keys": keys})


def _ranges(records: Sequence[Record]) -> list[str]:
    """Return where *records* lie, ``topic/partition/first-last`` for each partition."""
    offsets: dict[tuple[str, int], list[int]] = {}
    for record in records:
        offsets.setdefault((record.topic, record.partition), []).append(record.offset)
    return [f"{topic}/{partition}/{min(some)}-{max(some)}" for (topic, partition), some in sorted(offsets.items())]


def _decoded(
    source: Source[In], records: Sequence[Record], owns: Callable[[Record], bool], in_flight: InFlight, alone: int
) -> Iterator[tuple[Item[In], int]]:
    """Yield each record that is still owned when its turn comes, with its message or why it is none, and its size.

    *alone* is a size that no other record goes with.
    """
    for record in records:
        if owns(record):
            message = _message(source, record, in_flight.verdict(record))
            size = 0 if isinstance(message, PermanentError) else source.size(message)
            yield (record, message), alone if in_flight.goes_alone(record) else size


def _message(source: Source[In], record: Record, verdict: PermanentError | None) -> In | PermanentError:
    if verdict is not None:
        return verdict
    try:
        return source.decode(record)
    except PermanentError as e:
        return e
    except NOT_THE_INPUT:
        raise
    except Exception as e:  # a decoder's own fault must not stop the stage at the same record for ever
        return BadMessage(f"cannot be decoded: {type(e).__name__}: {e}")
