"""The MinHash signature of a text, by which copies of it are found later (docs/decisions/0014). Pure."""

from __future__ import annotations

import re
import unicodedata
from base64 import b64encode
from collections.abc import Collection, Sequence
from functools import cache
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    _Words32 = NDArray[np.uint32]

SHINGLE = 5  # words in a row
MIN_WORDS = 40  # a shorter text has no signature: a word more or less would change most of it
MAX_WORDS = 10_000  # what comes after is not looked at
PERMUTATIONS = 96

# Scripts that put no spaces between words: Thai and Lao, Burmese, Khmer, kana, Han. There every character counts as a word.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")


def minhash_of(text: str) -> str | None:
    """Return the signature of *text* as ``Article.minhash`` carries it, None for fewer than MIN_WORDS words.

    Case, punctuation, spacing and forms that Unicode calls compatible do not count.
    """
    words = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())[:MAX_WORDS]
    if len(words) < MIN_WORDS:
        return None
    # The low 16 bits of each value: two that differ agree there once in 65,536 times (Li and König 2010, "b-bit minwise hashing").
    return b64encode(_least(_runs(words)).astype("<u2").tobytes()).decode()


def sign(texts: Sequence[str]) -> tuple[str | None, ...]:
    """Return the signatures of *texts*."""
    return tuple(map(minhash_of, texts))


def _runs(words: Sequence[str]) -> set[int]:
    """Return the CRC-32 of each run of SHINGLE words."""
    return {crc32(" ".join(run).encode()) for run in zip(*(words[i:] for i in range(SHINGLE)), strict=False)}


def _least(runs: Collection[int]) -> _Words32:
    """Return the least value of *runs* under each permutation, after their bits were mixed as MurmurHash3 does at its end."""
    import numpy as np  # a tenth of a second: only for who signs texts

    mixed = np.fromiter(runs, np.uint32, len(runs))
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        mixed = (mixed ^ (mixed >> np.uint32(shift))) * np.uint32(factor)
    factors, terms = _permutations()
    least: _Words32 = ((mixed ^ (mixed >> np.uint32(16))) * factors + terms).min(axis=1)
    return least


@cache
def _permutations() -> tuple[_Words32, _Words32]:
    """Return two columns, factors and terms: those of datasketch's scheme ``affine32`` with seed 1, whose values these are.

    datasketch itself brings scipy: 60 MB and a third of a second.
    """
    import numpy as np

    dice = np.random.RandomState(1)
    factors = dice.randint(0, 1 << 31, PERMUTATIONS, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return factors.reshape(-1, 1), dice.randint(0, 1 << 32, PERMUTATIONS, dtype=np.uint32).reshape(-1, 1)
