"""Tables that the ingest side reads; the head of each file says what its columns are and where they come from."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files


def read_table(name: str) -> Iterator[list[str]]:
    """Yield the rows of the tab-separated file *name* in ``ingest/data``; lines that begin with # are its header."""
    for line in files("ingest.data").joinpath(name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")
