"""The command line, run in this process as the console script would; and waiting."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from dateline.cli import main


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: bytes
    stderr: bytes


def run(env: dict[str, str], *arguments: str, stdin: bytes = b"", **more: str) -> Done:
    """Run a command in this process, as the console script would."""
    streams = [io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="") for data in (stdin, b"", b"")]
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("DATELINE_")]:
            patch.delenv(name)
        for name, value in {**env, **more}.items():
            patch.setenv(name, value)
        patch.chdir(env["DATELINE_DATA_DIR"])
        patch.setattr(sys, "argv", ["dateline", *arguments])
        for name, stream in zip(("stdin", "stdout", "stderr"), streams, strict=True):
            patch.setattr(sys, name, stream)
        with pytest.raises(SystemExit) as ended:  # noqa: PT012
            main()
            sys.exit(0)
    outputs = []
    for stream in streams[1:]:
        stream.flush()
        outputs.append(stream.buffer.getvalue())  # type: ignore[attr-defined]
    return Done(int(ended.value.code or 0), *outputs)


def until(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Return whether *condition* came true within *seconds*."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()
