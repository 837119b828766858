"""The sample outlets and their reports, read from ``feeds.toml`` and ``reports/``; the columns are described there."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Literal

FeedFormat = Literal["rss", "rdf", "atom", "json"]


@dataclass(frozen=True, slots=True)
class Report:
    """One report; *id* is the name of its file, *date* aware UTC, *paragraphs* plain text."""

    id: str
    feed: str
    date: datetime
    title: str
    summary: str
    categories: tuple[str, ...]
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outlet:
    """One sample feed with its reports, newest first."""

    name: str
    outlet: str
    country: str  # ISO 3166 alpha-3
    format: FeedFormat
    summaries: bool
    reports: tuple[Report, ...]


@cache
def load_outlets() -> tuple[Outlet, ...]:
    """Return the sample outlets in the order of ``feeds.toml``."""
    here = files("dateline.demo")
    reports = sorted(map(_read_report, here.joinpath("reports").iterdir()), key=lambda report: report.date, reverse=True)
    table = tomllib.loads(here.joinpath("feeds.toml").read_text(encoding="utf-8"))
    return tuple(Outlet(**row, reports=tuple(report for report in reports if report.feed == row["name"])) for row in table["feed"])


def parse_report(report_id: str, text: str) -> Report:
    """Return the report in *text*; raises KeyError for a missing header and ValueError for a date that is none."""
    head, _, body = text.partition("\n\n")
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    return Report(
        id=report_id,
        feed=fields["Feed"],
        date=datetime.fromisoformat(fields["Date"]).astimezone(UTC),
        title=fields["Title"],
        summary=fields["Summary"],
        categories=tuple(fields["Categories"].split(", ")),
        paragraphs=tuple(body.strip().split("\n\n")),
    )


def _read_report(path: Traversable) -> Report:
    return parse_report(path.name.removesuffix(".txt"), path.read_text(encoding="utf-8"))
