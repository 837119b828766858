"""What a benchmark found: a table for the terminal, and a section of docs/performance.md.

A section stands between two marks with its name, so that one benchmark can be repeated without the others.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from textwrap import wrap

from rich.console import Console
from rich.table import Table

from benchmarks.accuracy import table

WIDTH = 130  # characters of a line
DOCUMENT = Path(__file__).parents[1] / "docs" / "performance.md"
HEAD = """\
# Performance

Written by `make bench`; `python -m benchmarks NAME` repeats one section. What is compared is measured in turns in one run, and medians
are shown, for the machine is shared: its load at the start of a run (processes that want to run, a minute's mean) says how far it was
this run's own. A run with a niceness below zero was let go first.
"""


@dataclass(frozen=True, slots=True)
class Target:
    """Something that a figure is asked for, what it came to, and whether that is enough."""

    wanted: str
    found: str
    met: bool


@dataclass(frozen=True, slots=True)
class Section:
    """What the benchmark *name* found; *about* says what was done, in one paragraph."""

    name: str
    title: str
    about: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class Occasion:
    """When a benchmark began, the load of the machine then, and the niceness that it ran with."""

    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    load: float = field(default_factory=lambda: os.getloadavg()[0])
    niceness: int = field(default_factory=lambda: os.nice(0))


def at_least(what: str, least: float, found: float, unit: str = "") -> Target:
    """Return the target that *found* is *least* or more."""
    return Target(f"{what} at least {_number(least)}{unit}", f"{_number(found)}{unit}", found >= least)


def at_most(what: str, most: float, found: float, unit: str = "") -> Target:
    """Return the target that *found* is *most* or less."""
    return Target(f"{what} at most {_number(most)}{unit}", f"{_number(found)}{unit}", found <= most)


def show(section: Section) -> None:
    """Print *section* for people."""
    console, printed = Console(highlight=False), Table(title=section.title, title_justify="left")
    for number, name in enumerate(section.head):
        printed.add_column(name, justify="right" if number else "left")
    for row in section.rows:
        printed.add_row(*row)
    console.print(printed)
    for target in section.targets:
        console.print(f"{target.wanted}: {target.found}, {'met' if target.met else 'MISSED'}", markup=False)


def write(section: Section, occasion: Occasion, document: Path = DOCUMENT) -> None:
    """Put *section* in its place in the document, at the end where it is new."""
    old = document.read_text(encoding="utf-8") if document.exists() else HEAD
    begin, end = f"<!-- {section.name} -->", f"<!-- end of {section.name} -->"
    new = "\n".join([begin, *_lines(section, occasion), end])
    placed, times = re.subn(rf"{begin}.*?{end}", lambda _: new, old, flags=re.DOTALL)
    document.write_text(placed if times else f"{old}\n{new}\n", encoding="utf-8")


def _lines(section: Section, occasion: Occasion) -> Iterator[str]:
    yield from (f"## {section.title}", "", *wrap(section.about, WIDTH), "")
    yield from table(section.head, iter(section.rows))
    yield ""
    yield from (f"- {one.wanted}: **{one.found}**{'' if one.met else ', missed'}" for one in section.targets)
    nice = f", niceness {occasion.niceness}" if occasion.niceness else ""
    yield from ("", f"{occasion.began:%Y-%m-%d %H:%M} UTC, {_machine()}, load {occasion.load:.1f}{nice}.")


def _machine() -> str:
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} shared cores, {gib:.0f} GiB, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
