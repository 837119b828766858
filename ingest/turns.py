"""Whose turn it is: how many fetches one worker has under way, from all hosts and from one, and how soon one follows another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class Held(Exception):
    """Nothing is to be fetched from *host* for *seconds*."""

    def __init__(self, host: str, seconds: float) -> None:
        super().__init__(f"{host} is left alone for now, as it asked or since it was away")
        self.seconds = seconds


class Turns:
    """At most *at_once* fetches are under way, *of_host* of them from one host, where they start *pause* seconds apart.

    Waiting for a turn is not timed: a slow host fails its own fetches, never those that queue behind it.
    """

    def __init__(self, at_once: int, of_host: int, pause: float) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._of_host = of_host
        self._pause = pause
        self._hosts: WeakValueDictionary[str, _Host] = WeakValueDictionary()
        self._held: dict[str, float] = {}  # by host, until when on the clock that never runs back

    @asynccontextmanager
    async def take(self, host: str) -> AsyncIterator[None]:
        """Wait until a fetch from *host* may start; it is under way until the context ends. Raises Held where *host* is."""
        turn = self._hosts.setdefault(host, _Host(self._of_host))
        self._check(host)
        async with turn.places, self._places:
            await turn.start(self._pause)
            self._check(host)
            yield

    def hold(self, host: str, seconds: float) -> None:
        """Let nothing start at *host* for *seconds*, nor what waits for its turn there."""
        now = time.monotonic()
        self._held = {other: until for other, until in self._held.items() if until > now}
        self._held[host] = max(now + seconds, self._held.get(host, now))

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
