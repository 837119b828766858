"""What the headers of a response say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from ingest.headers import content_type, max_age, retry_after

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text/xml", ("text/xml", None)),
        ("Text/XML; Charset=UTF-8", ("text/xml", "utf-8")),
        ('text/xml; x=1; charset="iso-8859-1"', ("text/xml", "iso-8859-1")),
        ("; charset=utf-8", (None, "utf-8")),
        ("", (None, None)),
        (";;;=;", (None, None)),
    ],
)
def test_a_content_type_is_taken_apart(value: str, expected: tuple[str | None, str | None]) -> None:
    assert content_type(value) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Cache-Control": "max-age=600"}, 600.0),
        ({"Cache-Control": "public, Max-Age = 60"}, 60.0),
        ({"Cache-Control": 'max-age="60"'}, 60.0),
        ({"Cache-Control": "max-age=600", "Age": "100"}, 500.0),
        ({"Cache-Control": "max-age=60", "Age": "100"}, 0.0),
        ({"Cache-Control": "max-age=60", "Age": "soon"}, 60.0),
        ({"Cache-Control": "s-maxage=60"}, None),
        ({"Cache-Control": "no-cache, max-age=60"}, None),
        ({"Cache-Control": "max-age=-1"}, None),
        ({"Cache-Control": "max-age=999999999999"}, 315360000.0),
        ({"Expires": format_datetime(NOW + timedelta(hours=1), usegmt=True)}, 3600.0),
        ({"Expires": format_datetime(NOW + timedelta(hours=1)), "Date": format_datetime(NOW + timedelta(minutes=50))}, 600.0),
        ({"Expires": format_datetime(NOW + timedelta(hours=1)), "Cache-Control": "max-age=60"}, 60.0),
        ({"Expires": format_datetime(NOW + timedelta(hours=1)), "Cache-Control": "no-store"}, None),
        ({"Expires": format_datetime(NOW - timedelta(hours=1))}, 0.0),
        ({"Expires": "0"}, None),
        ({}, None),
    ],
)
def test_max_age_is_read(headers: dict[str, str], expected: float | None) -> None:
    assert max_age(headers, NOW) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", 120.0),
        ("0", 0.0),
        (format_datetime(NOW + timedelta(minutes=5), usegmt=True), 300.0),
        (format_datetime(NOW - timedelta(minutes=5), usegmt=True), 0.0),
        ("Mon, 02 Mar 2026 12:01:00", 60.0),
        ("9" * 400, 315360000.0),
        ("-5", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str, expected: float | None) -> None:
    assert retry_after({"Retry-After": value}, NOW) == expected
