"""Is a worker alive, is it ready, how far is it behind: decided from what was seen of it, by functions without a clock.

A restart mends a worker that hangs, and not a broker or a database that is away. So a worker that gets nothing done counts as
dead only while both answer.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

STALE = 60.0  # seconds after which the last look at the broker and the database says nothing any more


@dataclass(frozen=True, slots=True)
class Progress:
    """What was seen of one stage, or of the fetching of feeds, in seconds of one clock that only goes forward.

    *polled* is when it last asked for work, *done* when it last finished some, got other partitions, or had nothing to do.
    *waiting* counts the records that it could work on, None where that is not known.
    """

    name: str
    polled: float
    done: float
    assigned: int = 0
    waiting: int | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What the broker, the database and so on answered at *at*: by name, why they cannot be used, or None where they can."""

    at: float
    problems: Mapping[str, str | None] = field(default_factory=dict)


def not_alive(seen: Iterable[Progress], look: Look, now: float, patience: float) -> tuple[str, ...]:
    """Return why this worker should be started again; empty while it is alive.

    It is not if, with all that it needs at hand, it has done nothing for more than *patience* seconds although records wait in
    its partitions, or has not even asked for any.
    """
    if not_ready(look, now):
        return ()
    reasons = []
    for one in seen:
        idle = now - one.done
        if idle > patience and one.assigned and one.waiting:
            reasons.append(f"{one.name}: {one.waiting} wait and nothing was done for {idle:.0f} s")
        elif idle > patience and now - one.polled > patience:
            reasons.append(f"{one.name}: asked for no work for {now - one.polled:.0f} s")
    return tuple(reasons)


def not_ready(look: Look, now: float) -> tuple[str, ...]:
    """Return what this worker needs and cannot use now; empty while it is ready."""
    if now - look.at > STALE:
        return (f"no answer for {now - look.at:.0f} s from {' and '.join(look.problems) or 'anything'}",)
    return tuple(f"{name}: {problem}" for name, problem in look.problems.items() if problem is not None)


def lag_seconds(now: datetime, lag: int, started: datetime, newest: datetime | None = None, caught_up: datetime | None = None) -> float:
    """Return for about how long the oldest of the *lag* records that a member has still to read has been waiting.

    It was sent after the *newest* one that the member has read, and after it was last seen with nothing to read (*caught_up*).
    Where neither is known yet, it waits at least since the worker *started*.
    """
    if lag == 0:
        return 0.0
    since = max((moment for moment in (newest, caught_up) if moment is not None), default=started)
    return max(timedelta(0), now - since).total_seconds()


class Watch:
    """Gathers what is seen of a worker, on any thread. Times are those of the caller's clocks."""

    def __init__(self, names: Iterable[str], needs: Iterable[str], now: float) -> None:
        self._lock = threading.Lock()
        self._progress = {name: Progress(name, now, now) for name in names}
        self._look = Look(now, dict.fromkeys(needs, "not asked yet"))

    def polled(self, name: str, assigned: int, now: float, *, moved: bool = False) -> None:
        """Note that *name* asked for work; *moved* where its partitions are not those that it had before."""
        with self._lock:
            known = self._progress[name]
            self._progress[name] = replace(known, polled=now, assigned=assigned, done=now if moved else known.done)

    def done(self, name: str, now: float) -> None:
        """Note that *name* got something done."""
        with self._lock:
            self._progress[name] = replace(self._progress[name], done=now)

    def waiting(self, name: str, records: int | None, now: float) -> None:
        """Note how much *name* could work on."""
        with self._lock:
            known = self._progress[name]
            self._progress[name] = replace(known, waiting=records, done=now if records == 0 else known.done)

    def looked(self, look: Look) -> None:
        """Note what the broker and the database answered; the time while one did not is nobody's idleness."""
        with self._lock:
            self._look = look
            if not_ready(look, look.at):
                self._progress = {name: replace(known, done=look.at) for name, known in self._progress.items()}

    def alive(self, now: float, patience: float) -> tuple[str, ...]:
        """Return ``not_alive`` of what was seen so far."""
        with self._lock:
            return not_alive(self._progress.values(), self._look, now, patience)

    def ready(self, now: float) -> tuple[str, ...]:
        """Return ``not_ready`` of what was seen so far."""
        with self._lock:
            return not_ready(self._look, now)

    def progress(self, name: str) -> Progress:
        """Return what was seen of *name*."""
        with self._lock:
            return self._progress[name]
