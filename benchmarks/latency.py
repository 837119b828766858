"""From a feed to a row, while nothing else is to be done: real workers on both stacks, all settings at their defaults.

python -m benchmarks latency
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median, quantiles

from sqlalchemy import Engine, func, select, update

from benchmarks.report import Section, at_most
from benchmarks.running import Worker, run_dateline, running, until
from benchmarks.services import engine_of, settings_of, stacks
from storage.base import database_now
from storage.engine import reading, transaction
from storage.schema import articles
from storage.schema_feeds import feeds
from tests.system.harness import Site, stories

ENTRIES = 40
MOST = 2.0  # seconds, p95
PAUSE = 2.5  # seconds at most between two entries: they should fall anywhere between two looks of the workers
LOOK_EVERY = 0.01  # seconds
DEADLINE = 120.0  # seconds

TITLE = "From a feed to a row"
ABOUT = (
    f"Seconds from the moment at which a feed with a new entry is due to the moment at which a query shows its article with its events: "
    f"{ENTRIES} entries, one at a time, at moments of chance, with all workers idle and all settings at their defaults but the one that "
    "lets them fetch from this machine. Half a second of it is the mean wait for the next look at what is due. The feed gives whole "
    "texts; an entry whose page is read too waits for that, by default at least a second after the feed, which is on the same host."
)
HEAD = ("stack", "median", "p95", "longest")


def run() -> Section:
    """Measure on every stack that can be had."""
    rows, targets = [], []
    for stack in stacks():
        with tempfile.TemporaryDirectory() as folder, settings_of(stack, Path(folder)) as settings:
            seconds = measure(settings, Path(folder))
        late = quantiles(seconds, n=20)[-1]
        rows.append((stack, f"{median(seconds):.2f}", f"{late:.2f}", f"{max(seconds):.2f}"))
        targets.append(at_most(f"{stack}: p95", MOST, late, " s"))
    return Section("latency", TITLE, ABOUT, HEAD, tuple(rows), tuple(targets))


def measure(settings: Mapping[str, str], folder: Path) -> list[float]:
    """Return the seconds of each entry, after one that is not counted."""
    env = {**settings, "DATELINE_ALLOW_NETWORKS": "127.0.0.1/32"}
    with Site(stories(feeds=1, each=ENTRIES + 1), released=0) as site, _workers(env, folder), engine_of(settings) as engine:
        run_dateline(env, "feeds", "add", "--full-text", "never", *site.feed_urls)
        seconds = []
        for number in range(1, ENTRIES + 2):
            until(partial(_is_rested, engine), DEADLINE)
            time.sleep(random.uniform(0, PAUSE))
            site.release(number)
            started = _make_due(engine)
            seconds.append(until(partial(_are_stored, engine, number), DEADLINE, LOOK_EVERY) - started)
    return seconds[1:]


@contextmanager
def _workers(env: Mapping[str, str], folder: Path) -> Iterator[None]:
    run_dateline(env, "db", "upgrade")
    run_dateline(env, "topics", "ensure")
    with running([Worker(env, folder / "log", name) for name in ("ingest", "process", "store")]):
        yield


def _is_rested(engine: Engine) -> bool:
    """Tell whether the outcome of the last fetch is recorded: it says when the next one is due."""
    with reading(engine) as conn:
        t = feeds.c
        return conn.execute(select(t.last_fetch_at.is_not(None) & t.lease_token.is_(None))).scalar_one()


def _make_due(engine: Engine) -> float:
    with transaction(engine) as conn:
        conn.execute(update(feeds).values(next_fetch_at=database_now(conn)))
    return time.perf_counter()


def _are_stored(engine: Engine, number: int) -> bool:
    with reading(engine) as conn:
        return conn.execute(select(func.count()).select_from(articles)).scalar_one() == number
