"""Work that may crash, hang or eat memory runs in a spawned child with a deadline and a memory limit.

pebble does the work of the pool; this module gives its three ways of losing a child one name (ChildLost) and makes a
child end when its parent is killed, which a pipe alone does not where several children hold it open.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessPool

from stream.errors import ChildLost

PARENT_CHECK = 1.0  # seconds between two looks at whether the parent still lives
JOIN_TIMEOUT = 5.0  # seconds

R = TypeVar("R")


class IsolatedPool:
    """*workers* spawned children that run functions importable by name, with picklable arguments and results.

    *initializer* runs once in each child; where it fails, every call raises what it raised. *memory_bytes* bounds a
    child's address space. A lost child is replaced by a new one.
    """

    def __init__(
        self,
        workers: int,
        *,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        memory_bytes: int | None = None,
    ) -> None:
        self._pool = ProcessPool(
            max_workers=workers,
            initializer=_prepare,
            initargs=(os.getpid(), memory_bytes, initializer, initargs),
            context=multiprocessing.get_context("spawn"),
        )

    def submit(self, function: Callable[..., R], *args: Any, timeout: float) -> Future[R]:
        """Return a future of ``function(*args)``; *timeout* seconds count from its start in a child.

        The future raises ChildLost (crash, timeout, memory), or what *function* raised.
        """
        task = self._pool.schedule(_call, args=(function, *args), timeout=timeout)
        result: Future[R] = Future()
        result.set_running_or_notify_cancel()
        task.add_done_callback(lambda done: _settle(done, result, function.__name__, timeout))
        return result

    def run(self, function: Callable[..., R], *args: Any, timeout: float) -> R:
        """Return ``function(*args)`` as run in a child; raises as ``submit``'s future does."""
        return self.submit(function, *args, timeout=timeout).result()

    def close(self) -> None:
        """Kill the children; what was under way raises ChildLost. May be called twice."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join(JOIN_TIMEOUT)


def _settle(done: Future[R], result: Future[R], name: str, timeout: float) -> None:
    try:
        value = done.result()
    except CancelledError:
        result.set_exception(ChildLost(f"{name} was cancelled: the pool was closed", cause="crash"))
    except TimeoutError:
        result.set_exception(ChildLost(f"{name} ran past its deadline of {timeout:g} s", cause="timeout"))
    except ProcessExpired as e:
        result.set_exception(ChildLost(f"{name} lost its process (exit code {e.exitcode})", cause="crash"))
    except MemoryError:
        result.set_exception(ChildLost(f"{name} ran out of memory", cause="memory"))
    except BaseException as e:
        result.set_exception(e)
    else:
        result.set_result(value)


_failure: BaseException | None = None  # what the initializer of this child raised


def _prepare(parent: int, memory_bytes: int | None, initializer: Callable[..., object] | None, initargs: tuple[Any, ...]) -> None:
    global _failure
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    if memory_bytes is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    try:
        if initializer is not None:
            initializer(*initargs)
    except BaseException as e:  # kept: a child that dies here would be started again for ever
        _failure = e


def _call(function: Callable[..., R], *args: Any) -> R:
    if _failure is not None:
        raise _failure
    return function(*args)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK)
    os._exit(1)
