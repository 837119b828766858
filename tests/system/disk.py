"""A small disk that can really be full: a file system in memory, mounted for a test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

BLOCKS = (1024 * 1024, 4096)  # bytes; a page of memory is the least that a file takes


@dataclass(frozen=True, slots=True)
class Disk:
    """A folder that every user may enter; *small*: a file system of its own."""

    folder: Path
    small: bool

    @contextmanager
    def full(self) -> Iterator[None]:
        """Leave not a byte free at the start of the block; at its end there is room again. Only for a small one."""
        assert self.small
        ballast = self.folder / "ballast"
        try:
            _take_all(ballast)
            yield
        finally:
            ballast.unlink()


@contextmanager
def temporary_disk(size: int) -> Iterator[Disk]:
    """Mount a small disk of *size* bytes for the block; where that is not allowed it is a folder of the disk that is there."""
    folder = Path(tempfile.mkdtemp(prefix="dateline-disk-"))
    folder.chmod(0o755)
    small = _run("mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(folder)) == 0
    try:
        yield Disk(folder, small)
    finally:
        if small:
            _run("umount", "--lazy", str(folder))
        shutil.rmtree(folder, ignore_errors=True)


def _take_all(file: Path) -> None:
    with file.open("wb", buffering=0) as opened:
        for size in BLOCKS:
            with suppress(OSError):  # ENOSPC
                while True:
                    os.write(opened.fileno(), bytes(size))


def _run(*command: str) -> int:
    return subprocess.run(command, capture_output=True, check=False).returncode if shutil.which(command[0]) else 1
