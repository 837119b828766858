"""Work that may crash, hang or eat memory runs in a child with a deadline and a memory limit.

pebble does the work of the pool; this module gives its three ways of losing a child one name (ChildLost) and makes a
child end when its parent is killed, which a pipe alone does not where several children hold it open.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import resource
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import ForkServerContext
from typing import Any, TypeVar

from pebble import CONSTS, ProcessExpired, ProcessPool

from stream.errors import ChildLost

PARENT_CHECK = 1.0  # seconds between two looks at whether the parent still lives
JOIN_TIMEOUT = 3.0  # seconds
TRIES = 3  # pools that a task is given to where they break
CONSTS.term_timeout = 0.2  # seconds from SIGTERM, which children ignore, to SIGKILL

R = TypeVar("R")


class IsolatedPool:
    """*workers* children that run functions importable by name, with picklable arguments and results.

    *initializer* runs once in each child; where it fails, every call raises what it raised. *memory_bytes* bounds a
    child's address space. A lost child is replaced by a new one. Children are spawned, each with its own imports; where *shared*
    names modules, they are forked from a server that has imported these, which is a process's own, for all its pools that share.
    """

    def __init__(
        self,
        workers: int,
        *,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        memory_bytes: int | None = None,
        shared: Sequence[str] = (),
    ) -> None:
        pool: Any = ProcessPool  # pebble's own annotations end here
        self._make: Callable[[], Any] = lambda: pool(
            max_workers=workers,
            initializer=_prepare,
            initargs=(memory_bytes, initializer, initargs),
            context=_forking(shared) if shared else multiprocessing.get_context("spawn"),
        )
        self._lock = threading.Lock()
        self._pool = self._make()
        self._closed = False

    def submit(self, function: Callable[..., R], *args: Any, timeout: float) -> Future[R]:
        """Return a future of ``function(*args)``; *timeout* seconds count from its start in a child.

        The future raises ChildLost (crash, timeout, memory), or what *function* raised.
        """
        result: Future[R] = Future()
        result.set_running_or_notify_cancel()
        self._start(result, function, args, timeout, TRIES)
        return result

    def run(self, function: Callable[..., R], *args: Any, timeout: float) -> R:
        """Return ``function(*args)`` as run in a child; raises as ``submit``'s future does."""
        return self.submit(function, *args, timeout=timeout).result()

    def close(self) -> None:
        """Kill the children; what was under way raises ChildLost. May be called twice."""
        with self._lock:
            self._closed = True
        _end(self._pool)

    def _start(self, result: Future[R], function: Callable[..., R], args: tuple[Any, ...], timeout: float, tries: int) -> None:
        def settle(done: Future[R]) -> None:
            # A pool breaks where a child is killed while idle, and then the task is none of the causes.
            if tries > 1 and not done.cancelled() and isinstance(done.exception(), BrokenProcessPool):
                self._start(result, function, args, timeout, tries - 1)
            else:
                _settle(done, result, function.__name__, timeout)

        try:
            task = self._schedule(function, args, timeout)
        except RuntimeError as e:
            result.set_exception(ChildLost(f"{function.__name__} found no process to run in: {e}", cause="crash"))
        else:
            task.add_done_callback(settle)

    def _schedule(self, function: Callable[..., R], args: tuple[Any, ...], timeout: float) -> Future[R]:
        with self._lock:
            if not self._closed and not self._pool.active:
                broken, self._pool = self._pool, self._make()
                threading.Thread(target=_end, args=(broken,), daemon=True).start()
            task: Future[R] = self._pool.schedule(_call, args=(function, *args), timeout=timeout)
            return task


def _forking(shared: Sequence[str]) -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["stream.fork_server", "__main__", *shared])
    return context


def _end(pool: Any) -> None:
    pool.stop()
    pool.join(JOIN_TIMEOUT)


def _settle(done: Future[R], result: Future[R], name: str, timeout: float) -> None:
    try:
        value = done.result()
    except CancelledError:
        result.set_exception(ChildLost(f"{name} was cancelled: the pool was closed", cause="crash"))
    except TimeoutError:
        result.set_exception(ChildLost(f"{name} ran past its deadline of {timeout:g} s", cause="timeout"))
    except BrokenProcessPool as e:
        result.set_exception(ChildLost(f"{name} broke its process pool: {e}", cause="crash"))
    except ProcessExpired as e:
        result.set_exception(ChildLost(f"{name} lost its process (exit code {e.exitcode})", cause="crash"))
    except MemoryError:
        result.set_exception(ChildLost(f"{name} ran out of memory", cause="memory"))
    except BaseException as e:
        result.set_exception(e)
    else:
        result.set_result(value)


_failure: BaseException | None = None  # what the initializer of this child raised


def _prepare(memory_bytes: int | None, initializer: Callable[..., object] | None, initargs: tuple[Any, ...]) -> None:
    global _failure
    gc.freeze()  # what was there at the fork stays shared
    # A SIGTERM to the whole process group is for the parent, which then ends its batch; this child is killed when it is done.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
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
    try:
        return function(*args)
    except Exception as e:
        raise _portable(e) from None


def _portable(error: Exception) -> Exception:
    """Return *error*, or its words where it cannot travel to the parent: that would break the pool."""
    try:
        return error if type(pickle.loads(pickle.dumps(error))) is type(error) else RuntimeError(repr(error))  # noqa: S301
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")


def _end_with_parent() -> None:
    """End this child when the parent, or the server that it was forked from, which ends with the parent, is gone."""
    first, parent = os.getppid(), multiprocessing.parent_process()
    while os.getppid() == first and (parent is None or parent.is_alive()):
        time.sleep(PARENT_CHECK)
    os._exit(1)
