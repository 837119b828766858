"""Matches of the time grammar → values: calendar arithmetic around the day of publication, without any pattern.

A reader takes a match and where it stands and returns a value, or None where there is none: a weekday in a story of unknown
date, the thirtieth of February. Periods that ISO 8601 has no name for are ranges: a weekend is its two days, a quarter or a
season its first and last month, a decade or a century its first and last year. Seasons are the meteorological ones of the
northern hemisphere; the winter of a year begins in it. "Early", "mid" and "late" leave the month or year as it is: how far
they reach is nobody's guess. Sets follow TimeML: how often within their period is not in the value.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from processors.languages import LanguageSpec, load_language
from stream.messages import TimeType

FAR = 120  # days from publication beyond which a date without a year follows the tense, not the calendar


def _english() -> LanguageSpec:
    spec = load_language("en")
    assert spec is not None
    return spec


SPEC = _english()


@dataclass(frozen=True, slots=True)
class Context:
    """Where a match stands: *today* is the day of publication, *tense* -1 past, 1 future, 0 unknown."""

    today: date | None
    tense: int


@dataclass(frozen=True, slots=True)
class Value:
    """The value of a time expression, as in the messages."""

    type: TimeType
    value: str
    end_value: str | None = None


Reader = Callable[[re.Match[str], Context], Value | None]

_BACK = frozenset({"last", "past", "previous", "since"})
_AHEAD = frozenset({"next", "coming", "upcoming", "until", "till", "by"})
_ISO_UNITS = {"second": "TS", "minute": "TM", "hour": "TH", "day": "D", "week": "W", "month": "M", "year": "Y"}
_ADVERBS = {
    "hourly": "PT1H",
    "daily": "P1D",
    "nightly": "P1D",
    "weekly": "P1W",
    "monthly": "P1M",
    "quarterly": "P3M",
    "yearly": "P1Y",
    "annually": "P1Y",
}
_DAY_WORDS = {"yesterday": -1, "tomorrow": 1, "last night": -1, "the day before yesterday": -2, "the day after tomorrow": 2}


# ---- words


def _word(match: re.Match[str], name: str) -> str:
    """Return the group in lower case, "" where the pattern has none or it took no part."""
    return (match.groupdict().get(name) or "").lower()


def _number(text: str) -> int | None:
    if text.replace(",", "").isdigit():
        return int(text.replace(",", ""))
    values = [SPEC.numbers.get(word) for word in text.lower().split("-")]
    return None if None in values else sum(v for v in values if v is not None)


def _month(text: str) -> int:
    return SPEC.months[text.lower().rstrip(".")]


def _ordinal(text: str) -> int:
    digits = re.sub(r"\D", "", text)
    return int(digits) if digits else SPEC.ordinals[text.lower()]


def _date(year: int, month: int, day: int) -> date | None:
    return date(year, month, day) if 1 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1] else None


def _plus(day: date, days: int) -> date | None:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return None


def _as_date(day: date | None) -> Value | None:
    return Value("DATE", day.isoformat()) if day else None


def _as_days(first: date | None, last: date | None) -> Value | None:
    return Value("DATE", first.isoformat(), last.isoformat()) if first and last and first <= last else None


def _as_month(index: int) -> str:
    """Return the month that is *index* months after January of the year 0."""
    return f"{index // 12:04}-{index % 12 + 1:02}"


def _as_months(first: int, count: int) -> Value | None:
    return Value("DATE", _as_month(first), _as_month(first + count - 1)) if 12 <= first < 120_000 - count else None


def _directed(match: re.Match[str], context: Context) -> int:
    """Return -1, 0 or 1: what the word before or else the tense says of the direction."""
    which = _word(match, "which")
    return -1 if which in _BACK else 1 if which in _AHEAD else context.tense


# ---- days


def day_of(match: re.Match[str]) -> date | None:
    """Return the day of a match with month by name, day and year."""
    return _date(int(match["year"]), _month(match["month"]), _ordinal(match["day"]))


def read_full(match: re.Match[str], context: Context) -> Value | None:
    """August 21, 2015."""
    return _as_date(day_of(match))


def read_iso(match: re.Match[str], context: Context) -> Value | None:
    """2015-08-21."""
    return _as_date(_date(int(match["year"]), int(match["month"]), int(match["day"])))


def read_numeric(match: re.Match[str], context: Context) -> Value | None:
    """21/8/2015 and 8/21/2015; with slashes or dashes only where it cannot be read both ways, with dots the day is first."""
    a, b, year = int(match["a"]), int(match["b"]), int(match["year"])
    readings = {_date(year, b, a)} | ({_date(year, a, b)} if match["sep"] != "." else set())
    days = [day for day in readings if day]
    return _as_date(days[0]) if len(days) == 1 else None


def nearest(month: int, day: int, context: Context) -> date | None:
    """Return the day of that name closest to publication; farther than FAR days away the tense decides."""
    if context.today is None:
        return None
    today = context.today
    days = [d for y in (today.year - 1, today.year, today.year + 1) if (d := _date(y, month, day))]
    best = min(days, key=lambda d: abs((d - today).days), default=None)
    if best is not None and context.tense and abs((best - today).days) > FAR:
        directed = [d for d in days if (d - today).days * context.tense >= 0]
        best = min(directed, key=lambda d: abs((d - today).days), default=best)
    return best


def read_month_day(match: re.Match[str], context: Context) -> Value | None:
    """June 1, also June 1 last year."""
    month, day = _month(match["month"]), _ordinal(match["day"])
    if not _word(match, "which"):
        return _as_date(nearest(month, day, context))
    year = _year_of(match, context)
    return _as_date(_date(year, month, day)) if year else None


def read_holiday(match: re.Match[str], context: Context) -> Value | None:
    """New Year's Eve, Christmas Day 2024: feasts that are on the same day every year."""
    month, _, day = SPEC.holidays[_word(match, "holiday").replace("’", "'")].partition("-")
    if match["year"]:
        return _as_date(_date(int(match["year"]), int(month), int(day)))
    if match["which"] and context.today:
        step = {"last": -1, "next": 1}.get(_word(match, "which"), 0)
        days = [d for y in (-1, 0, 1) if (d := _date(context.today.year + y, int(month), int(day)))]
        wanted = [d for d in days if (d - context.today).days * step > 0] if step else [d for d in days if d.year == context.today.year]
        return _as_date(min(wanted, key=lambda d: abs((d - days[0]).days) * -step, default=None))
    return _as_date(nearest(int(month), int(day), context))


def read_day_of_month(match: re.Match[str], context: Context) -> Value | None:
    """On the 12th: that day of this month, or of the month next to it that the tense or the calendar makes nearer."""
    if context.today is None:
        return None
    index, day = context.today.year * 12 + context.today.month - 1, _ordinal(match["day"])
    days = [d for step in (-1, 0, 1) if (d := _date((index + step) // 12, (index + step) % 12 + 1, day))]
    directed = [d for d in days if (d - context.today).days * context.tense >= 0] or days
    return _as_date(min(directed, key=lambda d: abs((d - context.today).days) if context.today else 0, default=None))


def read_days(match: re.Match[str], context: Context) -> Value | None:
    """June 28 to July 2, 2023; May 3-5; 3-5 May 2024; between 3 and 5 May."""
    last_name = _word(match, "month2") or match["month"]
    first_month, last_month = _month(match["month"] or last_name), _month(last_name)
    first_day, last_day = _ordinal(match["day"]), _ordinal(match["day2"])
    last = _date(int(match["year"]), last_month, last_day) if match["year"] else nearest(last_month, last_day, context)
    first = last and _date(last.year - (first_month > last_month), first_month, first_day)
    return _as_days(first, last)


def read_weekday(match: re.Match[str], context: Context) -> Value | None:
    """A bare weekday is the last one in a story told in the past, the day of publication included; else the next one."""
    return _as_date(_weekday(match["weekday"], _word(match, "which"), context))


def _weekday(name: str, which: str, context: Context) -> date | None:
    if context.today is None:
        return None
    back = (context.today.weekday() - SPEC.weekdays[name.lower()]) % 7
    if which in ("last", "past", "previous"):
        days = -(back or 7)
    elif which in ("next", "coming"):
        days = (7 - back) or 7
    elif which == "since":
        days = -back
    elif which == "this":
        days = 0 if back == 0 else 7 - back if context.tense >= 0 else -back
    else:
        days = -back if context.tense <= 0 or back == 0 else 7 - back
    return _plus(context.today, days)


def read_day_of_week(match: re.Match[str], context: Context) -> Value | None:
    """Thursday next week."""
    if context.today is None:
        return None
    weeks = {"last": -1, "next": 1}.get(_word(match, "which"), 0)
    return _as_date(_plus(context.today, 7 * weeks + SPEC.weekdays[_word(match, "weekday")] - context.today.weekday()))


def read_weekdays(match: re.Match[str], context: Context) -> Value | None:
    """Monday to Friday: the last day where the sentence puts it, the first in the week before that."""
    last = _weekday(match["weekday2"], _word(match, "which"), context)
    distance = (SPEC.weekdays[_word(match, "weekday2")] - SPEC.weekdays[_word(match, "weekday")]) % 7
    return _as_days(_plus(last, -distance), last) if last and distance else None


def read_weekend(match: re.Match[str], context: Context) -> Value | None:
    """Last, this, next or the weekend: Saturday and Sunday."""
    if context.today is None:
        return None
    which, back = _word(match, "which"), (context.today.weekday() - 5) % 7  # days since Saturday
    if which in ("last", "past", "previous"):
        days = -back if back > 1 else -back - 7
    elif which in ("next", "coming"):
        days = 7 - back if back > 1 or which == "coming" else 14 - back
    elif which == "this":
        days = -back if back <= 1 or context.tense < 0 else 7 - back
    else:
        days = -back if context.tense <= 0 or back <= 1 else 7 - back
    saturday = _plus(context.today, days)
    return _as_days(saturday, _plus(saturday, 1)) if saturday else None


def read_day_word(match: re.Match[str], context: Context) -> Value | None:
    """Yesterday, tonight, this morning: the day alone, part of it or not."""
    shift = _DAY_WORDS.get(" ".join(_word(match, "word").split()), 0)
    return _as_date(_plus(context.today, shift)) if context.today else None


# ---- months, years and what lies around them


def read_month_year(match: re.Match[str], context: Context) -> Value | None:
    """March 2022."""
    return Value("DATE", f"{int(match['year']):04}-{_month(match['month']):02}")


def read_month_of_year(match: re.Match[str], context: Context) -> Value | None:
    """May last year."""
    year = _year_of(match, context)
    return Value("DATE", f"{year:04}-{_month(match['month']):02}") if year else None


def read_months_of_year(match: re.Match[str], context: Context) -> Value | None:
    """The first three months of 2023, the last two months of the year."""
    year, count = int(_word(match, "year") or 0) or _year_of(match, context), _number(match["number"])
    if year is None or count is None or not 1 <= count <= 12:
        return None
    return _as_months(year * 12 + (0 if _word(match, "part") == "first" else 12 - count), count)


def read_months(match: re.Match[str], context: Context) -> Value | None:
    """January to March; October 2023 to May 2024; between March and June 2021."""
    first, last = _month(match["month"]), _month(match["month2"])
    if match["year2"]:
        end = int(match["year2"]) * 12 + last - 1
    elif (index := _month_index(last, "", context)) is not None:
        end = index
    else:
        return None
    start = int(match["year"]) * 12 + first - 1 if match["year"] else end - (last - first) % 12
    return Value("DATE", _as_month(start), _as_month(end)) if start < end else None


def read_month(match: re.Match[str], context: Context) -> Value | None:
    """In March, last June: the month of that name that the word before it or the tense points to, else the nearest."""
    index = _month_index(_month(match["month"]), _word(match, "which"), context)
    return Value("DATE", _as_month(index)) if index is not None and 12 <= index < 120_000 else None


def _month_index(month: int, which: str, context: Context) -> int | None:
    if context.today is None:
        return None
    tense = -1 if which in _BACK else 1 if which in ("next", "until") else context.tense
    distance = (month - context.today.month) % 12  # months ahead
    if which in ("last", "past") or (distance and (tense < 0 or (not tense and distance > 6))):
        distance -= 12
    elif which == "next" and not distance:
        distance = 12
    return context.today.year * 12 + context.today.month - 1 + distance


def read_quarter(match: re.Match[str], context: Context) -> Value | None:
    """The third quarter of 2024, Q3 2024, the first half of this year; without a year the one that the tense points to."""
    count = 6 if _word(match, "part") == "half" else 3
    number = 12 // count if _word(match, "number") in ("last", "final") else _ordinal(match["number"])
    year = int(_word(match, "year") or 0) or _year_of(match, context)
    if year is None or not 1 <= number <= 12 // count:
        return None
    start = year * 12 + (number - 1) * count
    if not _word(match, "year") and not _word(match, "which") and context.today and context.tense < 1:
        now = context.today.year * 12 + context.today.month - 1
        start -= 12 if start > now else 0  # reported in January: the fourth quarter of the year before
    return _as_months(start, count)


def _year_of(match: re.Match[str], context: Context) -> int | None:
    """Return the year that "of last year", "of this year" or "of the year" means."""
    step = {"last": -1, "previous": -1, "past": -1, "next": 1, "coming": 1}.get(_word(match, "which"), 0)
    return context.today.year + step if context.today else None


def read_season(match: re.Match[str], context: Context) -> Value | None:
    """Last summer, the spring of 2023, this winter."""
    first = SPEC.seasons[_word(match, "season")]
    if _word(match, "year"):
        return _as_months(int(match["year"]) * 12 + first - 1, 3)
    if context.today is None:
        return None
    now = context.today.year * 12 + context.today.month - 1
    since = (now - first + 1) % 12  # months since it began last
    which, tense = _word(match, "which"), _directed(match, context)
    if which in ("last", "past", "previous"):
        start = now - since - (12 if since < 3 else 0)
    elif which in ("next", "coming") or (since > 2 and (tense > 0 or (which == "this" and tense == 0 and since > 5))):
        start = now - since + 12
    else:
        start = now - since
    return _as_months(start, 3)


def read_year(match: re.Match[str], context: Context) -> Value | None:
    """In 2010."""
    return Value("DATE", match["year"])


def read_years(match: re.Match[str], context: Context) -> Value | None:
    """2004 to 2009, 2004-09."""
    first, last = match["year"], match["year2"]
    last = first[:2] + last if len(last) == 2 else last
    return Value("DATE", first, last) if first < last else None


def read_decade(match: re.Match[str], context: Context) -> Value | None:
    """The 1990s, the '90s, the nineties."""
    digits = re.sub(r"\D", "", match["decade"])
    first = int(digits) if len(digits) == 4 else 1900 + (int(digits) if digits else SPEC.numbers[_word(match, "decade")[:-3] + "y"])
    return Value("DATE", f"{first}", f"{first + 9}")


def read_century(match: re.Match[str], context: Context) -> Value | None:
    """The 19th century: 1801 to 1900."""
    number = _ordinal(match["number"])
    return Value("DATE", f"{number * 100 - 99:04}", f"{number * 100:04}") if 1 <= number <= 21 else None


def read_period(match: re.Match[str], context: Context) -> Value | None:
    """Last, this or next week, month or year; the past month and the last decade are how long something took."""
    which, unit = _word(match, "which"), _word(match, "unit")
    if which == "past" or (unit == "decade" and which != "this"):
        return Value("DURATION", _duration(1, unit)) if which != "previous" else None
    if context.today is None:
        return None
    if unit == "decade":
        first = context.today.year // 10 * 10
        return Value("DATE", f"{first:04}", f"{first + 9:04}")
    return _shifted(context.today, {"last": -1, "previous": -1, "next": 1, "coming": 1}.get(which, 0), unit)


def _shifted(today: date, count: int, unit: str) -> Value | None:
    """Return the day, week, month, year or decade *count* units from *today*, as precise as the unit."""
    if unit == "day":
        return _as_date(_plus(today, count))
    if unit == "week":
        day = _plus(today, 7 * count)
        return Value("DATE", "{}-W{:02}".format(*day.isocalendar()[:2])) if day else None
    if unit == "month":
        index = today.year * 12 + today.month - 1 + count
        return Value("DATE", _as_month(index)) if 12 <= index < 120_000 else None
    year = today.year + count * {"year": 1, "decade": 10}.get(unit, 0)
    return Value("DATE", f"{year:04}") if unit in ("year", "decade") and 1 <= year <= 9999 else None


def read_ago(match: re.Match[str], context: Context) -> Value | None:
    """Three days ago."""
    count = _number(match["number"])
    return _shifted(context.today, -count, _word(match, "unit")) if context.today and count is not None else None


def read_from_now(match: re.Match[str], context: Context) -> Value | None:
    """Two weeks from now, in two weeks' time."""
    count = _number(match["number"])
    return _shifted(context.today, count, _word(match, "unit")) if context.today and count is not None else None


def read_ahead(match: re.Match[str], context: Context) -> Value | None:
    """In three days: a day ahead where the verb looks ahead, else how long something took."""
    return read_from_now(match, context) if context.tense == 1 else None


# ---- durations, sets and clocks


def read_duration(match: re.Match[str], context: Context) -> Value | None:
    """Five years, 30-day, three and a half years."""
    count = _number(match["number"])
    if count is None:
        return None
    value = _duration(count, _word(match, "unit"))
    return Value("DURATION", f"{value[:-1]}.5{value[-1]}" if _word(match, "half") else value)


def read_one(match: re.Match[str], context: Context) -> Value | None:
    """For a week, an hour-long, half a year: the article is the number."""
    unit = _word(match, "unit")
    if not _word(match, "half"):
        return Value("DURATION", _duration(1, unit))
    halves = {"hour": "PT30M", "minute": "PT30S", "day": "PT12H", "year": "P6M", "decade": "P5Y", "century": "P50Y"}
    return Value("DURATION", halves[unit]) if unit in halves else None


def _duration(count: int, unit: str) -> str:
    if unit in ("decade", "century", "centurie"):
        return f"P{count * (10 if unit == 'decade' else 100)}Y"
    letters = _ISO_UNITS[unit]
    return f"PT{count}{letters[1]}" if letters[0] == "T" else f"P{count}{letters}"


def read_set(match: re.Match[str], context: Context) -> Value | None:
    """Every Monday, every two years, every other day."""
    if match["weekday"]:
        return Value("SET", f"XXXX-WXX-{SPEC.weekdays[_word(match, 'weekday')] + 1}")
    count = 2 if match["other"] else _number(match["number"]) if match["number"] else 1
    return Value("SET", _duration(count, _word(match, "unit"))) if count is not None else None


def read_weekday_set(match: re.Match[str], context: Context) -> Value | None:
    """On Mondays."""
    return Value("SET", f"XXXX-WXX-{SPEC.weekdays[_word(match, 'weekday')] + 1}")


def read_often(match: re.Match[str], context: Context) -> Value | None:
    """Twice a week, three times per month: the period."""
    return Value("SET", _duration(1, _word(match, "unit")))


def read_adverb(match: re.Match[str], context: Context) -> Value | None:
    """Daily, annually."""
    return Value("SET", _ADVERBS[_word(match, "adverb")])


def read_clock(match: re.Match[str], context: Context) -> Value | None:
    """10:30 p.m., 14:00, 1400 GMT."""
    hour, minute, half = int(match["hour"]), int(match["minute"] or 0), _word(match, "half")
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half[0] == "p" else 0)
    zone = "Z" if _word(match, "zone") else ""
    return Value("TIME", f"T{hour:02}:{minute:02}{zone}") if hour < 24 and minute < 60 else None


def read_noon(match: re.Match[str], context: Context) -> Value | None:
    """Noon, midnight."""
    return Value("TIME", "T12:00" if _word(match, "hour") in ("noon", "midday") else "T00:00")


def read_moment(match: re.Match[str], context: Context) -> Value | None:
    """2025-05-13T10:30Z."""
    day = _date(int(match["year"]), int(match["month"]), int(match["day"]))
    if day is None or int(match["hour"]) > 23 or int(match["minute"]) > 59:
        return None
    return Value("TIME", f"{day.isoformat()}T{match['hour']}:{match['minute']}{'Z' if match['zone'] else ''}")
