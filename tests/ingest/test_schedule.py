"""When feeds are fetched next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ingest.model import Failed, Fetched, FetchResult, Gone, NotModified, Validators
from ingest.rhythm import Rhythm, first_look
from ingest.schedule import DEFAULT_INTERVAL, NO_PUSH, FeedState, Limits, Plan, Published, Push, next_fetch
from ingest.skipping import Skip

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
ABOUT_A_DAY = DAY / 1.1  # the longest wait, before chance adds to it
URL = "https://example.org/feed"


def fetched(max_age: float | None = None, moved: str | None = None) -> Fetched:
    return Fetched(URL, b"", None, None, Validators(), max_age, moved)


def every(seconds: float, count: int = 30, silence: float = 0.0) -> tuple[datetime, ...]:
    """Return dates *seconds* apart, the newest *silence* before now."""
    return tuple(NOW - timedelta(seconds=silence + seconds * n) for n in range(count))


def plan(
    result: FetchResult,
    published: Published | None = None,
    *,
    jitter: float = 0.0,
    interval: float | None = None,
    failures: int = 0,
    rhythm: Rhythm | None = None,
) -> Plan:
    return next_fetch(FeedState(URL, interval, failures, rhythm=rhythm), result, published, NOW, jitter)


def hourly(ago: float) -> Rhythm:
    """Return what was known *ago* seconds before now of a feed with an entry an hour."""
    return first_look(NOW - timedelta(seconds=ago), every(HOUR, 400, silence=ago))


HOURLY = hourly(HOUR)


@pytest.mark.parametrize(
    ("published", "expected", "why"),
    [
        # at first sight: by the entries shown, within five minutes and a day
        (Published(30, every(HOUR)), 58 * MINUTE, "an entry every"),
        (Published(30, every(15 * MINUTE)), 15 * MINUTE, "an entry every"),
        (Published(30, every(20.0)), 5 * MINUTE, "an entry every"),
        # slow ones about by the square root of their rate
        (Published(30, every(4 * HOUR)), 154 * MINUTE, "about an entry every 3.9 h is expected until then"),
        (Published(30, every(16 * HOUR)), 327 * MINUTE, "an entry every"),
        (Published(30, every(3 * DAY)), 679 * MINUTE, "an entry every"),
        (Published(30, every(200 * DAY)), ABOUT_A_DAY, "an entry every"),
        # one that has long been silent once a day
        (Published(30, every(MINUTE, silence=400 * DAY)), ABOUT_A_DAY, "no entry is expected"),
        # entries of one moment count once, those ahead not at all
        (Published(30, every(4 * HOUR) * 5), 154 * MINUTE, "an entry every"),
        (Published(30, (*every(HOUR), NOW + timedelta(days=3))), 58 * MINUTE, "an entry every"),
        # what the feed asks for is a lower bound, an hour at most
        (Published(30, every(15 * MINUTE), timedelta(minutes=40)), 40 * MINUTE, "ttl"),
        (Published(30, every(15 * MINUTE), timedelta(days=1)), HOUR, "ttl"),
        (Published(30, every(4 * HOUR), timedelta(minutes=40)), 154 * MINUTE, "an entry every"),
        # no dates to go by
        (Published(3), DEFAULT_INTERVAL, "carry no dates"),
        (Published(3, ttl=timedelta(hours=3)), HOUR, "ttl"),
        # nothing was parsed
        (None, DEFAULT_INTERVAL, "nothing is known"),
        # only known entries
        (Published(0, every(HOUR), known=30), 58 * MINUTE, "an entry every"),
    ],
)
def test_at_first_sight_the_interval_follows_what_the_feed_shows(published: Published | None, expected: float, why: str) -> None:
    made = plan(fetched(), published)
    assert (made.delay, made.failures) == (pytest.approx(expected, rel=0.15), 0)
    assert why in made.why


def test_the_longer_there_was_no_news_the_less_often_a_feed_is_fetched() -> None:
    delays = [plan(NotModified(Validators()), interval=HOUR, rhythm=hourly(hours * HOUR)).delay for hours in (1, 6, 24, 96)]
    assert delays == sorted(delays)
    assert delays[-1] > 2 * delays[0]


def test_nothing_that_was_known_from_before_halves_the_interval_for_entries_may_have_been_missed() -> None:
    made = plan(fetched(), Published(1, every(HOUR, 1), known=0), interval=40 * MINUTE, rhythm=HOURLY)
    assert made.delay == 20 * MINUTE
    assert "no entry was known from before" in made.why


def test_a_feed_that_nobody_looked_at_for_a_month_is_not_taken_for_one_that_was_silent() -> None:
    before = hourly(30 * DAY)
    made = plan(fetched(), Published(20, every(HOUR, 20)), interval=HOUR, rhythm=before)
    assert made.rhythm is not None
    assert made.rhythm.rate(HOUR) == pytest.approx(1.0, rel=0.15)
    silent = plan(NotModified(Validators()), interval=HOUR, rhythm=before)
    assert silent.rhythm is not None
    assert silent.rhythm.rate(HOUR) < 0.02


def test_what_the_feed_asks_for_holds_while_it_does_not_change() -> None:
    busy = first_look(NOW, every(MINUTE, 3000))
    made = plan(fetched(), Published(1, every(MINUTE, 1), timedelta(minutes=40), known=9), interval=HOUR, rhythm=busy)
    again = next_fetch(FeedState(URL, HOUR, rhythm=made.rhythm, ttl=made.ttl), NotModified(Validators()), None, NOW, 0.0)
    assert (made.delay, again.delay, again.ttl) == (40 * MINUTE, 40 * MINUTE, 40 * MINUTE)
    failed = next_fetch(FeedState(URL, HOUR, rhythm=made.rhythm, ttl=made.ttl), Failed("timeout", ""), None, NOW, 0.0)
    assert (failed.rhythm, failed.ttl) == (made.rhythm, made.ttl)


@pytest.mark.parametrize(
    ("dates", "counted"),
    [
        # as dated, those of one moment once, for they came as a batch
        (every(5 * MINUTE, 4), 4),
        (every(5 * MINUTE, 1) * 4, 1),
        # what was not there at the last look came after it, whatever its date says
        ((), 4),
        ((NOW - timedelta(hours=12),) * 4, 4),
        ((NOW - timedelta(days=4000), *every(5 * MINUTE, 2)), 4),
        ((NOW + timedelta(days=4000),) * 4, 4),
        ((datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)), 4),
    ],
)
def test_new_entries_came_when_they_say_or_else_at_some_time_since_the_last_look(dates: tuple[datetime, ...], counted: int) -> None:
    made = plan(fetched(), Published(4, dates, known=9), interval=HOUR, rhythm=first_look(NOW - timedelta(hours=1), ()))
    assert made.rhythm is not None
    assert made.rhythm.hours[NOW.hour - 1] + made.rhythm.hours[NOW.hour] == pytest.approx(counted, rel=0.01)


def test_a_feed_that_dates_its_entries_by_the_day_is_expected_when_they_come_and_not_at_midnight() -> None:
    rhythm = first_look(NOW - timedelta(days=30), every(DAY, 400, silence=30 * DAY))
    for hour in range(30 * 24):
        now = NOW - timedelta(days=30) + timedelta(hours=hour + 1)
        new = now.hour == 15
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        made = next_fetch(FeedState(URL, HOUR, rhythm=rhythm), fetched(), Published(int(new), (midnight,), known=9), now, 0.0)
        rhythm = made.rhythm or rhythm
    assert rhythm.hours[14] > 5 * rhythm.hours[0]


def test_not_modified_forgets_failures() -> None:
    assert plan(NotModified(Validators()), interval=HOUR, failures=4).failures == 0


@pytest.mark.parametrize(
    ("max_age", "known", "expected"),
    [(2 * HOUR, 1, 2 * HOUR), (MINUTE, 1, 58 * MINUTE), (10 * DAY, 1, DAY), (10 * DAY, 0, HOUR)],
)
def test_freshness_is_a_lower_bound_of_a_day_and_of_an_hour_once_entries_were_missed(max_age: float, known: int, expected: float) -> None:
    made = plan(fetched(max_age), Published(1, every(HOUR), known=known), interval=HOUR, rhythm=HOURLY)
    assert made.delay == pytest.approx(expected, rel=0.15)
    assert made.interval == (pytest.approx(58 * MINUTE, rel=0.15) if known else HOUR / 2)


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
        (Failed("dns", ""), (15 * MINUTE, 30 * MINUTE, HOUR, ABOUT_A_DAY), 15 * MINUTE),
        (Failed("http", "", 429), (15 * MINUTE, 30 * MINUTE, HOUR, ABOUT_A_DAY), 15 * MINUTE),
        (Failed("http", "", 503), (15 * MINUTE, 30 * MINUTE, HOUR, ABOUT_A_DAY), 15 * MINUTE),
        (Failed("http", "", 503, 2 * HOUR), (2 * HOUR, 2 * HOUR, 2 * HOUR, ABOUT_A_DAY), 2 * HOUR),
        (Failed("http", "", 429, MINUTE), (15 * MINUTE, 30 * MINUTE, HOUR, ABOUT_A_DAY), 15 * MINUTE),
        (Failed("http", "", 429, 30 * DAY), (DAY, DAY, DAY, DAY), DAY),
        (Failed("http", "", 500, HOUR), (HOUR, HOUR, HOUR, 6 * HOUR), 0.0),
        # somebody has to do something
        (Failed("tls", ""), (30 * MINUTE, HOUR, 2 * HOUR, ABOUT_A_DAY), 0.0),
        (Failed("parse", ""), (30 * MINUTE, HOUR, 2 * HOUR, ABOUT_A_DAY), 0.0),
        (Failed("decoding", ""), (30 * MINUTE, HOUR, 2 * HOUR, ABOUT_A_DAY), 0.0),
        (Failed("too-large", ""), (30 * MINUTE, HOUR, 2 * HOUR, ABOUT_A_DAY), 0.0),
        # not to be had there
        (Failed("http", "", 404), (HOUR, 2 * HOUR, 4 * HOUR, ABOUT_A_DAY), 0.0),
        (Failed("http", "", 401), (HOUR, 2 * HOUR, 4 * HOUR, ABOUT_A_DAY), 0.0),
        (Failed("http", "", 403), (HOUR, 2 * HOUR, 4 * HOUR, ABOUT_A_DAY), 0.0),
        (Failed("redirects", ""), (HOUR, 2 * HOUR, 4 * HOUR, ABOUT_A_DAY), 0.0),
        (Failed("address", ""), (HOUR, 2 * HOUR, 4 * HOUR, ABOUT_A_DAY), 0.0),
    ],
)
def test_a_failure_waits_by_its_weight_ever_longer_but_never_for_ever(failed: Failed, waits: tuple[float, ...], host_pause: float) -> None:
    made = [plan(failed, failures=failures) for failures in (0, 1, 2, 5000)]
    assert [one.delay for one in made] == pytest.approx(waits)
    assert {one.state for one in made} == {"active"}
    assert [one.failures for one in made] == [1, 2, 3, 5001]
    assert made[0].host_pause == host_pause


@pytest.mark.parametrize(
    ("failed", "pauses"),
    [
        (Failed("dns", ""), (15 * MINUTE, 30 * MINUTE, HOUR, ABOUT_A_DAY)),
        (Failed("connect", ""), (5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 6 * HOUR)),
        (Failed("http", "", 429), (15 * MINUTE, 30 * MINUTE, HOUR, ABOUT_A_DAY)),
        (Failed("http", "", 503, 2 * HOUR), (2 * HOUR, 2 * HOUR, 2 * HOUR, ABOUT_A_DAY)),
    ],
)
def test_a_host_that_goes_on_failing_is_left_alone_ever_longer_whichever_feed_is_tried(failed: Failed, pauses: tuple[float, ...]) -> None:
    made = [next_fetch(FeedState(URL, host_failures=times), failed, None, NOW, 0.0) for times in (0, 1, 2, 5000)]
    assert [one.host_pause for one in made] == pytest.approx(pauses)
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


def test_a_failure_in_the_morning_does_not_wait_as_long_as_the_last_fetch_did_for_the_night() -> None:
    made = plan(
        Failed("timeout", "too slow"), interval=9 * HOUR, rhythm=first_look(NOW - timedelta(hours=9), every(20 * MINUTE, silence=9 * HOUR))
    )
    assert made.delay == pytest.approx(20 * MINUTE, rel=0.2)
    assert made.interval == 9 * HOUR


@pytest.mark.parametrize(
    "result", [fetched(), fetched(-5.0), NotModified(Validators()), Failed("timeout", ""), Failed("http", "", 503, -5.0)]
)
@pytest.mark.parametrize("back", [timedelta(hours=1), timedelta(days=4000)])
def test_a_clock_that_was_set_back_and_times_below_nought_do_no_harm(result: FetchResult, back: timedelta) -> None:
    rhythm = first_look(NOW + back, every(HOUR, 400, silence=-back.total_seconds()))
    made = plan(result, Published(1, every(HOUR, 5), timedelta(-1), known=4), interval=HOUR, rhythm=rhythm)
    assert 5 * MINUTE <= made.delay <= 66 * MINUTE
    assert made.rhythm is not None
    assert made.rhythm.at == (rhythm.at if isinstance(result, Failed) else NOW)


@pytest.mark.parametrize(
    ("skip", "expected"),
    [
        (Skip(), 58 * MINUTE),
        (Skip(frozenset({3, 4})), 58 * MINUTE),
        (Skip(frozenset({12, 13, 14})), 3 * HOUR),  # NOW is a Monday at noon
        (Skip(days=frozenset({0})), 12 * HOUR),
        (Skip(frozenset({0, 1}), frozenset({0, 1})), 38 * HOUR),
    ],
)
def test_hours_and_days_that_a_feed_wants_to_be_skipped_are_skipped(skip: Skip, expected: float) -> None:
    made = plan(fetched(), Published(30, every(HOUR), skip=skip))
    assert (made.delay, made.skip) == (pytest.approx(expected, rel=0.15), skip)
    later = FeedState(URL, 58 * MINUTE, skip=made.skip)
    assert next_fetch(later, Failed("http", "", 500), None, NOW, 0.0).delay == expected
    assert next_fetch(later, NotModified(Validators()), None, NOW, 0.0).skip == skip


def test_jitter_spreads_fetches_and_keeps_to_the_bounds() -> None:
    waits = [plan(fetched(), Published(30, every(HOUR)), jitter=jitter).delay for jitter in (0.0, 0.5, 0.999)]
    assert waits == sorted(waits)
    assert waits[0] < waits[1] < waits[2] < waits[0] * 1.1
    silent = [plan(fetched(), Published(9, every(HOUR, silence=100 * DAY)), jitter=jitter).delay for jitter in (0.0, 0.5, 0.999)]
    assert ABOUT_A_DAY <= silent[0] < silent[1] < silent[2] <= DAY
    assert plan(fetched(20 * HOUR), Published(30, every(HOUR)), jitter=0.9).delay == 20 * HOUR


def test_gone_stops_the_feed_and_says_why() -> None:
    made = plan(Gone(URL))
    assert made.state == "gone"
    assert made.reason is not None
    assert made.reason.startswith("410")
    assert made.why == made.reason


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(2.0, 11.0), 10.0),  # and a tenth by chance
        (Limits(HOUR, HOUR), HOUR),
        (Limits(HOUR, MINUTE), MINUTE),
        (Limits(entries=30.0), 30 * MINUTE),
        (Limits(entries=0.001), 5 * MINUTE),
        (Limits(entries=1e9), ABOUT_A_DAY),
    ],
)
def test_limits_are_those_of_the_settings(limits: Limits, expected: float) -> None:
    made = next_fetch(FeedState(URL), fetched(), Published(3000, every(MINUTE, 3000)), NOW, 0.0, limits)
    assert made.delay == pytest.approx(expected, rel=0.05)


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


PROMISED, TOLD, TRUSTED = Push(promised=True), Push(promised=True, told=True), Push(promised=True, trusted=True)


@pytest.mark.parametrize(
    ("push", "new", "rarely", "trusted"),
    [
        # a hub that has told of nothing yet is not relied on
        (NO_PUSH, 0, False, False),
        (PROMISED, 0, False, False),
        # the one that told of what is new is, until something new comes without it
        (TOLD, 1, True, True),
        (TRUSTED, 0, True, True),
        (TRUSTED, 1, False, False),
        (PROMISED, 1, False, False),
        # it told, and what it told of is not there yet
        (TOLD, 0, False, False),
        (Push(promised=True, told=True, trusted=True), 0, False, True),
        # its promise ran out
        (Push(trusted=True), 0, False, True),
        (Push(told=True), 1, False, True),
    ],
)
def test_a_feed_whose_hub_told_of_the_newest_entries_is_fetched_rarely(push: Push, new: int, rarely: bool, trusted: bool) -> None:
    published = Published(new, every(15 * MINUTE), known=30)
    made = next_fetch(FeedState(URL, HOUR, rhythm=HOURLY, push=push), fetched(), published, NOW, 0.0, Limits(told=6 * HOUR))
    assert (made.delay == 6 * HOUR, "hub" in made.why, made.hub_trusted) == (rarely, rarely, trusted)
    assert made.interval is not None
    assert made.interval < 2 * HOUR


def test_without_a_wish_to_rely_on_hubs_a_feed_is_fetched_by_its_rhythm() -> None:
    made = next_fetch(FeedState(URL, HOUR, rhythm=HOURLY, push=TOLD), fetched(), Published(1, every(HOUR), known=30), NOW, 0.0)
    assert made.delay < 2 * HOUR


def test_a_failure_says_nothing_about_the_hub() -> None:
    made = next_fetch(FeedState(URL, HOUR, rhythm=HOURLY, push=TRUSTED), Failed("timeout", "slow"), None, NOW, 0.0, Limits(told=6 * HOUR))
    assert made.hub_trusted
    assert made.delay < 2 * HOUR
