"""What came of one fetch, as it is logged and shown. Pure but for the log line."""

from __future__ import annotations

import logging
from dataclasses import dataclass, fields
from typing import Literal

from ingest.model import Failed
from stream.messages import clean_text

GOOD = frozenset({"fetched", "unchanged", "not-modified", "asked", "agreed", "told"})
MAX_MESSAGE_CHARS = 1000  # of a line about a fault

log = logging.getLogger("dateline.ingest")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one fetch, or of what passed between a hub and us; *duration* in seconds.

    *outcome* is fetched, unchanged, not-modified, gone, or the kind of failure, of which *message* says more; of a hub it is asked,
    agreed, told, refused, forged, or the kind of failure. *new* and *changed*
    count entries, *dropped* messages that the broker will never take.
    """

    kind: Literal["feed", "page", "hub"]
    url: str
    outcome: str
    duration: float
    feed_id: str | None = None
    article_id: str | None = None
    status: int | None = None
    entries: int = 0
    new: int = 0
    changed: int = 0
    dropped: int = 0
    message: str | None = None


def log_outcome(outcome: Outcome) -> None:
    """Log *outcome* as one line, with what is known of it as fields."""
    level = logging.INFO if outcome.outcome in GOOD else logging.WARNING
    told = {item.name: getattr(outcome, item.name) for item in fields(outcome)}
    extra = {("detail" if name == "message" else name): value for name, value in told.items() if value is not None}
    counts = f", {outcome.new} new, {outcome.changed} changed of {outcome.entries}" if outcome.entries else ""
    log.log(level, "%s %s: %s%s%s", outcome.kind, outcome.url, outcome.outcome, counts, in_brackets(outcome.message), extra=extra)


def fault(error: Exception) -> Failed:
    """Return the failure that a fault in Dateline itself is."""
    return Failed("parse", brief(f"a fault in Dateline: {type(error).__name__}: {error}"))


def brief(message: str) -> str:
    """Return *message* as it can be logged and stored."""
    return clean_text(message)[:MAX_MESSAGE_CHARS]


def notes(*parts: str | None) -> str | None:
    """Return those *parts* that say something, in one line."""
    return "; ".join(filter(None, parts)) or None


def dropped_note(count: int) -> str | None:
    """Say how many messages were dropped, if any."""
    return f"{count} messages that the broker never takes were dropped" if count else None


def in_brackets(message: str | None) -> str:
    """Return *message* as what follows another one."""
    return f" ({message})" if message else ""
