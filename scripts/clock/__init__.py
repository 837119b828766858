"""A wall clock that tests can move while a process runs: a few lines of C between the process and the system's clock.

libfaketime, which does the same and more, breaks ``time.sleep`` where it leaves monotonic time alone (0.9.10, Debian 12).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from scripts.system import apt_install

SOURCE = Path(__file__).parent / "moved.c"
CACHE = Path(__file__).parents[2] / ".cache" / "clock"


def ensure() -> str | None:
    """Compile what ``Clock`` needs, where it is not there; return None, or in one line why that could not be done."""
    if _library().exists():
        return None
    if shutil.which("cc") is None and (reason := apt_install("gcc", "libc6-dev")):
        return f"there is no C compiler; {reason}"
    CACHE.mkdir(parents=True, exist_ok=True)
    new = CACHE / f"{os.getpid()}.so"
    done = subprocess.run(
        ["cc", "-O1", "-shared", "-fPIC", "-o", str(new), str(SOURCE), "-ldl"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        return f"{SOURCE.name} does not compile here: {done.stderr.strip()[-200:]}"
    os.replace(new, _library())
    return None


class Clock:
    """The wall clock of processes that run with ``environment``; *file* holds how far it is ahead. ``ensure`` has to be called before."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.write_bytes(_packed(0))

    @property
    def environment(self) -> Mapping[str, str]:
        """What to add to a process's environment; its children have the same clock."""
        return {"LD_PRELOAD": str(_library()), "MOVED_CLOCK": str(self._file)}

    @contextmanager
    def moved(self, seconds: int) -> Iterator[None]:
        """Let the clock jump forward by *seconds* (back, where they are negative) for the block."""
        self._set(seconds)
        try:
            yield
        finally:
            self._set(0)

    def _set(self, seconds: int) -> None:
        with self._file.open("r+b", buffering=0) as file:
            file.write(_packed(seconds))


def _packed(seconds: int) -> bytes:
    return struct.pack("=q", seconds)


def _library() -> Path:
    return CACHE / f"moved-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]}.so"
