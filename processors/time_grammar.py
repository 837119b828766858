"""The patterns of English times, each with the reader of its value and the kinds of word without which it cannot match.

Kinds let a line be searched only for what its words allow: a line without a month's name is not tried for "June 1".
``time`` is the group that is the expression where a pattern needs words around it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from processors import time_values as values
from processors.time_values import SPEC, Reader


class Rule(NamedTuple):
    """One row: *needs* are kinds of word, all of which a line must have."""

    needs: frozenset[str]
    pattern: re.Pattern[str]
    read: Reader


_SHORT_MONTHS = {m for m in SPEC.months if len(m) < 5 and m not in ("may", "june", "july")}
_MONTH = (
    "(?:" + "|".join(rf"{w}\b\.?" if w.lower() in _SHORT_MONTHS else rf"{w}\b" for m in SPEC.months for w in (m.title(), m.upper())) + ")"
)
_WEEKDAY = "(?:" + "|".join(rf"{d.title()}|{d.upper()}" for d in SPEC.weekdays) + ")"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_WORD = (
    "(?:"
    rf"(?:{_TENS})-(?:one|two|three|four|five|six|seven|eight|nine)|"
    + "|".join(sorted((n for n in SPEC.numbers if len(n) > 2), key=len, reverse=True))
    + ")"
)
_NUMBER = rf"(?:\d{{1,3}},\d{{3}}|\d{{1,4}}|{_WORD})"
_ORDINAL = "(?:\\d{1,2}(?:st|nd|rd|th)|" + "|".join(sorted(SPEC.ordinals, key=len, reverse=True)) + ")"
_UNIT = "(?:second|minute|hour|day|week|month|year|decade|century|centurie)"
_SEASON = "(?:" + "|".join(SPEC.seasons) + ")"
_HOLIDAY = "(?:" + "|".join(h.title().replace("'S", "['’]s") for h in SPEC.holidays) + ")"
_DAY = r"(?:[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)?"
_YEAR = r"(?:1[5-9]\d\d|20\d\d)"
_PART = r"(?: (?:early |late )?(?:morning|afternoon|evening|night))?"
_TO = r"\s?(?:-|–|—|to|until|till|through|thru)\s?"
_WHICH = "last|past|previous|this|next|coming"
_NO_DURATION = r"(?![- ]olds?\b| ago\b)"
_COUNTED = (
    "people|troops|soldiers|men|women|euros|dollars|pounds|kilometers|kilometres|km|miles|meters|metres|tons|tonnes|percent|votes|homes"
)
_NOT_A_COUNT = rf"(?! (?:{_COUNTED})\b|[%,.]\d|%)"
_BEFORE_MONTH = "in|of|since|until|till|by|during|from|early|late|mid|through|before|after"
_BEFORE_YEAR = f"{_BEFORE_MONTH}|the|year|between|and|to|around|its|his|her|their|a|spring|summer|autumn|fall|winter"
# The groups that readers take, as building blocks.
_M, _M2 = rf"(?P<month>{_MONTH})", rf"(?P<month2>{_MONTH})"
_D, _D2 = rf"(?P<day>{_DAY})", rf"(?P<day2>{_DAY})"
_Y, _Y2 = rf"(?P<year>{_YEAR})", rf"(?P<year2>{_YEAR})"
_W, _W2 = rf"(?P<weekday>{_WEEKDAY})", rf"(?P<weekday2>{_WEEKDAY})"
_N, _U, _S = rf"(?P<number>{_NUMBER})", rf"(?P<unit>{_UNIT})", rf"(?P<season>{_SEASON})"
_AND_YEAR = rf"(?:,? {_Y}\b)?"
_ON = rf"(?:\b{_WEEKDAY},? )?"
_LIMIT = r"(?<![\d.,])\b"
_EARLY = "(?:early[- ]|late[- ]|mid-)?"
_NO_DAY = r"(?! \d)"
_ROUGHLY = "(?:(?:more than|less than|over|about|nearly|almost|just|only) )?"
_SPENT = "for|within|in|over|about|nearly|almost|than|least|lasted|lasting|after|spent|takes?|took"
_NO_ANCHOR = r"(?! (?:ago|earlier|later|before|after|from|and|when|of|in|that|which|where|to)\b|['’-])"
_ZONE = r"(?P<zone> ?GMT\b| ?UTC\b)"
_FULL = rf"(?:{_WEEKDAY},? )?(?:{_M} {_D},? {_Y})\b"
_FULL_DAY_FIRST = rf"{_ON}\b{_D}(?: of)? {_M},? {_Y}\b"
_OF_YEAR = rf"(?:,? (?:of |in )?{_Y}\b| of (?:(?P<which>{_WHICH}|the) )year\b)"
_THAT_YEAR = r",? (?:of )?(?P<which>last|this|next) year\b"
_PART_OF_YEAR = r"\b(?:the )?(?P<number>first|second|third|fourth|1st|2nd|3rd|4th) (?P<part>quarter|half)"
_END = r"(?=[,.;:)!?]|$| (?:and|in|at|after|before|but|when|with|to|by|as)\b)"

_FILED = r"(?:[A-Z\u00c0-\u00de][A-Z\u00c0-\u00de .'’-]+,? (?:\([^()]{2,30}\),? )?)"  # LONDON, Nov. 2, 2010 (Agency) —
DATE_LINES = tuple(re.compile(p) for full in (_FULL, _FULL_DAY_FIRST) for p in (rf"{full}$", rf"{_FILED}{full} ?[—–(-]"))


def _rule(needs: str, pattern: str, read: Reader, *, any_case: bool = False) -> Rule:
    return Rule(frozenset(needs.split()), re.compile(pattern, re.IGNORECASE if any_case else 0), read)


# In order of preference among matches that begin at the same place and are as long.
RULES: tuple[Rule, ...] = (
    # days in figures
    _rule(
        "year",
        r"\b(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)[T ](?P<hour>\d\d):(?P<minute>\d\d)(?::\d\d(?:\.\d+)?)?"
        r"(?P<zone>Z| ?GMT\b| ?UTC\b)?",
        values.read_moment,
    ),
    _rule("year", r"\b(?P<year>\d{4})[-/](?P<month>\d\d)[-/](?P<day>\d\d)(?=\b|T\d)", values.read_iso),
    _rule("year", r"(?<![\d./-])(?P<a>\d\d?)(?P<sep>[./-])(?P<b>\d\d?)(?P=sep)(?P<year>(?:19|20)\d\d)(?![\d/-]|\.\d)", values.read_numeric),
    # days of a month by name
    _rule("month year", rf"\b{_FULL}", values.read_full),
    _rule("month year", _FULL_DAY_FIRST, values.read_full),
    _rule("month number", rf"\b{_M} {_D}(?:{_TO}| and ){_M2} {_D2}{_AND_YEAR}\b", values.read_days),
    _rule("month number", rf"\b{_M} {_D}{_TO}{_D2}{_AND_YEAR}\b(?![:.]\d)", values.read_days),
    _rule("month number", rf"(?<=\bbetween ){_M} {_D} and {_D2}{_AND_YEAR}\b", values.read_days),
    _rule("month number", rf"{_LIMIT}{_D}{_TO}{_D2}(?: of)? {_M}{_AND_YEAR}", values.read_days),
    _rule("month number", rf"{_LIMIT}{_D} {_M}{_TO}{_D2} {_M2}{_AND_YEAR}", values.read_days),
    _rule("month number", rf"(?<=\bbetween )(?:the )?{_D}(?: {_M})? and (?:the )?{_D2}(?: of)? {_M2}{_AND_YEAR}", values.read_days),
    _rule("month number period", rf"{_ON}\b{_M} {_D}{_THAT_YEAR}", values.read_month_day),
    _rule("month number period", rf"{_ON}{_LIMIT}{_D}(?: of)? {_M}{_THAT_YEAR}", values.read_month_day),
    _rule("month number", rf"{_ON}\b{_M} {_D}\b(?![,.]?\d)", values.read_month_day),
    _rule("month number", rf"{_ON}{_LIMIT}{_D}(?: of)? {_M}", values.read_month_day),
    _rule(
        "holiday",
        rf"\b(?:(?P<which>last|this|next) )?(?P<holiday>{_HOLIDAY})\b(?:,? {_Y}\b)?(?! (?:[Ii]slands?|[Tt]ree)\b)",
        values.read_holiday,
    ),
    _rule("number", rf"\bon (?P<time>the (?P<day>(?:[12]\d|3[01]|[1-9])(?:st|nd|rd|th))){_END}", values.read_day_of_month),
    # months, quarters, seasons
    _rule("month", rf"(?<=\bbetween ){_M}(?: {_Y})? and {_M2}(?: {_Y2})?{_NO_DAY}", values.read_months),
    _rule("month", rf"\b{_M}(?: {_Y})?{_TO}{_M2}(?: {_Y2})?\b{_NO_DAY}", values.read_months),
    _rule("month year", rf"\b{_M}(?: of|,)? {_Y}\b", values.read_month_year),
    _rule("month period", rf"\b{_M}{_THAT_YEAR}", values.read_month_of_year),
    _rule(
        "month",
        rf"\b(?:(?:{_BEFORE_MONTH})[- ])?(?P<which>last|past|next|this|since|until)[- ]{_EARLY}(?P<time>{_M}){_NO_DAY}",
        values.read_month,
    ),
    _rule("month", rf"\b(?:[Ee]arly|[Ll]ate|[Mm]id)[- ](?P<time>{_M}){_NO_DAY}", values.read_month),
    _rule("month", rf"\b(?:{_BEFORE_MONTH}|In|By|Since|During)[- ]{_EARLY}(?P<time>{_M}){_NO_DAY}", values.read_month),
    _rule("period", rf"{_PART_OF_YEAR.replace('fourth', 'fourth|last|final')}{_OF_YEAR}", values.read_quarter, any_case=True),
    _rule(
        "period",
        rf"\b(?:the )?(?P<part>first|last|final) {_N} months{_OF_YEAR}",
        values.read_months_of_year,
        any_case=True,
    ),
    _rule(
        "period business", rf"{_PART_OF_YEAR.replace('|half', '')}\b(?! of\b| hour| finals?\b| centur)", values.read_quarter, any_case=True
    ),
    _rule("number", rf"\bQ(?P<number>[1-4])(?:,?[ /-]{_Y})?\b", values.read_quarter),
    _rule("season year", rf"\b(?:the )?{_S}(?: of|,)? {_Y}\b", values.read_season, any_case=True),
    _rule("season", rf"\b(?:the )?(?P<time>(?P<which>{_WHICH}) {_S})\b", values.read_season, any_case=True),
    _rule("season", rf"\b(?P<which>in|during|by|until|since) (?P<time>the (?:early |late )?{_S})\b(?! of)", values.read_season),
    # years and what is longer
    _rule("year", rf"(?<![\d-])\b{_Y}(?:{_TO}| and )(?P<year2>{_YEAR}|\d\d)\b(?!-|:)", values.read_years),
    _rule("number", r"\b(?:[Tt]he )?(?P<time>(?P<decade>(?:1[5-9]\d0|20\d0)['’]?s))\b", values.read_decade),
    _rule("number", r"\b(?:[Tt]he |[Ee]arly[- ]|[Ll]ate[- ]|[Mm]id-)(?P<time>(?P<decade>['‘’]\d0s))\b", values.read_decade),
    _rule(
        "decade",
        r"\b(?:[Tt]he |[Ee]arly[- ]|[Ll]ate[- ]|[Mm]id-)(?P<time>(?P<decade>(?:thir|for|fif|six|seven|eigh|nine)ties))\b",
        values.read_decade,
    ),
    _rule("period", rf"\b(?P<number>{_ORDINAL})[- ]century\b(?! ago)", values.read_century, any_case=True),
    _rule("year", rf"\b(?:{_BEFORE_YEAR})[- ](?P<time>{_Y})\b{_NOT_A_COUNT}", values.read_year, any_case=True),
    _rule("year", r"(?<=\()(?P<year>(?:19|20)\d\d)(?=\))", values.read_year),
    _rule("year", rf"(?<=['’]s ){_Y}\b{_NOT_A_COUNT}(?= [a-z])", values.read_year),
    # sets
    _rule("every", rf"\b(?:every|each) (?:{_W}|(?:(?P<other>other|second) |{_N} )?{_U}s?)\b", values.read_set, any_case=True),
    _rule("often", rf"\b(?:once|twice|(?:{_NUMBER}|several|many) times) (?:an?|per|every|each) {_U}\b", values.read_often, any_case=True),
    _rule("weekday", rf"\bon (?P<time>{_W}s)\b", values.read_weekday_set),
    _rule(
        "adverb",
        r"\b(?P<adverb>hourly|daily|nightly|weekly|monthly|quarterly|yearly|annually)\b(?! (?:news)?papers?\b| magazines?\b|-)",
        values.read_adverb,
    ),
    # days and periods from the day of publication
    _rule("weekday", rf"\b{_W}{_TO}{_W2}\b", values.read_weekdays),
    _rule("weekday", rf"(?<=\bbetween ){_W} and {_W2}\b", values.read_weekdays),
    _rule("weekday period", rf"\b{_W}{_PART},? (?:of )?(?P<which>last|this|next) week\b", values.read_day_of_week),
    _rule("weekday", rf"\b(?:(?P<which>{_WHICH}) )?{_W}\b(?!s\b){_PART}", values.read_weekday),
    _rule("weekday", rf"\b(?P<which>[Ss]ince) (?P<time>{_W}\b(?!s\b){_PART})", values.read_weekday),
    _rule("period", rf"\b(?:(?P<which>{_WHICH})|the) weekend\b", values.read_weekend, any_case=True),
    _rule(
        "day",
        r"\b(?P<word>the day before yesterday|the day after tomorrow|last night|this (?:morning|afternoon|evening)|"
        rf"(?:today|tonight|yesterday|tomorrow|overnight)){_PART}\b",
        values.read_day_word,
        any_case=True,
    ),
    _rule(
        "period", rf"\b(?:the )?(?P<time>(?P<which>{_WHICH}) (?P<unit>week|month|year|decade))\b(?!-)", values.read_period, any_case=True
    ),
    _rule(
        "period",
        r"\b(?:end|start|beginning|middle|course|rest|remainder) of (?P<time>(?:the|(?P<which>this)) (?P<unit>week|month|year))\b(?! of|-)",
        values.read_period,
        any_case=True,
    ),
    _rule("period", r"\blater (?P<which>this) (?P<unit>week|month|year)\b", values.read_period),
    _rule("ago", rf"\b(?P<number>{_NUMBER}|an?) {_U}s? ago\b", values.read_ago, any_case=True),
    _rule("period", rf"\b(?P<number>{_NUMBER}|an?) {_U}s? from (?:now|today)\b", values.read_from_now, any_case=True),
    _rule("period", rf"\bin (?P<time>(?P<number>{_NUMBER}|an?) {_U}s?['’]s? time)\b", values.read_from_now, any_case=True),
    _rule(
        "period",
        rf"(?<!time )\bin (?P<time>(?:the next )?(?P<number>{_NUMBER}|an?) {_U}s?)\b(?!['’]| of)",
        values.read_ahead,
        any_case=True,
    ),
    # durations
    _rule("period", rf"(?<![\d.,$€£])\b{_N}(?P<half>[- ]and[- ]a[- ]half)?[- ]{_U}s?\b{_NO_DURATION}", values.read_duration, any_case=True),
    _rule("period", rf"\b(?P<number>an?|{_NUMBER}) {_U}s? (?P<half>and a half)\b{_NO_DURATION}", values.read_duration, any_case=True),
    _rule("period", rf"\b(?:{_SPENT}) {_ROUGHLY}(?P<time>an? {_U})\b{_NO_ANCHOR}", values.read_one, any_case=True),
    _rule("period", rf"\b(?P<half>half) an? {_U}\b(?! ago)", values.read_one, any_case=True),
    _rule("period", rf"\b(?P<time>an? {_U}-long)\b", values.read_one, any_case=True),
    # times of day
    _rule(
        "number",
        rf"(?<![\d.:])\b(?P<hour>\d{{1,2}})(?:[:.](?P<minute>\d\d))? ?(?P<half>[ap]\.?m\b\.?){_ZONE}?",
        values.read_clock,
        any_case=True,
    ),
    _rule("number", rf"(?<![\d:])\b(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)\b(?![:\d]|\.\d){_ZONE}?", values.read_clock),
    _rule("year", rf"(?<![\d:])\b(?P<hour>[01]\d|2[0-3])(?P<minute>[0-5]\d){_ZONE}", values.read_clock),
    _rule("day", r"\b(?:at|by|around|after|before|until) (?P<time>(?P<hour>noon|midday|midnight))\b", values.read_noon),
)
