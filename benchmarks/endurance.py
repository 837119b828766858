"""Many articles through all workers: their memory must not grow, and how many the spine carries a second.

python -m benchmarks endurance          ARTICLES=10000 for a shorter run
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine, func, select

from benchmarks.memory import articles as texts
from benchmarks.report import Section, Target, at_most
from benchmarks.running import DATELINE, Worker, run_dateline, running, until
from benchmarks.services import engine_of, settings_of, stacks
from storage.engine import reading
from storage.feeds import add_feed
from storage.schema import articles
from tests.system.harness import Site, Story

ARTICLES = int(os.environ.get("ARTICLES", "100000"))
ENTRIES = 100  # of a feed
STEPS = 10  # looks at the memory
SETTLED = 3  # steps after which caches are taken to be full
MOST = 1.1  # times the memory at SETTLED
DEADLINE = 3600.0  # seconds for a step
WORKERS = {"ingest": DATELINE, "process": "benchmarks.cheap", "store": DATELINE}  # name → module that runs it

TITLE = "Many articles: memory and pace of the spine"
ABOUT = (
    f"{ARTICLES:,} articles of about 150 words, {ENTRIES} to a feed, through `ingest`, `process` and `store`, one of each. Measured is "
    "what carries the articles: in the processor's child stands an annotator that costs next to nothing (`benchmarks/cheap.py`) in "
    "place of the pipeline, whose own memory `python -m benchmarks.memory` shows. Each article has names that no other has. Megabytes in "
    "memory of each worker with its children."
)
HEAD = ("stack", "articles", "articles/s", "ingest", "process", "store")


class Step(NamedTuple):
    """So many *articles* stored, seconds since the start, and the megabytes of each worker then."""

    articles: int
    seconds: float
    megabytes: Mapping[str, float]


def run() -> Section:
    """Measure on every stack that can be had."""
    rows: list[tuple[str, ...]] = []
    targets: list[Target] = []
    for stack in stacks():
        steps = list(carry(stack))
        rows += [_row(stack, before, step) for before, step in zip([Step(0, 0.0, {}), *steps], steps, strict=False)]
        for name, then in steps[SETTLED - 1].megabytes.items():
            what = f"{stack}: memory of {name} at the end, of that after {steps[SETTLED - 1].articles:,} articles,"
            targets.append(at_most(what, MOST, steps[-1].megabytes[name] / then))
    return Section("endurance", TITLE, ABOUT, HEAD, tuple(rows), tuple(targets))


def carry(stack: str) -> Iterator[Step]:
    """Yield a step at each tenth of the articles."""
    with tempfile.TemporaryDirectory() as folder, settings_of(stack, Path(folder)) as settings, Site(_feeds()) as site:
        env = {**settings, "DATELINE_ALLOW_NETWORKS": "127.0.0.1/32", "DATELINE_HOST_PAUSE": "0"}
        run_dateline(env, "db", "upgrade")
        run_dateline(env, "topics", "ensure")
        with engine_of(settings) as engine:
            for url in site.feed_urls:
                add_feed(engine, url, full_text="never")
            workers = {name: Worker(env, Path(folder) / "log", *_arguments(name), module=module) for name, module in WORKERS.items()}
            with running(list(workers.values())):
                started = time.perf_counter()
                for step in range(1, STEPS + 1):
                    wanted = ARTICLES * step // STEPS
                    ended = until(partial(_are_stored, engine, wanted), DEADLINE, pause=0.5)
                    yield Step(wanted, ended - started, {name: worker.megabytes() for name, worker in workers.items()})


def _arguments(name: str) -> tuple[str, ...]:
    return (name,) if WORKERS[name] == DATELINE else ()


def _feeds() -> dict[str, list[Story]]:
    stream = texts(ARTICLES)
    return {
        f"/feed{number}.xml": [Story(f"tag:bench,2025:{one.id}", *one.text.split("\n\n", 1)) for one in islice(stream, ENTRIES)]
        for number in range(ARTICLES // ENTRIES)
    }


def _are_stored(engine: Engine, number: int) -> bool:
    with reading(engine) as conn:
        return conn.execute(select(func.count()).select_from(articles)).scalar_one() >= number


def _row(stack: str, before: Step, step: Step) -> tuple[str, ...]:
    pace = (step.articles - before.articles) / (step.seconds - before.seconds)
    return stack, f"{step.articles:,}", f"{pace:,.0f}", *(f"{step.megabytes[name]:.0f}" for name in WORKERS)
