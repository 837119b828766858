"""What a second processor adds: the same articles through one and through two ``dateline process``, in turns.

python -m benchmarks processors
"""

from __future__ import annotations

import os
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Mapping
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.report import Section, at_least
from benchmarks.running import Worker, run_dateline, running, until
from benchmarks.services import EMBEDDED, SERVERS, settings_of, stacks
from benchmarks.sets.reports import text_of
from dateline.demo.content import load_outlets
from scripts.system import free_ports
from stream.broker import Broker
from stream.connect import connect_broker
from stream.messages import Article, encode

PARTITIONS = 12
WARM_UP = 48  # articles
ARTICLES = 480
COUNTED = 360  # of them: while they are done each processor has work
ROUNDS = 3
LEAST = 1.8
DEADLINE = 600.0  # seconds

TITLE = "Two processors"
ABOUT = (
    f"{ARTICLES} reports of the demo wait in a topic of {PARTITIONS} partitions; the seconds until {COUNTED} are annotated by the bundled "
    f"pipeline, with one processor and with two in turns; medians of {ROUNDS} rounds. Each is kept to a core of its own. By the clock the "
    "gain is what this machine has to give: its cores also carry the broker and whatever else runs. By the seconds of the processor it is "
    "twice what an article costs with one, through what it costs with two: what two cores that carry nothing else would give."
)
HEAD = ("processors", "articles/s", "CPU ms an article", "cores in use")


class Turn(NamedTuple):
    """Seconds until the articles were done, by the clock and of the processor."""

    wall: float
    cpu: float


def run() -> Section:
    """Measure on Kafka, where it can be had."""
    stack = SERVERS if SERVERS in stacks() else EMBEDDED
    with tempfile.TemporaryDirectory() as folder, settings_of(stack, Path(folder)) as settings:
        run_dateline(settings, "db", "upgrade")
        turns = [(turn(settings, Path(folder), 1), turn(settings, Path(folder), 2)) for _ in range(ROUNDS)]
    rows = [_row(f"{n + 1}, {stack}", [both[n] for both in turns]) for n in range(2)]
    clock = at_least("two processors by the clock, of one:", LEAST, median(one.wall / two.wall for one, two in turns))
    cores = at_least("by the seconds of the processor:", LEAST, median(2 * one.cpu / two.cpu for one, two in turns))
    return Section("processors", TITLE, ABOUT, HEAD, tuple(rows), (clock, cores))


def turn(settings: Mapping[str, str], folder: Path, processors: int) -> Turn:
    """Let so many *processors* do the articles, in topics of their own."""
    prefix = f"bench-{uuid.uuid4().hex}"
    env = {**settings, "DATELINE_TOPIC_PREFIX": prefix, "DATELINE_BATCH_RECORDS": "20"}
    run_dateline(env, "topics", "ensure")
    broker = connect_broker(settings["DATELINE_BROKER_URL"])
    ports = free_ports(processors)
    workers = [Worker(env, folder / "log", "process", "--metrics-port", str(port)) for port in ports]
    for worker, core in zip(workers, sorted(os.sched_getaffinity(0)), strict=False):
        worker.keep_to(core)
    with running(workers):
        until(lambda: all(owned(port, f"{prefix}.process") == PARTITIONS // processors for port in ports), DEADLINE)
        publish(broker, f"{prefix}.articles", WARM_UP)
        until(lambda: done(broker, prefix) == WARM_UP, DEADLINE)
        publish(broker, f"{prefix}.articles", ARTICLES)
        started, cpu, before = time.perf_counter(), sum(worker.seconds() for worker in workers), done(broker, prefix)
        ended = until(lambda: done(broker, prefix) - before >= COUNTED, DEADLINE)
        taken = sum(worker.seconds() for worker in workers) - cpu
    broker.close()
    return Turn(ended - started, taken)


def publish(broker: Broker, topic: str, count: int) -> None:
    """Send reports of the demo again and again, each time as another article."""
    texts = [text_of(report) for outlet in load_outlets() for report in outlet.reports]
    producer = broker.producer()
    for text in islice(cycle(texts), count):
        article = Article(id=uuid.uuid4().hex, text=text, language="en")
        producer.send(topic, key=article.id.encode(), value=encode(article))
    producer.flush()
    producer.close()


def owned(port: int, group: str) -> int:
    """Return how many partitions the processor that answers on *port* owns."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:  # it is still starting
        return 0
    name = f'dateline_assigned_partitions{{stage="{group}"}} '
    return next((int(float(line.removeprefix(name))) for line in lines if line.startswith(name)), 0)


def done(broker: Broker, prefix: str) -> int:
    """Return how many articles are annotated and committed."""
    return sum(one.committed or 0 for one in broker.lag(f"{prefix}.process", [f"{prefix}.articles"]))


def _row(name: str, turns: list[Turn]) -> tuple[str, ...]:
    wall, cpu = median(one.wall for one in turns), median(one.cpu for one in turns)
    return name, f"{COUNTED / wall:.1f}", f"{1000 * cpu / COUNTED:.0f}", f"{cpu / wall:.2f}"
