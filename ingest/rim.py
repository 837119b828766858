"""The rim of the event loop: calls of the database on threads, waiting for what is away, and stopping."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Engine

from stream.backoff import pause
from stream.errors import DatelineError, Fenced, TransientError
from stream.threads import Threads

CLOSING = 2.0  # seconds that a call of the database, and of the broker, may still take at the very end
DB_THREADS = 8  # calls of the database at once
LOOK_EVERY = 0.1  # seconds between two looks at whether to stop

log = logging.getLogger("dateline.ingest")

P = ParamSpec("P")
T = TypeVar("T")


class Overdue(Exception):
    """The worker was told to stop long ago."""


class Rim:
    """The database as the event loop sees it, and how long to wait for what is away."""

    def __init__(self, engine: Engine, stop: threading.Event) -> None:
        self._engine = engine
        self._stop = stop
        self._threads = Threads(DB_THREADS, "database")

    def close(self) -> None:
        """End the threads; a call that hangs is left to itself."""
        self._threads.close(CLOSING)

    @property
    def stopping(self) -> bool:
        """Whether the worker was told to stop."""
        return self._stop.is_set()

    async def overdue(self, seconds: float) -> None:
        """Raise Overdue *seconds* after the worker was told to stop."""
        while not self.stopping:
            await asyncio.sleep(LOOK_EVERY)
        await asyncio.sleep(seconds)
        raise Overdue

    async def pause(self, seconds: float) -> None:
        """Wait *seconds*, or until told to stop."""
        end = time.monotonic() + seconds
        while not self.stopping and (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(left, LOOK_EVERY))

    async def db(self, function: Callable[Concatenate[Engine, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return ``function(engine, …)`` as it ran on a thread, tried again while the database is away."""
        return await self.retry(lambda: self._threads.run(function, self._engine, *args, **kwargs))

    async def aside(self, function: Callable[[], T]) -> T:
        """Return what *function* gives on a thread."""
        return await self._threads.run(function)

    async def try_db(self, function: Callable[Concatenate[Engine, P], object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Run ``function(engine, …)`` on a thread once; where it fails, whatever it was to do runs out by itself."""
        with suppress(DatelineError):
            await self._threads.run(function, self._engine, *args, **kwargs)

    async def retry(self, call: Callable[[], Awaitable[T]]) -> T:
        """Return what *call* gives; while it raises TransientError it is tried again, until told to stop. Fenced is final."""
        for attempt in itertools.count():
            try:
                return await call()
            except Fenced:
                raise
            except TransientError as e:
                if self.stopping:
                    raise
                wait = pause(attempt, random.random(), e.retry_after)  # noqa: S311
                log.warning("trying again in %.1f s: %s", wait, e)
                await self.pause(wait)
        raise AssertionError("itertools.count ended")


async def beside(helper: Coroutine[Any, Any, None], *work: Coroutine[Any, Any, None]) -> None:
    """Run *work* side by side, with *helper*, whose end is not waited for, until all of it is done; raise the first failure."""
    pending = {asyncio.create_task(one) for one in work}
    tasks = {asyncio.create_task(helper), *pending}
    try:
        while pending:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            pending, tasks = pending - done, tasks - done
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
