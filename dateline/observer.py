"""Who is told what a worker does: ``dateline.monitor`` for one that is watched, else nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from stream.chunk import Batch
from stream.stage import Poll

if TYPE_CHECKING:
    from ingest.outcome import Outcome


class Observer(Protocol):
    """Is told what a worker does. Returns at once and raises nothing."""

    def on_poll(self, poll: Poll) -> None:
        """A stage asked for records."""

    def on_batch(self, batch: Batch) -> None:
        """A stage committed a batch."""

    def on_rest(self, stage: str) -> None:
        """A stage that has records to work on waits on purpose."""

    def on_outcome(self, outcome: Outcome) -> None:
        """A feed or a page was fetched."""

    def on_brake(self, reason: str | None) -> None:
        """Feeds are not fetched now for *reason*; None: they are."""


class Nobody:
    """The observer of a worker that nobody watches."""

    def on_poll(self, poll: Poll) -> None:
        """Do nothing."""

    def on_batch(self, batch: Batch) -> None:
        """Do nothing."""

    def on_rest(self, stage: str) -> None:
        """Do nothing."""

    def on_outcome(self, outcome: Outcome) -> None:
        """Do nothing."""

    def on_brake(self, reason: str | None) -> None:
        """Do nothing."""
