"""How long to wait until something that is away is asked again."""

from __future__ import annotations

FIRST, CAP = 0.2, 30.0  # seconds


def pause(attempt: int, jitter: float, wish: float | None = None) -> float:
    """Return the seconds to wait after try number *attempt*, from 0, has failed; *jitter* in [0, 1).

    Twice as long from try to try, CAP at most, and shorter by up to a half, so that workers which failed together do not come
    back together. Never less than *wish*, what the other side asked for (``TransientError.retry_after``).
    """
    wait = min(CAP, FIRST * 2.0 ** min(attempt, 16))
    return max(wait * (1.0 - jitter / 2), wish or 0.0)
