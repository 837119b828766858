"""What a test cannot do without."""

from __future__ import annotations

import os

import pytest


def need(reason: str | None) -> None:
    """Skip the test for *reason*, or fail it where REQUIRE_SERVICES=1; go on where there is none."""
    if reason and os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    elif reason:
        pytest.skip(reason)
