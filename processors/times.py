"""Times that a text names → ISO 8601 values, by a regular grammar for English (``processors.time_grammar``).

What cannot be given a value (a weekday in a story of unknown date, "recently", "on the second day") is left out. Weeks are
ISO weeks; a range has its last day, month or year as *end_value*, inclusive; sets follow TimeML ("every Monday" is
XXXX-WXX-1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime

from spacy.tokens import Doc

from processors.time_grammar import DATE_LINES, RULES
from processors.time_values import SPEC, Context, Value, day_of
from stream.messages import TimeExpression

DATELINE_LINES = 12  # lines of a text in which its date may stand alone
CONTEXT = 120  # code points before a time in which the verb that gives its direction is sought
WINDOW = 4_000  # code points of a line that are searched at once, so that a text without line breaks is no slower

_FUTURE = re.compile(
    r"\b(?:(?:will|would|shall|'ll|to)(?: \w+)? be \w+|will|would|shall|'ll|plans?|planned|planning|"
    r"upcoming|scheduled|expected|expects?|due|set|aims?|ensure|hopes?|intends?|ahead|until|by|next|coming|"
    r"going to|to be|to (?:meet|hold|visit|begin|start|take|discuss|attend|vote|travel|sign))\b",
    re.IGNORECASE,
)
_PAST = re.compile(
    r"\b(?:was|were|had|has|have|did|took|met|held|last|began|since|came|went|fell|shot|hit|struck|killed|\w{3,}ed)\b", re.IGNORECASE
)
_BREAK = re.compile(r"\n|[.!?;][\"'”’)]*\s+(?=[A-Z\"“‘(])")
_LINE = re.compile(rf".{{1,{WINDOW}}}(?:(?<=\s)|$|(?=\n)|(?!\S))|.{{1,{WINDOW}}}", re.MULTILINE)
_WORD = re.compile(r"[^\W\d_]+|\d+")


def _kinds() -> Mapping[str, frozenset[str]]:
    """Return the kinds of each word that a rule may need."""
    words = {
        "month": (*SPEC.months,),
        "weekday": (*SPEC.weekdays, *(f"{day}s" for day in SPEC.weekdays)),
        "season": (*SPEC.seasons,),
        "holiday": tuple(re.split(r"['\s]", holiday)[0] for holiday in SPEC.holidays),
        "period": (
            *("second", "minute", "hour", "day", "week", "month", "year", "decade", "century"),
            *("seconds", "minutes", "hours", "days", "weeks", "months", "years", "decades", "centuries", "weekend", "quarter", "half"),
        ),
        "day": (
            *("yesterday", "today", "tomorrow", "tonight", "overnight"),
            *("night", "morning", "afternoon", "evening", "noon", "midday", "midnight"),
        ),
        "decade": ("thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties"),
        "adverb": ("hourly", "daily", "nightly", "weekly", "monthly", "quarterly", "yearly", "annually"),
        "often": ("once", "twice", "times"),
        "every": ("every", "each"),
        "ago": ("ago",),
        "business": (
            "profit",
            "profits",
            "revenue",
            "revenues",
            "sales",
            "earnings",
            "growth",
            "gdp",
            "economy",
            "output",
            "billion",
            "exports",
        ),
    }
    return {word: frozenset(kind for kind, those in words.items() if word in those) for those in words.values() for word in those}


_KINDS = _kinds()
_MAY_BE_NAMES = frozenset({"april", "may", "june", "august", "march", "jan", "mar"})  # of people


def find_times(doc_or_text: Doc | str, published_on: date | None) -> tuple[TimeExpression, ...]:
    """Return the times in text order, none overlapping another; *published_on* is the day that "today" means.

    In a Doc, a month that is (part of) a person's name is none.
    """
    text = doc_or_text if isinstance(doc_or_text, str) else doc_or_text.text
    found = [one for start, end in _lines(text) for one in _in_line(text, start, end, published_on)]
    times = tuple(
        TimeExpression(start=start, end=end, text=text[start:end], type=value.type, value=value.value, end_value=value.end_value)
        for start, end, value in _without_overlaps(found)
    )
    return times if isinstance(doc_or_text, str) else tuple(t for t in times if not _is_person(doc_or_text, t))


def document_date(text: str, published_at: datetime | None) -> date | None:
    """Return the day a story is of: a full date alone on one of its first lines or in its dateline, else that of publication in UTC."""
    for line in text.split("\n", DATELINE_LINES)[:DATELINE_LINES]:
<<<<<<< HEAD
        for pattern in _DATE_LINES:
            match = pattern.match(line.strip())
            if match and (day := _day(match)):
=======
        for pattern in DATE_LINES:
            match = pattern.fullmatch(line.strip())
            if match and (day := day_of(match)):
>>>>>>> pipeline
                return day
    return published_at.astimezone(UTC).date() if published_at else None


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Yield the ranges of the lines, a long one in pieces that end at whitespace."""
    for match in _LINE.finditer(text):
        yield match.span()


def _in_line(text: str, start: int, end: int, today: date | None) -> Iterator[tuple[int, int, int, Value]]:
    """Yield (start, minus end, rank of the rule, value) of every match between *start* and *end*."""
    kinds = _kinds_in(text[start:end])
    if not kinds:
        return
    for rank, rule in enumerate(RULES):
        if not rule.needs <= kinds:
            continue
        for match in rule.pattern.finditer(text, start, end):
            value = rule.read(match, Context(today, _tense(text, match.start(), match.end())))
            if value is not None:
                span = match.span("time") if "time" in rule.pattern.groupindex else match.span()
                yield span[0], -span[1], rank, value


def _kinds_in(line: str) -> set[str]:
    """Return what kinds of word stand in *line*."""
    words = set(_WORD.findall(line.lower()))
    kinds = {kind for word in words if word in _KINDS for kind in _KINDS[word]}
    digits = [word for word in words if word[0].isdecimal()]
    if digits:
        kinds.add("number")
        if any(len(word) >= 4 for word in digits):
            kinds.add("year")
    return kinds


def _without_overlaps(found: list[tuple[int, int, int, Value]]) -> Iterator[tuple[int, int, Value]]:
    """Yield from left to right, the longest first, the earlier rule first."""
    last = 0
    for start, minus_end, _rank, value in sorted(found, key=lambda f: f[:3]):
        if start >= last:
            last = -minus_end
            yield start, last, value


def _is_person(doc: Doc, time: TimeExpression) -> bool:
    """Return whether a bare month is what the pipeline calls a person (Theresa May)."""
    if time.text.lower() not in _MAY_BE_NAMES:
        return False
    span = doc.char_span(time.start, time.end, alignment_mode="expand")
    return span is not None and any(token.ent_type_ in ("PERSON", "PER") for token in span)


def _tense(text: str, start: int, end: int) -> int:
    """Return the direction that the nearest cue before the time in its sentence gives, else one after it."""
    before = _BREAK.split(text[max(0, start - CONTEXT) : start])[-1]
    after = _BREAK.split(text[end : end + CONTEXT // 2])[0]
    future = max((m.end() for m in _FUTURE.finditer(before)), default=-1)  # its end: "will be held" is no past
    past = max((m.start() for m in _PAST.finditer(before)), default=-1)
    if future != past:
        return 1 if future > past else -1
    return 1 if _FUTURE.search(after) else -1 if _PAST.search(after) else 0
<<<<<<< HEAD


# ---- readers: a match and its context → a value, or None where there is none


def _number(text: str) -> int | None:
    words = text.lower().split("-")
    if text.isdigit():
        return int(text)
    values = [_SPEC.numbers.get(word) for word in words]
    return None if None in values else sum(v for v in values if v is not None)


def _month(text: str) -> int:
    return _SPEC.months[text.lower().rstrip(".")]


def _ordinal(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def _date(year: int, month: int, day: int) -> date | None:
    return date(year, month, day) if 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1] else None


def _plus(day: date, days: int) -> date | None:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return None


def _day(match: re.Match[str]) -> date | None:
    return _date(int(match["year"]), _month(match["month"]), _ordinal(match["day"]))


def _as_date(day: date | None) -> _Value | None:
    return _Value("DATE", day.isoformat()) if day else None


def _nearest(month: int, day: int, context: _Context) -> date | None:
    """Return the day of that name closest to publication; farther than four months away the tense decides."""
    if context.today is None:
        return None
    today = context.today
    years = [y for y in (today.year - 1, today.year, today.year + 1) if 1 <= y <= 9999]
    days = [d for y in years if (d := _date(y, month, day))]
    best = min(days, key=lambda d: abs((d - today).days), default=None)
    if best is not None and context.tense and abs((best - today).days) > 120:
        directed = [d for d in days if (d - today).days * context.tense >= 0]
        best = min(directed, key=lambda d: abs((d - today).days), default=best)
    return best


def _read_full(match: re.Match[str], context: _Context) -> _Value | None:
    return _as_date(_day(match))


def _read_month_day(match: re.Match[str], context: _Context) -> _Value | None:
    return _as_date(_nearest(_month(match["month"]), _ordinal(match["day"]), context))


def _read_iso(match: re.Match[str], context: _Context) -> _Value | None:
    return _as_date(_date(int(match["year"]), int(match["month"]), int(match["day"])))


def _read_days(match: re.Match[str], context: _Context) -> _Value | None:
    """June 28 to July 2, 2023; May 3-5; 3-5 May 2024."""
    first_month, last_month = _month(match["month"]), _month(match.groupdict().get("month2") or match["month"])
    first_day, last_day = _ordinal(match["day"]), _ordinal(match["day2"])
    last = _date(int(match["year"]), last_month, last_day) if match["year"] else _nearest(last_month, last_day, context)
    first = last and _date(last.year - (first_month > last_month), first_month, first_day)
    return _Value("DATE", first.isoformat(), last.isoformat()) if first and last and first <= last else None


def _read_month_year(match: re.Match[str], context: _Context) -> _Value | None:
    return _Value("DATE", f"{int(match['year']):04}-{_month(match['month']):02}")


def _read_month(match: re.Match[str], context: _Context) -> _Value | None:
    """In March, last June: the month of that name that the word before it or the tense points to, else the nearest."""
    if context.today is None:
        return None
    month, which = _month(match["month"]), (match["which"] or "").lower()
    tense = {"last": -1, "past": -1, "since": -1, "next": 1, "until": 1}.get(which, context.tense)
    distance = (month - context.today.month) % 12  # months ahead
    if which in ("last", "past") or (distance and (tense < 0 or (not tense and distance > 6))):
        distance -= 12
    elif which == "next" and not distance:
        distance = 12
    index = context.today.year * 12 + context.today.month - 1 + distance
    return _Value("DATE", f"{index // 12:04}-{index % 12 + 1:02}")


def _read_year(match: re.Match[str], context: _Context) -> _Value | None:
    return _Value("DATE", match["year"])


def _read_years(match: re.Match[str], context: _Context) -> _Value | None:
    first, last = match["year"], match["year2"]
    last = first[:2] + last if len(last) == 2 else last
    return _Value("DATE", first, last) if first < last else None


def _read_decade(match: re.Match[str], context: _Context) -> _Value | None:
    first = int(match["year"])
    return _Value("DATE", f"{first}", f"{first + 9}")


def _read_weekday(match: re.Match[str], context: _Context) -> _Value | None:
    """A bare weekday is the last one in a story told in the past, the day of publication included; else the next one."""
    if context.today is None:
        return None
    weekday, which = _SPEC.weekdays[match["weekday"].lower()], (match["which"] or "").lower()
    back = (context.today.weekday() - weekday) % 7
    if which in ("last", "past", "previous"):
        days = -(back or 7)
    elif which in ("next", "coming"):
        days = (7 - back) or 7
    elif which == "this":
        days = 0 if back == 0 else 7 - back if context.tense >= 0 else -back
    else:
        days = -back if context.tense <= 0 or back == 0 else 7 - back
    return _as_date(_plus(context.today, days))


_DAY_WORDS = {
    "today": 0,
    "tonight": 0,
    "yesterday": -1,
    "tomorrow": 1,
    "last night": -1,
    "the day before yesterday": -2,
    "the day after tomorrow": 2,
}


def _read_day_word(match: re.Match[str], context: _Context) -> _Value | None:
    words = " ".join(match["word"].lower().split())
    shift = _DAY_WORDS.get(words, 0)  # this morning, this evening
    return _as_date(_plus(context.today, shift)) if context.today else None


def _read_period(match: re.Match[str], context: _Context) -> _Value | None:
    """Last, this or next week, month or year."""
    if context.today is None:
        return None
    step = {"last": -1, "past": -1, "previous": -1, "next": 1, "coming": 1}.get(match["which"].lower(), 0)
    return _shifted(context.today, step, match["unit"].lower())


def _shifted(today: date, count: int, unit: str) -> _Value | None:
    """Return the day, week, month, year or decade *count* units from *today*, as precise as the unit."""
    if unit == "day":
        return _as_date(_plus(today, count))
    if unit == "week":
        day = _plus(today, 7 * count)
        return _Value("DATE", "{}-W{:02}".format(*day.isocalendar()[:2])) if day else None
    if unit == "month":
        index = today.year * 12 + today.month - 1 + count
        return _Value("DATE", f"{index // 12:04}-{index % 12 + 1:02}") if 12 <= index < 120_000 else None
    year = today.year + count * {"year": 1, "decade": 10}.get(unit, 0)
    return _Value("DATE", f"{year:04}") if unit in ("year", "decade") and 1 <= year <= 9999 else None


def _read_ago(match: re.Match[str], context: _Context) -> _Value | None:
    count = _number(match["number"])
    return _shifted(context.today, -count, match["unit"].lower()) if context.today and count is not None else None


def _read_ahead(match: re.Match[str], context: _Context) -> _Value | None:
    """In three days: a day ahead where the verb looks ahead, else how long something took."""
    count = _number(match["number"])
    if context.today is None or count is None or context.tense < 1:
        return None
    return _shifted(context.today, count, match["unit"].lower())


_ISO_UNITS = {"second": "TS", "minute": "TM", "hour": "TH", "day": "D", "week": "W", "month": "M", "year": "Y"}


def _read_duration(match: re.Match[str], context: _Context) -> _Value | None:
    count = _number(match["number"])
    if count is None:
        return None
    return _Value("DURATION", _duration(count, match["unit"].lower()))


def _duration(count: int, unit: str) -> str:
    if unit in ("decade", "century", "centurie"):
        return f"P{count * (10 if unit == 'decade' else 100)}Y"
    letters = _ISO_UNITS[unit]
    return f"PT{count}{letters[1]}" if letters[0] == "T" else f"P{count}{letters}"


def _read_set(match: re.Match[str], context: _Context) -> _Value | None:
    if match["weekday"]:
        return _Value("SET", f"XXXX-WXX-{_SPEC.weekdays[match['weekday'].lower()] + 1}")
    count = _number(match["number"]) if match["number"] else 1
    return _Value("SET", _duration(count, match["unit"].lower())) if count is not None else None


def _read_clock(match: re.Match[str], context: _Context) -> _Value | None:
    hour, minute = int(match["hour"]), int(match["minute"] or 0)
    if match["half"]:
        hour = hour % 12 + (12 if match["half"][0].lower() == "p" else 0)
    return _Value("TIME", f"T{hour:02}:{minute:02}") if hour < 24 and minute < 60 else None


_NO_DURATION = r"(?![- ]olds?\b| ago\b)"
_COUNTED = (
    "people|troops|soldiers|men|women|euros|dollars|pounds|kilometers|kilometres|km|miles|meters|metres|tons|tonnes|percent|votes|homes"
)
_NOT_A_COUNT = rf"(?! (?:{_COUNTED})\b|[%,.]\d|%)"
_BEFORE_MONTH = "in|of|since|until|by|during|from|early|late|mid|through"
_BEFORE_YEAR = f"{_BEFORE_MONTH}|before|after|the|year|between|and|to|around|its|his|her|their|a"
_FULL = rf"(?:{_WEEKDAY},? )?(?:(?P<month>{_MONTH}) (?P<day>{_DAY}),? (?P<year>{_YEAR}))\b"
_FULL_DAY_FIRST = rf"(?:\b{_WEEKDAY},? )?\b(?P<day>{_DAY})(?: of)? (?P<month>{_MONTH}),? (?P<year>{_YEAR})\b"
_FILED = r"(?:[A-Z\u00c0-\u00de][A-Z\u00c0-\u00de .'’-]+,? (?:\([^()]{2,30}\),? )?)"  # LONDON, Nov. 2, 2010 (Agency) —
_DATE_LINES = tuple(re.compile(p) for full in (_FULL, _FULL_DAY_FIRST) for p in (rf"{full}$", rf"{_FILED}{full} ?[—–(-]"))


def _rule(pattern: str, read: Reader, *, ignore_case: bool = False) -> tuple[re.Pattern[str], Reader]:
    return re.compile(pattern, re.IGNORECASE if ignore_case else 0), read


# In order of preference among matches that begin at the same place and are as long.
_GRAMMAR: tuple[tuple[re.Pattern[str], Reader], ...] = (
    _rule(r"\b(?P<year>\d{4})[-/](?P<month>\d\d)[-/](?P<day>\d\d)\b", _read_iso),
    _rule(_FULL, _read_full),
    _rule(_FULL_DAY_FIRST, _read_full),
    _rule(rf"\b(?P<month>{_MONTH}) (?P<day>{_DAY}){_TO}(?P<month2>{_MONTH}) (?P<day2>{_DAY})(?:,? (?P<year>{_YEAR}))?\b", _read_days),
    _rule(rf"\b(?P<month>{_MONTH}) (?P<day>{_DAY}){_TO}(?P<day2>{_DAY})(?:,? (?P<year>{_YEAR}))?\b", _read_days),
    _rule(rf"\b(?P<day>{_DAY}){_TO}(?P<day2>{_DAY}) (?P<month>{_MONTH})(?:,? (?P<year>{_YEAR}))?\b", _read_days),
    _rule(rf"(?:\b{_WEEKDAY},? )?\b(?P<month>{_MONTH}) (?P<day>{_DAY})\b(?![,.]?\d)", _read_month_day),
    _rule(rf"(?:\b{_WEEKDAY},? )?(?<![\d.,])\b(?P<day>{_DAY})(?: of)? (?P<month>{_MONTH})", _read_month_day),
    _rule(rf"\b(?P<month>{_MONTH})(?: of|,)? (?P<year>{_YEAR})\b", _read_month_year),
    _rule(
        rf"\b(?:{_BEFORE_MONTH}|(?P<which>last|past|next|this))[- ](?:early |late |mid-)?(?P<time>(?P<month>{_MONTH}))(?! \d)",
        _read_month,
    ),
    _rule(rf"\b(?P<year>{_YEAR})(?:{_TO}| and )(?P<year2>{_YEAR}|\d\d)\b(?!-)", _read_years),
    _rule(r"\b(?:the )?(?P<time>(?P<year>1[5-9]\d0|20\d0)'?s)\b", _read_decade),
    _rule(
        rf"\b(?:{_BEFORE_YEAR})[- ](?P<time>(?P<year>{_YEAR}))\b"
        rf"{_NOT_A_COUNT}",
        _read_year,
        ignore_case=True,
    ),
    _rule(r"(?<=\()(?P<year>(?:19|20)\d\d)(?=\))", _read_year),
    _rule(rf"\b(?:every|each) (?:(?P<weekday>{_WEEKDAY})|(?:(?P<number>{_NUMBER}) )?(?P<unit>{_UNIT})s?)\b", _read_set, ignore_case=True),
    _rule(
        rf"\b(?:(?P<which>last|past|previous|this|next|coming) )?(?P<weekday>{_WEEKDAY})\b(?!s\b){_PART}",
        _read_weekday,
    ),
    _rule(
        r"\b(?P<word>the day before yesterday|the day after tomorrow|last night|this (?:morning|afternoon|evening)|"
        rf"(?:today|tonight|yesterday|tomorrow)){_PART}\b",
        _read_day_word,
        ignore_case=True,
    ),
    _rule(
        r"\b(?:the )?(?P<time>(?P<which>last|past|previous|this|next|coming) (?P<unit>week|month|year|decade))\b(?!-)",
        _read_period,
        ignore_case=True,
    ),
    _rule(rf"\b(?P<number>{_NUMBER}|an?) (?P<unit>{_UNIT})s? ago\b", _read_ago, ignore_case=True),
    _rule(
        rf"(?<!time )\bin (?P<time>(?:the next )?(?P<number>{_NUMBER}|an?) (?P<unit>{_UNIT})s?)\b(?!'| of)", _read_ahead, ignore_case=True
    ),
    _rule(rf"(?<![\d.,$€£])\b(?P<number>{_NUMBER})[- ](?P<unit>{_UNIT})s?\b{_NO_DURATION}", _read_duration, ignore_case=True),
    _rule(r"\b(?P<hour>\d{1,2})(?:[:.](?P<minute>\d\d))? ?(?P<half>[ap]\.?m\b\.?)", _read_clock, ignore_case=True),
    _rule(r"(?<![\d:])\b(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?P<half>)\b(?![:\d])", _read_clock),
)
=======
>>>>>>> pipeline
