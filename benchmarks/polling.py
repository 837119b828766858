"""How soon entries are seen against how often feeds are asked: Dateline's rules beside others, on a simulated week.

    python -m benchmarks.polling [FEEDS]

Feeds publish as a Poisson process whose rate changes with the hour and the weekday of their zone; the seed is fixed. Each policy
runs for two days before the week that counts. An entry that fell out of its feed's window between two fetches was missed. The
network is perfect: what is compared is when each would ask. What the policies are taken from: ``docs/polling.md``.
"""

from __future__ import annotations

import random
import statistics
import sys
from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from ingest.model import Fetched, NotModified, Validators
from ingest.schedule import DATES_USED, DAY, HOUR, FeedState, Published, next_fetch

FEEDS = 10_000
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


class Look(NamedTuple):
    """What a policy sees of a fetch: seconds now, entries new and known in the window, and when the window's were published."""

    now: float
    new: int
    known: int
    shown: Sequence[float]


Policy = Callable[[random.Random], Callable[[Look], float]]
"""Makes what is asked after each fetch of one feed for the seconds to the next."""


def dateline(rng: random.Random) -> Callable[[Look], float]:
    """The rules of ``ingest.schedule``, with their jitter."""
    state = FeedState("https://example.org/feed")

    def wait(look: Look) -> float:
        nonlocal state
        now = START + timedelta(seconds=look.now)
        if look.new == 0 and state.interval is not None:
            plan = next_fetch(state, NotModified(Validators()), None, now, rng.random())
        else:
            dates = tuple(START + timedelta(seconds=at) for at in look.shown[-DATES_USED:])
            fetched = Fetched(state.url, b"", None, None, Validators())
            plan = next_fetch(state, fetched, Published(look.new, dates, known=look.known), now, rng.random())
        state = FeedState(state.url, plan.interval)
        return plan.delay

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


POLICIES: dict[str, Policy] = {
    "Dateline": dateline,
    "fixed, 60 min (Miniflux round robin)": every_hour,
    "Miniflux entry frequency": entry_frequency,
    "Media Cloud": media_cloud,
}


@dataclass
class Score:
    """What a policy came to in the week: requests, entries that it missed, seconds from publication to sight."""

    requests: int = 0
    missed: int = 0
    delays: array[float] = field(default_factory=lambda: array("f"))


def main() -> None:
    """Print a table of the policies over all feeds, and one of Dateline's by the kind of feed."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else FEEDS
    scores = compare(count)
    console = Console(width=130)
    console.print(table(f"{count:,} feeds, a simulated week", {name: [scores[name, kind.name] for kind in KINDS] for name in POLICIES}))
    console.print(table("Dateline, by kind of feed", {kind.name: [scores["Dateline", kind.name]] for kind in KINDS}))


def compare(count: int) -> dict[tuple[str, str], Score]:
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


def table(title: str, rows: dict[str, list[Score]]) -> Table:
    """Return *rows*, each the sum of some scores, as a table."""
    made = Table("", "requests/day", "entries seen", "median delay", "mean", "p95", "missed", title=title)
    for name, scores in rows.items():
        delays = sorted(delay for score in scores for delay in score.delays)
        requests, missed = sum(score.requests for score in scores), sum(score.missed for score in scores)
        times = [f"{seconds / MINUTE:.1f} min" for seconds in _times(delays)] or ["", "", ""]
        share = f"{missed / (missed + len(delays)):.2%}" if delays else ""
        made.add_row(name, f"{requests / 7:,.0f}", f"{len(delays):,}", *times, share)
    return made


def _times(delays: Sequence[float]) -> tuple[float, ...]:
    """Return median, mean and 95th percentile of *delays*, which are sorted."""
    return (delays[len(delays) // 2], statistics.fmean(delays), delays[len(delays) * 95 // 100]) if delays else ()


if __name__ == "__main__":
    main()
