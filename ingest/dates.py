"""Dates as feeds write them → aware UTC, or None: right or nothing, never a guess.

What is not guessed: the zone of a time that names none, or an abbreviation that several places use (IST, BST) unless the country of
the feed settles it; the order of day and month (03/02/2026) unless only one is possible (13/02/2026); the century of anything but
an RFC 822 date. A day without a time is taken as the start of that day in UTC, because the day is what was said and all that is
known; a bare year or month is not a day. The names of months are read in many languages, weekdays are passed over in any.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from ingest.data import read_table

MAX_CHARS = 100  # no date is longer
_UNSEEN = frozenset({"Mn", "Mc", "Me", "Cf"})  # marks, and what only says how to show the text
_MAX_OFFSET = timedelta(hours=14)
_YEARS = range(1600, 2200)  # of newspapers so far; year 1 stands for "no date", 1405 and 2569 are of other calendars
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_SECONDS = range(315_532_800, 4_102_444_800)  # 1980 to 2099
_EPOCH_DIGITS = {9: 1, 10: 1, 12: 1000, 13: 1000, 15: 1_000_000, 16: 1_000_000}  # length of a count since 1970 → counts in a second

_REGION = r"[a-z_]{3,20}(?:/[a-z0-9_+-]{1,20}){1,2}"  # Europe/Berlin
_NUMBER = r"(?:gmt|utc|ut|z)?\s?[+\-\u2212](?:[0-9]{4}|[0-9]{1,2}(?::[0-9]{2})?)(?:\s?[a-z]{1,5})?"  # +0100 CET: the number counts
_ZONE = rf"(?P<zone>[a-z]{{1,5}}|{_REGION}|{_NUMBER})"
_SECOND = r"(?P<second>[0-9]{2}|(?<=:)[0-9])(?:[.,](?P<fraction>[0-9]{1,12}))?"
_MINUTE = r"(?P<colon>[:.h])(?P<minute>[0-9]{2}|(?<=:)[0-9])"
_TIME = rf"(?P<hour>[0-9]{{1,2}}){_MINUTE}(?:(?P=colon){_SECOND})?(?:\s?(?P<half>[ap])\.?m\.?(?![a-z]))?(?:\s?uhr)?"
_WORD = r"[^\W\d_][^\W\d_'’.-]{2,19}"
_WEEKDAY = rf"(?:(?:{_WORD}|[^\W\d_]{{2}})(?:-{_WORD})?\.?(?:\s?,\s?|\s))?"  # in any language: segunda-feira, Mo.
_MONTH = rf"(?P<month_name>{_WORD})\.?"
_DAY = r"(?P<day>[0-9]{1,2})"
_YEAR = r"(?P<year>[0-9]{4})"
_SHORT_YEAR = r"(?P<year>[0-9]{4}|[0-9]{2})"
_OF = r"(?:de\s|di\s|d['’]\s?)?"  # 2 de marzo de 2026, 2 d'abril
_AT = r"(?:(?:,|\s(?:at|a|um|klo?\.?|[-\u2013]))?\s|t)"
_THEN = rf"(?:{_AT}{_TIME}\s?{_ZONE})?"
_FORMATS = tuple(
    re.compile(pattern + r"(?:\s?\([^()]*\)|\[[\w/+-]+\])?")  # a comment (RFC 5322 §3.2.2), a zone by its name as Java adds it
    for pattern in (
        # RFC 822, RFC 2822, RFC 850: Mon, 02 Mar 2026 10:00:00 +0100; 2-Mar-26 10:00 GMT; 2 March 2026; 2. März 2026
        rf"{_WEEKDAY}{_DAY}(?:st|nd|rd|th|er|[.,ºª])?[\s-]?{_OF}{_MONTH}[\s,-]{{0,2}}{_OF}{_SHORT_YEAR}(?:\s?г\.)?{_THEN}",
        # March 2, 2026 10:00 AM EST; Mon Mar 02 2026 10:00:00 GMT+0100
        rf"{_WEEKDAY}{_MONTH}\s{_DAY}(?:st|nd|rd|th)?,?\s{_YEAR}{_THEN}",
        # asctime and date(1): Mon Mar 2 10:00:00 UTC 2026, Mon Mar 2 10:00:00 2026 +0000
        rf"{_WEEKDAY}{_MONTH}\s{_DAY},?\s{_TIME}\s{_ZONE}\s{_YEAR}",
        rf"{_WEEKDAY}{_MONTH}\s{_DAY}\s{_TIME}\s{_YEAR}\s{_ZONE}",
        # the year first: 2026 Mar 2, 2026-Mar-02, 2026. március 2.
        rf"{_YEAR}\.?[\s-]{_MONTH}[\s-]{_DAY}\.?{_THEN}",
        # ISO 8601, RFC 3339, W3CDTF, and the same with slashes or dots, which nobody writes in another order
        rf"{_WEEKDAY}{_YEAR}(?P<sep>[-/.])(?P<month>[0-9]{{1,2}})(?P=sep){_DAY}{_THEN}",
        rf"{_YEAR}(?P<month>[0-9]{{2}})(?P<day>[0-9]{{2}})(?:t(?P<hour>[0-9]{{2}}):?(?P<minute>[0-9]{{2}})(?::?{_SECOND})?{_ZONE})?",
        # 2026年3月2日 10:00 +0800, 2026년 3월 2일
        rf"{_YEAR}[年년]\s?(?P<month>[0-9]{{1,2}})[月월]\s?{_DAY}[日일](?:\s?{_TIME}\s?{_ZONE})?",
        # day and month in either order
        rf"{_WEEKDAY}(?P<one>[0-9]{{1,2}})(?P<sep>[-/.])(?P<other>[0-9]{{1,2}})(?P=sep){_YEAR}{_THEN}",
    )
)

Parts = Mapping[str, str | None]


def parse_date(text: str, country: str | None = None) -> datetime | None:
    """Return the moment that *text* names, aware UTC; None where it names none or more than one.

    *country* is that of the feed, ISO 3166 alpha-3: IST is another zone in India than in Israel.
    """
    text = " ".join(text.split()) if len(text) <= MAX_CHARS else ""
    try:
        moment = _from_count(text) if re.fullmatch(r"[0-9]{9,}(?:\.[0-9]{1,9})?", text) else _from_words(folded(text), country)
    except (ValueError, OverflowError):  # 31 February, hour 25, year 10000 once in UTC
        return None
    return moment if moment and moment.year in _YEARS and moment != _EPOCH else None


def folded(text: str) -> str:
    """Return *text* in lower case and without marks, those of direction among them: ``März`` and ``marz`` are one name."""
    if text.isascii():
        return text.lower()
    letters = (c for c in unicodedata.normalize("NFD", text.casefold()) if unicodedata.category(c) not in _UNSEEN)
    return unicodedata.normalize("NFC", "".join(letters))


def _from_words(text: str, country: str | None) -> datetime | None:
    for pattern in _FORMATS:
        found = pattern.fullmatch(text)
        if found:
            return _moment(found.groupdict(), country)
    return None


def _moment(parts: Parts, country: str | None) -> datetime | None:
    month_and_day = _month_and_day(parts)
    if month_and_day is None:
        return None
    day = datetime(_year(parts["year"] or ""), *month_and_day, tzinfo=UTC)
    if parts["hour"] is None:
        return day
    clock = _clock(parts)
    if clock is None:
        return None
    zone = parts["zone"] or ""
    offset = _offset_in(zone, day + clock) if "/" in zone else _offset(zone, country)
    return None if offset is None else day + clock - offset


def _year(digits: str) -> int:
    """Return the year; two digits as RFC 2822 §4.3 reads them."""
    year = int(digits)
    return year if len(digits) == 4 else year + (2000 if year < 50 else 1900)


def _month_and_day(parts: Parts) -> tuple[int, int] | None:
    """Return month and day; None for a name that is no month's, and for two numbers that could each be either."""
    if parts.get("one"):
        one, other = int(parts["one"] or 0), int(parts["other"] or 0)
        if one != other and max(one, other) <= 12:
            return None
        return min(one, other), max(one, other)
    name = parts.get("month_name")
    month = MONTHS.get(name) if name else int(parts["month"] or 0)
    return None if month is None else (month, int(parts["day"] or 0))


def _clock(parts: Parts) -> timedelta | None:
    """Return the time since midnight; 24:00 and a leap second are the start of what follows."""
    hour, minute, second = (int(parts[name] or 0) for name in ("hour", "minute", "second"))
    half = parts.get("half")
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "p" else 0)
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second)):
        return None
    return timedelta(hours=hour, minutes=minute, seconds=second + float("0." + (parts["fraction"] or "0")))


def _offset(zone: str, country: str | None) -> timedelta | None:
    """Return the offset from UTC that *zone* names, by number or by a name that means one offset, in *country* at least."""
    name, sign, digits = re.fullmatch(r"([A-Z]*)\s?([+\-\u2212]?)([0-9:]*)\s?[A-Z]*", zone.upper()).groups()  # type: ignore[union-attr]
    if not sign:
        return next((ZONES[key] for key in ((name, country or "-"), (name, "-")) if key in ZONES), None)
    hours, minutes = (digits.replace(":", "")[:-2], digits[-2:]) if len(digits) > 2 else (digits, "0")
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    if offset > _MAX_OFFSET or int(minutes) > 59:
        return None
    return offset if sign == "+" else -offset


def _offset_in(region: str, local: datetime) -> timedelta | None:
    """Return the offset from UTC in *region* at *local* time; None where that time was twice, or not at all."""
    name = _regions().get(region)
    if name is None:
        return None
    offset, later = (local.replace(tzinfo=ZoneInfo(name), fold=fold).utcoffset() for fold in (0, 1))
    return offset if offset == later else None


@cache
def _regions() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}


def _from_count(text: str) -> datetime | None:
    """Return the moment of a count of seconds, milli- or microseconds since 1970; None where it could as well be YYYYMMDDHH."""
    digits, _, fraction = text.partition(".")
    if not fraction and re.fullmatch(r"(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])([01][0-9]|2[0-4])", digits):
        return None
    seconds, rest = divmod(int(digits), _EPOCH_DIGITS.get(len(digits), 1))
    below = rest / _EPOCH_DIGITS.get(len(digits), 1) + float(f"0.{fraction or 0}")
    return _EPOCH + timedelta(seconds=seconds + below) if seconds in _EPOCH_SECONDS else None


def _load_zones() -> dict[tuple[str, str], timedelta]:
    rows = ((name, countries, offset) for name, countries, offset in read_table("zones.tsv"))
    return {
        (name, country): timedelta(hours=int(offset[:3]), minutes=int(offset[0] + offset[4:]))
        for name, countries, offset in rows
        for country in countries.split(",")
    }


ZONES = _load_zones()
MONTHS = {name: int(month) for name, month, _ in read_table("months.tsv")}
