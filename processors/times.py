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

LANGUAGE = "en"
DATELINE_LINES = 12  # lines of a text in which its date may stand alone
CONTEXT = 120  # code points before a time in which the verb that gives its direction is sought
WINDOW = 4_000  # code points of a line that are searched at once, so that a text without line breaks is no slower

_FUTURE = re.compile(
    r"\b(?:(?:will|would|shall|'ll|to)(?: \w+)? be \w+|will|would|shall|'ll|plans?|planned|planning|"
    r"upcoming|scheduled|expected|expects?|due|set|aims?|ensure|hopes?|intends?|ahead|until|by(?= *$)|next|coming|"
    r"going to|(?:is|are) to|to be|opens|starts|votes|arrives|convenes|takes place|kicks off|travels|meets|visits|hosts|holds|begins|"
    r"resumes|flies|gathers|(?:is|are) (?:meeting|visiting|hosting|holding|travell?ing|flying|heading)|"
    r"to (?:meet|hold|visit|begin|start|take|discuss|attend|vote|travel|sign))\b",
    re.IGNORECASE,
)
_PAST = re.compile(
    r"\b(?:was|were|had|has|have|did|took|met|held|last|began|since|came|went|fell|shot|hit|struck|killed|flew|fled|left|gave|sent|broke|won|lost|"
    r"spoke|wrote|fought|threw|drew|saw|made|sank|rose|drove|swore|sought|brought|withdrew|overthrew|stole|ran|\w{3,}ed)\b",
    re.IGNORECASE,
)
_MODIFIER = re.compile(r" (?!and\b|at\b|by\b|for\b|from\b|in\b|of\b|on\b|or\b|to\b|when\b|with\b)[a-z]+")  # "the October 7 attacks"
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
        for pattern in DATE_LINES:
            match = pattern.match(line.strip())
            if match and (day := day_of(match)):
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
    if _FUTURE.search(after):
        return 1
    known = before.endswith("the ") and _MODIFIER.match(after)  # what is called by its day has been
    return -1 if known or _PAST.search(after) else 0
