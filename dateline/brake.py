"""Whether ingest must wait: what it fetches would be deleted before it is processed, or would fill the disk.

``reason_to_wait`` decides on a ``Load``; ``load_of`` looks. Feeds are not lost by waiting: they are due when it is over.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stream.broker import Broker
from stream.errors import TransientError
from stream.settings import Settings

DISK_FULL = 0.10  # part of the disk that is free, below which nothing more is fetched
RETENTION_USED = 0.5  # part of the retention that an article may wait to be processed
LOOK_EVERY = 30.0  # seconds between two looks


@dataclass(frozen=True, slots=True)
class Load:
    """Groups with a record older than *limit* still to be read, and the free part of the disk below each folder."""

    late: Collection[str]
    limit: timedelta
    free: Mapping[Path, float]


def reason_to_wait(load: Load) -> str | None:
    """Return why nothing more should be fetched, None where nothing speaks against it."""
    if load.late:
        days = load.limit / timedelta(days=1)
        return f"{', '.join(sorted(load.late))} has not read records of {days:g} days ago, and they are kept for twice as long only"
    full = [f"{part:.0%} of the disk is free at {folder}" for folder, part in sorted(load.free.items()) if part < DISK_FULL]
    return "; ".join(full) or None


def load_of(settings: Settings, broker: Broker, groups: Mapping[str, str], now: datetime) -> Load:
    """Look at the *groups*, by name with their topic, and at the disks of what is embedded; raises BrokerUnavailable."""
    limit = timedelta(days=settings.topic_retention_days) * RETENTION_USED
    late = [group for group, topic in groups.items() if broker.waits_since_before(group, [topic], now - limit)]
    return Load(late, limit, {folder: free_part(folder) for folder in embedded_folders(settings)})


def embedded_folders(settings: Settings) -> tuple[Path, ...]:
    """Return the folders of the embedded broker and database, or of what is there of their paths."""
    files = [Path(url.removeprefix("sqlite:///")) for url in (settings.broker, settings.database) if url.startswith("sqlite:")]
    return tuple(_existing(file.resolve().parent) for file in files)


def free_part(folder: Path) -> float:
    """Return which part of the disk below *folder* is free."""
    usage = shutil.disk_usage(folder)
    return usage.free / usage.total


class Brake:
    """The reason to wait as it was at the last look, LOOK_EVERY seconds ago at most."""

    def __init__(self, settings: Settings, broker: Broker, groups: Mapping[str, str]) -> None:
        self._settings, self._broker, self._groups = settings, broker, groups
        self._look_at = 0.0  # monotonic
        self._reason: str | None = None

    def __call__(self) -> str | None:
        """Return why nothing more should be fetched. While the broker is away, what was found last holds."""
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_EVERY
            with suppress(TransientError):
                self._reason = reason_to_wait(load_of(self._settings, self._broker, self._groups, datetime.now(UTC)))
        return self._reason


def _existing(folder: Path) -> Path:
    return next(one for one in (folder, *folder.parents) if one.is_dir())
