"""The language that a text is in: what its feed says, unless the text plainly is in another.

Feeds are wrong about it more often than one would think: a template that says "en" for every edition, a feed that mixes
languages. So a feed's word is checked wherever the text is long enough to judge by, and dropped only where py3langid is sure
and the two languages are not easily mistaken for each other. A text whose telltale words show that the feed is right is not
identified at all: py3langid's model takes a second to load and 100 MB, which a deployment in one language need never pay.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from processors.languages import load_language

SAMPLE = 1_500  # code points that are looked at: more does not change the answer, half a millisecond
ENOUGH = 100  # letters in which a feed can be found wrong
LITTLE = 25  # letters below which nothing is said of a text that has no language: a headline's names mislead
SURE = 0.99  # probability at which a feed is found wrong
LIKELY = 0.50  # probability at which a text without a language gets one
TELLTALE_WORDS = 3  # different words that no other language has …
TELLTALE_SHARE = 0.05  # … and how much of the text they are: of English, nine texts in ten have 0.10 to 0.22

# What news is written in, of the 140 languages that py3langid knows: fewer to confuse.
_CANDIDATES = """
    af am ar as az be bg bn br bs ca cs cy da de el en eo es et eu fa fi fo fr ga gd gl gu ha he hi hr ht hu hy id ig is it ja ka kk
    km kn ko ku ky la lb lo lt lv mg mk ml mn mr ms mt my ne nl nn no or pa pl ps pt ro ru rw si sk sl sn so sq sr sv sw ta te tg th
    tk tl tr tt ug uk ur uz vi xh yo zh zu
"""
_ONE_CODE = {"nb": "no", "nn": "no", "iw": "he", "in": "id", "ji": "yi", "sh": "sr", "fil": "tl", "cmn": "zh"}
# Languages that are told apart by a few words only: the feed is believed.
_ALIKE = tuple(
    frozenset(codes.split())
    for codes in (
        "no da sv",
        "bs hr sr sl mk bg",
        "cs sk",
        "id ms",
        "es pt gl ca",
        "nl af",
        "ru uk be bg",
        "hi mr ne",
        "fa ps tg ur",
        "tr az tk",
    )
)
_WORD = re.compile(r"[^\W\d_]+")
_NO_LETTER = re.compile(r"[\s\d]")
_NOT_TEXT = re.compile(r"https?://\S+|\S+@\S+")


def language_of(text: str, said: str | None, default: str) -> str:
    """Return the ISO 639-1 code of the language of *text*.

    *said* is what the feed says, *default* what a text is taken to be in of which neither feed nor words tell. Deterministic.
    """
    stated = bare_code(said)
    sample = _NOT_TEXT.sub(" ", text[:SAMPLE])
    expected = stated or default
    if _shows(sample, expected):
        return expected
    letters = len(_NO_LETTER.sub("", sample))
    if letters < (ENOUGH if stated else LITTLE):
        return expected
    found, probability = _identify(sample)
    if stated:
        return found if probability >= SURE and not _alike(found, stated) else stated
    return found if probability >= LIKELY else default


def bare_code(tag: str | None) -> str:
    """Return the language of a tag without its region: ``en-GB`` is ``en``, ``nb`` is ``no``; "" for none."""
    code = (tag or "").replace("_", "-").split("-")[0].strip().lower()
    return _ONE_CODE.get(code, code)


def _shows(sample: str, code: str) -> bool:
    """Return whether *sample* has the telltale words of that language, where a table lists them."""
    spec = load_language(code)
    if spec is None or not spec.telltale:
        return False
    words = _WORD.findall(sample.lower())
    hits = [word for word in words if word in spec.telltale]
    return len(set(hits)) >= TELLTALE_WORDS and len(hits) >= TELLTALE_SHARE * len(words)


def _alike(one: str, other: str) -> bool:
    return one == other or any(one in family and other in family for family in _ALIKE)


def _identify(sample: str) -> tuple[str, float]:
    """Return the likeliest language and the probability that it is this one or one like it."""
    ranked = [(bare_code(code), float(probability)) for code, probability in _identifier().rank(" ".join(sample.split()))]
    best = ranked[0][0]
    return best, sum(probability for code, probability in ranked if _alike(code, best))


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid import langid  # a second, and only where a language is in doubt

    library: Any = langid  # it has no types
    identifier = library.LanguageIdentifier.from_model_file(library.MODEL_FILE, norm_probs=True)
    identifier.set_languages([code for code in _CANDIDATES.split() if code in identifier.labels])
    return identifier
