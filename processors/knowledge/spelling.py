"""How names are compared: without case and accents, and people's without the ways to spell one foreign name."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

SOUND_LETTERS = 5  # a shorter word is compared as it is written: Lee is not Le

_PLAIN = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "ʻ": "'", "ʽ": "'", "`": "'", "–": "-", "‑": "-"})
_LETTERS = str.maketrans(
    {"ł": "l", "đ": "d", "ø": "o", "ı": "i", "ß": "ss", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th"}
)  # no accents: letters
_ARTICLE = re.compile(r"\b(?:al|el|ul|as|ash|ad|an|ar|at|az|ez|es|ed)[-‑](?=\w{3})")
_SUFFIXES = frozenset({"jr", "jr.", "sr", "sr.", "ii", "iii", "iv", "junior", "senior"})
_SPELLINGS = tuple(
    (re.compile(pattern), plain)
    for pattern, plain in ((r"[yj]", "i"), (r"kh", "h"), (r"ou", "u"), (r"oo", "u"), (r"ee", "i"), (r"(.)\1+", r"\1"), (r"(?<=.)e?i$", "i"))
)


@lru_cache(maxsize=65_536)
def fold(name: str) -> str:
    """Return *name* as it is compared: case and accents folded, one kind of apostrophe, single spaces, no leading "the"."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name.translate(_PLAIN)) if not unicodedata.combining(c))
    words = plain.casefold().translate(_LETTERS).split()
    return " ".join(words[1:] if len(words) > 1 and words[0] == "the" else words)


@lru_cache(maxsize=16_384)
def name_words(name: str) -> tuple[str, ...]:
    """Return the words of a person's name as they are compared, without the Arabic article, initials' dots, Jr. and the like."""
    words = _ARTICLE.sub("", fold(name).replace("'", "")).replace("-", " ").replace(".", " ").split()
    kept = [word for word in words if word not in _SUFFIXES and word not in ("al", "el")] or words
    return tuple(_sound(word) for word in kept)


def _sound(word: str) -> str:
    if len(word) < SOUND_LETTERS:
        return word
    for pattern, plain in _SPELLINGS:
        word = pattern.sub(plain, word)
    return word
