"""Dates of feeds are right or None."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from ingest.dates import ZONES, parse_date


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


TEN = utc(2026, 3, 2, 10, 0)
DAY = utc(2026, 3, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mon, 02 Mar 2026 10:00:00 GMT", TEN),
        ("Mon, 02 Mar 2026 10.00.00 GMT", TEN),
        ("2. maaliskuuta 2026 10.00 GMT", TEN),
        ("2. maaliskuuta 2026 klo 12.00 EET", TEN),
        ("Mon , 2, Mar 2026 10:0:0 GMT", TEN),
        ("Mon, 02 Mar 2026 11:00:00 +0100 CET", TEN),
        ("2026-03-02 10:00:00 +0000 UTC", TEN),
        ("2026-03-02T10:00:00+00:00Z", TEN),
        ("Mon, 2026-03-02 at 10:00 GMT", TEN),
        ("Monday, March 2, 2026 - 10:00 UTC", TEN),
        ("lundi 2 mars 2026 à 11h00 CET", TEN),
        ("2. März 2026, 11:00 Uhr MEZ", TEN),
        ("Mon, 02 Mar 2026 10:00:00 Etc/UTC", TEN),
        ("Mon, 02 Mar 2026 02:00:00 America/Los_Angeles", TEN),
        ("2026-07-02T12:00:00 Europe/Brussels", datetime(2026, 7, 2, 10, tzinfo=UTC)),
        ("2026-03-02 07:00 America/Argentina/Buenos_Aires", TEN),
        ("\u200eMon, 02 Mar 2026 10:00:00 GMT\u200f", TEN),
        ("20-03-2026T10:00:00Z", datetime(2026, 3, 20, 10, tzinfo=UTC)),
        ("Mon, 02 Mar 2026 11:00:00 +0100", TEN),
        ("Mon, 02 Mar 2026 05:00:00 EST", TEN),
        ("2 Mar 2026 10:00 UT", TEN),
        ("Mon,02 Mar 2026 10:00:00 Z", TEN),
        ("Monday, 02-Mar-26 10:00:00 GMT", TEN),
        ("Mon, 2 Mar 26 10:00:00 +0000", TEN),
        ("Mon, 02 March 2026 10:00:00 GMT", TEN),
        ("Mon, 02 Mar 2026 10:00:00 +0000 (UTC)", TEN),
        ("Mon, 02 Mar 2026, 10:00:00 GMT", TEN),
        ("Tue, 02 Mar 2026 10:00:00 GMT", TEN),
        ("  Mon,  02 Mar\n2026 10:00:00   GMT ", TEN),
        ("mon, 02 mar 2026 10:00:00 gmt", TEN),
        ("Mon, 02 Mar 2026 12:00:00 CEST", TEN),
        ("Mon, 02 Mar 2026 11:00:00 CET", TEN),
        ("Mon, 02 Mar 2026 15:30:00 +0530", TEN),
        ("Mon, 02 Mar 2026 15:30:00 +05:30", TEN),
        ("Mon, 02 Mar 2026 08:00:00 -02", TEN),
        ("Mon, 02 Mar 2026 12:00:00 GMT+2", TEN),
        ("2026-03-02T11:00:00+1", TEN),
        ("2026-03-02T11:00:00+1:00", TEN),
        ("Mon, 02 Mar 2026 12:00:00 GMT+0200 (CEST)", TEN),
        ("Mon, 02 Mar 2026 12:00:00 UTC +02:00", TEN),
        ("Mon, 02 Mar 2026 20:30:00 ACDT", TEN),
        ("Mon, 02 Mar 2026 07:30:00 NDT", TEN),
        ("Mon Mar  2 10:00:00 UTC 2026", TEN),
        ("Mon Mar 2 10:00:00 2026 +0000", TEN),
        ("March 2, 2026 10:00 AM UTC", TEN),
        ("March 2nd, 2026 at 10:00 UTC", TEN),
        ("Mon, 02 Mar 2026 12:00 PM +0200", TEN),
        ("Mon, 02 Mar 2026 12:00 AM +1400", utc(2026, 3, 1, 10)),
        ("2026-03-02T10:00:00Z", TEN),
        ("2026-03-02t10:00:00z", TEN),
        ("2026-03-02T10:00Z", TEN),
        ("2026-03-02T11:00:00+01:00", TEN),
        ("2026-03-02T11:00:00+0100", TEN),
        ("2026-03-02T11:00:00+01", TEN),
        ("2026-03-02T10:00:00.123Z", utc(2026, 3, 2, 10, 0, 0, 123000)),
        ("2026-03-02T10:00:00,5+00:00", utc(2026, 3, 2, 10, 0, 0, 500000)),
        ("2026-03-02T10:00:00.123456789Z", utc(2026, 3, 2, 10, 0, 0, 123457)),
        ("2026-03-02 10:00:00 +0000", TEN),
        ("2026-03-02 10:00:00 UTC", TEN),
        ("2026/03/02 10:00:00 +0000", TEN),
        ("2026/3/2 10:00 GMT", TEN),
        ("20260302T100000Z", TEN),
        ("20260302T1000+0000", TEN),
        ("2026-03-01T24:00:00Z", DAY),
        ("2025-12-31T23:59:60Z", utc(2026, 1, 1)),
        ("2024-02-29T00:00:00Z", utc(2024, 2, 29)),
        ("1772445600", TEN),
        ("1772445600000", TEN),
        ("Thu, 01 Jan 04 19:48:21 GMT", utc(2004, 1, 1, 19, 48, 21)),
        ("Sun, 02 Mar 97 19:48:21 GMT", utc(1997, 3, 2, 19, 48, 21)),
        ("1772445600.5", utc(2026, 3, 2, 10, 0, 0, 500000)),
        ("1772445600000000", TEN),
        ("Mon Mar 02 2026 11:00:00 GMT+0100 (Central European Standard Time)", TEN),
        ("2026-03-02T11:00:00+01:00[Europe/Berlin]", TEN),
        ("Mon, 02 Mar 2026 10:00:00 UTC+0", TEN),
        ("Mon, 02 Mar 2026 13:00:00 GMT+3", TEN),
        ("2nd March 2026 10:00 GMT", TEN),
        ("March 2nd, 2026 at 10:00 am GMT", TEN),
        ("2026-Mar-02 10:00:00 GMT", TEN),
        ("2026 Mar 2 10:00:00 GMT", TEN),
        ("13/03/2026 10:00 GMT", utc(2026, 3, 13, 10)),
        ("03/13/2026 10:00:00 +0000", utc(2026, 3, 13, 10)),
        ("03/03/2026 10:00:00 +0000", utc(2026, 3, 3, 10)),
        ("Fri 13.03.2026 10:00 GMT", utc(2026, 3, 13, 10)),
        ("Mo, 02 Mär 2026 11:00:00 +0100", TEN),
        ("Mo., 02. März 2026 11:00:00 +0100", TEN),
        ("lun, 02 mars 2026 11:00:00 +0100", TEN),
        ("lun., 02 mars 2026 11:00:00 +0100", TEN),
        ("lundi 2 mars 2026 à 11:00 CET", TEN),
        ("lun, 02 mar 2026 11:00:00 +0100", TEN),
        ("lunes, 2 de marzo de 2026 11:00:00 +0100", TEN),
        ("seg, 02 mar 2026 07:00:00 -0300", TEN),
        ("segunda-feira, 2 de março de 2026 07:00 BRT", TEN),
        ("Пн, 02 мар 2026 13:00:00 +0300", TEN),
        ("понедельник, 2 марта 2026 г., 13:00 MSK", TEN),
        ("pon, 02 mar 2026 11:00:00 +0100", TEN),
        ("poniedziałek, 2 marca 2026 11:00 CET", TEN),
        ("po, 02 bře 2026 11:00:00 +0100", TEN),
        ("Pzt, 02 Mar 2026 13:00:00 +0300", TEN),
        ("må, 02 mars 2026 11:00:00 +0100", TEN),
        ("ma, 02 mrt 2026 11:00:00 +0100", TEN),
        ("Δευ, 02 Μαρ 2026 12:00:00 +0200", TEN),
        ("2026年3月2日 18:00 +0800", TEN),
        ("2026年03月02日 19:00:00 JST", TEN),
        ("Mon, 02 Mar 2026 13:30:00 IRST", TEN),
    ],
)
def test_a_moment_is_read(text: str, expected: datetime) -> None:
    assert parse_date(text) == expected


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("Mon, 02 Mar 2026 15:30:00 IST", "IND", TEN),
        ("Mon, 02 Mar 2026 12:00:00 IST", "ISR", TEN),
        ("Mon, 02 Mar 2026 11:00:00 IST", "IRL", TEN),
        ("Mon, 02 Mar 2026 11:00:00 IST", "FRA", None),
        ("Mon, 02 Mar 2026 11:00:00 BST", "GBR", TEN),
        ("Mon, 02 Mar 2026 16:00:00 BST", "BGD", TEN),
        ("Mon, 02 Mar 2026 13:00:00 AST", "SAU", TEN),
        ("Mon, 02 Mar 2026 06:00:00 AST", "CAN", TEN),
        ("Mon, 02 Mar 2026 14:00:00 GST", "ARE", TEN),
        ("Mon, 02 Mar 2026 18:00:00 CST", "CHN", TEN),
        ("Mon, 02 Mar 2026 04:00:00 CST", "USA", TEN),
        ("Mon, 02 Mar 2026 04:00:00 CST", None, TEN),
        ("Mon, 02 Mar 2026 18:00:00 PST", "PHL", TEN),
        ("Mon, 02 Mar 2026 12:00:00 CEST", "FRA", TEN),
        ("Mon, 02 Mar 2026 10:00:00 GMT", "IND", TEN),
        ("2026-03-02 10:00", "GBR", None),
    ],
)
def test_the_country_of_a_feed_settles_what_a_zone_means(text: str, country: str | None, expected: datetime | None) -> None:
    assert parse_date(text, country) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02",
        "2026/03/02",
        "2026.03.02",
        "2026/3/2",
        "20260302",
        "02 Mar 2026",
        "Mon, 02 Mar 2026",
        "March 2, 2026",
        "2. März 2026",
        "2 marzo 2026",
        "2 de marzo de 2026",
        "2 de març de 2026",
        "2 марта 2026",
        "2. března 2026",
        "2026年3月2日",
        "2026년 3월 2일",
        "2026. március 2.",
        "2 मार्च 2026",
        "2 มีนาคม 2026",
        "2 مارس 2026",
        "2 מרץ 2026",
    ],
)
def test_a_day_alone_is_the_start_of_that_day(text: str) -> None:
    assert parse_date(text) == DAY


@pytest.mark.parametrize(
    "text",
    [
        "", "yesterday", "n/a", "0", "2026", "2026-03", "202603", "2026-W10-1", "2026-061", "10:00 GMT",
        "2026-03-02T10:00:00", "2026-03-02 10:00", "Mon, 02 Mar 2026 10:00:00", "Mon Mar 2 10:00:00 2026", "20260302100000",  # no zone
        "Mon, 02 Mar 2026 10:00:00 IST", "Mon, 02 Mar 2026 10:00:00 BST", "Mon, 02 Mar 2026 10:00:00 AST", "Mon, 02 Mar 2026 10:00:00 ET",
        "Mon, 02 Mar 2026 10:00:00 A", "Mon, 02 Mar 2026 10:00:00 XYZ", "Mon, 02 Mar 2026 10:00:00 Europe/Nowhere",
        "2026-10-25T02:30:00 Europe/Berlin", "2026-03-29T02:30:00 Europe/Berlin",  # twice, and not at all
        "1404-12-11T13:30:00+03:30", "1447/09/13 13:00 +0300", "2 มีนาคม 2569",  # other calendars
        "02/03/2026", "03/02/2026 10:00 GMT", "02.03.2026", "02-03-2026", "26-03-02", "02/03/26",  # day and month in either order
        "31/02/2026", "13/14/2026", "00/13/2026", "13.02.2026 10:00",
        "2 listopad 2026", "2 Foo 2026", "Mo, 02 Mär 2026 10:00:00", "2 de marzo",  # October in Croatia, November in Poland
        "31 Feb 2026", "2026-02-30", "2026-13-01", "2026-00-10", "2026-03-00", "2025-02-29T00:00:00Z",
        "2026-03-02T25:00:00Z", "2026-03-02T24:00:01Z", "2026-03-02T10:60:00Z", "2026-03-02T10:00:61Z", "2026-03-02 13:00 PM UTC",
        "2026-03-02T10:00:00+15:00", "2026-03-02T10:00:00+01:60", "2026-03-02T10:00:00+010",
        "0001-01-01T00:00:00Z", "0000-00-00 00:00:00", "Wed, 30 Nov -0001 00:00:00 +0000", "1970-01-01T00:00:00Z",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "9999-12-31T23:59:59-01:00", "2026030210", "1", "123456789", "99999999999999999999", "17724456",
            "17724456000", "1772445600.", "1772445600.5.5",
        "²⁰²⁶-03-02", "２０２６-03-02T10:00:00Z", "2026-03-02T10:00:00Z and more",
        "x" * 1_000_000, " " * 1_000_000, "1" * 1_000_000,
    ],
)  # fmt: skip
def test_what_is_no_moment_or_more_than_one_is_none(text: str) -> None:
    assert parse_date(text) is None


def test_what_the_standards_write_comes_back_as_it_was() -> None:
    dice = random.Random(7)
    for _ in range(2000):
        moment = utc(1990, 1, 1) + timedelta(seconds=dice.randrange(60 * 365 * 86_400))
        assert parse_date(format_datetime(moment)) == moment
        assert parse_date(format_datetime(moment, usegmt=True)) == moment
        assert parse_date(moment.isoformat()) == moment
        assert parse_date(moment.strftime("%Y%m%dT%H%M%SZ")) == moment


def test_every_zone_of_the_table_lies_on_earth() -> None:
    assert len(ZONES) > 80
    assert all(timedelta(hours=-12) <= offset <= timedelta(hours=14) for offset in ZONES.values())
    assert ZONES["NDT", "-"] == -timedelta(hours=2, minutes=30)
