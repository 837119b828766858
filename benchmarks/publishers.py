"""Publishers of feeds, for the simulation of polling: how often they publish, at which hours, and in what way.

Each publishes as a Poisson process whose rate changes with the hour and the weekday of its zone; its habit may move the entries.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from ingest.schedule import DAY, HOUR

HISTORY, WEEK = -100 * DAY, 7 * DAY  # seconds from the Monday with which the week begins that counts
MINUTE = 60.0
OFFICE = (0.1, 0.1, 0.05, 0.05, 0.1, 0.3, 0.8, 1.5, 2.2, 2.4, 2.3, 2.2, 2.0, 2.1, 2.2, 2.2, 2.0, 1.7, 1.2, 0.9, 0.6, 0.4, 0.3, 0.2)
ROUND_THE_CLOCK = tuple(0.6 + 0.4 * share for share in OFFICE)
ALWAYS = (1.0,) * 24

Habit = Callable[[Iterable[float], random.Random], Iterable[float]]
"""Moves the entries of a publisher, given in seconds, to when it publishes them."""


def steadily(entries: Iterable[float], rng: random.Random) -> Iterable[float]:
    """One after the other."""
    return entries


def at_one_minute(entries: Iterable[float], rng: random.Random) -> Iterable[float]:
    """By a job that runs once an hour, at a minute of its own."""
    minute = rng.uniform(0, HOUR)
    return (at // HOUR * HOUR + minute for at in entries)


def at_one_hour(entries: Iterable[float], rng: random.Random) -> Iterable[float]:
    """At a time of the day of its own, ten minutes sooner or later."""
    hour = rng.uniform(0, DAY)
    return (at // DAY * DAY + hour + rng.uniform(0, 10 * MINUTE) for at in entries)


def in_bursts(entries: Iterable[float], rng: random.Random) -> Iterable[float]:
    """As many as else, but about four within ten minutes."""
    return (at + rng.uniform(0, 10 * MINUTE) for at in entries if rng.random() < 0.25 for _ in range(1 + int(rng.expovariate(1 / 3.5))))


def with_great_news(entries: Iterable[float], rng: random.Random) -> Iterable[float]:
    """Six times as much during half a day of the week."""
    first = rng.uniform(0, WEEK - DAY / 2)
    return (at + rng.uniform(0, HOUR) * n for at in entries for n in range(6 if first <= at < first + DAY / 2 else 1))


def in_summer_time(entries: Iterable[float], rng: random.Random) -> Iterable[float]:
    """An hour earlier from the middle of the week on."""
    return (at - HOUR if at > WEEK / 2 else at for at in entries)


class Kind(NamedTuple):
    """A kind of publisher: its share of the feeds, entries a day (least, most), how they lie in day and weekend, entries shown."""

    name: str
    share: float
    daily: tuple[float, float]
    hours: Sequence[float]
    weekend: float
    window: int
    habit: Habit = steadily


KINDS = (
    Kind("agencies", 0.04, (150.0, 500.0), ROUND_THE_CLOCK, 0.6, 50),
    Kind("news sites", 0.36, (8.0, 60.0), OFFICE, 0.5, 30),
    Kind("sections", 0.15, (1.0, 8.0), OFFICE, 0.4, 20),
    Kind("weekly blogs", 0.30, (0.05, 0.4), ALWAYS, 0.8, 10),
    Kind("dead feeds", 0.15, (0.0, 0.0), ALWAYS, 1.0, 10),
)

MEASURED = (
    Kind("busy", 0.015, (60.0, 150.0), OFFICE, 0.6, 30),
    Kind("daily papers", 0.035, (20.0, 60.0), OFFICE, 0.5, 30),
    Kind("smaller ones", 0.06, (5.0, 20.0), OFFICE, 0.5, 20),
    Kind("slow", 0.18, (0.2, 0.7), ALWAYS, 0.8, 10),
    Kind("rare", 0.36, (0.02, 0.2), ALWAYS, 0.8, 10),
    Kind("dead", 0.35, (0.0, 0.0), ALWAYS, 1.0, 10),
)
"""After Travers et al., RSS feeds behavior analysis, IJWIS 10(3), 2014: of 12,611 feeds 8,155 gave anything in eight months, 17 % of them
97 % of 10.8 million items."""


def _shared(*shares: float) -> tuple[Kind, ...]:
    return tuple(kind._replace(share=share) for kind, share in zip(KINDS, shares, strict=True))


def _all_with(habit: Habit) -> tuple[Kind, ...]:
    return tuple(kind._replace(habit=habit) for kind in KINDS)


MIXES: dict[str, tuple[Kind, ...]] = {
    "as above": KINDS,
    "as measured in 2010": MEASURED,
    "mostly blogs": _shared(0.01, 0.10, 0.14, 0.55, 0.20),
    "mostly agencies and news sites": _shared(0.20, 0.40, 0.15, 0.15, 0.10),
    "no agencies": _shared(0.00, 0.40, 0.15, 0.30, 0.15),
    "no nights, no weekends": tuple(kind._replace(hours=ALWAYS, weekend=1.0) for kind in KINDS),
    "at one minute of the hour": _all_with(at_one_minute),
    "at one hour of the day": (*_shared(0.04, 0.16, 0.05, 0.30, 0.15), Kind("bulletins", 0.30, (1.0, 5.0), ALWAYS, 1.0, 20, at_one_hour)),
    "in bursts": _all_with(in_bursts),
    "half a day of great news": _all_with(with_great_news),
    "the clock changes": _all_with(in_summer_time),
}


def publications(kind: Kind, rng: random.Random) -> list[float]:
    """Return when one feed publishes, in order, from HISTORY to the end of the week; a dead feed's entries are years old."""
    zone = rng.randrange(24)
    daily = rng.uniform(*kind.daily)
    if not daily:
        return [-900 * DAY + n * DAY for n in range(kind.window)]
    hourly = [daily / 24 * share * 24 / sum(kind.hours) for share in kind.hours]
    found, at, peak = [], HISTORY, max(hourly) / HOUR
    while (at := at + rng.expovariate(peak)) < WEEK:  # thinned from the rate of the busiest hour
        local = at / HOUR + zone
        weekend = kind.weekend if int(local // 24) % 7 >= 5 else 1.0
        if rng.random() * peak * HOUR < hourly[int(local) % 24] * weekend:
            found.append(at)
    return sorted(at for at in kind.habit(found, rng) if at < WEEK)
