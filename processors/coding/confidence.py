"""What speaks for and against an event: the signs that its confidence is computed from (calibration.py).

Tried and dropped, for they told right events from wrong ones no better on texts left out: the kinds of the parties' entities,
frames and operators, whether the event word is the sentence's root, words between it and the actor, inherited countries.
"""

from __future__ import annotations

from collections.abc import Sequence

from processors.coding.lexicon import Entry
from processors.coding.modality import Reality
from processors.coding.roles import RECIPIENT_TYPES, Cast
from processors.coding.scene import Scene, is_verb
from processors.coding.token import Token
from processors.coding.triggers import Reading

FAR = 9  # tokens
EMBEDDED = frozenset({"relcl", "acl", "advcl", "pcomp"})
NAMES = frozenset({"PERSON", "NORP", "ORG", "GPE", "MISC"})

TOLD_AGAIN = "told again"  # elsewhere in the document
OBLIGATION = "obligation"  # "X said that Y must …", told by no event word


def signs_of(scene: Scene, reading: Reading, reality: Reality, people: Cast) -> frozenset[str]:
    """Return the names of what holds of an event that *reading* tells."""
    entries = (reading.entry, reading.innermost.entry)
    return _signs_of_words(scene, reading.head, entries) | signs_of_cast(scene, reading.heads, reality, people)


def _signs_of_words(scene: Scene, head: Token, entries: Sequence[Entry]) -> frozenset[str]:
    return _true(
        {
            "weak word": any("?" in entry.roles for entry in entries),  # one that often means something else
            "noun": not (is_verb(head) or head.pos_ == "ADJ"),
            "embedded": head.dep_ in EMBEDDED,
            "purpose": head.dep_ == "advcl" and head.tag_ == "VB",
            "complement": head.dep_ in {"ccomp", "xcomp"},
            "late": head.i - scene.sentence_of[head.i][0] > FAR,
        }
    )


def signs_of_cast(scene: Scene, heads: Sequence[Token], reality: Reality, people: Cast) -> frozenset[str]:
    """Return the names of what holds of an event's type and modality and of its parties, told by the words *heads*."""
    at = heads[0].i
    start, end = scene.sentence_of[at]
    in_cast = {p.value.entity for p in (*people.actors, *people.recipients)}
    named = {e.id for e in scene.entity_of[start:end] if e is not None and e.type in NAMES} - in_cast
    return _true(
        {
            reality.type: True,
            reality.modality: True,
            f"actor {people.found}": True,
            "no recipient": not people.recipients,
            "recipient missing": reality.type in RECIPIENT_TYPES and not people.recipients,
            "actor without country": not any(p.value.country for p in people.actors),
            "recipient without country": bool(people.recipients) and not any(p.value.country for p in people.recipients),
            "actor with sector": any(p.value.sector for p in people.actors),
            "actor far": any(start <= p.head < at - FAR for p in people.actors),
            "several actors": len(people.actors) > 1,
            "a name beside": len(named) == 1,  # in the sentence, not in the cast
            "names beside": len(named) > 1,
        }
    )


def _true(holds: dict[str, bool]) -> frozenset[str]:
    return frozenset(name for name, true in holds.items() if true)
