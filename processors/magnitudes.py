"""Counts of people: killed, injured, arrested, in a crowd, with the bounds that the words give."""

from __future__ import annotations

import re
from collections.abc import Sequence

from spacy.tokens import Token

from processors.scene import Scene, by_dep, is_nominal, objects_of_preposition
from processors.syntax import patients
from stream.messages import Magnitude, Magnitudes

LOWER = frozenset({"least", "over", "than", "more"})
UPPER = frozenset({"most", "up", "nearly", "almost", "fewer", "less"})
KILLING = frozenset({"kill", "murder", "massacre", "slay", "slaughter", "die", "execute", "assassinate", "behead", "dead", "death"})
INJURING = frozenset({"wound", "injure", "hurt", "maim", "injured", "wounded"})
ARRESTING = frozenset({"arrest", "detain", "round_up", "apprehend", "jail", "imprison", "intern", "arrested", "detained"})
_SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
UNITS = dict(zip(_SMALL.split(" "), range(20), strict=True)) | dict(zip(_TENS.split(" "), range(20, 100, 10), strict=True))
SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "dozen": 12}
VAGUE = {  # plural nouns of number: at least two of them (a dozen, a score), no upper bound
    "dozens": 24, "scores": 40, "hundreds": 200, "thousands": 2_000, "tens": 20, "millions": 2_000_000,
}  # fmt: skip
_DIGITS = re.compile(r"\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?")


def parse_number(words: Sequence[str]) -> Magnitude | None:
    """Return the count in lower-case *words* with its bounds: "at least 12", "3,000 to 5,000", "two dozen", "tens of thousands"."""
    values = _values(words)
    if not values:
        return None
    low, high = values[0], values[-1]
    if any(word in VAGUE for word in words):
        return Magnitude(min=low, max=high if high > low else None)
    if len(values) > 1 and high > low:
        return Magnitude(min=low, max=high)
    if any(word in LOWER for word in words) and "no" not in words:
        return Magnitude(min=low + ("than" in words), max=None)
    if any(word in UPPER for word in words) and ("up" in words or "most" in words or "fewer" in words or "less" in words):
        return Magnitude(min=0, max=low)
    return Magnitude(min=low, max=low)


def _values(words: Sequence[str]) -> list[int]:
    found: list[int] = []
    current: float | None = None
    for word in words:
        digits = _DIGITS.fullmatch(word)
        if digits:
            if current is not None:
                found.append(int(current))
            current = float(word.replace(",", ""))
        elif word in UNITS:
            current = (current or 0) + UNITS[word]
        elif word in SCALES:
            current = (1 if current is None else current) * SCALES[word]
        elif word in VAGUE:
            current = (1 if current is None else current) * VAGUE[word]
        elif word not in {"and", "of", "a", "-", "about", "some"} and current is not None:
            found.append(int(current))
            current = None
    if current is not None:
        found.append(int(current))
    if len(found) > 1 and "tens" in words:
        return [found[0] * found[1]]
    return found[:2] if {"to", "or", "and", "between"} & set(words) else found[:1]


def magnitudes(scene: Scene, heads: Sequence[Token], type_: str) -> Magnitudes:
    """Return the counts of the event whose words are *heads*, also of participles beside it ("…, killing 12 and wounding 30")."""
    counts: dict[str, Magnitude] = {}
    verbs = list(heads)
    for head in heads:
        verbs += by_dep(scene, head, "advcl", "conj", "acl", "xcomp", "relcl")
    for verb in verbs:
        kind = _kind(scene.lemma_of[verb.i])
        nouns = patients(scene, verb) or (by_dep(scene, verb, "nsubj") if scene.lemma_of[verb.i] == "die" else [])
        if kind and kind not in counts and (count := _count(scene, nouns)):
            counts[kind] = count
    if type_ == "PROTEST" and (count := _count(scene, by_dep(scene, heads[0], "nsubj"))):
        counts["crowd"] = count
    return Magnitudes(**counts)


def _kind(lemma: str) -> str | None:
    kinds = (("killed", KILLING), ("injured", INJURING), ("arrested", ARRESTING))
    return next((name for name, words in kinds if lemma in words), None)


def _count(scene: Scene, nouns: Sequence[Token]) -> Magnitude | None:
    for noun in nouns:
        count = parse_number(_number_words(scene, noun))
        if count:
            return count
    return None


def _number_words(scene: Scene, noun: Token) -> list[str]:
    """Return the number before *noun*, or *noun* itself where it is one ("thousands of …", "killed 46")."""
    if not is_nominal(noun):
        return []
    numbers = by_dep(scene, noun, "nummod")
    own = noun.lower_ in VAGUE or noun.like_num
    if not numbers and not own:
        return []
    first = min([c.i for n in numbers for c in (n, *scene.children[n.i])] or [noun.i])
    start = max(first - 3, scene.sentence_of[noun.i][0])
    while start < first and scene.doc[start].lower_ not in LOWER | UPPER | {"at", "between"}:
        start += 1
    last = noun.i + 1
    if own:
        last += 2 if any(n.lower_ in VAGUE or n.like_num for n in objects_of_preposition(scene, noun, lambda w: w == "of")) else 0
    return [token.lower_ for token in scene.doc[start:last]]
