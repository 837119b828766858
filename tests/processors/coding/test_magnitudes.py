from __future__ import annotations

from datetime import date

import pytest

from processors.coding.counts import parse_number
from processors.coding.dates import Timed, date_event, days_of, event_date, is_historical
from stream.messages import TimeExpression


@pytest.mark.parametrize(
    ("words", "bounds"),
    [
        ("12", (12, 12)), ("at least 12", (12, None)), ("more than 100", (100, None)), ("over 50", (50, None)), ("up to 100", (0, 100)),
        ("3,000 to 5,000", (3000, 5000)), ("two dozen", (24, 24)), ("dozens", (24, None)), ("thousands", (2000, None)),
        ("twenty five", (25, 25)), ("two hundred", (200, 200)), ("two million", (2_000_000, 2_000_000)), ("some", None), ("", None),
        ("no fewer than 30", (30, None)), ("no more than 30", (0, 30)), ("fewer than 30", (0, 29)), ("as many as 140", (0, 140)),
        ("tens of thousands", (20_000, None)), ("hundreds of thousands", (200_000, None)), ("several", (2, None)),
        ("1.5 million", (1_500_000, 1_500_000)),
        ("twenty-five", (25, 25)), ("two to three", (2, 3)), ("half a dozen", (6, 6)), ("hundreds", (200, None)), ("a dozen", (12, 12)),
    ],
)  # fmt: skip
def test_a_number_has_the_bounds_that_its_words_give(words: str, bounds: tuple[int, int | None] | None) -> None:
    found = parse_number(words.split())
    assert (None if found is None else (found.min, found.max)) == bounds


@pytest.mark.parametrize(
    ("value", "days"),
    [
        ("2025-06-01", ("2025-06-01", "2025-06-01", "day")), ("2025-06-01T14:00", ("2025-06-01", "2025-06-01", "day")),
        ("2025-02", ("2025-02-01", "2025-02-28", "month")), ("2024", ("2024-01-01", "2024-12-31", "year")),
        ("2025-W20", ("2025-05-12", "2025-05-18", "week")), ("P30D", None), ("2025-13-01", None), ("XXXX-06", None), ("0000", None),
    ],
)  # fmt: skip
def test_an_iso_value_becomes_days(value: str, days: tuple[str, str, str] | None) -> None:
    found = days_of(value)
    assert (None if found is None else (found[0].isoformat(), found[1].isoformat(), found[2])) == days


def a_time(value: str, *, end: str | None = None) -> TimeExpression:
    return TimeExpression(start=0, end=4, text="then", type="DATE", value=value, end_value=end)


def test_a_range_ends_with_its_end() -> None:
    found = event_date(a_time("2025-06-01", end="2025-06-03"))
    assert found is not None
    assert (found.start, found.end) == ("2025-06-01", "2025-06-03")


def test_a_later_day_dates_a_plan_and_never_an_act() -> None:
    published = date(2025, 5, 13)
    act, plan = date_event([Timed(0, a_time("2025-06-01"))], "planned", published, verbal=True)
    assert (act, plan.start if plan else None) == (None, "2025-06-01")
    act, plan = date_event([Timed(0, a_time("2025-06-01"))], "asserted", published, verbal=False)
    assert (act, plan) == (None, None)


def test_an_earlier_day_beside_the_verb_dates_the_act() -> None:
    act, plan = date_event([Timed(0, a_time("2025-05-12"))], "asserted", date(2025, 5, 13), verbal=False)
    assert (act.start if act else None, plan) == ("2025-05-12", None)


def test_history_needs_a_day_of_publication() -> None:
    old = event_date(a_time("2022-03"))
    assert is_historical(old, date(2025, 5, 13))
    assert not is_historical(old, None)
