"""What ``dateline doctor`` looks at: whether this machine has all that the workers need, and the remedy for what is missing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from sqlalchemy import Engine

from dateline import compose
from dateline.brake import DISK_FULL, embedded_folders
from storage import queries
from storage.base import database_now
from storage.engine import check_migration, current_migration, reading
from stream.broker import Broker
from stream.connect import shown
from stream.errors import DatelineError
from stream.settings import Settings

DISK_LOW = 0.20  # part of the disk that is free, below which this warns; it fails where ingest waits
MAX_SKEW = 5.0  # seconds between two clocks; leases follow the database's, articles are dated by ours


class State(StrEnum):
    """How a check went; *unknown* where what it looks at does not answer."""

    ok = "ok"
    warning = "warning"
    failed = "failed"
    unknown = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, and what to do about it."""

    check: str
    state: State
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """What is looked at."""

    settings: Settings
    broker: Broker
    engine: Engine


Examine = Callable[[Patient], Finding]


def examine(patient: Patient) -> tuple[Finding, ...]:
    """Return a finding for every check; one that leans on another that failed is unknown."""
    findings: dict[str, Finding] = {}
    for name, (leans_on, remedy, check) in CHECKS.items():
        if leans_on and findings[leans_on].state is not State.ok:
            findings[name] = Finding(name, State.unknown, f"depends on the {leans_on}")
            continue
        try:
            findings[name] = check(patient)
        except DatelineError as e:
            findings[name] = Finding(name, State.failed, str(e), remedy)
    return tuple(findings.values())


def judge_disk(free: int, total: int, where: Path) -> Finding:
    """Return whether *free* of *total* bytes is enough for what lies in *where*."""
    part = free / total
    state = State.failed if part < DISK_FULL else State.warning if part < DISK_LOW else State.ok
    remedy = "" if state is State.ok else "free some, or set DATELINE_DATA_DIR to a larger disk; `dateline purge` removes old articles"
    return Finding("disk", state, f"{part:.0%} of {total / 1e9:.0f} GB is free at {where}", remedy)


def judge_clock(skew: float) -> Finding:
    """Return whether the database's clock, *skew* seconds ahead of ours, is near enough."""
    if abs(skew) <= MAX_SKEW:
        return Finding("clock", State.ok, f"{abs(skew):.1f} s from the database's")
    way = "behind" if skew > 0 else "ahead of"
    return Finding("clock", State.failed, f"{abs(skew):.1f} s {way} the database's", "synchronise both by NTP (chrony, systemd-timesyncd)")


def judge_topics(settings: Settings, partitions: dict[str, int]) -> Finding:
    """Return whether every topic is there with the *partitions* that are wanted; 0 is a topic that does not exist."""
    missing = sorted(topic for topic, number in partitions.items() if not number)
    fewer = sorted(f"{topic} has {number}" for topic, number in partitions.items() if 0 < number < settings.topic_partitions)
    if missing and settings.broker.startswith("sqlite:"):
        return Finding("topics", State.warning, f"{', '.join(missing)}: not made yet", "the first worker makes them")
    if missing:
        return Finding("topics", State.failed, f"{', '.join(missing)}: missing", "dateline topics ensure")
    if fewer:
        wanted = f"of {settings.topic_partitions} partitions"
        return Finding("topics", State.warning, f"{', '.join(fewer)} {wanted}", "docs/operations.md tells how to add partitions")
    return Finding("topics", State.ok, f"{len(partitions)} topics")


def _broker(patient: Patient) -> Finding:
    group, topic = next(iter(compose.groups(patient.settings).items()))
    patient.broker.lag(group, [topic])
    return Finding("broker", State.ok, shown(patient.settings.broker))


def _topics(patient: Patient) -> Finding:
    names = {topic: group for group, topic in compose.groups(patient.settings).items()}
    return judge_topics(patient.settings, {topic: len(patient.broker.lag(group, [topic])) for topic, group in names.items()})


def _database(patient: Patient) -> Finding:
    current_migration(patient.engine)
    return Finding("database", State.ok, shown(patient.settings.database))


def _migrations(patient: Patient) -> Finding:
    at = current_migration(patient.engine)
    if at is None and patient.settings.database.startswith("sqlite:"):
        return Finding("migrations", State.warning, "no tables yet", "the first worker makes them")
    check_migration(patient.engine)
    return Finding("migrations", State.ok, f"at {at}, as this version needs")


def _gaps(patient: Patient) -> Finding:
    with reading(patient.engine) as conn:
        stopped = sorted({row["consumer_group"] for row in queries.gaps(conn) if row["accepted_at"] is None})
    if stopped:
        return Finding("gaps", State.failed, f"records are lost and {', '.join(stopped)} stands still", "dateline gaps list")
    return Finding("gaps", State.ok, "none is open")


def _clock(patient: Patient) -> Finding:
    with reading(patient.engine) as conn:
        before = datetime.now(UTC)
        theirs = database_now(conn)
        ours = before + (datetime.now(UTC) - before) / 2
    return judge_clock((theirs - ours).total_seconds())


def _pipeline(patient: Patient) -> Finding:
    from processors.nlp import load_nlp, pipeline_info

    loaded = pipeline_info(load_nlp(patient.settings.pipeline))
    others = patient.settings.language_pipelines
    for name in others.values():
        load_nlp(name, events=False)
    return Finding("pipeline", State.ok, ", ".join([f"{loaded.name} {loaded.version}", *sorted(others)]))


def _disk(patient: Patient) -> Finding:
    folders = embedded_folders(patient.settings)
    if not folders:
        return Finding("disk", State.ok, "broker and database lie elsewhere: their disks are to be watched there")
    worst = min(folders, key=lambda folder: shutil.disk_usage(folder).free)
    usage = shutil.disk_usage(worst)
    return judge_disk(usage.free, usage.total, worst)


# By name: what it leans on, the remedy for an error that is raised, and the check.
CHECKS: dict[str, tuple[str, str, Examine]] = {
    "broker": ("", "start it, or set DATELINE_BROKER_URL to where it is", _broker),
    "topics": ("broker", "dateline topics ensure", _topics),
    "database": ("", "start it, or set DATELINE_DATABASE_URL to where it is", _database),
    "migrations": ("database", "dateline db upgrade", _migrations),
    "gaps": ("migrations", "dateline gaps list", _gaps),
    "clock": ("database", "synchronise both clocks by NTP", _clock),
    "pipeline": ("", "install it, or leave DATELINE_PIPELINE empty for the bundled one", _pipeline),
    "disk": ("", "", _disk),
}


def failed(findings: Iterable[Finding]) -> bool:
    """Return whether a worker would not run as it should."""
    return any(finding.state is State.failed for finding in findings)
