"""How fast feeds are fetched, read and stored, beside lemon24/reader: first all of them new, then all of them unchanged.

    python -m benchmarks fetching      ROUNDS=1 for a shorter run; sets reader up in .venv-reader (from PyPI) on first use

Dateline does more in the time that is taken: it starts its children, parses in them, and sends every article to its broker.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request
import venv
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import update

from benchmarks.loopback import Answer, feed_url, made_up_feed, serving
from benchmarks.report import Section, Target, at_least
from ingest.outcome import Outcome
from ingest.worker import run_ingest
from storage import feeds
from storage.engine import connect_database, transaction, upgrade
from storage.schema_feeds import feeds as feeds_table
from stream.broker import TopicSpec
from stream.settings import Settings
from stream.sqlite_broker import SqliteBroker

ROUNDS = int(os.environ.get("ROUNDS", "5"))
FEEDS, ENTRIES = 200, 30
DELAYS = (0.0, 0.05)  # seconds from a request to its answer
NEW, UNCHANGED = 5.0, 8.0  # times reader's rate, at least
READER = ("reader==3.26", "sgmllib3k==1.0.0")  # the latter is what the feedparser within reader imports
READER_SIDE = Path(__file__).with_name("fetching_reader.py")

TITLE = "Fetching, beside lemon24/reader"
ABOUT = (
    f"{FEEDS} feeds of {ENTRIES} whole articles, each feed on a host of its own on loopback, half RSS and half Atom, updated when all is "
    f"new and again when nothing has changed: feeds a second, from the call to its return, the median of {ROUNDS} rounds in turns. "
    "Both begin with an SQLite file of their own that holds the addresses, and run with the settings that they come with; reader also "
    "with ten workers. Servers answer at once, or after 50 ms as most do that are not next door."
)
HEAD = ("", "answers after", "new: feeds/s", "Dateline, times", "unchanged: feeds/s", "Dateline, times")


class Times(NamedTuple):
    """Seconds to update all feeds: new ones, and unchanged ones."""

    new: float
    unchanged: float


Side = Callable[[Sequence[str], Path], Times]


def run() -> Section:
    """Measure with each delay."""
    python = reader_python()
    sides = {"Dateline": dateline, "reader, 1 worker": partial(reader, python, 1), "reader, 10 workers": partial(reader, python, 10)}
    rows: list[tuple[str, ...]] = []
    targets: list[Target] = []
    for delay in DELAYS:
        found = measure(sides, delay)
        rows += [_row(name, delay, found["Dateline"], times) for name, times in found.items()]
        ours, default = found["Dateline"], found["reader, 1 worker"]
        after = f"answers after {delay * 1000:.0f} ms, times reader's rate"
        targets.append(at_least(f"new, {after}", NEW, default.new / ours.new))
        targets.append(at_least(f"unchanged, {after}", UNCHANGED, default.unchanged / ours.unchanged))
    return Section("fetching", TITLE, ABOUT, HEAD, tuple(rows), tuple(targets))


def _row(name: str, delay: float, ours: Times, its: Times) -> tuple[str, ...]:
    rates = (f"{FEEDS / its.new:.0f}", f"{its.new / ours.new:.1f}", f"{FEEDS / its.unchanged:.0f}", f"{its.unchanged / ours.unchanged:.1f}")
    return (name, f"{delay * 1000:.0f} ms", *rates)


def measure(sides: dict[str, Side], delay: float) -> dict[str, Times]:
    """Return the medians of each side, which take turns."""
    taken: dict[str, list[Times]] = {name: [] for name in sides}
    with serving(answer, delay) as port:
        urls = [feed_url(number, port) for number in range(FEEDS)]
        for url in urls:
            urllib.request.urlopen(url).close()  # the server makes each feed up once
        for name, side in [*sides.items()] * ROUNDS:
            with tempfile.TemporaryDirectory() as folder:
                taken[name].append(side(urls, Path(folder)))
    return {name: Times(*map(statistics.median, zip(*times, strict=True))) for name, times in taken.items()}


@cache
def answer(number: int) -> Answer:
    """Return feed *number*, the same at every request."""
    return made_up_feed(number, ENTRIES)


def dateline(urls: Sequence[str], folder: Path) -> Times:
    """Update the feeds by an ingest worker that runs once, twice."""
    settings = Settings.model_validate({"data_dir": folder, "allow_networks": "127.0.0.0/8"})
    engine = connect_database(f"sqlite:///{folder}/dateline.db")
    upgrade(engine)
    broker = SqliteBroker(folder / "broker.db")
    broker.ensure_topics([TopicSpec(settings.articles_topic, settings.topic_partitions)])
    for url in urls:
        feeds.add_feed(engine, url)
    seconds = []
    for expected in ("fetched", "not-modified"):
        outcomes: list[Outcome] = []
        started = time.perf_counter()
        run_ingest(settings, engine, broker, threading.Event(), once=True, on_outcome=outcomes.append)
        seconds.append(time.perf_counter() - started)
        assert [one.outcome for one in outcomes] == [expected] * len(urls), outcomes
        with transaction(engine) as connection:
            connection.execute(update(feeds_table).values(next_fetch_at=feeds_table.c.added_at))
        time.sleep(settings.host_pause)  # a host is not asked twice within it, however many rounds are run
    broker.close()
    engine.dispose()
    return Times(*seconds)


def reader(python: Path, workers: int, urls: Sequence[str], folder: Path) -> Times:
    """Update the feeds by reader in its own environment, twice."""
    listed = folder / "urls"
    listed.write_text("\n".join(urls))
    command = [python, READER_SIDE, listed, folder / "reader.db", str(workers)]
    told = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    assert told["entries"] == len(urls) * ENTRIES, told
    return Times(*told["seconds"])


def reader_python() -> Path:
    """Return the Python of an environment that has reader, made where there is none."""
    folder = Path(".venv-reader")
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *READER], check=True)
    return python.absolute()
