"""Calls on threads that nothing waits for."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from stream.threads import Threads


def test_calls_run_side_by_side_up_to_the_size() -> None:
    async def run() -> list[int]:
        threads = Threads(3, "test")
        together = threading.Barrier(3)
        found = await asyncio.gather(*(threads.run(together.wait, timeout=10.0) for _ in range(6)))
        assert threads.close(10.0)
        return sorted(found)

    assert asyncio.run(run()) == [0, 0, 1, 1, 2, 2]


def test_what_a_call_raises_is_raised() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        asyncio.run(Threads(1, "test").run(int, "x"))


def test_nothing_waits_for_a_call_that_hangs() -> None:
    release = threading.Event()
    threads = Threads(1, "test")

    async def run() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await threads.run(release.wait)

    started = time.monotonic()
    asyncio.run(run())
    assert not threads.close(0.05)
    assert time.monotonic() - started < 5
    release.set()
    assert threads.close(10.0)
    with pytest.raises(RuntimeError):
        threads.submit(release.wait)
