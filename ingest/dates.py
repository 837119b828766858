"""Dates as feeds write them → aware UTC, or None: right or nothing, never a guess.

What is not guessed: the zone of a time that names none, or an abbreviation that several places use (IST, BST); the order
of day and month (03/02/2026); the century of anything but an RFC 822 date. A day without a time is taken as the start of
that day in UTC, because the day is what was said and all that is known; a bare year or month is not a day.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from ingest.data import read_table

MAX_CHARS = 100  # no date is longer
_MAX_OFFSET = timedelta(hours=14)
_EARLIEST = datetime(1000, 1, 1, tzinfo=UTC)  # year 1 and the like stand for "no date"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_SECONDS = range(315_532_800, 4_102_444_800)  # 1980 to 2099

_MONTHS = {name: n for n, name in enumerate(("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1)}
_ZONE = r"(?P<zone>[A-Z]{1,5}|(?:GMT|UTC|UT|Z)?\s?[+\-\u2212](?:[0-9]{4}|[0-9]{1,2}(?::[0-9]{2})?))"
_SECOND = r"(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,12}))?"
_TIME = rf"(?P<hour>[0-9]{{1,2}}):(?P<minute>[0-9]{{2}})(?::{_SECOND})?(?:\s?(?P<half>[AP])\.?M\.?)?"
_DAY_NAME = r"(?:[A-Z]{2,10}\.?,?\s?)?"
_MONTH = r"(?P<month_name>(?:JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEPT?|OCT|NOV|DEC|JANUARY|FEBRUARY|MARCH|APRIL|JUNE|JULY|AUGUST|SEPTEMBER|OCTOBER|NOVEMBER|DECEMBER))\.?"  # fmt: skip  # noqa: E501
_FORMATS = tuple(
    re.compile(pattern + r"(?:\s?\([^()]*\))?", re.IGNORECASE | re.ASCII)
    for pattern in (
        # RFC 822, RFC 2822, RFC 850: Mon, 02 Mar 2026 10:00:00 +0100; 2-Mar-26 10:00 GMT; 2 March 2026
        rf"{_DAY_NAME}(?P<day>[0-9]{{1,2}})[\s-]?{_MONTH}[\s,-]{{0,2}}(?P<year>[0-9]{{4}}|[0-9]{{2}})(?:,?\s{_TIME}\s?{_ZONE})?",
        # March 2, 2026 10:00 AM EST
        rf"{_DAY_NAME}{_MONTH}\s(?P<day>[0-9]{{1,2}})(?:ST|ND|RD|TH)?,?\s(?P<year>[0-9]{{4}})(?:,?\s(?:AT\s)?{_TIME}\s?{_ZONE})?",
        # asctime and date(1): Mon Mar 2 10:00:00 UTC 2026, Mon Mar 2 10:00:00 2026 +0000
        rf"{_DAY_NAME}{_MONTH}\s(?P<day>[0-9]{{1,2}}),?\s{_TIME}\s{_ZONE}\s(?P<year>[0-9]{{4}})",
        rf"{_DAY_NAME}{_MONTH}\s(?P<day>[0-9]{{1,2}})\s{_TIME}\s(?P<year>[0-9]{{4}})\s{_ZONE}",
        # ISO 8601, RFC 3339, W3CDTF, and the same with slashes or dots, which nobody writes in another order
        rf"(?P<year>[0-9]{{4}})(?P<sep>[-/.])(?P<month>[0-9]{{1,2}})(?P=sep)(?P<day>[0-9]{{1,2}})(?:(?:T|,?\s){_TIME}\s?{_ZONE})?",
        rf"(?P<year>[0-9]{{4}})(?P<month>[0-9]{{2}})(?P<day>[0-9]{{2}})(?:T(?P<hour>[0-9]{{2}}):?(?P<minute>[0-9]{{2}})(?::?{_SECOND})?{_ZONE})?",
    )
)


def parse_date(text: str) -> datetime | None:
    """Return the moment that *text* names, aware UTC; None where it names none or more than one."""
    text = " ".join(text.split()) if len(text) <= MAX_CHARS else ""
    try:
        moment = _from_digits(text) if text.isdigit() and len(text) > 8 else _from_words(text)
    except (ValueError, OverflowError):  # 31 February, hour 25, year 10000 once in UTC
        return None
    return moment if moment and moment >= _EARLIEST and moment != _EPOCH else None


def _from_words(text: str) -> datetime | None:
    for pattern in _FORMATS:
        found = pattern.fullmatch(text)
        if found:
            return _moment(found.groupdict())
    return None


def _moment(parts: dict[str, str | None]) -> datetime | None:
    day = datetime(_year(parts["year"] or ""), _month(parts), int(parts["day"] or 0), tzinfo=UTC)
    if parts["hour"] is None:
        return day
    offset = _offset(parts["zone"] or "")
    clock = _clock(parts)
    return None if offset is None or clock is None else day + clock - offset


def _year(digits: str) -> int:
    """Return the year; two digits as RFC 2822 §4.3 reads them."""
    year = int(digits)
    return year if len(digits) == 4 else year + (2000 if year < 50 else 1900)


def _month(parts: dict[str, str | None]) -> int:
    name = parts.get("month_name")
    return _MONTHS[name[:3].lower()] if name else int(parts["month"] or 0)


def _clock(parts: dict[str, str | None]) -> timedelta | None:
    """Return the time since midnight; 24:00 and a leap second are the start of what follows."""
    hour, minute, second = (int(parts[name] or 0) for name in ("hour", "minute", "second"))
    half = (parts.get("half") or "").upper()
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "P" else 0)
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second)):
        return None
    return timedelta(hours=hour, minutes=minute, seconds=second + float("0." + (parts["fraction"] or "0")))


def _offset(zone: str) -> timedelta | None:
    """Return the offset from UTC that *zone* names, by number or by a name that means one offset."""
    name, sign, digits = re.fullmatch(r"([A-Z]*)\s?([+\-\u2212]?)([0-9:]*)", zone.upper()).groups()  # type: ignore[union-attr]
    if not sign:
        return ZONES.get(name)
    hours, minutes = (digits.replace(":", "")[:-2], digits[-2:]) if len(digits) > 2 else (digits, "0")
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    if offset > _MAX_OFFSET or int(minutes) > 59:
        return None
    return offset if sign == "+" else -offset


def _from_digits(digits: str) -> datetime | None:
    """Return the moment of a count of seconds or milliseconds since 1970; None where it could as well be YYYYMMDDHH."""
    if len(digits) == 10 and re.fullmatch(r"(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])([01][0-9]|2[0-4])", digits):
        return None
    seconds, milliseconds = divmod(int(digits), 1000) if len(digits) in (12, 13) else (int(digits), 0)
    return _EPOCH + timedelta(seconds=seconds, milliseconds=milliseconds) if seconds in _EPOCH_SECONDS else None


def _load_zones() -> dict[str, timedelta]:
    return {name: timedelta(hours=int(offset[:3]), minutes=int(offset[0] + offset[4:])) for name, offset in read_table("zones.tsv")}


ZONES = _load_zones()
