"""Which mentions of people are one person: words of names compared, nothing else.

A shorter name is the person of a longer one where its words stand in the longer one's order and both end alike (Tayyip Erdogan),
or where it is the beginning of it (Pedro Sánchez of Pedro Sánchez Pérez-Castejón). A single word is a surname before it is a
first name or one in the middle (Xi of Xi Jinping). Accents, hyphens, the Arabic article and the usual ways to spell one foreign
name (Zelensky, Zelenskyy, Zelenskiy; al-Sisi, el-Sissi, Sisi) make no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from processors.knowledge.spelling import name_words
from processors.mentions import RawMention


def full_names(people: Iterable[RawMention]) -> dict[RawMention, str]:
    """Map each mention to the full name it stands for: the last one before it that fits, else the first after it.

    A mention that stands for nobody else is left out.
    """
    mentions = [m for m in people if name_words(m.name)]
    full = [m for m in mentions if len(name_words(m.name)) > 1]
    by_word = _by_word(full)
    longest = {name_words(m.name): _longest(m.name, by_word) for m in full}
    found: dict[RawMention, str] = {}
    for m in mentions:
        words = name_words(m.name)
        if len(words) > 1:
            found[m] = longest[words]
            continue
        fitting = _fitting(words[0], by_word.get(words[0], ()))
        before = [o for o in fitting if o.start < m.start]
        if fitting:
            found[m] = longest[name_words((before[-1] if before else fitting[0]).name)]
    return found


def is_same_person(short: str, long: str) -> bool:
    """Return whether *short*, of two words or more, names the person of *long*."""
    words, others = name_words(short), name_words(long)
    if len(words) < 2 or len(words) > len(others):
        return False
    rest = iter(others)
    return (words[-1] == others[-1] and all(word in rest for word in words)) or words == others[: len(words)]


def _by_word(full: Sequence[RawMention]) -> Mapping[str, list[RawMention]]:
    found: dict[str, list[RawMention]] = {}
    for m in full:
        for word in dict.fromkeys(name_words(m.name)):
            found.setdefault(word, []).append(m)
    return found


def _longest(name: str, by_word: Mapping[str, Sequence[RawMention]]) -> str:
    """Return the longest name of the document for the person called *name*; of two spellings the first."""
    words = name_words(name)
    same = [o.name for o in by_word[words[0]] if is_same_person(name, o.name)]
    return max(same, key=lambda other: len(name_words(other))) if same else name


def _fitting(word: str, having: Sequence[RawMention]) -> Sequence[RawMention]:
    """Return the full names that a single word may stand for: by its surname, else by its first, else by any other word."""
    for position in (-1, 0):
        if chosen := [m for m in having if name_words(m.name)[position] == word]:
            return chosen
    return having if len({name_words(m.name) for m in having}) == 1 and len(word) > 3 else ()
