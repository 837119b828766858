"""Whose turn it is: how many fetches one worker has under way, from all hosts and from one, and how soon one follows another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Protocol
from weakref import WeakValueDictionary


class Held(Exception):
    """Nothing is to be fetched from *host* for *seconds*."""

    def __init__(self, host: str, seconds: float) -> None:
        super().__init__(f"{host} is left alone for now, as it asked, since it was away, or as others ask it")
        self.seconds = seconds


class Shared(Protocol):
    """Turns at hosts that are taken over all workers."""

    def at(self, host: str, *, leased: bool) -> AbstractAsyncContextManager[None]:
        """Wait for a turn at *host*; without a lease there it is a place, too, which is given back when the context ends."""


class Alone:
    """The turns of one who asks beside no workers."""

    def at(self, host: str, *, leased: bool) -> AbstractAsyncContextManager[None]:
        """Wait for nothing."""
        return nullcontext()


ALONE = Alone()


class Leased:
    """What the lease on a feed at *host* stands for: a place there, and the turn of the first request."""

    def __init__(self, host: str) -> None:
        self.host = host
        self._first = True

    def begins(self, host: str) -> bool:
        """Tell whether this is the first request, the one for which the lease took a turn at *host*."""
        first, self._first = self._first, False
        return first and host == self.host


class Turns:
    """At most *at_once* fetches are under way, *of_host* of them from one host, where they start *pause* seconds apart.

    Waiting for a turn is not timed: a slow host fails its own fetches, never those that queue behind it.
    """

    def __init__(self, at_once: int, of_host: int, pause: float, shared: Shared = ALONE) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._of_host = of_host
        self._pause = pause
        self._shared = shared
        self._hosts: WeakValueDictionary[str, _Host] = WeakValueDictionary()
        self._held: dict[str, float] = {}  # by host, until when on the clock that never runs back

    @asynccontextmanager
    async def take(self, host: str, lease: Leased | None = None) -> AsyncIterator[None]:
        """Wait until a fetch from *host*, for the sake of *lease*, may start; it is under way until the context ends.

        Raises Held where *host* is.
        """
        turn = self._hosts.setdefault(host, _Host(self._of_host))
        self._check(host)
        async with turn.places, self._over_all(host, lease), self._places:
            await turn.start(self._pause)
            self._check(host)
            yield

    def hold(self, host: str, seconds: float) -> None:
        """Let nothing start at *host* for *seconds*, nor what waits for its turn there."""
        now = time.monotonic()
        self._held = {other: until for other, until in self._held.items() if until > now}
        self._held[host] = max(now + seconds, self._held.get(host, now))

    def _over_all(self, host: str, lease: Leased | None) -> AbstractAsyncContextManager[None]:
        """Return the turn over all workers, which the lease has taken already for its first request."""
        if lease and lease.begins(host):
            return nullcontext()
        return self._shared.at(host, leased=lease is not None and lease.host == host)

    def _check(self, host: str) -> None:
        left = self._held.get(host, 0.0) - time.monotonic()
        if left > 0:
            raise Held(host, left)


class _Host:
    """The fetches from one host; forgotten once none is under way and the next may start at any time."""

    def __init__(self, places: int) -> None:
        self.places = asyncio.Semaphore(places)
        self._next_start = 0.0

    async def start(self, pause: float) -> None:
        """Return when the next fetch may start, which is then *pause* seconds after the one before."""
        loop = asyncio.get_running_loop()
        at = max(loop.time(), self._next_start)
        self._next_start = at + pause
        loop.call_at(self._next_start, lambda: self)  # holds the reference until then
        await asyncio.sleep(at - loop.time())
