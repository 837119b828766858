"""The memory of an ingest worker over 100,000 fetches: it must not grow.

python -m benchmarks footprint      FETCHES=10000 for a shorter run
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from sqlalchemy import func, select

from benchmarks.report import Section, at_most
from benchmarks.rhythm import Run, working
from benchmarks.running import until
from storage.engine import reading
from storage.schema_feeds import fetches

FETCHES = int(os.environ.get("FETCHES", "100000"))
FEEDS = 500
FETCHES_TO_NEWS = 20
MARKS = (0.01, 0.1, 0.25, 0.5, 0.75, 1.0)  # of the way
SETTLED = 1  # the mark from which on it must not grow
MOST = 1.1  # times what it was there
DEADLINE = 7200.0  # seconds from one mark to the next
LOOK = 1.0  # seconds

TITLE = "Memory over 100,000 fetches"
ABOUT = (
    f"{FEEDS} feeds, fetched over and over as fast as one `dateline ingest` can on the embedded default, each with a new entry at every "
    f"{FETCHES_TO_NEWS}th fetch. Megabytes in memory of the worker with its children."
)
HEAD = ("fetches", "memory")


def run() -> Section:
    """Measure at each mark."""
    with working(FEEDS, 1.0, FETCHES_TO_NEWS) as run:
        seen = list(_along(run))
    rows = tuple((f"{done:,}", f"{megabytes:.0f} MB") for done, megabytes in seen)
    grown = seen[-1][1] / seen[SETTLED][1]
    target = at_most(f"memory at the end, of that after {seen[SETTLED][0]:,} fetches,", MOST, grown)
    return Section("footprint", TITLE, ABOUT, HEAD, rows, (target,))


def _along(run: Run) -> Iterator[tuple[int, float]]:
    for mark in MARKS:
        until(lambda wanted=mark * FETCHES: _fetched(run) >= wanted, DEADLINE, LOOK)
        yield _fetched(run), run.worker.megabytes()


def _fetched(run: Run) -> int:
    with reading(run.engine) as connection:
        return connection.execute(select(func.count()).select_from(fetches)).scalar_one()
