"""The MinHash signature of a text, by which copies of it are found later (docs/decisions/0014). Pure."""

from __future__ import annotations

import re
import unicodedata
from base64 import b64encode
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from datasketch import MinHash

SHINGLE = 5  # words in a row
MIN_WORDS = 40  # a shorter text has no signature: a word more or less would change most of it
MAX_WORDS = 10_000  # what comes after is not looked at
PERMUTATIONS = 96

# Scripts that put no spaces between words: Thai and Lao, Burmese, Khmer, kana, Han. There every character counts as a word.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
_UNSPACED_WORD = re.compile(f"[{_UNSPACED}]")
_MARKS = re.compile(rf"[^\w\x00-\x7f{_UNSPACED}]+")  # those of ASCII go by _WORDS, which takes a tenth of the time
_WORDS = bytes(code if code > 127 or chr(code).isalnum() or code == ord("_") else ord(" ") for code in range(256))


def minhash_of(text: str) -> str | None:
    """Return the signature of *text* as ``Article.minhash`` carries it, None for fewer than MIN_WORDS words.

    Case, punctuation, spacing and forms that Unicode calls compatible do not count.
    """
    words = _words(unicodedata.normalize("NFKC", text).casefold())[:MAX_WORDS]
    if len(words) < MIN_WORDS:
        return None
    sketch = _empty().copy()
    sketch.update_batch(_shingles(words))
    # The low 16 bits of each value: two that differ agree there once in 65,536 times (Li and König 2010, "b-bit minwise hashing").
    return b64encode(sketch.hashvalues.astype("<u2").tobytes()).decode()


def sign(texts: Sequence[str]) -> tuple[str | None, ...]:
    """Return the signatures of *texts*."""
    return tuple(map(minhash_of, texts))


def _words(text: str) -> list[bytes]:
    if not text.isascii():
        text = _UNSPACED_WORD.sub(r" \g<0> ", _MARKS.sub(" ", text))
    return text.encode().translate(_WORDS).split()


def _shingles(words: Sequence[bytes]) -> Iterator[bytes]:
    """Yield each run of words, one space between two; a run that comes again changes nothing."""
    starts = (0, *accumulate(len(word) + 1 for word in words))
    text = b" ".join(words)
    return (text[start : end - 1] for start, end in zip(starts, starts[SHINGLE:], strict=False))


@cache
def _empty() -> MinHash:
    """Return the signature of no words. datasketch brings scipy, 60 MB and a third of a second: only for who signs texts."""
    from datasketch import MinHash

    return MinHash(PERMUTATIONS, seed=1, hashfunc=crc32, scheme="affine32")
