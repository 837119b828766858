"""One ingest worker on 5,000 feeds that are due again and again: how late it fetches them, and what that takes.

    python -m benchmarks rhythm      FEEDS=500 SECONDS=30 ROUNDS=1 for a smaller run

The worker is ``dateline ingest`` on the embedded default. Feeds are made up, and each has a host of its own on loopback.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine, bindparam, select, update

from benchmarks.loopback import SUMMARIES, Answer, feed_url, made_up_feed, serving
from benchmarks.report import Section, at_most
from benchmarks.running import Worker, running
from storage import feeds
from storage.engine import connect_database, reading, transaction, upgrade
from storage.schema_feeds import feeds as feeds_table
from storage.schema_feeds import fetches

FEEDS = int(os.environ.get("FEEDS", "5000"))
SECONDS = float(os.environ.get("SECONDS", "180"))  # between two fetches of a feed
IN_EARNEST = 900.0  # seconds, the rhythm that is asked for
ENTRIES = 20
FETCHES_TO_NEWS = 5
ROUNDS = int(os.environ.get("ROUNDS", "2"))
FIRST_ROUND = 1.3  # of SECONDS, until all feeds have been read once
LATE = 60.0  # seconds, at most, of 95 %
GOOD = frozenset({"fetched", "not-modified"})

TITLE = "5,000 feeds on one worker"
ABOUT = (
    f"{FEEDS:,} feeds, each due {SECONDS:.0f} seconds after its last fetch, on one `dateline ingest` with both databases in SQLite files: "
    f"as many fetches a second as {FEEDS * IN_EARNEST / SECONDS:,.0f} feeds on a rhythm of 15 minutes. Each has {ENTRIES} entries and a "
    f"new one at every fifth fetch; the others are answered with 304. Rounds counted: {ROUNDS}, after one in which all is new. A fetch is "
    "late by its start less `next_fetch_at`."
)
HEAD = ("feeds", "seconds", "fetches", "late: median", "95 %", "99 %", "most", "of one core", "memory, with children")


class Publisher:
    """Shows of each feed a further entry at every *step*-th request, the feeds at their own moments."""

    def __init__(self, step: int) -> None:
        self._step = step
        self._asked: Counter[int] = Counter()

    def __call__(self, number: int) -> Answer:
        """Return feed *number* as it is at this request."""
        self._asked[number] += 1
        return _shown(number, (self._asked[number] + number % self._step) // self._step)


@lru_cache(maxsize=1000)
def _shown(number: int, newest: int) -> Answer:
    return made_up_feed(number, ENTRIES, SUMMARIES, newest)


class Run(NamedTuple):
    """A worker under way, and the engine of its database."""

    worker: Worker
    engine: Engine


def run() -> Section:
    """Measure some rounds after the first one."""
    with working(FEEDS, SECONDS, FETCHES_TO_NEWS) as (worker, engine):
        time.sleep(SECONDS * FIRST_ROUND)
        used, began = worker.seconds(), time.monotonic()
        time.sleep(SECONDS * ROUNDS)
        share, megabytes = (worker.seconds() - used) / (time.monotonic() - began), worker.megabytes()
        late = sorted(lateness(engine, SECONDS, ROUNDS))
    at = {q: late[min(len(late) - 1, int(len(late) * q))] for q in (0.5, 0.95, 0.99, 1.0)}
    row = (f"{FEEDS:,}", f"{SECONDS:.0f}", f"{len(late):,}", *(f"{at[q]:.1f} s" for q in at), f"{share:.0%}", f"{megabytes:.0f} MB")
    return Section("rhythm", TITLE, ABOUT, HEAD, (row,), (at_most("95 % of the fetches late by", LATE, at[0.95], " s"),))


@contextmanager
def working(count: int, seconds: float, step: int) -> Iterator[Run]:
    """Run a worker on *count* feeds, due every *seconds*, the first time spread over these; each has news at every *step*-th fetch."""
    with tempfile.TemporaryDirectory() as name, serving(Publisher(step)) as port:
        folder = Path(name)
        engine = connect_database(f"sqlite:///{folder}/dateline.db")
        upgrade(engine)
        _add(engine, [feed_url(number, port) for number in range(count)], seconds)
        wait = f"{seconds}"
        env = {"DATA_DIR": name, "ALLOW_NETWORKS": "127.0.0.0/8", "MIN_INTERVAL": wait, "MAX_INTERVAL": wait}
        worker = Worker({f"DATELINE_{key}": value for key, value in env.items()}, folder / "log", "ingest")
        with running([worker]):
            yield Run(worker, engine)
        engine.dispose()


def _add(engine: Engine, urls: list[str], seconds: float) -> None:
    """Add the feeds, in any order due over the next *seconds*."""
    ids = [feeds.add_feed(engine, url, full_text="never")[0].feed_id for url in urls]
    random.Random(1).shuffle(ids)
    now = feeds.database_time(engine)
    due = [{"id": feed_id, "due": now + timedelta(seconds=seconds * n / len(ids))} for n, feed_id in enumerate(ids)]
    with transaction(engine) as connection:
        change = update(feeds_table).where(feeds_table.c.feed_id == bindparam("id")).values(next_fetch_at=bindparam("due"))
        connection.execute(change, due)


def lateness(engine: Engine, seconds: float, rounds: int) -> Iterator[float]:
    """Yield for how many seconds each of the newest fetches, *rounds* of each feed, had been due."""
    taken: dict[str, list[tuple[float, float]]] = defaultdict(list)  # of each feed: when its fetches began and ended
    columns = (fetches.c.feed_id, fetches.c.started_at, fetches.c.duration, fetches.c.outcome)
    with reading(engine) as connection:
        for feed_id, started, duration, outcome in connection.execute(select(*columns).order_by(fetches.c.fetch_id)):
            if outcome not in GOOD:
                raise RuntimeError(f"a fetch failed: {outcome}")
            taken[feed_id].append((started.timestamp(), started.timestamp() + duration))
    for moments in taken.values():
        for (_, ended), (started, _) in [*pairwise(moments)][-rounds:]:
            yield max(0.0, started - ended - seconds)
