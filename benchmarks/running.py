"""Real worker processes with what they take: seconds of the processor and memory, their children's included (Linux: reads /proc)."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = resource.getpagesize()
DATELINE = "dateline"
STOP_WITHIN = 40.0  # seconds


class Worker:
    """``python -m MODULE ARGUMENTS`` with the settings *env*; what it logs goes to *log*."""

    def __init__(self, env: Mapping[str, str], log: Path, *arguments: str, module: str = DATELINE) -> None:
        with log.open("ab") as out:
            command = [sys.executable, "-m", module, *arguments]
            self._process = subprocess.Popen(command, env={**os.environ, **env}, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def keep_to(self, core: int) -> None:
        """Let it, and what it starts from now on, run on one core alone."""
        os.sched_setaffinity(self._process.pid, {core})

    def seconds(self) -> float:
        """Return the seconds of the processor that it has taken."""
        return sum(sum(map(int, _stat(pid)[11:15])) for pid in self._tree()) / TICKS

    def megabytes(self) -> float:
        """Return what it has in memory."""
        return sum(int(_stat(pid)[21]) for pid in self._tree()) * PAGE / 2**20

    def stop(self) -> None:
        """Have it end in order; raises RuntimeError where it has failed."""
        self._process.terminate()
        if code := self._process.wait(STOP_WITHIN):
            raise RuntimeError(f"a worker ended with exit code {code}")

    def _tree(self) -> Iterator[int]:
        left = [self._process.pid]
        while left:
            pid = left.pop()
            yield pid
            for task in Path(f"/proc/{pid}/task").iterdir():
                left += map(int, (task / "children").read_text().split())


@contextmanager
def running(workers: Sequence[Worker]) -> Iterator[None]:
    """Stop *workers* at the end of the block."""
    try:
        yield
    finally:
        for worker in workers:
            worker.stop()


def run_dateline(env: Mapping[str, str], *arguments: str) -> None:
    """Run a command to its end."""
    subprocess.run([sys.executable, "-m", DATELINE, *arguments], env={**os.environ, **env}, check=True, stdout=subprocess.DEVNULL)


def until(condition: Callable[[], bool], seconds: float, pause: float = 0.1) -> float:
    """Return the moment (``time.perf_counter``) at which *condition* came true; raises TimeoutError after *seconds*."""
    deadline = time.perf_counter() + seconds
    while not condition():
        if time.perf_counter() > deadline:
            raise TimeoutError(f"nothing came of it within {seconds:.0f} s")
        time.sleep(pause)
    return time.perf_counter()


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat (proc(5)) from the third on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
