"""Where the results of a stage go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from stream.broker import Broker, Offsets, Producer

Out = TypeVar("Out")
Out_contra = TypeVar("Out_contra", contravariant=True)


class Sink(Protocol[Out_contra]):
    """Where results go. Made on one thread, used and closed on one other."""

    def deliver(self, results: Sequence[Out_contra], offsets: Offsets) -> None:
        """Return when *results* are durable; delivering them again changes nothing.

        *offsets* are the group's next ones where everything before them is done, for sinks that keep them in the same
        transaction; empty while part of a chunk is still open.
        """

    def close(self) -> None:
        """Free what is held."""


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
