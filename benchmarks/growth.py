"""What storing an article costs as the database grows: new articles into databases of three sizes, in turns.

python -m benchmarks growth
"""

from __future__ import annotations

import time
from itertools import count
from statistics import median

from sqlalchemy import Engine

from benchmarks.report import Section, at_most
from benchmarks.services import databases
from benchmarks.storage import BATCH, made_up
from storage.worker import DatabaseSink
from stream.broker import TopicPartition
from stream.messages import AnnotatedArticle

SIZES = (10_000, 100_000, 1_000_000)  # rows in all tables
ROWS = 89  # of an article
ROUNDS, ROUND = 21, 30  # of so many articles: the smallest database should stay small
KNOWN = 50  # names in the articles that are measured; all are known to the smallest database, so that none has the harder work
MOST = 1.2  # times what it costs in the smallest

TITLE = "Storing into a database that grows"
ABOUT = (
    f"{ROUNDS} batches of {ROUND} new articles, as in the section before but with names that all databases know, each written into "
    "databases of three sizes in turns. Milliseconds an article are medians, ratios medians of those of the batches."
)
HEAD = ("database", "rows before", "ms an article", "of the smallest")


def run() -> Section:
    """Measure both databases; without Postgres SQLite alone."""
    rows, targets = [], []
    with databases(len(SIZES)) as kinds:
        for kind, engines in kinds.items():
            fill(engines)
            costs = measure(engines)
            ratios = [median(one / least for one, least in zip(each, costs[0], strict=True)) for each in costs]
            rows += [(kind, f"{s:,}", f"{1000 * median(c):.2f}", f"{r:.2f}") for s, c, r in zip(SIZES, costs, ratios, strict=True)]
            targets.append(at_most(f"{kind}: an article at {SIZES[-1]:,} rows, of one at {SIZES[0]:,},", MOST, ratios[-1]))
    return Section("growth", TITLE, ABOUT, HEAD, tuple(rows), tuple(targets))


def fill(engines: list[Engine]) -> None:
    """Write the same articles into each of *engines* up to its size."""
    sinks = [DatabaseSink(engine, "bench") for engine in engines]
    for first in range(0, max(SIZES) // ROWS, BATCH):
        batch = [made_up(first + number) for number in range(BATCH)]
        for sink, size in zip(sinks, SIZES, strict=True):
            if part := batch[: max(0, size // ROWS - first)]:
                sink.deliver(part, {})


def measure(engines: list[Engine]) -> list[list[float]]:
    """Return for each of *engines* the seconds an article of every batch, after one that is not counted."""
    fresh = count(max(SIZES))
    costs: list[list[float]] = [[] for _ in engines]
    for number in range(ROUNDS + 1):
        batch = [made_up(next(fresh), names=KNOWN) for _ in range(ROUND)]
        for n in ((number + turn) % len(engines) for turn in range(len(engines))):  # each comes first in its turn
            seconds = _seconds(engines[n], batch, number)
            if number:
                costs[n].append(seconds / ROUND)
    return costs


def _seconds(engine: Engine, batch: list[AnnotatedArticle], offset: int) -> float:
    started = time.perf_counter()
    DatabaseSink(engine, "bench").deliver(batch, {TopicPartition("bench", 0): offset})
    return time.perf_counter() - started
