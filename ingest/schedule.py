"""When a feed is fetched next and why, and what a fetch makes of its state. Pure; the rules and their sources: ``docs/polling.md``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import sqrt
from typing import Literal, NamedTuple

from ingest.model import Failed, Fetched, FetchResult, Gone, NotModified
from ingest.rhythm import Rhythm, first_look
from ingest.skipping import NO_SKIP, Skip
from storage.feeds import fits

HOUR, DAY = 3600.0, 86_400.0  # seconds
FAINT = HOUR / (3650 * DAY)  # entries an hour: an entry in ten years; people are told of none below
PATIENCE = HOUR  # seconds by which an entry may be late without counting for more than one
DEFAULT_INTERVAL = 1800.0  # seconds, for a feed of which nothing is known
MAX_TTL_WAIT = HOUR  # many systems put a day's ttl on a feed that they fill by the hour
MAX_SERVER_WAIT = DAY  # for which Retry-After and freshness are believed
MAX_WAIT_AFTER_GAP = HOUR  # for which freshness is believed where entries may have been missed meanwhile
JITTER = 0.1  # of the wait, added, so that feeds added together do not stay together
CLOSE = 1.02  # of a wait: how near to the right one is enough
MOVES_BELIEVED = 2  # sightings of one permanent redirect in a row


@dataclass(frozen=True, slots=True)
class Limits:
    """Shortest and longest seconds between two fetches."""

    shortest: float = 300.0
    longest: float = DAY
    told: float = 0.0  # shortest seconds while a hub tells of news
    entries: float = 1.0  # new ones that a fetch is to find in a busy feed

    def clamp(self, seconds: float) -> float:
        """Return the nearest allowed wait."""
        return max(self.shortest, min(seconds, self.longest))


@dataclass(frozen=True, slots=True)
class Push:
    """What a feed's hub does for it: *promised* to tell of news, *told* of some since the last fetch, *trusted* for the newest entries."""

    promised: bool = False
    told: bool = False
    trusted: bool = False

    def trusted_after(self, new: int) -> bool:
        """Return whether the hub is trusted after a fetch with so many *new* entries: only if it told of the last ones that came."""
        return self.told if new else self.trusted

    def tells(self, new: int) -> bool:
        """Return whether it is enough, after such a fetch, to wait for the hub.

        Not after it told and nothing new was there: a cache on the way may be behind.
        """
        return self.promised and self.trusted_after(new) and (new > 0 or not self.told)


NO_PUSH = Push()


@dataclass(frozen=True, slots=True)
class FeedState:
    """What a feed's row says before a fetch; *interval* in seconds, None before the first success."""

    url: str
    interval: float | None = None
    failures: int = 0
    moved_to: str | None = None
    moved_sightings: int = 0
    skip: Skip = NO_SKIP
    host_failures: int = 0  # of its host as a whole, in a row
    rhythm: Rhythm | None = None  # None before the first entries
    ttl: float | None = None  # seconds that the feed asks for between two fetches
    push: Push = NO_PUSH


@dataclass(frozen=True, slots=True)
class Published:
    """What a fetch that was parsed brought: how many entries are new and how many not, their dates, the feed's own wishes."""

    new: int
    dates: tuple[datetime, ...] = ()
    ttl: timedelta | None = None
    known: int = 0
    skip: Skip = NO_SKIP


@dataclass(frozen=True, slots=True)
class Plan:
    """A feed's row after a fetch; the next one is due in *delay* seconds, *why* says what set them.

    *host_pause*: seconds for which nothing is to be fetched from the host that failed, *host_failures* times in a row by now.
    """

    url: str
    delay: float
    why: str
    interval: float | None
    failures: int = 0
    state: Literal["active", "gone"] = "active"
    reason: str | None = None
    moved_to: str | None = None
    moved_sightings: int = 0
    skip: Skip = NO_SKIP
    host_pause: float = 0.0
    host_failures: int = 0
    rhythm: Rhythm | None = None
    ttl: float | None = None
    hub_trusted: bool = False


class Weight(NamedTuple):
    """How a kind of failure is taken: seconds after the first in a row, doubled by each further one up to *longest*."""

    kind: str
    first: float
    longest: float
    whole_host: bool = False

    def after(self, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row."""
        return min(self.first * 2.0 ** min(failures - 1, 30), self.longest)


PASSING = Weight("passing", 300.0, 6 * HOUR)
BUSY = Weight("the host is busy", 900.0, DAY, whole_host=True)
NAMELESS = Weight("the name does not resolve", 900.0, DAY, whole_host=True)
AWAY = Weight("the host takes no connection", 300.0, 6 * HOUR, whole_host=True)
BROKEN = Weight("its publisher has to repair it", 1800.0, DAY)
MISSING = Weight("not to be had there", HOUR, DAY)

_BY_STATUS = {408: PASSING, 425: PASSING, 429: BUSY, 503: BUSY}
_BY_KIND = {
    "dns": NAMELESS,
    "connect": AWAY,
    "tls": BROKEN,
    "decoding": BROKEN,
    "parse": BROKEN,
    "too-large": BROKEN,
    "redirects": MISSING,
    "address": MISSING,
}


class Wait(NamedTuple):
    """Seconds to wait, and why so long."""

    seconds: float
    why: str

    def least(self, other: Wait) -> Wait:
        """Return the longer of the two."""
        return other if other.seconds > self.seconds else self

    def most(self, other: Wait) -> Wait:
        """Return the shorter of the two."""
        return other if other.seconds < self.seconds else self


NO_WAIT = Wait(0.0, "")


def next_fetch(
    feed: FeedState, result: FetchResult, published: Published | None, now: datetime, jitter: float, limits: Limits = Limits()
) -> Plan:
    """Return what *result* makes of *feed*; *published* is None where nothing was parsed, *jitter* in [0, 1).

    A success waits for the interval and at least as long as the server calls it fresh; a failure by its weight and at least for
    Retry-After (RFC 9110 §10.2.3); both within *limits*. A 410 stops the feed, nothing else does.
    """
    match result:
        case Gone():
            reason = f"410 Gone: the publisher ended the feed at {result.url}"
            return Plan(
                feed.url, limits.longest, reason, feed.interval, feed.failures + 1, "gone", reason, rhythm=feed.rhythm, ttl=feed.ttl
            )
        case Failed():
            return _after_failure(feed, result, now, jitter, limits)
        case _:
            return _after_success(feed, result, published, now, jitter, limits)


def weight_of(failed: Failed) -> Weight:
    """Return how *failed* is taken: by its status where there was an answer, else by its kind."""
    if failed.status is None:
        return _BY_KIND.get(failed.kind, PASSING)
    return _BY_STATUS.get(failed.status, PASSING if failed.status >= 500 else MISSING)


def _after_failure(feed: FeedState, failed: Failed, now: datetime, jitter: float, limits: Limits) -> Plan:
    failures, weight = feed.failures + 1, weight_of(failed)
    named = f"{failed.kind} {failed.status or ''}".rstrip()
    own = Wait(weight.after(failures), f"failed{_in_a_row(failures)} ({named}: {weight.kind})")
    own = own.least(Wait(_healthy(feed, now, limits), f"{own.why}, and not fetched more often anyway"))
    asked = Wait(min(failed.retry_after or 0.0, MAX_SERVER_WAIT), f"the server says Retry-After ({named})")
    host_failures = feed.host_failures + 1 if weight.whole_host else 0 if failed.status else feed.host_failures
    host = Wait(weight.after(host_failures), f"its host failed{_in_a_row(host_failures)} ({named}: {weight.kind})")
    pause = _spread(host, jitter, limits).least(asked) if weight.whole_host else NO_WAIT
    wait = _skipped(_spread(own, jitter, limits).least(asked).least(pause), feed.skip, now)
    return Plan(
        url=feed.url,
        delay=wait.seconds,
        why=wait.why,
        interval=feed.interval,
        failures=failures,
        moved_to=feed.moved_to,
        moved_sightings=feed.moved_sightings,
        skip=feed.skip,
        host_pause=pause.seconds,
        host_failures=host_failures,
        rhythm=feed.rhythm,
        ttl=feed.ttl,
        hub_trusted=feed.push.trusted,
    )


def _in_a_row(failures: int) -> str:
    return "" if failures == 1 else f" {failures} times in a row"


def _healthy(feed: FeedState, now: datetime, limits: Limits) -> float:
    """Return the seconds that *feed* would wait without its failure; its last wait may have been a long one, for the morning."""
    if feed.rhythm is None:
        return feed.interval or 0.0
    return _by_rhythm(replace(feed.rhythm, at=now), limits).least(_wished(feed.ttl)).seconds


def _after_success(
    feed: FeedState, result: Fetched | NotModified, published: Published | None, now: datetime, jitter: float, limits: Limits
) -> Plan:
    missed = feed.interval is not None and published is not None and published.new > 0 and published.known == 0
    rhythm, ttl = learnt(feed.rhythm, published, now), _ttl(published) if published else feed.ttl
    interval = _interval(feed, rhythm, published, limits)
    if missed:
        interval = interval.most(Wait((feed.interval or 0.0) / 2, "no entry was known from before: some may have been missed"))
    interval = interval.least(_wished(ttl))
    interval = Wait(limits.clamp(interval.seconds), interval.why)
    believed = MAX_WAIT_AFTER_GAP if missed else MAX_SERVER_WAIT
    fresh = Wait(min(result.max_age or 0.0, believed), "the server calls its answer fresh until then")
    skip = published.skip if published else feed.skip
    new = published.new if published else 0
    told = Wait(limits.told if feed.push.tells(new) else 0.0, "its hub tells of news until then")
    wait = _skipped(_spread(interval.least(told), jitter, limits).least(fresh), skip, now)
    url, moved_to, sightings = _move(feed, result)
    return Plan(
        url=url,
        delay=wait.seconds,
        why=wait.why,
        interval=interval.seconds,
        moved_to=moved_to,
        moved_sightings=sightings,
        skip=skip,
        rhythm=rhythm,
        ttl=ttl,
        hub_trusted=feed.push.trusted_after(new),
    )


def _ttl(published: Published) -> float | None:
    return published.ttl.total_seconds() if published.ttl else None


def _wished(ttl: float | None) -> Wait:
    return Wait(min(ttl or 0.0, MAX_TTL_WAIT), "the feed asks for it (ttl or sy:updatePeriod)")


def _interval(feed: FeedState, rhythm: Rhythm | None, published: Published | None, limits: Limits) -> Wait:
    """Return the wait that is known to be right for *feed*, or one to begin with."""
    if feed.interval is None and published is not None and not published.dates:
        return Wait(DEFAULT_INTERVAL, "its entries carry no dates")
    return _by_rhythm(rhythm, limits) if rhythm else Wait(feed.interval or DEFAULT_INTERVAL, "nothing is known of it yet")


def _by_rhythm(rhythm: Rhythm, limits: Limits) -> Wait:
    """Return the longest wait at the end of which no more is owed than the entries that a fetch is to find."""
    wait, too_long = limits.shortest, limits.longest
    if rhythm.owed(too_long, PATIENCE) <= limits.entries:
        wait = too_long
    while too_long > wait * CLOSE:
        middle = sqrt(wait * too_long)
        wait, too_long = (middle, too_long) if rhythm.owed(middle, PATIENCE) <= limits.entries else (wait, middle)
    rate = rhythm.rate(wait)
    expected = f"about an entry every {in_words(HOUR / rate)} is expected" if rate > FAINT else "no entry is expected"
    return Wait(wait, f"{expected} until then")


def learnt(before: Rhythm | None, published: Published | None, now: datetime) -> Rhythm | None:
    """Return a feed's rhythm after a fetch at *now*. Where none was known from before, what came before the oldest is not known."""
    if published is None:
        return before.after(now, ()) if before else None
    past = sorted(date for date in published.dates if date <= now)
    if before is None:
        return first_look(now, set(past) or {now})
    newest = past[-published.new :] if published.new else []
    since = max(before.at, newest[0]) if newest and not published.known else before.at
    return replace(before, at=since).after(now, _appeared(published.new, newest, since, now))


def _appeared(new: int, dates: Sequence[datetime], since: datetime, now: datetime) -> Collection[datetime]:
    """Return when so many *new* entries came, which were not there at *since*.

    When their *dates* say, those of one moment as one: they came as a batch. Where that is not since then, it is not when they came:
    dates without a time of day, wrong zones, drafts of last week. Those came, like the ones without a date, evenly in between.
    """
    dated = [date for date in dates if date >= since]
    undated = new - len(dated)
    return {*dated, *(since + (now - since) * (n + 0.5) / undated for n in range(undated))}


def in_words(seconds: float) -> str:
    """Return *seconds* as people say it.

    >>> [in_words(s) for s in (20.0, 1800.0, 9000.0, 700_000.0)]
    ['20 s', '30 min', '2.5 h', '8.1 days']
    """
    unit, name = next(
        found for found in ((DAY, "days"), (HOUR, "h"), (60.0, "min"), (1.0, "s")) if seconds >= 2 * found[0] or found[0] == 1.0
    )
    return f"{seconds / unit:.{0 if unit < HOUR else 1}f} {name}"


def _spread(wait: Wait, jitter: float, limits: Limits) -> Wait:
    """Return *wait* with up to JITTER added, also to the longest allowed: feeds that fell silent together must not stay together."""
    least = max(limits.shortest, min(wait.seconds, limits.longest / (1.0 + JITTER)))
    return Wait(min(least * (1.0 + JITTER * jitter), limits.longest), wait.why)


def _skipped(wait: Wait, skip: Skip, now: datetime) -> Wait:
    more = skip.wait(now + timedelta(seconds=wait.seconds)) if skip else 0.0
    return Wait(wait.seconds + more, "the feed asks to be left alone until then (skipHours or skipDays)") if more else wait


def _move(feed: FeedState, result: Fetched | NotModified) -> tuple[str, str | None, int]:
    """Return URL, redirect target under watch, and how often it was seen: one misconfigured hour must not move a feed for good.

    A target that is too long for a feed's URL is followed, and never believed.
    """
    target = result.permanent_url
    if target is None or target == feed.url or not fits(target):
        return feed.url, None, 0
    sightings = feed.moved_sightings + 1 if target == feed.moved_to else 1
    return (target, None, 0) if sightings >= MOVES_BELIEVED else (feed.url, target, sightings)
