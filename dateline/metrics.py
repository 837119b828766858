"""What Prometheus reads of one worker: the only room that knows the prometheus-client library.

One process is one worker, so a registry of its own holds all its numbers. The names are the contract with the alert rules and the
dashboard in ``docs/monitoring``; a test compares them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector
from sqlalchemy import Connection, Engine, event

from dateline import __version__
from dateline.health import lag_seconds

QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)  # seconds of a transaction
SLOW = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)  # seconds of a batch, of a fetch


class Metrics:
    """The numbers of the worker called *worker*."""

    def __init__(self, worker: str) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Info("dateline", "This worker.", registry=registry).info({"worker": worker, "version": __version__})
        self._records = Counter("dateline_records", "Records that a stage has dealt with.", ("stage", "outcome"), registry=registry)
        self._letters = Counter("dateline_dead_letters", "Records that failed for good.", ("stage", "error"), registry=registry)
        self._batch = Histogram("dateline_batch_seconds", "From a batch to its commit.", ("stage",), buckets=SLOW, registry=registry)
        self._rebalances = Counter("dateline_rebalances", "Times that a member's partitions changed.", ("stage",), registry=registry)
        self._assigned = Gauge("dateline_assigned_partitions", "Partitions that this member owns.", ("stage",), registry=registry)
        self._poll_age = Gauge("dateline_last_poll_age_seconds", "Since the broker last answered a poll.", ("stage",), registry=registry)
        self._lag = Gauge("dateline_lag_records", "Records that the whole group has still to read.", ("stage",), registry=registry)
        self._lag_seconds = Gauge(
            "dateline_lag_seconds",
            "How long the oldest record in its partitions waits.",
            ("stage",),
            registry=registry,
        )
        self._database = Histogram("dateline_database_seconds", "Transactions.", ("outcome",), buckets=QUICK, registry=registry)
        self._fetches = Counter("dateline_fetches", "Fetches of feeds and pages.", ("kind", "outcome"), registry=registry)
        self._fetch = Histogram("dateline_fetch_seconds", "From a lease to its outcome.", ("kind",), buckets=SLOW, registry=registry)
        self._entries = Counter("dateline_entries", "Entries that fetches brought.", ("outcome",), registry=registry)
        self._waiting = Gauge("dateline_waiting", "Feeds due, pages and messages in their queues.", ("what",), registry=registry)
        self._overdue = Gauge("dateline_feeds_overdue_seconds", "How long the feed that is due longest has been.", registry=registry)
        self._reachable = Gauge("dateline_reachable", "Whether it answered when last asked.", ("service",), registry=registry)
        self._behind: dict[str, _Behind] = {}

    def exposed(self, accept: str = "") -> tuple[str, bytes]:
        """Return all numbers in a format that *accept* asks for: its media type and the bytes."""
        encode, media_type = choose_encoder(accept)
        return media_type, encode(self._registry)

    def stage(self, name: str, poll_age: Callable[[], float]) -> None:
        """Begin to count for the stage *name*, whose last poll is *poll_age* seconds ago when asked."""
        for outcome in ("done", "dead-letter"):
            self._records.labels(name, outcome)
        for counted in (self._rebalances, self._assigned, self._batch):
            counted.labels(name)
        self._poll_age.labels(name).set_function(poll_age)
        self._behind[name] = _Behind(datetime.now(UTC))

    def polled(self, stage: str, assigned: int, *, moved: bool) -> None:
        """Count a poll."""
        self._assigned.labels(stage).set(assigned)
        self._rebalances.labels(stage).inc(moved)

    def batch(self, stage: str, records: int, errors: tuple[str, ...], seconds: float, newest: datetime) -> None:
        """Count a batch as ``stream.chunk.Batch`` tells of it."""
        self._batch.labels(stage).observe(seconds)
        self._records.labels(stage, "done").inc(records - len(errors))
        self._records.labels(stage, "dead-letter").inc(len(errors))
        for error in errors:
            self._letters.labels(stage, error).inc()
        self._behind[stage].newest = newest

    def lag(self, group: str, records: int) -> None:
        """Set how far a whole group is behind."""
        self._lag.labels(group).set(records)

    def own_lag(self, stage: str, records: int) -> None:
        """Set for how long the oldest of *records*, which wait in this member's partitions, has been waiting."""
        self._lag_seconds.labels(stage).set(self._behind[stage].seconds(records, datetime.now(UTC)))

    def fetched(self, kind: str, outcome: str, seconds: float, *, new: int, changed: int) -> None:
        """Count a fetch of a feed or a page."""
        self._fetches.labels(kind, outcome).inc()
        self._fetch.labels(kind).observe(seconds)
        self._entries.labels("new").inc(new)
        self._entries.labels("changed").inc(changed)

    def queues(self, *, feeds: int, overdue: float, pages: int, messages: int) -> None:
        """Set what the ingest side has still to do."""
        for what, number in (("feeds", feeds), ("pages", pages), ("messages", messages)):
            self._waiting.labels(what).set(number)
        self._overdue.set(overdue)

    def reachable(self, service: str, answers: bool) -> None:
        """Set whether the broker or the database answered."""
        self._reachable.labels(service).set(answers)

    def watch_database(self, engine: Engine) -> None:
        """Measure every transaction on *engine* from now on."""

        def begin(conn: Connection) -> None:
            conn.info["dateline_began"] = time.perf_counter()

        def end(outcome: str) -> Callable[[Any], None]:
            def ended(conn: Connection) -> None:
                began = conn.info.pop("dateline_began", None)
                if began is not None:
                    self._database.labels(outcome).observe(time.perf_counter() - began)

            return ended

        event.listen(engine, "begin", begin, insert=True)  # before what waits for a lock there
        for outcome in ("commit", "rollback"):
            event.listen(engine, outcome, end(outcome))


class _Behind:
    """How far one member is behind in time."""

    def __init__(self, started: datetime) -> None:
        self.newest: datetime | None = None
        self._started = started
        self._caught_up: datetime | None = None

    def seconds(self, lag: int, now: datetime) -> float:
        if lag == 0:
            self._caught_up = now
        return lag_seconds(now, lag, self._started, self.newest, self._caught_up)
