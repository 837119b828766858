"""Batches bounded by number and size."""

from __future__ import annotations

import pytest

from stream.batches import batches


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], []),
        ([1, 1, 1, 1], [[1, 1, 1], [1]]),
        ([4, 4, 4], [[4, 4], [4]]),
        ([50, 1, 50], [[50], [1], [50]]),
        ([1, 50], [[1], [50]]),
        ([0, 0, 0, 0], [[0, 0, 0], [0]]),
    ],
)
def test_a_batch_ends_before_it_holds_too_many_or_too_much(sizes: list[int], expected: list[list[int]]) -> None:
    assert list(batches([(size, size) for size in sizes], most=3, size=10)) == expected
