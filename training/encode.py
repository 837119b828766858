"""Words → word pieces and case types, by the runtime's own functions: the network learns on what it will read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from processors.minilm.encode import LINE_START, MAX_PIECES, WordPieces, encode

__all__ = ["LINE_START", "MAX_PIECES", "TYPES", "PieceEncoder"]

TYPES = 2 * LINE_START  # classes of case, and the same for the first word of a line


class PieceEncoder:
    """The uncased word-piece tokenizer of the encoder."""

    def __init__(self, tokenizer_file: str | Path) -> None:
        self._pieces = WordPieces(Path(tokenizer_file).read_text(encoding="utf-8"))

    def size(self, words: Sequence[str]) -> int:
        """Return the number of pieces of *words*."""
        return sum(len(self._pieces(word).ids) for word in words)

    def encode(self, words: Sequence[str], line_starts: Sequence[bool]) -> tuple[list[int], list[int], list[int]]:
        """Return ids, types and, per word, the position of its first piece; [CLS] and [SEP] around."""
        window = encode([self._pieces(word) for word in words], line_starts)
        return window.ids.tolist(), window.types.tolist(), window.first.tolist()
