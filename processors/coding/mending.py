"""Arcs that parsers often get wrong, mended before anything is read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from processors.coding.token import SUBJECTS, Token

HYPHENS = frozenset({"-", "\u2010", "\u2011", "\u2013"})
HAVE = frozenset({"has", "have", "had", "having", "'ve", "’ve", "'d", "’d"})
BEEN = frozenset({"been", "being", "be", "got"})
_ACTIVE = {"nsubjpass": "nsubj", "agent": "prep"}
TIMES = frozenset({"DATE", "TIME"})


def mend(tokens: Sequence[Token]) -> None:
    """Hang words where they belong, in place; linear in tokens.

    1. "Ministers Thursday condemned …": a time is no subject beside another.
    2. "X will meet Y in Paris, his office said": what stands before the clause that is said is that clause's, if it has none.
    3. "a Saudi-led coalition airstrike": it is the coalition that is led.
    4. "Mali has suspended broadcasts by …": what "has" done something without "been" is no passive.
    5. "Fighting between Sudan and Chad resumed": a gerund that is a subject and says between whom is a noun.
    6. "lifted the ban but not the curfew": "but not" leaves untouched what stands before it.
    """
    _mend_voice(tokens)
    _mend_gerunds(tokens)
    _mend_subjects(tokens)
    for before, word, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if before.text in HYPHENS and word.tag_ == "VBN" and after.dep_ == "compound" and word.head is after.head:
            word.head = after
        if word.lower_ == "not" and before.lower_ == "but" and word.head.i < word.i:
            word.head = after


def _mend_subjects(tokens: Sequence[Token]) -> None:
    subjects = _subjects(tokens)
    said = {t.head.i: t for t in tokens if t.dep_ == "ccomp" and t.i < t.head.i and t.i not in subjects}
    for verb, several in subjects.items():
        for first, second in pairwise(several):
            if second.ent_type_ in TIMES and first.ent_type_ not in TIMES:
                second.dep_ = "npadvmod"
            clause = said.get(verb)
            if clause is not None and first.i < clause.i < second.i:
                first.head = clause


def _mend_voice(tokens: Sequence[Token]) -> None:
    passive = {t.head.i for t in tokens if t.dep_ == "auxpass" or (t.dep_ == "aux" and t.lower_ in BEEN)}
    perfect = {t.head.i for t in tokens if t.dep_ == "aux" and t.lower_ in HAVE} - passive
    for token in tokens if perfect else ():
        if token.dep_ in _ACTIVE and token.head.i in perfect:
            token.dep_ = _ACTIVE[token.dep_]


def _mend_gerunds(tokens: Sequence[Token]) -> None:
    for word, after in pairwise(tokens):
        if word.tag_ == "VBG" and word.dep_ in SUBJECTS and after.lower_ in {"between", "among"} and after.head is word:
            word.tag_, word.pos_, word.lemma_ = "NN", "NOUN", word.lower_


def _subjects(tokens: Sequence[Token]) -> dict[int, list[Token]]:
    """Return the subjects of each verb that has some, by the verb's place."""
    found: dict[int, list[Token]] = {}
    for token in tokens:
        if token.dep_ in SUBJECTS:
            found.setdefault(token.head.i, []).append(token)
    return found
