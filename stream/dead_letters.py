"""The way into the dead-letter topic, and back: what a record carries has the shape of Kafka Connect's error headers."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from stream.broker import MAX_RECORD_BYTES, Broker, Headers, Producer, Record, record_bytes
from stream.errors import ChildLost

PREFIX = "dateline.errors."
MAX_TRACE_CHARS = 4_000
MAX_MESSAGE_CHARS = 1_000

log = logging.getLogger("dateline.stage")


@dataclass(frozen=True, slots=True)
class Failure:
    """A record that failed for good, alone; *attempt* counts how often it was handled."""

    record: Record
    error: Exception
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A failed record as it lies in the dead-letter topic; *headers* are those the record had before.

    (*stage*, *topic*, *partition*, *offset*) names the original record. *value* is None where the record was too large to
    be copied (*by_reference*): it has to be read at its own topic and offset. *cause* is what ended the child of a ChildLost
    (crash, timeout or memory), empty for other errors.
    """

    stage: str
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    error_class: str
    cause: str
    message: str
    trace: str
    attempt: int
    version: str
    failed_at: datetime
    by_reference: bool


class DeadLetters:
    """Sends failures to the dead-letter topic, durable on return. Used from one thread."""

    def __init__(self, broker: Broker, topic: str, stage: str, version: str) -> None:
        self._broker, self._topic, self._stage, self._version = broker, topic, stage, version
        self._producer: Producer | None = None

    def send(self, failures: Sequence[Failure]) -> None:
        """Return when all *failures* are in the topic."""
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
        """Close the producer."""
        if self._producer is not None:
            self._producer.close()


def send_dead_letter(producer: Producer, topic: str, failure: Failure, *, stage: str, version: str, now: datetime) -> None:
    """Send *failure* to *topic* with key, value and headers untouched and the reason added as headers."""
    record, reason = failure.record, _headers(failure, stage, version, now)
    headers = (*record.headers, *reason)
    if record_bytes(record.key, record.value, headers) > MAX_RECORD_BYTES - 1024:  # room for the broker's own framing
        producer.send(topic, key=record.key, value=None, headers=(*reason, (PREFIX + "by.reference", b"1")))
    else:
        producer.send(topic, key=record.key, value=record.value, headers=headers)


def read_dead_letter(record: Record) -> DeadLetter:
    """Return what *record* of the dead-letter topic says; fields that are missing come back empty, never as an error."""
    reason = {name[len(PREFIX) :]: value.decode("utf-8", "replace") for name, value in record.headers if name.startswith(PREFIX)}
    return DeadLetter(
        stage=reason.get("stage", ""),
        topic=reason.get("topic", record.topic),
        partition=_number(reason.get("partition"), record.partition),
        offset=_number(reason.get("offset"), record.offset),
        key=record.key,
        value=record.value,
        headers=tuple((name, value) for name, value in record.headers if not name.startswith(PREFIX)),
        error_class=reason.get("exception.class.name", ""),
        cause=reason.get("cause", ""),
        message=reason.get("exception.message", ""),
        trace=reason.get("exception.stacktrace", ""),
        attempt=_number(reason.get("attempt"), 1),
        version=reason.get("version", ""),
        failed_at=_moment(reason.get("timestamp"), record.timestamp),
        by_reference="by.reference" in reason,
    )


def _headers(failure: Failure, stage: str, version: str, now: datetime) -> Headers:
    record, error = failure.record, failure.error
    trace = "".join(traceback.format_exception(error))
    values = {
        "stage": stage,
        "topic": record.topic,
        "partition": str(record.partition),
        "offset": str(record.offset),
        "exception.class.name": type(error).__qualname__,
        "cause": error.cause if isinstance(error, ChildLost) else "",
        "exception.message": str(error)[:MAX_MESSAGE_CHARS],
        "exception.stacktrace": trace[-MAX_TRACE_CHARS:],
        "attempt": str(failure.attempt),
        "timestamp": now.astimezone(UTC).isoformat(),
        "version": version,
    }
    return tuple((PREFIX + name, value.encode("utf-8", "replace")) for name, value in values.items() if value)


def _number(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isdecimal() else default


def _moment(text: str | None, default: datetime) -> datetime:
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return default
    return found if found.tzinfo else default
