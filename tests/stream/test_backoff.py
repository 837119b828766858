"""The pauses between two tries."""

from __future__ import annotations

import pytest

from stream.backoff import CAP, FIRST, pause


@pytest.mark.parametrize(
    ("attempt", "jitter", "wish", "expected"),
    [
        (0, 0.0, None, FIRST),
        (3, 0.0, None, FIRST * 8),
        (3, 0.5, None, FIRST * 6),
        (100_000, 0.0, None, CAP),
        (0, 0.0, 5.0, 5.0),
        (100, 0.0, 5.0, CAP),
    ],
)
def test_pauses_double_up_to_a_cap_and_heed_what_the_other_side_asked_for(
    attempt: int, jitter: float, wish: float | None, expected: float
) -> None:
    assert pause(attempt, jitter, wish) == pytest.approx(expected)
