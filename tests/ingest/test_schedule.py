"""When feeds are fetched next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ingest.model import Failed, Fetched, FetchResult, Gone, NotModified, Validators
from ingest.schedule import DEFAULT_INTERVAL, FeedState, Limits, Plan, Published, next_fetch, typical_gap
from ingest.skipping import Skip

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
    ("interval", "published", "expected", "why"),
    [
        # with news: by the square root of the rate, 40 minutes for an entry an hour, within five minutes and a day
        (None, Published(30, every(HOUR)), 40 * MINUTE, "an entry every 60 min"),
        (2 * HOUR, Published(1, every(HOUR), known=29), 40 * MINUTE, "an entry every 60 min"),
        (None, Published(30, every(4 * HOUR)), 80 * MINUTE, "an entry every 4.0 h"),
        (None, Published(30, every(15 * MINUTE)), 20 * MINUTE, "an entry every 15 min"),
        (None, Published(30, every(20.0)), 5 * MINUTE, "an entry every 20 s"),
        (None, Published(30, every(200 * DAY)), DAY, "an entry every 200.0 days"),
        # at first sight, a feed that has long been silent is as slow as its silence
        (None, Published(30, every(MINUTE, silence=400 * DAY)), DAY, "an entry every 400.0 days"),
        (DAY, Published(1, every(MINUTE, silence=400 * DAY), known=29), 40 * MINUTE / 60**0.5, "an entry every 60 s"),
        # nothing that was known before: entries may have been missed
        (2 * HOUR, Published(30, every(HOUR)), 40 * MINUTE, "an entry every 60 min"),
        (40 * MINUTE, Published(30, every(HOUR)), 20 * MINUTE, "no entry was known from before"),
        # what the feed asks for is a lower bound, an hour at most
        (None, Published(30, every(15 * MINUTE), timedelta(minutes=40)), 40 * MINUTE, "ttl"),
        (None, Published(30, every(15 * MINUTE), timedelta(days=1)), HOUR, "ttl"),
        (None, Published(30, every(4 * HOUR), timedelta(minutes=40)), 80 * MINUTE, "an entry every 4.0 h"),
        # no dates to go by: what was new since the last fetch
        (None, Published(3), DEFAULT_INTERVAL, "carry no dates"),
        (None, Published(3, ttl=timedelta(hours=3)), 3 * HOUR, "carry no dates"),
        (4 * HOUR, Published(4, known=9), 40 * MINUTE, "an entry every 60 min"),
        (None, Published(3, every(HOUR, count=1)), DEFAULT_INTERVAL, "carry no dates"),
        # without news it grows, fast at first, then by 800 seconds a fetch
        (5 * MINUTE, Published(0, every(MINUTE), known=30), 7.5 * MINUTE, "nothing new"),
        (HOUR, Published(0, every(MINUTE), known=30), HOUR + 800, "nothing new"),
        (HOUR, None, HOUR + 800, "nothing new"),
        (DAY, None, DAY, "nothing new"),
        (None, None, DEFAULT_INTERVAL, "nothing is known"),
        # a first fetch that finds only known entries still goes by their dates
        (None, Published(0, every(HOUR), known=30), 40 * MINUTE, "an entry every 60 min"),
    ],
)
def test_interval_follows_what_the_feed_publishes(interval: float | None, published: Published | None, expected: float, why: str) -> None:
    made = plan(fetched(), published, interval=interval)
    assert (made.delay, made.interval, made.failures) == (pytest.approx(expected), pytest.approx(expected), 0)
    assert why in made.why


def test_a_silence_is_looked_into_as_often_as_the_square_root_of_its_length_says() -> None:
    interval, silence = 40 * MINUTE, HOUR
    while silence < 30 * DAY:
        interval = plan(NotModified(Validators()), interval=interval).delay
        silence += interval
        assert interval == pytest.approx(40 * MINUTE * (silence / HOUR) ** 0.5, rel=0.25)


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
    assert (made.interval, made.failures) == (HOUR + 800, 0)


@pytest.mark.parametrize(
    ("max_age", "known", "expected"),
    [(2 * HOUR, 1, 2 * HOUR), (MINUTE, 1, 40 * MINUTE), (10 * DAY, 1, DAY), (10 * DAY, 0, HOUR)],
)
def test_freshness_is_a_lower_bound_of_a_day_and_of_an_hour_once_entries_were_missed(max_age: float, known: int, expected: float) -> None:
    made = plan(fetched(max_age), Published(29, every(HOUR), known=known), interval=HOUR)
    assert made.delay == expected
    assert made.interval == (40 * MINUTE if known else HOUR / 2)


@pytest.mark.parametrize(
    ("failed", "waits", "host_pause"),
    [
        # passing: soon again, four times a day at the least
        (Failed("timeout", ""), (5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 6 * HOUR), 0.0),
        (Failed("broken", ""), (5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 6 * HOUR), 0.0),
        (Failed("proxy", ""), (5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 6 * HOUR), 0.0),
        (Failed("http", "", 500), (5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 6 * HOUR), 0.0),
        (Failed("http", "", 522), (5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 6 * HOUR), 0.0),
        (Failed("http", ""), (5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 6 * HOUR), 0.0),
        # a host that is away or busy is left alone as a whole
        (Failed("connect", ""), (5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 6 * HOUR), 5 * MINUTE),
        (Failed("dns", ""), (15 * MINUTE, 30 * MINUTE, HOUR, DAY), 15 * MINUTE),
        (Failed("http", "", 429), (15 * MINUTE, 30 * MINUTE, HOUR, DAY), 15 * MINUTE),
        (Failed("http", "", 503), (15 * MINUTE, 30 * MINUTE, HOUR, DAY), 15 * MINUTE),
        (Failed("http", "", 503, 2 * HOUR), (2 * HOUR, 2 * HOUR, 2 * HOUR, DAY), 2 * HOUR),
        (Failed("http", "", 429, MINUTE), (15 * MINUTE, 30 * MINUTE, HOUR, DAY), 15 * MINUTE),
        (Failed("http", "", 429, 30 * DAY), (DAY, DAY, DAY, DAY), DAY),
        (Failed("http", "", 500, HOUR), (HOUR, HOUR, HOUR, 6 * HOUR), 0.0),
        # somebody has to do something
        (Failed("tls", ""), (30 * MINUTE, HOUR, 2 * HOUR, DAY), 0.0),
        (Failed("parse", ""), (30 * MINUTE, HOUR, 2 * HOUR, DAY), 0.0),
        (Failed("decoding", ""), (30 * MINUTE, HOUR, 2 * HOUR, DAY), 0.0),
        (Failed("too-large", ""), (30 * MINUTE, HOUR, 2 * HOUR, DAY), 0.0),
        # not to be had there
        (Failed("http", "", 404), (HOUR, 2 * HOUR, 4 * HOUR, DAY), 0.0),
        (Failed("http", "", 401), (HOUR, 2 * HOUR, 4 * HOUR, DAY), 0.0),
        (Failed("http", "", 403), (HOUR, 2 * HOUR, 4 * HOUR, DAY), 0.0),
        (Failed("redirects", ""), (HOUR, 2 * HOUR, 4 * HOUR, DAY), 0.0),
        (Failed("address", ""), (HOUR, 2 * HOUR, 4 * HOUR, DAY), 0.0),
    ],
)
def test_a_failure_waits_by_its_weight_ever_longer_but_never_for_ever(failed: Failed, waits: tuple[float, ...], host_pause: float) -> None:
    made = [plan(failed, failures=failures) for failures in (0, 1, 2, 5000)]
    assert tuple(one.delay for one in made) == waits
    assert {one.state for one in made} == {"active"}
    assert [one.failures for one in made] == [1, 2, 3, 5001]
    assert made[0].host_pause == host_pause


@pytest.mark.parametrize(
    ("failed", "pauses"),
    [
        (Failed("dns", ""), (15 * MINUTE, 30 * MINUTE, HOUR, DAY)),
        (Failed("connect", ""), (5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 6 * HOUR)),
        (Failed("http", "", 429), (15 * MINUTE, 30 * MINUTE, HOUR, DAY)),
        (Failed("http", "", 503, 2 * HOUR), (2 * HOUR, 2 * HOUR, 2 * HOUR, DAY)),
    ],
)
def test_a_host_that_goes_on_failing_is_left_alone_ever_longer_whichever_feed_is_tried(failed: Failed, pauses: tuple[float, ...]) -> None:
    made = [next_fetch(FeedState(URL, host_failures=times), failed, None, NOW, 0.0) for times in (0, 1, 2, 5000)]
    assert tuple(one.host_pause for one in made) == pauses
    assert [one.host_failures for one in made] == [1, 2, 3, 5001]
    assert all(one.delay >= one.host_pause for one in made)


@pytest.mark.parametrize(
    ("result", "left"),
    [
        (fetched(), 0),
        (NotModified(Validators()), 0),
        (Gone(URL), 0),
        (Failed("http", "", 404), 0),
        (Failed("http", "", 500), 0),
        (Failed("timeout", ""), 3),
        (Failed("proxy", ""), 3),
        (Failed("parse", ""), 3),
    ],
)
def test_a_host_that_answers_is_no_longer_failing(result: FetchResult, left: int) -> None:
    assert next_fetch(FeedState(URL, host_failures=3), result, None, NOW, 0.0).host_failures == left


@pytest.mark.parametrize(
    ("failed", "failures", "why"),
    [
        (Failed("http", "", 404), 0, "failed (http 404: not to be had there)"),
        (Failed("dns", ""), 2, "failed 3 times in a row (dns: the name does not resolve)"),
        (Failed("http", "", 429, HOUR), 0, "the server says Retry-After (http 429)"),
    ],
)
def test_a_failure_says_why_it_waits(failed: Failed, failures: int, why: str) -> None:
    assert plan(failed, failures=failures).why == why


def test_a_failing_feed_is_not_asked_more_often_than_a_healthy_one() -> None:
    made = plan(Failed("timeout", "too slow"), interval=6 * HOUR)
    assert made.delay == 6 * HOUR
    assert made.why.endswith("not fetched more often anyway")


@pytest.mark.parametrize(
    ("skip", "expected"),
    [
        (Skip(), 40 * MINUTE),
        (Skip(frozenset({3, 4})), 40 * MINUTE),
        (Skip(frozenset({12, 13, 14})), 3 * HOUR),  # NOW is a Monday at noon
        (Skip(days=frozenset({0})), 12 * HOUR),
        (Skip(frozenset({0, 1}), frozenset({0, 1})), 38 * HOUR),
    ],
)
def test_hours_and_days_that_a_feed_wants_to_be_skipped_are_skipped(skip: Skip, expected: float) -> None:
    made = plan(fetched(), Published(30, every(HOUR), skip=skip))
    assert (made.delay, made.interval, made.skip) == (expected, 40 * MINUTE, skip)
    later = FeedState(URL, 40 * MINUTE, skip=made.skip)
    assert next_fetch(later, Failed("http", "", 500), None, NOW, 0.0).delay == expected
    assert next_fetch(later, NotModified(Validators()), None, NOW, 0.0).skip == skip


def test_jitter_spreads_fetches_and_keeps_to_the_bounds() -> None:
    waits = [plan(fetched(), Published(30, every(HOUR)), jitter=jitter).delay for jitter in (0.0, 0.5, 0.999)]
    assert waits == sorted(waits)
    assert 40 * MINUTE == waits[0] < waits[1] < waits[2] < 44 * MINUTE
    assert plan(fetched(), Published(9, every(200 * DAY)), jitter=0.9).delay == DAY
    assert plan(fetched(20 * HOUR), Published(30, every(HOUR)), jitter=0.9).delay == 20 * HOUR


def test_gone_stops_the_feed_and_says_why() -> None:
    made = plan(Gone(URL))
    assert made.state == "gone"
    assert made.reason is not None
    assert made.reason.startswith("410")
    assert made.why == made.reason


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
