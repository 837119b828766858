"""When feeds are fetched next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ingest.model import Failed, Fetched, FetchResult, Gone, NotModified, Validators
from ingest.schedule import DEFAULT_INTERVAL, FeedState, Limits, Plan, Published, next_fetch, typical_gap

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
URL = "https://example.org/feed"


def fetched(max_age: float | None = None, moved: str | None = None) -> Fetched:
    return Fetched(URL, b"", None, None, Validators(), max_age, moved)


def every(seconds: float, count: int = 30, silence: float = 0.0) -> tuple[datetime, ...]:
    """Return dates *seconds* apart, the newest *silence* before now."""
    return tuple(NOW - timedelta(seconds=silence + seconds * n) for n in range(count))


def plan(
    result: FetchResult, published: Published | None = None, *, jitter: float = 0.0, interval: float | None = None, failures: int = 0
) -> Plan:
    return next_fetch(FeedState(URL, interval, failures), result, published, NOW, jitter)


@pytest.mark.parametrize(
    ("interval", "published", "expected"),
    [
        # with news: half the typical gap between entries, within five minutes and a day
        (None, Published(30, every(HOUR)), HOUR / 2),
        (2 * HOUR, Published(1, every(HOUR)), HOUR / 2),
        (None, Published(30, every(MINUTE)), 5 * MINUTE),
        (None, Published(30, every(30 * DAY)), DAY),
        # what the feed asks for is a lower bound, an hour at most
        (None, Published(30, every(20 * MINUTE), timedelta(minutes=40)), 40 * MINUTE),
        (None, Published(30, every(20 * MINUTE), timedelta(days=1)), HOUR),
        # no dates to go by
        (None, Published(3), DEFAULT_INTERVAL),
        (None, Published(3, ttl=timedelta(hours=3)), 3 * HOUR),
        (2 * HOUR, Published(3), HOUR),
        (None, Published(3, every(HOUR, count=1)), DEFAULT_INTERVAL),
        # without news it grows
        (HOUR, Published(0, every(MINUTE)), 1.2 * HOUR),
        (HOUR, None, 1.2 * HOUR),
        (23 * HOUR, None, DAY),
        (None, None, DEFAULT_INTERVAL),
        # a first fetch that finds only known entries still goes by their dates
        (None, Published(0, every(HOUR)), HOUR / 2),
    ],
)
def test_interval_follows_what_the_feed_publishes(interval: float | None, published: Published | None, expected: float) -> None:
    made = plan(fetched(), published, interval=interval)
    assert (expected, expected, 0) == (made.delay, made.interval, made.failures)


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        ((), None),
        ((NOW,), None),
        (every(HOUR, 3), HOUR),
        (every(HOUR, 2, silence=10 * HOUR), 5.5 * HOUR),
        ((*every(HOUR, 4), NOW + timedelta(days=3)), HOUR),
        (every(6 * HOUR, 3) * 5, 6 * HOUR),
    ],
)
def test_typical_gap_counts_the_silence_but_no_future_and_no_batch_twice(dates: tuple[datetime, ...], expected: float | None) -> None:
    assert expected == typical_gap(dates, NOW)


def test_not_modified_lengthens_the_interval_and_forgets_failures() -> None:
    made = plan(NotModified(Validators()), interval=HOUR, failures=4)
    assert (made.interval, made.failures) == (1.2 * HOUR, 0)


@pytest.mark.parametrize(("max_age", "expected"), [(2 * HOUR, 2 * HOUR), (MINUTE, HOUR / 2), (10 * DAY, DAY)])
def test_max_age_is_a_lower_bound_of_a_day_at_most(max_age: float, expected: float) -> None:
    assert expected == plan(fetched(max_age), Published(30, every(HOUR))).delay


@pytest.mark.parametrize(
    ("failures", "retry_after", "expected"),
    [
        (0, None, 5 * MINUTE),
        (1, None, 10 * MINUTE),
        (2, None, 20 * MINUTE),
        (8, None, 300 * 2.0**8),
        (9, None, DAY),
        (5000, None, DAY),
        (0, HOUR, HOUR),
        (0, MINUTE, 5 * MINUTE),
        (0, 30 * DAY, DAY),
    ],
)
def test_failures_wait_ever_longer_and_at_least_as_asked_but_never_for_ever(
    failures: int, retry_after: float | None, expected: float
) -> None:
    made = plan(Failed("http", "HTTP 503", 503, retry_after), failures=failures)
    assert (expected, failures + 1, "active") == (made.delay, made.failures, made.state)


def test_a_failing_feed_is_not_asked_more_often_than_a_healthy_one() -> None:
    assert plan(Failed("dns", "no such host"), interval=6 * HOUR).delay == 6 * HOUR


def test_jitter_spreads_fetches_and_keeps_to_the_bounds() -> None:
    waits = [plan(fetched(), Published(30, every(HOUR)), jitter=jitter).delay for jitter in (0.0, 0.5, 0.999)]
    assert waits == sorted(waits)
    assert HOUR / 2 == waits[0] < waits[1] < waits[2] < 0.55 * HOUR
    assert plan(fetched(), Published(9, every(90 * DAY)), jitter=0.9).delay == DAY
    assert plan(fetched(20 * HOUR), Published(30, every(HOUR)), jitter=0.9).delay == 20 * HOUR


def test_gone_stops_the_feed_and_says_why() -> None:
    made = plan(Gone(URL))
    assert made.state == "gone"
    assert made.reason is not None
    assert made.reason.startswith("410")


def test_limits_are_those_of_the_settings() -> None:
    made = next_fetch(FeedState(URL), fetched(), Published(30, every(MINUTE)), NOW, 0.0, Limits(2.0, 10.0))
    assert made.delay == 10.0


NEW, OTHER = "https://example.org/new", "https://example.org/other"


@pytest.mark.parametrize(
    ("before", "result", "after"),
    [
        ((None, 0), fetched(moved=NEW), (URL, NEW, 1)),
        ((NEW, 1), fetched(moved=NEW), (NEW, None, 0)),
        ((NEW, 1), NotModified(Validators(), None, NEW), (NEW, None, 0)),
        ((NEW, 1), fetched(moved=OTHER), (URL, OTHER, 1)),
        ((NEW, 1), fetched(), (URL, None, 0)),
        ((NEW, 1), Failed("timeout", "too slow"), (URL, NEW, 1)),
        ((None, 0), fetched(moved=URL), (URL, None, 0)),
        ((None, 0), fetched(moved=NEW + "a" * 2000), (URL, None, 0)),
    ],
)
def test_a_permanent_redirect_is_believed_when_it_is_seen_again(
    before: tuple[str | None, int], result: FetchResult, after: tuple[str, str | None, int]
) -> None:
    made = next_fetch(FeedState(URL, HOUR, 0, *before), result, None, NOW, 0.0)
    assert after == (made.url, made.moved_to, made.moved_sightings)
