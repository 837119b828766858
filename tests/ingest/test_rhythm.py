"""What is learnt of the hours at which a feed publishes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from ingest.rhythm import Rhythm, first_look, rhythm_of, text_of

START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def office(days: int, hourly: int = 4) -> Iterator[datetime]:
    """Yield entries at even distances from 8 to 18 o'clock on each of *days*."""
    for day in range(days):
        for n in range(10 * hourly):
            yield START + day * DAY + 8 * HOUR + n * HOUR / hourly


def watched(days: int) -> Rhythm:
    """Return what an hourly look at such a feed has learnt after *days*."""
    entries, rhythm = set(office(days)), first_look(START, ())
    for hour in range(1, days * 24 + 1):
        now = START + hour * HOUR
        rhythm = rhythm.after(now, {entry for entry in entries if now - HOUR <= entry < now})
    return rhythm


def rate_at(rhythm: Rhythm, hour: int) -> float:
    """Return the entries an hour that are expected at *hour* o'clock, entries and looks as before."""
    return rhythm.after(rhythm.at, ()).rate((hour + 1) * 3600.0) * (hour + 1) - (rhythm.rate(hour * 3600.0) * hour if hour else 0.0)


def test_entries_are_expected_at_the_hours_at_which_they_came() -> None:
    rhythm = watched(14)
    assert rate_at(rhythm, 12) == pytest.approx(4.0, rel=0.2)
    assert rate_at(rhythm, 3) < 0.3
    assert rhythm.rate(86_400.0) == pytest.approx(40 / 24, rel=0.15)


def test_a_first_look_goes_by_how_many_entries_are_shown_over_which_time() -> None:
    shown = first_look(START + 2 * DAY, set(office(2)))
    assert shown.rate(86_400.0) == pytest.approx(40 / 24, rel=0.25)
    assert rate_at(shown, 12) == pytest.approx(rate_at(shown, 3))


def test_a_feed_of_which_all_entries_are_old_is_expected_to_publish_nothing() -> None:
    assert first_look(START + 400 * DAY, set(office(2))).rate(86_400.0) < 1e-6


def test_a_silence_lowers_what_is_expected_and_the_next_day_as_usual_raises_it_again() -> None:
    before = watched(14)
    silent = before.after(before.at + DAY, ())
    assert silent.rate(86_400.0) < before.rate(86_400.0) / 2
    again = silent.after(silent.at + DAY, {entry + 15 * DAY for entry in office(1)})
    assert silent.rate(86_400.0) < again.rate(86_400.0)


def test_days_that_lie_ahead_are_all_expected_to_be_alike() -> None:
    rhythm = watched(3)
    day, days = rhythm.rate(86_400.0), rhythm.rate(10 * 86_400.0)
    assert days == pytest.approx(day)


def test_a_rhythm_is_read_as_it_was_written() -> None:
    rhythm = watched(5)
    read = rhythm_of(text_of(rhythm))
    assert read is not None
    assert read.at == rhythm.at
    assert read.rate(7200.0) == pytest.approx(rhythm.rate(7200.0), rel=0.01)


@pytest.mark.parametrize("text", ["", "x", "1 2 3", "nan " * 28, "1e99 " * 28, "1 0 0 0 " + "1 " * 24])
def test_what_is_no_rhythm_is_none(text: str) -> None:
    assert rhythm_of(text) is None
    assert text_of(None) == ""
