"""Make the real services ready that the tests use: ``python -m scripts.test_services``.

Prints a line for each. A service that cannot be had is no error, its tests are skipped, unless REQUIRE_SERVICES=1.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable

from scripts import clock, kafka, postgres

SERVICES: dict[str, Callable[[], str | None]] = {"Kafka": kafka.ensure, "Postgres": postgres.ensure, "movable clock": clock.ensure}


def main() -> int:
    """Return 0, or 1 if a service is missing that is required."""
    required = os.environ.get("REQUIRE_SERVICES") == "1"
    missing = 0
    for name, ensure in SERVICES.items():
        reason = ensure()
        missing += reason is not None
        consequence = "it is required" if required else "its tests will be skipped"
        print(f"{name}: ready" if reason is None else f"{name}: {_without_hosts(reason)} ({consequence})", flush=True)
    return 1 if missing and required else 0


def _without_hosts(reason: str) -> str:
    return re.sub(r"\w+://\S+", "…", reason)


if __name__ == "__main__":
    sys.exit(main())
