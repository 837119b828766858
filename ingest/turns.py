"""Whose turn it is: how many fetches one worker has under way, from all hosts and from one, and how soon one follows another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class Turns:
    """At most *at_once* fetches are under way, *of_host* of them from one host, where they start *pause* seconds apart.

    Waiting for a turn is not timed: a slow host fails its own fetches, never those that queue behind it.
    """

    def __init__(self, at_once: int, of_host: int, pause: float) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._of_host = of_host
        self._pause = pause
        self._hosts: WeakValueDictionary[str, _Host] = WeakValueDictionary()

    @asynccontextmanager
    async def take(self, host: str) -> AsyncIterator[None]:
        """Wait until a fetch from *host* may start; it is under way until the context ends."""
        turn = self._hosts.setdefault(host, _Host(self._of_host))
        async with turn.places, self._places:
            await turn.start(self._pause)
            yield


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
