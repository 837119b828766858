"""How soon entries are seen against how often feeds are asked: Dateline's rules beside others, on a simulated week.

    python -m benchmarks polling      writes docs/polling.md; FEEDS=1000 for a shorter run

Feeds publish as a Poisson process whose rate changes with the hour and the weekday of their zone; the seed is fixed. Each policy
runs for two days before the week that counts. An entry that fell out of its feed's window between two fetches was missed. The
network is perfect: what is compared is when each would ask. What the policies are taken from: ``docs/polling.md``.
"""

from __future__ import annotations

import os
import random
import statistics
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.report import Occasion, Section, at_most, show, write
from ingest.model import Fetched, NotModified, Validators
from ingest.schedule import DAY, HOUR, FeedState, Published, next_fetch

FEEDS = int(os.environ.get("FEEDS", "10000"))
SEED = 20_260_302
START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
HISTORY, WARM_UP, WEEK = -30 * DAY, -2 * DAY, 7 * DAY  # seconds from START
MINUTE = 60.0
OFFICE = (0.1, 0.1, 0.05, 0.05, 0.1, 0.3, 0.8, 1.5, 2.2, 2.4, 2.3, 2.2, 2.0, 2.1, 2.2, 2.2, 2.0, 1.7, 1.2, 0.9, 0.6, 0.4, 0.3, 0.2)
ROUND_THE_CLOCK = tuple(0.6 + 0.4 * share for share in OFFICE)
ALWAYS = (1.0,) * 24


class Kind(NamedTuple):
    """A kind of publisher: its share of the feeds, entries a day (least, most), how they lie in day and weekend, entries shown."""

    name: str
    share: float
    daily: tuple[float, float]
    hours: Sequence[float]
    weekend: float
    window: int


KINDS = (
    Kind("agencies", 0.04, (150.0, 500.0), ROUND_THE_CLOCK, 0.6, 50),
    Kind("news sites", 0.36, (8.0, 60.0), OFFICE, 0.5, 30),
    Kind("sections", 0.15, (1.0, 8.0), OFFICE, 0.4, 20),
    Kind("weekly blogs", 0.30, (0.05, 0.4), ALWAYS, 0.8, 10),
    Kind("dead feeds", 0.15, (0.0, 0.0), ALWAYS, 1.0, 10),
)


DOCUMENT = Path(__file__).parents[1] / "docs" / "polling.md"
ABOUT = (
    "4 % of the feeds are agencies (150 to 500 entries a day), 36 % news sites (8 to 60) and 15 % sections (1 to 8) with office hours and "
    "weekends, 30 % blogs and 15 % dead; the week follows on two days of warming up. Delay is from publication to sight, missed is "
    "what left the feed's window unseen."
)
ABOUT_KINDS = "The same feeds; half of all entries come from the agencies."
HEAD = ("requests/day", "entries seen", "median delay", "mean", "p95", "missed")


class Look(NamedTuple):
    """What a policy sees of a fetch: seconds now, entries new and known in the window, and when the window's were published."""

    now: float
    new: int
    known: int
    shown: Sequence[float]


Policy = Callable[[random.Random], Callable[[Look], float]]
"""Makes what is asked after each fetch of one feed for the seconds to the next."""


def dateline(rng: random.Random, times: float = 1.0) -> Callable[[Look], float]:
    """The rules of ``ingest.schedule``, with their jitter; every wait *times* as long."""
    state = FeedState("https://example.org/feed")

    def wait(look: Look) -> float:
        nonlocal state
        now = START + timedelta(seconds=look.now)
        if look.new == 0 and state.interval is not None:
            plan = next_fetch(state, NotModified(Validators()), None, now, rng.random())
        else:
            newest = look.shown if state.interval is None else look.shown[-look.new :]
            dates = tuple(START + timedelta(seconds=at) for at in newest)
            fetched = Fetched(state.url, b"", None, None, Validators())
            plan = next_fetch(state, fetched, Published(look.new, dates, known=look.known), now, rng.random())
        state = FeedState(state.url, plan.interval, rhythm=plan.rhythm)
        return min(DAY, plan.delay * times)

    return wait


def every_hour(rng: random.Random) -> Callable[[Look], float]:
    """A fixed poll; also Miniflux's round robin by its defaults."""
    return lambda look: HOUR


def entry_frequency(rng: random.Random) -> Callable[[Look], float]:
    """Miniflux's other scheduler: a week's minutes by the entries of the last week, within 5 minutes and a day."""

    def wait(look: Look) -> float:
        weekly = len(look.shown) - bisect_right(look.shown, look.now - 7 * DAY)
        if weekly == len(look.shown) and weekly > 1:  # it counts stored entries, of which there are more than are shown
            weekly = max(weekly, round(weekly * 7 * DAY / (look.now - look.shown[0])))
        return min(DAY, max(5 * MINUTE, 7 * DAY / weekly)) if weekly else DAY

    return wait


def media_cloud(rng: random.Random) -> Callable[[Look], float]:
    """rss-fetcher's adjustment by the share of entries that are known: an hour less under a third, a little more over two thirds."""
    interval, last_new = 6 * HOUR, float("-inf")

    def wait(look: Look) -> float:
        nonlocal interval, last_new
        last_new = look.now if look.new else last_new
        share = look.known / (look.known + look.new) if look.new else 1.0
        if share >= 0.67:
            interval = min(DAY, interval + (10 * MINUTE if look.now - last_new <= 31 * DAY else HOUR))
        elif share < 0.33:
            interval = max(10 * MINUTE, 6 * HOUR if interval > 6 * HOUR else interval - HOUR)
        return interval

    return wait


DATELINE, FIXED, MINIFLUX, MEDIA_CLOUD = "Dateline", "fixed, 60 min (Miniflux round robin)", "Miniflux entry frequency", "Media Cloud"
RARELY = 6.5  # times as long as Dateline's are waits by which it asks about as rarely as Media Cloud
SLOWED = f"Dateline, waits {RARELY} times as long"
POLICIES: dict[str, Policy] = {
    DATELINE: dateline,
    FIXED: every_hour,
    MINIFLUX: entry_frequency,
    MEDIA_CLOUD: media_cloud,
    SLOWED: partial(dateline, times=RARELY),
}


@dataclass
class Score:
    """What a policy came to in the week: requests, entries that it missed, seconds from publication to sight."""

    requests: int = 0
    missed: int = 0
    delays: array[float] = field(default_factory=lambda: array("f"))


Scores = dict[tuple[str, str], Score]
"""By the name of a policy and the kind of feed."""


class Figures(NamedTuple):
    """Requests a day, entries seen, minutes from publication to sight, and the share of entries that were missed."""

    requests: float
    seen: int
    median: float
    mean: float
    late: float  # the 95th percentile
    missed: float

    def cells(self) -> tuple[str, ...]:
        """Return them for people."""
        delays = (f"{value:.1f} min" for value in (self.median, self.mean, self.late))
        return (f"{self.requests:,.0f}", f"{self.seen:,}", *(delays if self.seen else ("", "", "")), f"{self.missed:.2%}")


def main() -> None:
    """Compare, print the tables and write them into the document."""
    occasion, scores = Occasion(), compare(FEEDS)
    for section in (_overall(scores), _by_kind(scores)):
        show(section)
        write(section, occasion, DOCUMENT)


def _overall(scores: Scores) -> Section:
    found = {name: figures(scores[name, kind.name] for kind in KINDS) for name in POLICIES}
    pairs = ((DATELINE, FIXED), (DATELINE, MINIFLUX), (SLOWED, MEDIA_CLOUD))
    targets = (
        at_most(f"{ours}: {what}, of {theirs},", 1.0, getattr(found[ours], name) / getattr(found[theirs], name))
        for ours, theirs in pairs
        for what, name in (("requests", "requests"), ("median", "median"), ("95th percentile", "late"))
    )
    rows = tuple((name, *one.cells()) for name, one in found.items())
    return Section("polling", f"{FEEDS:,} feeds, a simulated week", ABOUT, ("", *HEAD), rows, tuple(targets))


def _by_kind(scores: Scores) -> Section:
    rows = ((kind.name, name, *figures([scores[name, kind.name]]).cells()) for kind in KINDS for name in (DATELINE, MINIFLUX, FIXED))
    return Section("polling by kind", "By kind of feed", ABOUT_KINDS, ("", "", *HEAD), tuple(rows))


def compare(count: int) -> Scores:
    """Return what each policy came to with *count* feeds, by its name and the kind of feed."""
    scores = {(name, kind.name): Score() for name in POLICIES for kind in KINDS}
    for kind in KINDS:
        for number in range(round(count * kind.share)):
            rng = random.Random(f"{SEED} {kind.name} {number}")
            published = publications(kind, rng)
            for name, policy in POLICIES.items():
                simulate(policy(rng), published, kind.window, rng.uniform(WARM_UP, WARM_UP + HOUR), scores[name, kind.name])
    return scores


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
    return found


def simulate(wait: Callable[[Look], float], published: Sequence[float], window: int, start: float, score: Score) -> None:
    """Fetch one feed from *start* to the end of the week as *wait* says, and add what came of it to *score*."""
    now, seen = start, 0
    while now < WEEK:
        shown_to = bisect_right(published, now)
        shown_from = max(0, shown_to - window)
        new = shown_to - max(seen, shown_from)
        if now >= 0:
            score.requests += 1
            score.missed += max(0, shown_from - max(seen, bisect_right(published, 0.0)))
            score.delays.extend(now - at for at in published[shown_to - new : shown_to] if at >= 0)
        shown = published[shown_from:shown_to]
        seen = shown_to
        now += wait(Look(now, new, len(shown) - new, shown))


def figures(scores: Iterable[Score]) -> Figures:
    """Return what *scores* come to together."""
    scores = tuple(scores)
    delays = sorted(delay / MINUTE for score in scores for delay in score.delays) or [0.0]
    requests, missed = sum(score.requests for score in scores), sum(score.missed for score in scores)
    seen = sum(len(score.delays) for score in scores)
    at = (delays[len(delays) // 2], statistics.fmean(delays), delays[len(delays) * 95 // 100])
    return Figures(requests / 7, seen, *at, missed / max(1, missed + seen))


if __name__ == "__main__":
    main()
