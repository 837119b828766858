"""Scores of BIO labels → spans of named entities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


class BioDecoder:
    """Decodes one scheme of labels: "O", "B-TYPE", "I-TYPE"."""

    def __init__(self, names: Sequence[str]) -> None:
        self.types = tuple(dict.fromkeys(name[2:] for name in names if name[1:2] == "-"))
        self._begin = np.array([names.index(f"B-{t}") for t in self.types], np.int64)
        self._inside = np.array([names.index(f"I-{t}") for t in self.types], np.int64)
        self._outside = names.index("O")
        self._starts = np.isin(np.arange(len(names)), self._begin)

    def __call__(self, scores: Floats, breaks: NDArray[np.bool_]) -> tuple[Ints, Ints, Ints]:
        """Return starts, ends and types (indices of ``types``) of the spans, in order, none overlapping.

        *scores* [n, labels]: log-probabilities; *breaks* [n]: no span goes on into this word (a line begins).
        A span is a run of words that are not "O", cut at B; its type is the one most probable over its words, because
        words of one name that disagree are one name more often than two.
        """
        best = scores.argmax(1)
        inside = best != self._outside
        before = np.concatenate([[False], inside[:-1]])
        first = inside & (self._starts[best] | ~before | breaks)
        starts = np.flatnonzero(first)
        if not len(starts):
            return starts, starts, starts
        closing = np.flatnonzero(inside & np.concatenate([~inside[1:] | first[1:], [True]]))
        by_type = np.logaddexp(scores[:, self._begin], scores[:, self._inside])
        totals = np.concatenate([np.zeros((1, by_type.shape[1])), np.cumsum(by_type, axis=0, dtype=np.float64)])
        return starts, closing + 1, (totals[closing + 1] - totals[starts]).argmax(1)
