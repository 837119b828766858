"""Rules by which feeds are polled, for the simulation of polling: Dateline's, and those of others as their public code has them.

What they are taken from: ``docs/polling.md``.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import NamedTuple

from benchmarks.publishers import MINUTE
from ingest.model import Fetched, NotModified, Validators
from ingest.schedule import DAY, HOUR, FeedState, Limits, Published, next_fetch

START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday


class Look(NamedTuple):
    """What a policy sees of a fetch: seconds now, entries new and known in the window, and when the window's were published."""

    now: float
    new: int
    known: int
    shown: Sequence[float]

    @property
    def came(self) -> Sequence[float]:
        """When the new ones were published."""
        return self.shown[len(self.shown) - self.new :]


Wait = Callable[[Look], float]
"""Returns the seconds to the next fetch of one feed; asked after each."""


class Policy(NamedTuple):
    """A rule: its name, what makes its wait for one feed, and since when it was followed, in seconds from the week that counts."""

    name: str
    wait: Callable[[random.Random], Wait]
    since: float = -2 * DAY


def dateline(rng: random.Random, entries: float = 1.0) -> Wait:
    """The rules of ``ingest.schedule``, with their jitter; *entries* to be found in a busy feed."""
    state, limits = FeedState("https://example.org/feed"), Limits(entries=entries)

    def wait(look: Look) -> float:
        nonlocal state
        now = START + timedelta(seconds=look.now)
        if look.new == 0 and state.interval is not None:
            plan = next_fetch(state, NotModified(Validators()), None, now, rng.random(), limits)
        else:
            newest = look.shown if state.interval is None else look.came
            dates = tuple(START + timedelta(seconds=at) for at in newest)
            fetched = Fetched(state.url, b"", None, None, Validators())
            plan = next_fetch(state, fetched, Published(look.new, dates, known=look.known), now, rng.random(), limits)
        state = FeedState(state.url, plan.interval, rhythm=plan.rhythm)
        return plan.delay

    return wait


def every_hour(rng: random.Random) -> Wait:
    """A fixed poll; also Miniflux's round robin by its defaults."""
    return lambda look: HOUR


def entry_frequency(rng: random.Random) -> Wait:
    """Miniflux's other scheduler: the mean gap of the entries of the last week, within 5 minutes and a day."""
    stored: list[float] = []

    def wait(look: Look) -> float:
        stored.extend(look.came)
        week = stored[bisect_right(stored, look.now - 7 * DAY) :]
        if len(week) < 2 or week[0] == week[-1]:
            return DAY
        weekly = ceil(7 * DAY * (len(week) - 1) / (week[-1] - week[0]))
        return min(DAY, max(5 * MINUTE, 7 * DAY / weekly))

    return wait


def media_cloud(rng: random.Random) -> Wait:
    """rss-fetcher's adjustment by the share of entries that are known: an hour less under a third, a little more over two thirds."""
    interval, last_new = 0.0, 0.0

    def wait(look: Look) -> float:
        nonlocal interval, last_new
        last_new = look.now if look.new or not interval else last_new
        share = look.known / (look.known + look.new) if look.new else 1.0
        if not interval:  # it is first adjusted at the second fetch
            interval = 6 * HOUR
        elif share >= 0.67:
            interval = min(DAY, interval + (10 * MINUTE if look.now - last_new < 32 * DAY else HOUR))
        elif share < 0.33:
            interval = max(10 * MINUTE, 6 * HOUR if interval > 6 * HOUR else interval - HOUR)
        return interval

    return wait


class Visit(NamedTuple):
    """A fetch of a feed: when, and when the entries that it found, and those that it came too late for, were published."""

    now: float
    found: Sequence[float]
    missed: Sequence[float]


def visits(wait: Wait, published: Sequence[float], window: int, start: float) -> Iterator[Visit]:
    """Yield the fetches of a feed that shows its last *window* entries, from *start* on as *wait* says, without end."""
    now, seen = start, bisect_right(published, start)
    seen = max(0, seen - window)
    while True:
        shown_to = bisect_right(published, now)
        shown_from = max(0, shown_to - window)
        first = max(seen, shown_from)
        yield Visit(now, published[first:shown_to], published[seen:first])
        now += wait(Look(now, shown_to - first, first - shown_from, published[shown_from:shown_to]))
        seen = shown_to
