"""Arcs that parsers often get wrong, mended before anything is read. Only a verb's second subject is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from processors.coding.token import Token

TIMES = frozenset({"DATE", "TIME"})


def mend(tokens: Sequence[Token]) -> None:
    """Give subjects back to their verbs, in place; linear in tokens.

    1. "Ministers Thursday condemned …": a time is no subject beside another.
    2. "X will meet Y in Paris, his office said": what stands before the clause that is said is that clause's, if it has none.
    """
    subjects = _subjects(tokens)
    said = {t.head.i: t for t in tokens if t.dep_ == "ccomp" and t.i < t.head.i and t.i not in subjects}
    for verb, several in subjects.items():
        for first, second in pairwise(several):
            if second.ent_type_ in TIMES and first.ent_type_ not in TIMES:
                second.dep_ = "npadvmod"
            clause = said.get(verb)
            if clause is not None and first.i < clause.i < second.i:
                first.head = clause


def _subjects(tokens: Sequence[Token]) -> dict[int, list[Token]]:
    """Return the subjects of each verb that has some, by the verb's place."""
    found: dict[int, list[Token]] = {}
    for token in tokens:
        if token.dep_ in {"nsubj", "nsubjpass"}:
            found.setdefault(token.head.i, []).append(token)
    return found
