"""Where sentences must start, must not, and may: what line breaks, abbreviations and punctuation say, before any model is asked.

Each token's text is looked at once (``SentenceRules.flags``); the rules themselves are array operations over the flags.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from processors.languages import LanguageSpec

SPACE: Final = 1  # whitespace
BREAK: Final = 2  # whitespace with a line break
ENDS: Final = 4  # ends a sentence: . ! ? …
CLOSES: Final = 8  # closing quote or bracket
MAY_END: Final = 16  # a sentence may end after it: colon, dash, bullet, closing quote or bracket
ABBREVIATION: Final = 32  # no sentence ends here: Mr., initials
OPEN_ABBREVIATION: Final = 64  # one may end here where an opener follows: U.S.
LOWER: Final = 128  # begins with a small letter
OPENER: Final = 256  # a capitalised word that often begins a sentence
MUTE: Final = 512  # punctuation that never begins a sentence
MARK: Final = 1024  # without letter or digit: no sentence and no name by itself; behind it a window may be cut at need
WEEKDAY: Final = 2048  # the name of a day

_ENDS = re.compile(r"[.!?…。！？؟][\"'”’»)\]]*$")
_INITIAL = re.compile(r"[^\W\d_]\.$")
_CLOSERS = frozenset("\"'”’»)]")
_MAY_END = frozenset(":;—–-•*|·") | _CLOSERS
_MUTE = frozenset(".,;:!?…%)]”’»。！？؟") | {"..", "...", "....", "?!", "!!", "??", "!?"}
_BREAKS = frozenset("\n\r\u2028\u2029\x0b\x0c\x85")

MUST: Final = np.inf
NEVER: Final = -np.inf
LIKELY: Final = 2.0  # after closing punctuation, before anything but a small letter
RARELY: Final = 0.0  # in the middle of a line without closing punctuation, or before a small letter
HARDLY: Final = -8.0  # there before a weekday: "President Chirac | Tuesday met …"

Flags = NDArray[np.int64]
Floats = NDArray[np.float32]


class SentenceRules:
    """The rules with the words of one language."""

    def __init__(self, spec: LanguageSpec) -> None:
        self._spec = spec

    def flags(self, word: str) -> int:
        """Return what the text of one token says, as an or of the constants above."""
        if word.isspace():
            return SPACE | (BREAK if not _BREAKS.isdisjoint(word) else 0)
        lower, spec = word.lower(), self._spec
        facts = (
            (ENDS, _ENDS.search(word)),
            (CLOSES, word in _CLOSERS),
            (MAY_END, word in _MAY_END),
            (ABBREVIATION, lower in spec.abbreviations or _INITIAL.match(word)),
            (OPEN_ABBREVIATION, lower in spec.open_abbreviations),
            (LOWER, word[:1].islower()),
            (OPENER, word.istitle() and lower in spec.sentence_openers),
            (MUTE, word in _MUTE),
            (WEEKDAY, lower in spec.weekdays),
            (MARK, not any(c.isalnum() for c in word)),
        )
        return sum(flag for flag, holds in facts if holds)


def start_bias(flags: Flags, spaced: NDArray[np.bool_]) -> Floats:
    """Return per token what the rules add to the model's log-odds that a sentence starts there: MUST, NEVER, LIKELY, RARELY, HARDLY or 0.

    *flags* [n]; *spaced* [n]: whitespace follows the token. Whitespace tokens have NEVER, the first other token MUST.
    """
    word, before, broken = _neighbours(flags)
    prev = np.where(before < 0, 0, flags[before])
    closing = _has(flags, CLOSES) & _touching(before, spaced) & spaced
    rules = (  # the first that holds decides
        (~word, NEVER),
        ((before < 0) | broken, MUST),
        (_has(flags, MUTE) | closing | _has(prev, ABBREVIATION), NEVER),
        (_has(prev, OPEN_ABBREVIATION), np.where(_has(flags, OPENER), 0.0, NEVER)),
        (_has(prev, ENDS), np.where(_has(flags, LOWER), RARELY, LIKELY)),
        (_has(prev, MAY_END) & ~_has(flags, LOWER), 0.0),
        (_has(flags, WEEKDAY), HARDLY),
    )
    conditions, values = zip(*rules, strict=True)
    return np.select(conditions, [np.broadcast_to(value, len(flags)) for value in values], RARELY).astype(np.float32)


def window_cuts(flags: Flags, spaced: NDArray[np.bool_], bias: Floats) -> NDArray[np.int8]:
    """Return per token how good a window of the encoder begins there (see ``encode.windows``): 2 at sentences, 1 at commas, 0.

    A quotation mark after a stop counts as the stop does where it stands right behind it; after a space, it opens what follows.
    """
    _, before, _ = _neighbours(flags)
    end = _has(flags, ENDS)
    ended = end | (_has(flags, CLOSES) & _touching(before, spaced) & end[before])
    last = before >= 0
    sure = (bias == MUST) | ((bias >= 0) & last & ended[before] & ~_has(flags, LOWER | MARK))
    return np.where(sure, 2, np.where(last & _has(flags, MARK)[before] & ~_has(flags, MARK), 1, 0)).astype(np.int8)


def _has(flags: Flags, flag: int) -> NDArray[np.bool_]:
    return np.asarray((flags & flag) != 0, bool)


def _touching(before: Flags, spaced: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return per token whether the word *before* it (as of ``_neighbours``) ends where it begins."""
    return np.asarray((before >= 0) & (before == np.arange(len(before)) - 1) & ~spaced[before], bool)


def _neighbours(flags: Flags) -> tuple[NDArray[np.bool_], Flags, NDArray[np.bool_]]:
    """Return per token: is it a word; the index of the last word before it, or -1; was there a line break since."""
    word = ~_has(flags, SPACE)
    at = np.where(word, np.arange(len(flags)), -1)
    before = np.concatenate([[-1], np.maximum.accumulate(at)[:-1]]) if len(flags) else at
    breaks = np.concatenate([[0], np.cumsum(_has(flags, BREAK))])
    broken = breaks[:-1] > breaks[before + 1]
    return word, before, broken
