"""``feeds add``: addresses of feeds, of web pages that have some, and files that list them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import Progress
from sqlalchemy import Engine

from dateline.output import read_file
from ingest.finding import Finding, find_feeds
from ingest.formats import address_of
from ingest.opml import OpmlFeed, read_list
from storage import feeds
from stream.errors import ConfigError
from stream.settings import Settings

EACH_TOLD = 50  # addresses; of more, only those that could not be added are named

_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)+(?::\d+)?(?:[/?].*)?")
_FILES = frozenset({".opml", ".xml", ".txt", ".csv", ".tsv"})


@dataclass(slots=True)
class Report:
    """What came of adding: how many feeds are new and known, and what could not be added, in words; *quiet* says no feed by itself."""

    quiet: bool = False
    added: int = 0
    known: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, engine: Engine, one: OpmlFeed, values: Mapping[str, Any]) -> None:
        """Add the feed *one* and say so; *values* are what the operator says of every feed."""
        said = {"title": one.title, "language": one.language, **{name: value for name, value in values.items() if value is not None}}
        try:
            feed, new = feeds.add_feed(engine, one.url, **said)
        except ConfigError as e:
            self.problems.append(str(e))
            return
        self.added, self.known = self.added + new, self.known + (not new)
        if not self.quiet:
            typer.echo(f"{feed.feed_id} {'added' if new else 'is known already'}: {feed.url}")

    def add_all(self, engine: Engine, listed: Iterable[OpmlFeed], values: Mapping[str, Any]) -> None:
        """Add the feeds *listed*, without looking at them."""
        for one in listed:
            self.add(engine, one, values)

    def conclude(self) -> None:
        """Say how many there are of each, and what could not be added, which is an error: of one feed that of the input."""
        well = self.added + self.known
        if self.problems and not well and len(self.problems) == 1:
            raise ConfigError(self.problems[0])
        if self.quiet or well + len(self.problems) > 1:
            self.tell()
        if self.problems:
            raise typer.Exit(1)

    def tell(self) -> None:
        """Say what could not be added, and how many there are of each."""
        for problem in self.problems:
            typer.echo(f"dateline: {problem}", err=True)
        typer.echo(f"{self.added} added, {self.known} known already, {len(self.problems)} refused")


def wanted(sources: Sequence[str]) -> tuple[OpmlFeed, ...]:
    """Return what *sources* name, each address once: addresses, with a scheme or without, and files that list some; - is standard input.

    Raises ConfigError for a file that cannot be read or lists nothing.
    """
    listed = [one for source in sources for one in ((OpmlFeed(_address(source)),) if _is_address(source) else _listed(source))]
    return tuple({one.url: one for one in reversed(listed)}.values())[::-1]


def add_checked(
    settings: Settings, engine: Engine, listed: Sequence[OpmlFeed], values: Mapping[str, Any], report: Report, *, every: bool
) -> None:
    """Look at what is behind each of *listed* and add its feed; of a page with several feeds none, or with *every* all.

    Each is added as it is found: where this is broken off, the same call later looks only at what is left.
    """
    unknown: dict[str, OpmlFeed] = {}
    for one in listed:
        if feeds.find_feed(engine, one.url) is not None:
            report.add(engine, one, values)
        elif _fits(one.url, report):
            unknown[one.url] = one
    with _progress(len(unknown)) as advance:

        def settle(finding: Finding) -> None:
            _settle(engine, unknown[finding.url], finding, values, every, report)
            advance()

        find_feeds(settings, tuple(unknown), settle)


def _settle(engine: Engine, one: OpmlFeed, finding: Finding, values: Mapping[str, Any], every: bool, report: Report) -> None:
    if finding.later:
        typer.echo(f"dateline: {one.url} is added unread, and asked again later: {finding.problem}", err=True)
        report.add(engine, one, values)
    elif finding.problem:
        report.problems.append(f"{one.url}: {finding.problem}")
    elif len(finding.feeds) > 1 and not every:
        report.problems.append(
            "\n  ".join((f"{one.url} has several feeds; add one by its address, or all of them with --all:", *_lines(finding)))
        )
    else:
        for feed in finding.feeds:
            report.add(engine, OpmlFeed(feed.url, one.title or feed.title, one.language), values)


def _lines(finding: Finding) -> Iterator[str]:
    return (f"{feed.url}  {feed.title} ({feed.format}, {feed.entries} entries)" for feed in finding.feeds)


def _fits(url: str, report: Report) -> bool:
    try:
        feeds.feed_url(url)
    except ConfigError as e:
        report.problems.append(str(e))
        return False
    return True


def _is_address(source: str) -> bool:
    if "://" in source:
        return True
    return _HOST.fullmatch(source) is not None and not Path(source).exists() and Path(source).suffix.lower() not in _FILES


def _address(source: str) -> str:
    address = address_of(source)
    return address if "://" in address else f"https://{address}"


def _listed(file: str) -> tuple[OpmlFeed, ...]:
    return read_list(read_file(file), file)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """Show how many of *total* addresses were looked at, where a person watches and waits; yields what is called for each."""
    quiet = total < 2 or not sys.stderr.isatty()
    with Progress(console=Console(stderr=True), transient=True, disable=quiet) as progress:
        task = progress.add_task("looking at addresses", total=total)
        yield lambda: progress.advance(task)
