"""A year of feeds to which everything happens: how soon Dateline's rules find back. A part of ``python -m benchmarks polling``."""

from __future__ import annotations

import random
import statistics
from collections import defaultdict
from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

from benchmarks.pollers import dateline, visits
from benchmarks.publishers import MINUTE, OFFICE
from benchmarks.report import Section
from ingest.schedule import DAY, HOUR

SEED = 20_260_101
FEEDS, WINDOW = 40, 30  # feeds of each kind, entries that each shows
KINDS = {"a news site, 30 entries a day": 30.0, "a section, 4 a day": 4.0}
ABOUT = (
    f"{FEEDS} news sites and {FEEDS} sections with office hours and no weekends, each with the same year. The median delay of what was "
    "published on the days after something happened; it is as usual from the first day on which it is less than a quarter above that of an "
    "ordinary month."
)
HEAD = ("", "", "1st day", "2nd", "3rd", "8th", "15th", "requests on the 8th", "as usual from day")


class Spell(NamedTuple):
    """From *day* on a feed publishes *times* as much, *later* hours later."""

    day: float
    what: str
    times: float = 1.0
    later: int = 0


YEAR = (
    Spell(-30, "warming up"),
    Spell(30, "an ordinary month"),
    Spell(60, "two weeks of holidays, a tenth as much", times=0.1),
    Spell(74, "they end"),
    Spell(110, "all hours move by six", later=6),
    Spell(150, "the clock changes", later=7),
    Spell(190, "a month of silence", times=0.0, later=7),
    Spell(220, "it ends", later=7),
    Spell(250, "half a day of ten times as much", times=10.0, later=7),
    Spell(250.5, "", later=7),
    Spell(280, "eighty days of silence", times=0.0, later=7),
    Spell(360, "they end", later=7),
)
LAST = 376


class Day(NamedTuple):
    """What came of one day in all feeds of a kind: fetches, and seconds from publication to sight."""

    fetches: list[float]
    delays: list[float]


def section() -> Section:
    """Return what the year is like."""
    rows = tuple(row for kind, daily in KINDS.items() for row in _rows(kind, _days(daily)))
    return Section("polling through a year", "A year", ABOUT, HEAD, rows)


def _rows(kind: str, days: dict[int, Day]) -> Iterator[tuple[str, ...]]:
    usual = statistics.median(delay for day in range(30, 60) for delay in days[day].delays)
    for spell in YEAR[1:]:
        if spell.what:
            first = int(spell.day)
            shown = (_median(days[first + n]) for n in (0, 1, 2, 7, 14))
            again = next(
                (n for n in range(30) if days[first + n].delays and statistics.median(days[first + n].delays) < 1.25 * usual), None
            )
            yield (
                kind,
                spell.what,
                *shown,
                f"{len(days[first + 7].fetches) / FEEDS:.1f}",
                "" if again is None or spell.times < 1.0 else f"{again + 1}",
            )


def _median(day: Day) -> str:
    return f"{statistics.median(day.delays) / MINUTE:.0f} min" if day.delays else ""


def _days(daily: float) -> dict[int, Day]:
    days: dict[int, Day] = defaultdict(lambda: Day([], []))
    for number in range(FEEDS):
        rng = random.Random(f"{SEED} {daily} {number}")
        published = list(_published(daily, rng))
        for visit in takewhile(
            lambda visit: visit.now < LAST * DAY, visits(dateline(rng), published, WINDOW, YEAR[1].day * DAY - 20 * DAY)
        ):
            days[int(visit.now // DAY)].fetches.append(visit.now)
            for at in visit.found:
                days[int(at // DAY)].delays.append(visit.now - at)
    return days


def _published(daily: float, rng: random.Random) -> Iterator[float]:
    """Yield when a feed publishes through the year."""
    hourly = [daily * share / sum(OFFICE) for share in OFFICE]
    for spell, after in zip(YEAR, (*YEAR[1:], Spell(LAST, "")), strict=True):
        at, peak = spell.day * DAY, max(hourly) * spell.times / HOUR
        while peak and (at := at + rng.expovariate(peak)) < after.day * DAY:
            if rng.random() * max(hourly) < hourly[(int(at // HOUR) - spell.later) % 24]:
                yield at


if __name__ == "__main__":
    print("\n".join(map(str, section().rows)))
