"""When a feed is fetched next, and what a fetch makes of its state. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Literal

from ingest.model import Failed, Fetched, FetchResult, Gone, NotModified
from storage.feeds import fits

DEFAULT_INTERVAL = 1800.0  # seconds, for a feed whose entries carry no dates
MAX_TTL_WAIT = 3600.0  # seconds; many systems put a day's ttl on a feed that they fill by the hour
MAX_SERVER_WAIT = 86_400.0  # seconds that Retry-After and max-age are believed
DATES_USED = 20  # newest entries whose gaps are measured
LOOKS_PER_GAP = 2.0  # fetches between two entries
QUIET_GROWTH = 1.2  # of the interval at each fetch without news
JITTER = 0.1  # of the wait, added, so that feeds added together do not stay together
MOVES_BELIEVED = 2  # sightings of one permanent redirect in a row


@dataclass(frozen=True, slots=True)
class Limits:
    """Shortest and longest seconds between two fetches."""

    shortest: float = 300.0
    longest: float = 86_400.0

    def clamp(self, seconds: float) -> float:
        """Return the nearest allowed wait."""
        return max(self.shortest, min(seconds, self.longest))


@dataclass(frozen=True, slots=True)
class FeedState:
    """What a feed's row says before a fetch; *interval* in seconds, None before the first success."""

    url: str
    interval: float | None = None
    failures: int = 0
    moved_to: str | None = None
    moved_sightings: int = 0


@dataclass(frozen=True, slots=True)
class Published:
    """What a fetch that was parsed brought: how many entries are new, when entries were published, the feed's own wish."""

    new: int
    dates: tuple[datetime, ...] = ()
    ttl: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A feed's row after a fetch; the next one is due in *delay* seconds."""

    url: str
    delay: float
    interval: float | None
    failures: int = 0
    state: Literal["active", "gone"] = "active"
    reason: str | None = None
    moved_to: str | None = None
    moved_sightings: int = 0


def next_fetch(
    feed: FeedState, result: FetchResult, published: Published | None, now: datetime, jitter: float, limits: Limits = Limits()
) -> Plan:
    """Return what *result* makes of *feed*; *published* is None where nothing was parsed, *jitter* in [0, 1).

    A success waits for the interval and at least for max-age; a failure waits twice as long as the one before it and at least for
    Retry-After (RFC 9110 §10.2.3); both within *limits*. A 410 stops the feed, nothing else does.
    """
    if isinstance(result, Gone):
        return Plan(
            feed.url, limits.longest, feed.interval, feed.failures + 1, "gone", f"410 Gone: the publisher ended the feed at {result.url}"
        )
    if isinstance(result, Failed):
        failures = feed.failures + 1
        wait = _delay(_backoff(feed.interval, failures, limits), result.retry_after, jitter, limits)
        return Plan(feed.url, wait, feed.interval, failures, moved_to=feed.moved_to, moved_sightings=feed.moved_sightings)
    interval = _interval(feed.interval, published, now, limits)
    url, moved_to, sightings = _move(feed, result)
    return Plan(url, _delay(interval, result.max_age, jitter, limits), interval, 0, "active", None, moved_to, sightings)


def _interval(before: float | None, published: Published | None, now: datetime, limits: Limits) -> float:
    """Return the seconds between two fetches.

    With news it follows the entries' dates. Without, it grows from what it was: a paper that fills its feed at six and is quiet
    until the next morning is asked ever less, and is then late by at most a sixth of the silence before.
    """
    current = before or DEFAULT_INTERVAL
    if published is None:
        return limits.clamp(current * QUIET_GROWTH if before else current)
    if published.new == 0 and before is not None:
        return limits.clamp(current * QUIET_GROWTH)
    gap = typical_gap(published.dates, now)
    ttl = published.ttl.total_seconds() if published.ttl else 0.0
    if gap is None:
        return limits.clamp(ttl or (current / 2 if before else current))
    return limits.clamp(max(gap / LOOKS_PER_GAP, min(ttl, MAX_TTL_WAIT)))


def typical_gap(dates: Sequence[datetime], now: datetime) -> float | None:
    """Return the median seconds between the newest entries, the silence until *now* counted as one gap; None without two dates.

    Entries of one moment count once: a feed that is filled in batches is as slow as its batches.
    """
    past = sorted({date for date in dates if date <= now}, reverse=True)[:DATES_USED]
    if len(past) < 2:
        return None
    return median((later - earlier).total_seconds() for later, earlier in pairwise([now, *past]))


def _backoff(interval: float | None, failures: int, limits: Limits) -> float:
    doubled = limits.shortest * 2.0 ** min(failures - 1, 30)
    return max(interval or 0.0, doubled)


def _delay(wanted: float, server_wish: float | None, jitter: float, limits: Limits) -> float:
    wait = min(limits.clamp(wanted) * (1.0 + JITTER * jitter), limits.longest)
    return max(wait, min(server_wish or 0.0, MAX_SERVER_WAIT))


def _move(feed: FeedState, result: Fetched | NotModified) -> tuple[str, str | None, int]:
    """Return URL, redirect target under watch, and how often it was seen: one misconfigured hour must not move a feed for good.

    A target that is too long for a feed's URL is followed, and never believed.
    """
    target = result.permanent_url
    if target is None or target == feed.url or not fits(target):
        return feed.url, None, 0
    sightings = feed.moved_sightings + 1 if target == feed.moved_to else 1
    return (target, None, 0) if sightings >= MOVES_BELIEVED else (feed.url, target, sightings)
