"""The watch over one worker: what its stages and fetches tell, what broker and database answer, and both over HTTP.

``/metrics`` is for Prometheus. ``/livez`` is red (503) where the worker should be started again, ``/readyz`` where something that
it needs does not answer; both give their reasons, one a line. ``dateline.health`` decides.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from dateline.health import Look, Watch
from dateline.metrics import Metrics
from storage import upkeep
from storage.base import database_now
from storage.engine import reading
from stream.broker import Broker, PartitionLag, TopicPartition, unknown_topic
from stream.chunk import Batch
from stream.errors import ConfigError, DatelineError
from stream.stage import Poll

if TYPE_CHECKING:
    from ingest.outcome import Outcome

LOOK_EVERY, LOOK_AGAIN = 15.0, 2.0  # seconds between two looks at the broker and the database; while one does not answer
REQUEST_TIMEOUT = 10.0  # seconds
BROKER, DATABASE, FEEDS = "broker", "database", "feeds"


class Monitor:
    """Watches the worker *name* with its *stages*; one without any fetches feeds.

    *topics* are those of the consumer groups whose lag it asks for, its own stages among them. *broker* and *engine* stay their
    maker's; a worker without a database has no *engine*. A stage that does nothing for *patience* seconds makes ``/livez`` red.
    """

    def __init__(
        self, name: str, stages: Collection[str], topics: Mapping[str, str], broker: Broker, engine: Engine | None, patience: float
    ) -> None:
        self._topics, self._broker, self._engine, self._patience = topics, broker, engine, patience
        self._asked: dict[str, Callable[[], None]] = {BROKER: self._look_at_broker}
        if engine is not None:
            self._asked[DATABASE] = self._look_at_database
        self._assigned: dict[str, frozenset[TopicPartition]] = dict.fromkeys(stages, frozenset())
        self._watch = Watch(stages or (FEEDS,), self._asked, time.monotonic())
        self._braked = False
        self._metrics = Metrics(name)
        for stage in stages:
            self._metrics.stage(stage, partial(self._poll_age, stage))
        if engine is not None:
            self._metrics.watch_database(engine)

    def on_poll(self, poll: Poll) -> None:
        """Note that a stage asked for records."""
        moved = poll.assigned != self._assigned[poll.stage]
        self._assigned[poll.stage] = poll.assigned
        self._watch.polled(poll.stage, len(poll.assigned), time.monotonic(), moved=moved)
        self._metrics.polled(poll.stage, len(poll.assigned), moved=moved)

    def on_batch(self, batch: Batch) -> None:
        """Note that a stage got a batch done."""
        self._watch.done(batch.stage, time.monotonic())
        self._metrics.batch(batch.stage, batch.records, batch.errors, batch.seconds, batch.newest)

    def on_rest(self, stage: str) -> None:
        """Note that a stage waits on purpose: that is no idleness."""
        self._watch.done(stage, time.monotonic())

    def on_outcome(self, outcome: Outcome) -> None:
        """Note that a fetch ended."""
        if outcome.kind != "hub":
            self._watch.done(FEEDS, time.monotonic())
        self._metrics.fetched(outcome.kind, outcome.outcome, outcome.duration, new=outcome.new, changed=outcome.changed)

    def on_brake(self, reason: str | None) -> None:
        """Note whether feeds that are due wait on purpose."""
        self._braked = reason is not None

    def look(self) -> bool:
        """Ask the broker and the database, note what they answer, and return whether all is well."""
        problems = {name: _problem(ask) for name, ask in self._asked.items()}
        for name, problem in problems.items():
            self._metrics.reachable(name, problem is None)
        self._watch.looked(Look(time.monotonic(), problems))
        return not any(problems.values())

    def answer(self, path: str, accept: str = "") -> tuple[int, str, bytes]:
        """Return status, media type and body of the page at *path*."""
        now = time.monotonic()
        if path == "/metrics":
            return 200, *self._metrics.exposed(accept)
        if path == "/livez":
            return _verdict("alive", self._watch.alive(now, self._patience))
        if path == "/readyz":
            return _verdict("ready", self._watch.ready(now))
        return 404, "text/plain; charset=utf-8", b"/metrics, /livez or /readyz\n"

    def _poll_age(self, stage: str) -> float:
        return time.monotonic() - self._watch.progress(stage).polled

    def _look_at_broker(self) -> None:
        for group, topic in self._topics.items():
            lags = self._broker.lag(group, [topic])
            if not lags:
                raise unknown_topic(topic)
            self._metrics.lag(group, _records(lags))
            if group in self._assigned:
                mine = _records(one for one in lags if one.partition in self._assigned[group])
                self._metrics.own_lag(group, mine)
                self._watch.waiting(group, mine, time.monotonic())

    def _look_at_database(self) -> None:
        assert self._engine is not None
        if self._assigned:
            with reading(self._engine) as conn:
                database_now(conn)
            return
        due, overdue = upkeep.count_due(self._engine)
        pages, messages = upkeep.count_waiting(self._engine)
        self._metrics.queues(feeds=due, overdue=overdue, pages=pages, messages=messages)
        now = time.monotonic()
        self._watch.waiting(FEEDS, 0 if self._braked else due, now)
        self._watch.polled(FEEDS, 1, now)


@contextmanager
def serving(monitor: Monitor, host: str, port: int) -> Iterator[None]:
    """Look again and again and answer on *host* and *port* during the block; raises ConfigError where the port cannot be had."""
    stop = threading.Event()
    with _served(monitor, host, port):
        threading.Thread(target=_look_on, args=(monitor, stop), name="monitor", daemon=True).start()
        try:
            yield
        finally:
            stop.set()


def _look_on(monitor: Monitor, stop: threading.Event) -> None:
    while not stop.is_set():
        stop.wait(LOOK_EVERY if monitor.look() else LOOK_AGAIN)


@contextmanager
def _served(monitor: Monitor, host: str, port: int) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_TIMEOUT

        def do_GET(self) -> None:
            status, media_type, body = monitor.answer(self.path.partition("?")[0], self.headers.get("Accept", ""))
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the log for outcomes."""

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as e:
        raise ConfigError(f"nothing can listen on {host}:{port} ({e.strerror}): set DATELINE_METRICS_PORT to another port") from e
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def _problem(ask: Callable[[], None]) -> str | None:
    try:
        ask()
    except DatelineError as e:
        return str(e)
    return None


def _records(lags: Iterable[PartitionLag]) -> int:
    return sum(one.lag for one in lags)


def _verdict(good: str, reasons: tuple[str, ...]) -> tuple[int, str, bytes]:
    lines = reasons or (good,)
    return 503 if reasons else 200, "text/plain; charset=utf-8", "".join(f"{line}\n" for line in lines).encode()
