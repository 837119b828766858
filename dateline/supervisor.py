"""The workers of one machine as child processes: what died is started again, and all end together."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

WORKERS = ("ingest", "process", "store")
RESTART_FIRST, RESTART_CAP = 0.5, 30.0  # seconds before a worker that died is started again
STEADY = 60.0  # seconds of running after which a worker counts as healthy again
STOP_TIMEOUT = 30.0  # seconds
CHECK_EVERY = 0.2  # seconds
EXIT_CONFIG, EXIT_STOPPED = 2, 3  # a worker that ends so will not get better by itself

log = logging.getLogger("dateline.supervisor")


def ports(first: int, count: int) -> tuple[int, ...]:
    """Return the ports of *count* workers, from *first* on; 0, no port, for each where *first* is 0."""
    return tuple(first + number if first else 0 for number in range(count))


@dataclass(slots=True)
class _Child:
    name: str
    argv: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    due: float = field(default=0.0)


class Supervisor:
    """Runs ``dateline <worker>`` for each of *workers* with the environment *env* added to this one's; their logs go to *log_file*.

    The first worker is watched on *metrics_port*, the others on the ports that follow; 0 is none. A worker that ends soon after its
    start more than *patience* times in a row is given up; None never gives up.
    """

    def __init__(
        self,
        workers: Sequence[str] = WORKERS,
        env: Mapping[str, str] | None = None,
        *,
        log_file: IO[bytes] | None = None,
        metrics_port: int = 0,
        patience: int | None = None,
    ) -> None:
        self._children = [_Child(name, _command(name, port)) for name, port in zip(workers, ports(metrics_port, len(workers)), strict=True)]
        self._env = {**os.environ, **(env or {})}
        self._output = log_file
        self._patience = patience
        self.broken: str | None = None

    def check(self) -> None:
        """Start what is not running and due; set ``broken`` where a worker ended in a way that a restart does not mend."""
        now = time.monotonic()
        for child in self._children:
            if child.process is None:
                if now >= child.due:
                    self._start(child, now)
            elif (code := child.process.poll()) is not None:
                self._ended(child, code, now)

    def run(self, stop: threading.Event) -> None:
        """Keep the workers running until *stop* is set or one is beyond help, then end them all."""
        try:
            while not stop.wait(CHECK_EVERY) and self.broken is None:
                self.check()
        finally:
            self.stop()

    def stop(self) -> None:
        """End all workers: SIGTERM, and SIGKILL to what is left after STOP_TIMEOUT seconds."""
        running = [child.process for child in self._children if child.process is not None]
        for process in running:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for child in self._children:
            if child.process is not None and child.process.stdin is not None:
                child.process.stdin.close()
            child.process = None

    def pids(self) -> dict[str, int]:
        """Return the process id of each worker that is running."""
        return {child.name: child.process.pid for child in self._children if child.process is not None}

    def _start(self, child: _Child, now: float) -> None:
        # A session of its own: Ctrl-C reaches the supervisor alone, which then ends the workers in order. The pipe on its
        # standard input ends with the supervisor, however that ends, and the worker ends then too.
        child.process = subprocess.Popen(
            child.argv, env=self._env, start_new_session=True, stdin=subprocess.PIPE, stderr=self._output, bufsize=0
        )
        child.started = now
        log.info("worker started", extra={"child": child.name, "pid": child.process.pid})

    def _ended(self, child: _Child, code: int, now: float) -> None:
        child.process = None
        if code in (EXIT_CONFIG, EXIT_STOPPED):
            self.broken = f"{child.name} stopped and needs an operator; its last line says why"
            return
        child.failures = 1 if now - child.started > STEADY else child.failures + 1
        if self._patience is not None and child.failures > self._patience:
            self.broken = f"{child.name} ended {child.failures} times within {STEADY:g} s of its start"
            return
        delay = min(RESTART_CAP, RESTART_FIRST * 2 ** min(child.failures - 1, 10))
        child.due = now + delay
        log.warning("worker ended; starting it again", extra={"child": child.name, "exit_code": code, "seconds": delay})


def _command(worker: str, metrics_port: int) -> Sequence[str]:
    return sys.executable, "-m", "dateline", worker, "--supervised", "--metrics-port", str(metrics_port)
