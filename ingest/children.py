"""Isolated children in which bytes from outside are read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from stream.isolation import IsolatedPool

PARSE_TIMEOUT = 60.0  # seconds for one body in its child
PARSE_MEMORY = 2 * 1024**3  # bytes of address space of a child, most of it libraries that are mapped and never touched
SHARED = ("ingest.parse", "ingest.minhash", "datasketch")  # what every worker needs; trafilatura is imported where there are pages

T = TypeVar("T")


class Children:
    """Up to *count* children, started as they are needed."""

    def __init__(self, count: int) -> None:
        self._pool = IsolatedPool(count, memory_bytes=PARSE_MEMORY, shared=SHARED)

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Return what *function* gives in a child; raises what it raises, and ChildLost."""
        return await asyncio.wrap_future(self._pool.submit(function, *args, timeout=PARSE_TIMEOUT))

    def close(self) -> None:
        """End the children."""
        self._pool.close()
