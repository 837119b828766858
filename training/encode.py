"""Words → word pieces and case types: the input of the encoder.

The runtime does the same in ``processors.minilm``; ``tests/training`` compares the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

CLS, SEP, UNK = 101, 102, 100  # ids in BERT's uncased vocabulary
MAX_WORD_PIECES = 12
LINE_START = 8  # added to the case type of a word that starts a line
TYPES = 16


class PieceEncoder:
    """The uncased word-piece tokenizer, with a cache over words."""

    def __init__(self, tokenizer_file: str) -> None:
        from tokenizers import Tokenizer

        tokenizer: Any = Tokenizer.from_file(tokenizer_file)
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._pieces = lru_cache(maxsize=400_000)(
            lambda word: tuple(tokenizer.encode(word, add_special_tokens=False).ids[:MAX_WORD_PIECES]) or (UNK,)
        )

    def pieces(self, word: str) -> tuple[int, ...]:
        """Return the ids of the lower-cased *word*, 1 to MAX_WORD_PIECES."""
        return self._pieces(word.lower())

    def encode(self, words: Sequence[str], line_starts: Sequence[bool]) -> tuple[list[int], list[int], list[int]]:
        """Return ids, types and, per word, the position of its first piece; [CLS] and [SEP] around."""
        ids, types, first = [CLS], [0], []
        for word, starts in zip(words, line_starts, strict=True):
            first.append(len(ids))
            pieces = self.pieces(word)
            ids += pieces
            types += [case_class(word) + LINE_START * starts] * len(pieces)
        return [*ids, SEP], [*types, 0], first


def case_class(word: str) -> int:
    """Return the class of case: 0 no letter or digit, 1 lower, 2 Title, 3 CAPS, 4 one capital letter, 5 digits, 6 mixed."""
    letters = sum(c.isalpha() for c in word)
    if word.islower():
        return 1
    if not letters:
        return 5 if any(c.isdigit() for c in word) else 0
    if word.isupper():
        return 4 if letters == 1 else 3
    return 2 if word[0].isupper() and word[1:].islower() else 6
