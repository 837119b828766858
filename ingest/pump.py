"""Keeps leases of one queue being worked on, as many at once as there is room for, and gives back what is left at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol, TypeVar

from sqlalchemy import Engine

from ingest.rim import Rim
from stream.errors import TransientError

L = TypeVar("L")


class Queue(Protocol[L]):
    """Work that is leased piece by piece."""

    @property
    def room(self) -> int:
        """How many leases are worked on at once."""

    @property
    def poll(self) -> float:
        """Seconds between two looks for work."""

    async def claim(self, room: int) -> Sequence[L]:
        """Lease up to *room* pieces of work, none where there are none now."""

    async def work(self, lease: L) -> None:
        """Do one piece and end its lease. What is raised ends the worker."""

    async def nothing_left(self) -> bool:
        """Tell whether all is done, where nothing could be claimed and nothing is under way."""

    def give_back(self, engine: Engine, left: Sequence[L]) -> None:
        """End leases whose work was broken off, so that others may claim it at once."""


async def pump(queue: Queue[L], rim: Rim, *, once: bool, grace: float) -> None:
    """Work on *queue* until told to stop; with *once*, until nothing is left.

    Work under way may take *grace* seconds more after that; then it is cancelled and its leases are given back.
    """
    running: dict[asyncio.Task[None], L] = {}
    try:
        while not rim.stopping:
            claimed = await queue.claim(queue.room - len(running)) if len(running) < queue.room else ()
            running |= {asyncio.create_task(queue.work(lease)): lease for lease in claimed}
            if running:
                await asyncio.wait(running, timeout=queue.poll, return_when=asyncio.FIRST_COMPLETED)
            elif once and await queue.nothing_left():
                return
            else:
                await rim.pause(queue.poll)
            _reap(running)
        if running:
            await asyncio.wait(running, timeout=grace)
            _reap(running)
    finally:
        left = tuple(running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if left:  # where an operator has to act first, the work is due at once when that is done
            await rim.try_db(queue.give_back, left)


def _reap(running: dict[asyncio.Task[None], L]) -> None:
    """Take the tasks that are done out of *running*; raises what one of them raised.

    Not TransientError: it comes out of a task only when the worker was told to stop, and then its lease runs out by itself.
    """
    for task in [task for task in running if task.done()]:
        del running[task]
        with suppress(TransientError):
            task.result()
