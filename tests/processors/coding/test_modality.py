from __future__ import annotations

import pytest

from processors.coding.lexicon import load_lexicon
from processors.coding.modality import Circumstance, Reality, decide
from stream.messages import Modality

LEXICON = load_lexicon("en")


@pytest.mark.parametrize(
    ("type_", "mode", "inner", "seen", "expected"),
    [
        ("CONSULT", "visit", "asserted", Circumstance(), ("CONSULT", "visit", "asserted")),
        ("CONSULT", "visit", "asserted", Circumstance(future=True), ("AGREE", None, "planned")),
        ("AID", None, "asserted", Circumstance(future=True), ("AGREE", None, "planned")),
        ("SUPPORT", None, "asserted", Circumstance(future=True), ("AGREE", None, "planned")),
        ("COOPERATE", None, "asserted", Circumstance(future=True), ("AGREE", None, "planned")),
        ("RETREAT", "withdraw", "asserted", Circumstance(future=True), ("CONCEDE", None, "planned")),
        ("CONCEDE", None, "asserted", Circumstance(future=True), ("CONCEDE", None, "planned")),
        ("ASSAULT", None, "asserted", Circumstance(future=True), ("THREATEN", "violence", "planned")),
        ("COERCE", "arrest", "asserted", Circumstance(would=True, conditioned=True), ("THREATEN", "arrest", "conditional")),
        ("CONSULT", None, "asserted", Circumstance(future=True, negated=True), ("REJECT", "meet", "asserted")),
        ("AID", None, "asserted", Circumstance(would=True, negated=True), ("REJECT", "assist", "asserted")),
        ("ASSAULT", None, "asserted", Circumstance(negated=True), ("ASSAULT", None, "negated")),
        ("ASSAULT", None, "asserted", Circumstance(possible=True, perfect=True), ("ASSAULT", None, "possible")),
        ("CONSULT", None, "asserted", Circumstance(outer="hypothetical"), ("AGREE", None, "hypothetical")),
        ("THREATEN", "relations", "planned", Circumstance(), ("THREATEN", "relations", "planned")),
        ("THREATEN", "relations", "planned", Circumstance(conditioned=True), ("THREATEN", "relations", "conditional")),
        ("AGREE", None, "planned", Circumstance(negated=True), ("AGREE", None, "negated")),
    ],
)
def test_tense_and_negation_decide(
    type_: str, mode: str | None, inner: Modality, seen: Circumstance, expected: tuple[str, str | None, Modality]
) -> None:
    assert decide(LEXICON, type_, mode, inner, seen) == Reality(*expected)


NOT_YET = [{"future": True}, {"would": True}, {"possible": True}, {"obliged": True}]
NOT_YET += [{"outer": outer} for outer in ("planned", "conditional", "possible", "hypothetical", "negated")]


@pytest.mark.parametrize("seen", [Circumstance(**words) for words in NOT_YET])  # type: ignore[arg-type]
def test_a_meeting_that_has_not_taken_place_is_never_an_asserted_consultation(seen: Circumstance) -> None:
    found = decide(LEXICON, "CONSULT", None, "asserted", seen)
    assert found is None or (found.type, found.modality) != ("CONSULT", "asserted")
