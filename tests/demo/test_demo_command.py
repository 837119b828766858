"""``dateline demo`` as a newcomer runs it: the whole job, nothing new the second time, nothing left behind by Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.system.harness import run_dateline

SUMMARY = re.compile(r"(\d+) articles and (\d+) events are stored, (\d+) and (\d+) of them new")


def test_second_run_adds_nothing(tmp_path: Path) -> None:
    env = {"XDG_DATA_HOME": str(tmp_path / "unused")}
    first, second = (run_dateline(env, "demo", "--data-dir", str(tmp_path / "demo")) for _ in range(2))
    articles, events, new_articles, new_events = _summary(first)
    assert (new_articles, new_events) == (articles, events)
    assert articles >= 24
    assert events >= articles
    assert _summary(second) == (articles, events, 0, 0)
    for heading in ("Newest events", "Planned, promised or threatened", "Who is written about", "Feeds", "What next"):
        assert heading in first


@pytest.mark.parametrize("after", [0.0, 4.0])
def test_interrupt_leaves_no_process_behind(tmp_path: Path, after: float) -> None:
    marker = str(tmp_path / "demo")
    process = subprocess.Popen(
        [sys.executable, "-m", "dateline", "demo", "--data-dir", marker], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    log = tmp_path / "demo" / "workers.log"
    while not log.exists() and process.poll() is None:
        time.sleep(0.05)
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in errors
    assert _processes_with(f"DATELINE_DATA_DIR={marker}") == []


def _summary(output: str) -> tuple[int, ...]:
    found = SUMMARY.search(" ".join(output.split()))
    assert found, output
    return tuple(int(number) for number in found.groups())


def _processes_with(variable: str) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        if variable.encode() in environment.split(b"\0") and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found
