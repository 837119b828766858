"""Words → what the encoder reads: word pieces, classes of case, windows. Training and the components use the same functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

MAX_PIECES = 128  # pieces of a window with [CLS] and [SEP]: attention costs the square, and training saw no more
MAX_WORD_PIECES = 12
MAX_WORD = 100  # code points of a word that are looked at
CACHE_WORDS = 50_000  # words whose pieces are kept; about 15 MB
LINE_START = 8  # added to the class of case of a line's first word where the model knows 16 types

_CLS, _SEP, _UNKNOWN = 101, 102, 100  # of BERT's uncased vocabulary

Ints = NDArray[np.int64]


class Window(NamedTuple):
    """Words *start* to *end* of a document, encoded together; one row of the encoder's input, without padding."""

    start: int
    end: int
    ids: Ints  # [N] pieces with [CLS] and [SEP]
    types: Ints  # [N]
    first: Ints  # [end - start] where each word's first piece is


@dataclass(frozen=True, slots=True)
class Pieces:
    """What the encoder reads of one word."""

    ids: tuple[int, ...]  # 1 to MAX_WORD_PIECES
    case: int  # 0 to 7


def case_class(word: str) -> int:
    """Return how *word* is written, 0 to 6: other, lower, Title, CAPS, one capital, digits, mixed. The pieces do not tell."""
    if word.islower():
        return 1
    letters = [c for c in word if c.isalpha()]
    if not letters:
        return 5 if any(c.isdigit() for c in word) else 0
    if word.isupper():
        return 4 if len(letters) == 1 else 3
    return 2 if word[0].isupper() and word[1:].islower() else 6


class WordPieces:
    """The pieces of words, remembered; bounded in memory. Not safe to share between threads."""

    def __init__(self, tokenizer_json: str) -> None:
        self._tokenizer = Tokenizer.from_str(tokenizer_json)
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._known: dict[str, Pieces] = {}

    def __call__(self, word: str) -> Pieces:
        """Return the pieces of *word*, at least one."""
        known = self._known.get(word)
        if known is None:
            if len(self._known) >= CACHE_WORDS:
                self._known.clear()
            known = self._known[word] = self._look_up(word[:MAX_WORD])
        return known

    def _look_up(self, word: str) -> Pieces:
        encoding = self._tokenizer.encode(word.lower(), add_special_tokens=False)
        return Pieces(tuple(encoding.ids[:MAX_WORD_PIECES]) or (_UNKNOWN,), case_class(word))


def encode(pieces: Sequence[Pieces], line_starts: Sequence[bool] | NDArray[np.bool_] | None = None, *, start: int = 0) -> Window:
    """Return the window of words *start* to *start* + ``len(pieces)``; *line_starts* only for a model that knows 16 types."""
    lengths = np.fromiter((len(p.ids) for p in pieces), np.int64, len(pieces))
    types = np.fromiter((p.case for p in pieces), np.int64, len(pieces))
    if line_starts is not None:
        types = types + LINE_START * np.asarray(line_starts, dtype=np.int64)
    ids = np.fromiter((_CLS, *(i for p in pieces for i in p.ids), _SEP), np.int64, int(lengths.sum()) + 2)
    piece_types: Any = np.zeros(len(ids), np.int64)
    piece_types[1:-1] = np.repeat(types, lengths)
    return Window(start, start + len(pieces), ids, piece_types, np.cumsum(lengths) - lengths + 1)


def windows(lengths: Ints, cuts: NDArray[np.int8], max_pieces: int = MAX_PIECES) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of words so that each window has at most *max_pieces* pieces, all words once, in order.

    *lengths* [n] are pieces a word, each 1 to MAX_WORD_PIECES; *cuts* [n] how good it is to begin a window at a word: 2 where
    a line or a sentence surely starts, 1 behind a comma or the like, 0 elsewhere. The last best cut in reach is taken.
    """
    total = len(lengths)
    ends = np.cumsum(lengths)
    last = [np.maximum.accumulate(np.where(cuts >= wanted, np.arange(total), 0)) if total else cuts for wanted in (2, 1)]
    start = 0
    while start < total:
        before = int(ends[start - 1]) if start else 0
        reach = int(np.searchsorted(ends, before + max_pieces - 2, side="right"))
        end = reach if reach >= total else next((int(cut[reach]) for cut in last if cut[reach] > start), reach)
        yield start, end
        start = end
