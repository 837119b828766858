"""Numbers and what they count, by rule: MONEY, PERCENT, QUANTITY, TIME, DATE, ORDINAL, CARDINAL as spaCy's pipelines name them.

The corpora the model is trained on do not mark them, and they follow patterns; dates but for durations are the model's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

LABELS = ("MONEY", "PERCENT", "TIME", "DATE", "QUANTITY", "ORDINAL", "CARDINAL")  # the first pattern that fits wins

_OPENING = ("number", "plural", "ordinal", "sign", "moment")  # what a quantity begins with, but for figures
_FIGURES = r"(?<![\w.,])\d(?:[\d,]{0,18}\d)?(?:\.\d{1,9})?(?![\d])"  # starts once a run of digits: linear in the text


class Quantity(NamedTuple):
    """Code points *start* to *end* of a text are a *label*."""

    start: int
    end: int
    label: str


def find_quantities(text: str, language: str = "en") -> Iterator[Quantity]:
    """Yield the quantities of *text* in order, none overlapping; none in a language without a table."""
    pattern = _pattern(language)
    if pattern is not None:
        for match in pattern.finditer(text):
            yield Quantity(*match.span(), match.lastgroup or "CARDINAL")


@lru_cache(maxsize=8)
def _pattern(language: str) -> re.Pattern[str] | None:
    words = _words(language)
    if not words:
        return None
    number = _any(words["number"])
    spelled = rf"\b{number}(?:(?:-|\ and\ |\ ){number}){{0,8}}\b"
    amount = rf"(?:{_FIGURES}(?:[\ -]?{_any(words['scale'])}\b)?|{spelled}|\b{_any(words['plural'])}(?:\ of\ {_any(words['plural'])})?\b)"
    gap = r"[\ \u00a0-]?"
    ending = r"(?!\w)"
    hours = rf"(?<![\w.:,])\d{{1,2}}(?:[:.]\d\d)?\ ?{_any(words['hour'])}{ending}|(?<![\w.:,])\d{{1,2}}:\d\d(?::\d\d)?{ending}"
    alternatives = {
        "MONEY": rf"{_any(words['sign'])}\ ?{_FIGURES}(?:[\ -]?{_any(words['scale'])}\b)?"
        rf"|{amount}{gap}(?:{_any(words['nation'])}\ )?{_any(words['currency'])}{ending}",
        "PERCENT": rf"{amount}{gap}{_any(words['percent'])}{ending}",
        "TIME": rf"(?:{hours})(?:\ {_any(words['zone'])}{ending})?|{amount}{gap}{_any(words['span'])}{ending}|\b{_any(words['moment'])}\b",
        "DATE": rf"{amount}{gap}{_any(words['duration'])}{ending}",
        "QUANTITY": rf"{amount}{gap}{_any(words['measure'])}{ending}",
        "ORDINAL": rf"\d{{1,3}}(?:st|nd|rd|th)\b|\b{_any(words['ordinal'])}\b",
        "CARDINAL": amount,
    }
    firsts = "".join(sorted({re.escape(word[0]) for name in _OPENING for word in words[name]}))
    patterns = "|".join(rf"(?P<{label}>{alternatives[label]})" for label in LABELS)
    return re.compile(rf"(?<!\w)(?=[\d{firsts}])(?:{patterns})", re.IGNORECASE)  # most places are passed by after one look


def _words(language: str) -> Mapping[str, tuple[str, ...]]:
    table = files("processors.languages") / language / "quantities.txt"
    if not (language.isalpha() and language.isascii() and table.is_file()):
        return {}
    lines = (line for line in table.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#"))
    return {name: tuple(words.split()) for name, _, words in (line.partition(":") for line in lines)}


def _any(words: Iterable[str]) -> str:
    """Return a pattern for one of *words*, the longest first."""
    return "(?:" + "|".join(re.escape(word.replace("_", " ")) for word in sorted(words, key=len, reverse=True)) + ")"
