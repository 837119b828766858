"""Times in text and their values; every story here was published on Tuesday, 13 May 2025."""

from datetime import UTC, date, datetime

import pytest

from processors.times import document_date, find_times

PUBLISHED = date(2025, 5, 13)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The talks occur on June 1 in Istanbul.", [("June 1", "DATE", "2025-06-01", None)]),
        ("It began on August 10, 2015.", [("August 10, 2015", "DATE", "2015-08-10", None)]),
        ("It was Friday, August 21, 2015 then.", [("Friday, August 21, 2015", "DATE", "2015-08-21", None)]),
        ("on 21 August 2015", [("21 August 2015", "DATE", "2015-08-21", None)]),
        ("on the 3rd of June", [("3rd of June", "DATE", "2025-06-03", None)]),
        ("on Jan. 5", [("Jan. 5", "DATE", "2025-01-05", None)]),
        ("signed 2025-05-01", [("2025-05-01", "DATE", "2025-05-01", None)]),
        ("He died on December 30.", [("December 30", "DATE", "2024-12-30", None)]),
        ("in March 2022", [("March 2022", "DATE", "2022-03", None)]),
        ("They left in March.", [("March", "DATE", "2025-03", None)]),
        ("He was elected in November.", [("November", "DATE", "2024-11", None)]),
        ("It will close in November.", [("November", "DATE", "2025-11", None)]),
        ("last May", [("May", "DATE", "2024-05", None)]),
        ("in 2010", [("2010", "DATE", "2010", None)]),
        ("from 2004 to 2009", [("2004 to 2009", "DATE", "2004", "2009")]),
        ("between 2006 and 2009", [("2006 and 2009", "DATE", "2006", "2009")]),
        ("in the 1990s", [("1990s", "DATE", "1990", "1999")]),
        ("May 3-5", [("May 3-5", "DATE", "2025-05-03", "2025-05-05")]),
        ("June 28 to July 2, 2023", [("June 28 to July 2, 2023", "DATE", "2023-06-28", "2023-07-02")]),
        ("He resigned yesterday.", [("yesterday", "DATE", "2025-05-12", None)]),
        ("He met her on Monday.", [("Monday", "DATE", "2025-05-12", None)]),
        ("He will meet her on Monday.", [("Monday", "DATE", "2025-05-19", None)]),
        ("He met her on Tuesday.", [("Tuesday", "DATE", "2025-05-13", None)]),
        ("It was hit on Thursday afternoon.", [("Thursday afternoon", "DATE", "2025-05-08", None)]),
        ("last Friday", [("last Friday", "DATE", "2025-05-09", None)]),
        ("next Tuesday", [("next Tuesday", "DATE", "2025-05-20", None)]),
        ("last night", [("last night", "DATE", "2025-05-12", None)]),
        ("tomorrow morning", [("tomorrow morning", "DATE", "2025-05-14", None)]),
        ("last week", [("last week", "DATE", "2025-W19", None)]),
        ("next month", [("next month", "DATE", "2025-06", None)]),
        ("earlier this year", [("this year", "DATE", "2025", None)]),
        ("three days ago", [("three days ago", "DATE", "2025-05-10", None)]),
        ("He will resign in three days.", [("three days", "DATE", "2025-05-16", None)]),
        ("They fled in three days.", [("three days", "DURATION", "P3D", None)]),
        ("a 30-day ceasefire", [("30-day", "DURATION", "P30D", None)]),
        ("over five years", [("five years", "DURATION", "P5Y", None)]),
        ("within 48 hours", [("48 hours", "DURATION", "PT48H", None)]),
        ("twenty-five years", [("twenty-five years", "DURATION", "P25Y", None)]),
        ("two decades", [("two decades", "DURATION", "P20Y", None)]),
        ("every Monday", [("every Monday", "SET", "XXXX-WXX-1", None)]),
        ("every two years", [("every two years", "SET", "P2Y", None)]),
        ("at 10:30 p.m.", [("10:30 p.m.", "TIME", "T22:30", None)]),
    ],
)
def test_a_time_has_its_value(text: str, expected: list[tuple[str, str, str, str | None]]) -> None:
    found = find_times(text, PUBLISHED)
    assert [(t.text, t.type, t.value, t.end_value) for t in found] == expected
    assert all(text[t.start : t.end] == t.text for t in found)


@pytest.mark.parametrize(
    "text",
    [
        "a 42-year-old man",
        "2,000 people",
        "1,500 troops",
        "2014 people",
        "they may march",
        "May said so",
        "$2015",
        "February 30, 2020",
        "recently",
        "35:99",
        "20 may be late",
    ],
)
def test_what_is_no_time_or_has_no_value_is_left_out(text: str) -> None:
    assert find_times(text, PUBLISHED) == ()


@pytest.mark.parametrize("text", ["yesterday", "on Monday", "on June 1", "last week", "three days ago", "in March"])
def test_a_relative_time_without_a_publication_date_is_left_out(text: str) -> None:
    assert find_times(text, None) == ()


def test_an_absolute_time_needs_no_publication_date() -> None:
    assert [t.value for t in find_times("On May 9, 1945, after six years of war", None)] == ["1945-05-09", "P6Y"]


@pytest.mark.parametrize("today", [date(1, 1, 1), date(9999, 12, 31)])
def test_the_ends_of_the_calendar_are_no_error(today: date) -> None:
    text = "yesterday, tomorrow, last week, next week, last month, next month, 9999 years ago, on Monday, on June 1, in March, last year"
    assert all(t.value for t in find_times(text, today))


@pytest.mark.parametrize(
    ("text", "published_at", "expected"),
    [
        ("Headline\n\nFriday, August 21, 2015\n\nBody of 1 May 2001.", None, date(2015, 8, 21)),
        ("Headline\n\n21 August 2015\n\nBody.", datetime(2015, 8, 25, tzinfo=UTC), date(2015, 8, 21)),
        ("Headline\n\nOn August 21, 2015 it began.", datetime(2015, 8, 25, 23, 30, tzinfo=UTC), date(2015, 8, 25)),
        ("LONDON, Nov. 2, 2010 (Agency) — They met.", datetime(2024, 1, 1, tzinfo=UTC), date(2010, 11, 2)),
        ("Headline", None, None),
        ("", None, None),
    ],
)
def test_a_date_alone_on_a_line_is_the_day_of_the_story(text: str, published_at: datetime | None, expected: date | None) -> None:
    assert document_date(text, published_at) == expected
