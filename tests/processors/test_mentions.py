"""Mentions repaired: what a pipeline may give, written as ``[TYPE words]``, and what comes of it."""

import re

import pytest
from spacy.tokens import Doc

from processors.knowledge import load_knowledge
from processors.languages import any_language
from processors.mentions import find_mentions
from tests.processors.handmade import VOCAB

_PART = re.compile(r"\[([A-Z_]+) ([^\]]+)\]|(\S+)")


def tagged(text: str) -> Doc:
    """Return the Doc of *text* in which every word and mark stands apart; one sentence, all capitalised words proper nouns."""
    words: list[str] = []
    ents: list[str] = []
    for label, name, word in _PART.findall(text):
        parts = name.split() if label else [word]
        words += parts
        ents += [f"{'I' if n else 'B'}-{label}" if label else "O" for n in range(len(parts))]
    pos = ["PROPN" if word[0].isupper() else "NOUN" for word in words]
    return Doc(VOCAB, words=words, ents=ents, pos=pos, sent_starts=[n == 0 for n in range(len(words))])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the Municipality of [GPE Livorno] objected", ["ORG Municipality of Livorno"]),
        ("the Bank of the [GPE Zorbia] objected", ["ORG Bank of the Zorbia"]),
        ("the people of [GPE Livorno] objected", ["GPE Livorno"]),
        ("the [ORG Municipality of] objected", ["ORG Municipality"]),
        ("the [ORG Monti] government fell", ["PERSON Monti"]),
        ("the [ORG Tokyo] government fell", ["GPE Tokyo"]),
        ("shops in [ORG Genova] closed", ["GPE Genova"]),
        ("[NORP Atlanta] officials met", ["GPE Atlanta"]),
        ("the [GPE Municipality of Livorno] objected", ["ORG Municipality of Livorno"]),
        ("[PERSON Ted Example] , [GPE R] - Texas , spoke", ["PERSON Ted Example"]),
        ("the [ORG Zorbia Post newspaper] wrote", ["ORG Zorbia Post"]),
        ("[ORG House Speaker] [PERSON Mike Johnson] , [PERSON R-La.] , spoke", ["PERSON Mike Johnson"]),
        ("[ORG Zorbian Police] [PERSON Mike Johnson] spoke", ["ORG Zorbian Police", "PERSON Mike Johnson"]),
        ("[PERSON Angela Merkel] left ; later Merkel spoke", ["PERSON Angela Merkel", "PERSON Merkel"]),
        ("[PERSON Angela Merkel] left ; later Merkel Cabinet spoke", ["PERSON Angela Merkel"]),
        ("[PERSON Marion Paris] left ; later Paris spoke", ["PERSON Marion Paris"]),
        ("[PERSON Jenin] in the West Bank was raided", ["GPE Jenin", "GPE West Bank"]),
        ("the [ORG Jeddah] agreement held", ["GPE Jeddah"]),
        ("the [ORG Zorbian Health] Ministry spoke", ["ORG Zorbian Health Ministry"]),
        ("the [ORG Zorbian Bishops] ' Conference spoke", ["ORG Zorbian Bishops ' Conference"]),
        ("the [ORG Zorbian Oil] 's Board spoke", ["ORG Zorbian Oil"]),
        ("the [ORG Rapid] Support [ORG Forces of Zorbia] left", ["ORG Rapid Support Forces"]),
        ("[ORG Marine Le Pen] spoke", ["PERSON Marine Le Pen"]),
        ("the [GPE Kremlin] and [PERSON Turkey] met", ["ORG Kremlin", "GPE Turkey"]),
    ],
)
def test_a_mention_has_its_bounds_and_its_type(text: str, expected: list[str]) -> None:
    found = find_mentions(tagged(text), load_knowledge(), any_language("en"))
    assert [f"{m.type} {m.name}" for m in found] == expected


@pytest.mark.parametrize(("pos", "expected"), [("PROPN", "Lee Zor-bak"), ("VERB", "Lee Zor")])
def test_a_person_s_name_goes_on_behind_a_hyphen_unless_a_verb_does(pos: str, expected: str) -> None:
    words, spaces, ents = ["Lee", "Zor", "-", "bak", "left"], [True, False, False, True, False], ["B-PERSON", "I-PERSON", "O", "O", "O"]
    kinds = ["PROPN", "PROPN", "PUNCT", pos, "VERB"]
    doc = Doc(VOCAB, words=words, spaces=spaces, pos=kinds, ents=ents, sent_starts=[True, False, False, False, False])
    assert [m.name for m in find_mentions(doc, load_knowledge(), any_language("en"))] == [expected]
