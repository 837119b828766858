"""``dateline run``: what dies is started again, and all end together however the supervisor ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dateline.supervisor import ports
from tests.dateline.running import until


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    env = {**os.environ, "DATELINE_DATA_DIR": str(tmp_path), "DATELINE_LOG_FORMAT": "json"}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "dateline", "run"], env=env, stderr=log, stdin=subprocess.DEVNULL)
    yield process
    process.kill()
    process.wait()


def started(log: Path) -> list[tuple[str, int]]:
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [(line["child"], line["pid"]) for line in lines if line["event"] == "worker started"]


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(("first", "expected"), [(9100, (9100, 9101, 9102)), (0, (0, 0, 0))])
def test_each_worker_is_watched_on_a_port_of_its_own(first: int, expected: tuple[int, ...]) -> None:
    assert ports(first, 3) == expected


def test_worker_that_dies_is_started_again_and_sigterm_ends_all(supervisor: subprocess.Popen[bytes], tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert until(lambda: len(started(log)) == 3)
    first = dict(started(log))
    os.kill(first["store"], signal.SIGKILL)
    assert until(lambda: len(started(log)) == 4)
    assert started(log)[3][0] == "store"
    supervisor.terminate()
    assert supervisor.wait(40) == 0
    assert not any(lives(pid) for _, pid in started(log))


def test_workers_end_when_the_supervisor_is_killed(supervisor: subprocess.Popen[bytes], tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert until(lambda: len(started(log)) == 3)
    supervisor.kill()
    supervisor.wait()
    assert until(lambda: not any(lives(pid) for _, pid in started(log)), 40)
