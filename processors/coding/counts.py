"""Number words of English → counts with the bounds that the words give."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from processors.languages import any_language
from stream.messages import Magnitude

SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "dozen": 12, "score": 20}
VAGUE = {  # plural nouns of number: at least two of them, no upper bound
    "several": 2, "tens": 20, "dozens": 24, "scores": 40, "hundreds": 200, "thousands": 2_000, "millions": 2_000_000,
}  # fmt: skip
LIMITS = frozenset({"at", "as", "between", "least", "over", "than", "more", "most", "up", "many", "fewer", "less", "no"})
_LOWER = frozenset({"least", "over", "more"})
_UPPER = frozenset({"most", "up", "many", "fewer", "less"})  # "up to", "as many as"
_PLURAL = {f"{word}s": scale for word, scale in SCALES.items()}  # after another: tens of thousands
_DIGITS = re.compile(r"\d{1,3}(?:,\d{3})+|\d{1,9}(?:\.\d{1,9})?")
_FILLERS = frozenset({"and", "of", "a", "an", "-", "about", "some"})
_RANGE = frozenset({"to", "or", "and", "between", "-", "–"})
_UNITS = {word: value for word, value in any_language("en").numbers.items() if word not in {*SCALES, *_FILLERS}}


def is_number(word: str) -> bool:
    """Return whether the lower-case *word* is or contains a number: 12, twelve, twenty-five, dozens."""
    return bool(_DIGITS.fullmatch(word)) or any(part in _UNITS or part in SCALES or part in VAGUE for part in word.split("-"))


def parse_number(words: Sequence[str]) -> Magnitude | None:
    """Return the count in lower-case *words* with its bounds: "at least 12", "3,000 to 5,000", "two dozen", "tens of thousands"."""
    said = frozenset(words)
    values = _values(words)
    if not values:
        return None
    low, high = values[0], values[-1]
    if said & VAGUE.keys() or (len(values) > 1 and high > low):
        return Magnitude(min=low, max=high if high > low else None)
    if said & _UPPER:
        strict = bool(said & {"fewer", "less"})
        return Magnitude(min=low, max=None) if strict and "no" in said else Magnitude(min=0, max=low - strict)
    if said & _LOWER:
        return Magnitude(min=0, max=low) if "no" in said else Magnitude(min=low, max=None)
    return Magnitude(min=low, max=low)


def _values(words: Sequence[str]) -> list[int]:
    """Return the numbers in *words*, two where they are a range."""
    found: list[float] = []
    current: float | None = None
    for word in _parts(words):
        if _DIGITS.fullmatch(word):
            found += [] if current is None else [current]
            current = float(word.replace(",", ""))
        elif word in _UNITS:
            current = (current or 0) + _UNITS[word]
        elif word == "half" and SCALES.keys() & set(words):  # half a dozen, half a million
            current = 0.5
        elif word in SCALES:
            current = (1 if current is None else current) * SCALES[word]
        elif word in VAGUE:
            current = VAGUE[word] if current is None else current * _PLURAL.get(word, 1)
        elif word not in _FILLERS and current is not None:
            found.append(current)
            current = None
    found += [] if current is None else [current]
    return [int(value) for value in (found[:2] if _RANGE & set(words) else found[:1])]


def _parts(words: Sequence[str]) -> Iterator[str]:
    for word in words:
        yield from word.split("-") if word.replace("-", "").isalpha() else [word]
