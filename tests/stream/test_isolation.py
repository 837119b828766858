"""Isolated children: each way of losing one has a name, and the next task finds a new child."""

import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from stream.errors import BadMessage, ChildLost, ConfigError
from stream.isolation import IsolatedPool

GIB = 1024**3


@pytest.fixture(params=[(), ("stream.errors",)], ids=["spawned", "forked"])
def pool(request: pytest.FixtureRequest) -> Iterator[IsolatedPool]:
    made = IsolatedPool(1, memory_bytes=2 * GIB, shared=request.param)
    yield made
    made.close()


def answer() -> int:
    return 42


def crash() -> None:
    ctypes.string_at(0)


def leave() -> None:
    os._exit(7)


def hang() -> None:
    while True:
        pass


def hoard() -> bytes:
    return b"x" * (4 * GIB)


def refuse() -> None:
    raise BadMessage("no")


def fail_to_start() -> None:
    raise ConfigError("no such pipeline")


@pytest.mark.parametrize(("function", "cause"), [(crash, "crash"), (leave, "crash"), (hang, "timeout"), (hoard, "memory")])
def test_lost_child_is_told_with_its_cause_and_the_next_task_runs(pool: IsolatedPool, function: object, cause: str) -> None:
    with pytest.raises(ChildLost) as caught:
        pool.run(function, timeout=3.0)  # type: ignore[arg-type]
    assert caught.value.cause == cause
    assert pool.run(answer, timeout=30.0) == 42


def test_what_the_function_raises_comes_through(pool: IsolatedPool) -> None:
    with pytest.raises(BadMessage, match="no"):
        pool.run(refuse, timeout=30.0)


def test_failed_start_is_raised_by_each_call_instead_of_starting_for_ever() -> None:
    pool = IsolatedPool(1, initializer=fail_to_start)
    try:
        for _ in range(2):
            with pytest.raises(ConfigError, match="no such pipeline"):
                pool.run(answer, timeout=30.0)
    finally:
        pool.close()


@pytest.mark.parametrize("shared", [(), ("json",)], ids=["spawned", "forked"])
def test_children_end_when_their_parent_is_killed(shared: tuple[str, ...]) -> None:
    code = (
        "import os, sys, time\n"
        "from stream.isolation import IsolatedPool\n"
        "if __name__ == '__main__':\n"
        f"    pool = IsolatedPool(2, shared={shared})\n"
        "    print(pool.run(os.getpid, timeout=30.0), flush=True)\n"
        "    time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 20
    while _lives(child) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _lives(child)


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def kill_children() -> None:
    """SIGKILL every child of this process, as the kernel does when memory runs out."""
    for child in multiprocessing.active_children():
        if child.pid is not None:
            os.kill(child.pid, signal.SIGKILL)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_child_that_is_killed_while_idle_costs_nothing(workers: int) -> None:
    pool = IsolatedPool(workers)
    try:
        for _ in range(3):
            assert pool.run(answer, timeout=30.0) == 42
            kill_children()
            time.sleep(0.5)
        assert [future.result() for future in [pool.submit(answer, timeout=30.0) for _ in range(5)]] == [42] * 5
    finally:
        pool.close()


class Awkward(Exception):
    def __init__(self, *, reason: str) -> None:
        super().__init__(reason)


def raise_awkward() -> None:
    raise Awkward(reason="cannot travel")


def test_an_exception_that_cannot_travel_comes_as_its_words(pool: IsolatedPool) -> None:
    with pytest.raises(RuntimeError, match="Awkward: cannot travel"):
        pool.run(raise_awkward, timeout=30.0)
    assert pool.run(answer, timeout=30.0) == 42


def has_module() -> bool:
    return "colorsys" in sys.modules


def test_forked_children_share_what_their_server_has_imported() -> None:
    code = (
        "from stream.isolation import IsolatedPool\n"
        "from tests.stream.test_isolation import has_module\n"
        "if __name__ == '__main__':\n"
        "    pool = IsolatedPool(1, shared=('colorsys',))\n"
        "    print(has_module(), pool.run(has_module, timeout=30.0))\n"
        "    pool.close()\n"
    )
    told = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    assert told.stdout == "False True\n"


def test_sigterm_does_not_end_the_server_of_forked_children() -> None:
    pool = IsolatedPool(1, shared=("stream.errors",))
    try:
        server = pool.run(os.getppid, timeout=30.0)
        assert server != os.getpid()
        os.kill(server, signal.SIGTERM)
        time.sleep(0.3)
        assert pool.run(os.getppid, timeout=30.0) == server
    finally:
        pool.close()


def wait_a_second() -> int:
    time.sleep(1.0)
    return 42


def test_sigterm_to_the_children_does_not_end_their_work(pool: IsolatedPool) -> None:
    assert pool.run(answer, timeout=30.0) == 42
    future = pool.submit(wait_a_second, timeout=30.0)
    time.sleep(0.3)
    for child in multiprocessing.active_children():
        child.terminate()
    assert future.result() == 42
