"""Cutting a stream into batches that are bounded by their number and by their size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def batches(items: Iterable[tuple[T, int]], *, most: int, size: int) -> Iterator[list[T]]:
    """Yield *items*, each given with its size, in lists of up to *most* and together up to *size*; a larger one comes alone."""
    batch: list[T] = []
    total = 0
    for item, weight in items:
        if batch and (len(batch) >= most or total + weight > size):
            yield batch
            batch, total = [], 0
        batch.append(item)
        total += weight
    if batch:
        yield batch
