"""Counts of people: killed, injured, arrested, in a crowd.

A count hangs from a word that says what befell people ("killed", "left 14 dead", "no casualties", "the arrest of 46") wherever
that stands in the sentence, and belongs to the event nearest to it in the tree whose type can have such a count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from processors.coding.counts import LIMITS, VAGUE, is_number, parse_number
from processors.coding.scene import Scene, by_dep, conjoined, is_nominal, is_verb, objects_of_preposition
from processors.coding.syntax import agents, governors, patients
from processors.coding.token import Token
from stream.messages import Magnitude, Magnitudes

KINDS: Mapping[str, tuple[str, frozenset[str]]] = {  # count: the cue class of its words, the types of event that have it
    "killed": ("killing", frozenset({"ASSAULT", "PROTEST"})),
    "injured": ("injuring", frozenset({"ASSAULT", "PROTEST"})),
    "arrested": ("arresting", frozenset({"COERCE", "ASSAULT", "PROTEST"})),
    "crowd": ("gathering", frozenset({"PROTEST"})),
}
NOBODY = Magnitude(min=0, max=0)
ONE = Magnitude(min=1, max=1)
_NOT_ONE = frozenset({"nobody", "none", "no"})
_ANYBODY = frozenset({"anyone", "anybody", "any"})
_BEFORE = 4  # words before a number that may belong to it: "no fewer than"


def magnitudes_of(scene: Scene, start: int, end: int, events: Sequence[tuple[Token, str]]) -> list[Magnitudes]:
    """Return the counts of each of *events* (its word, its type) of the sentence that is the tokens *start* to *end*."""
    counts: list[dict[str, Magnitude]] = [{} for _ in events]
    for kind, (cue, types) in KINDS.items():
        near = _steps_up([(n, head) for n, (head, type_) in enumerate(events) if type_ in types])
        for word in scene.tokens[start:end] if near else ():
            own = kind == "crowd" and near.get(word.i, (1, 0))[0] == 0
            found = _count_at(scene, word, own=own) if own or _says(scene, word, cue) else None
            n = _nearest(word, near) if found else None
            if n is not None and found:
                counts[n].setdefault(kind, found)
    return [Magnitudes(**found) for found in counts]


def befell_nobody(scene: Scene, word: Token) -> bool:
    """Return whether *word* says that nobody came to harm: "no one was hurt"."""
    return any(_says(scene, word, cue) and _count_at(scene, word, own=False) == NOBODY for cue, _ in KINDS.values())


def _says(scene: Scene, word: Token, cue: str) -> bool:
    words = scene.cues(cue)
    return scene.lemma_of[word.i] in words or word.lower_ in words


def _steps_up(heads: Sequence[tuple[int, Token]]) -> dict[int, tuple[int, int]]:
    """Map every word above a head to (steps from the nearest head below it, that head's number)."""
    near: dict[int, tuple[int, int]] = {}
    for n, head in heads:
        for steps, token in enumerate((head, *governors(head))):
            near[token.i] = min(near.get(token.i, (steps, n)), (steps, n))
    return near


def _nearest(word: Token, near: Mapping[int, tuple[int, int]]) -> int | None:
    """Return the number of the head with the shortest way through the tree to *word*.

    A relative clause counts for the noun above it alone: "marched in Lhasa, where 24 people were killed last year".
    """
    ways = []
    for up, token in enumerate((word, *governors(word))):
        if token.i in near:
            ways.append((up + near[token.i][0], near[token.i][1]))
        if token.dep_ == "relcl" and near.get(token.head.i, (1, 0))[0]:
            break
    return min(ways)[1] if ways else None


# --- a word → whom it befell → how many


def _count_at(scene: Scene, word: Token, *, own: bool) -> Magnitude | None:
    negated = bool(by_dep(scene, word, "neg"))
    for noun in _acting(scene, word) if own else _befallen(scene, word):
        if negated and noun.lower_ in _ANYBODY:
            return NOBODY
        count = None if negated else people_in(scene, noun)
        if count and not (own and count == ONE):  # whoever calls a protest is no crowd
            return count
    return None


def _acting(scene: Scene, word: Token) -> Iterator[Token]:
    """Yield the nouns that may count those who do what *word* says."""
    if is_verb(word):
        yield from agents(scene, word)
    else:
        yield from objects_of_preposition(scene, word, {"of", "by"}.__contains__)
        yield from agents(scene, word.head) if is_verb(word.head) and word.dep_ in {"dobj", "pobj"} else ()
        yield word


def _befallen(scene: Scene, word: Token) -> Iterator[Token]:
    """Yield the nouns that may count those whom *word* befell, the likeliest first."""
    if is_verb(word):
        yield from patients(scene, word)
    elif is_nominal(word):
        yield from objects_of_preposition(scene, word, "of".__eq__)
        yield word
    yield from by_dep(scene, word, "nsubj", "nsubjpass", "nummod", "npadvmod")
    above = word.head
    if word.dep_ in {"amod", "acl"} and above.i < word.i:
        yield above
    if word.dep_ in {"oprd", "acomp", "attr", "advmod", "advcl", "ccomp", "xcomp", "prt", "conj"} and is_verb(above):
        yield from (patients(scene, above) or by_dep(scene, above, "nsubj"))


def people_in(scene: Scene, noun: Token) -> Magnitude | None:
    """Return how many people *noun* with what is conjoined to it stands for: "two soldiers and a civilian" are three."""
    parts = [_people(scene, item) for item in conjoined(scene, noun) if not _is_part(scene, item)]
    if not parts or parts[0] is None:
        return None
    known = [part for part in parts if part]
    most = [part.max for part in known if part.max is not None]
    return Magnitude(min=sum(part.min or 0 for part in known), max=sum(most) if len(most) == len(parts) else None)


def _is_part(scene: Scene, noun: Token) -> bool:
    """Return whether *noun* is of those counted before it: "including seven children"."""
    first = min(t.i for t in (noun, *scene.children[noun.i]))
    return first > 0 and scene.tokens[first - 1].lower_ in {"including", "among"}


def _people(scene: Scene, noun: Token) -> Magnitude | None:
    if not is_nominal(noun):
        return None
    if noun.lower_ in _NOT_ONE or any(c.lower_ == "no" for c in by_dep(scene, noun, "det")):
        return NOBODY
    words = _number_words(scene, noun)
    return parse_number(words) if words else ONE if _is_one_person(scene, noun) else None


def _is_one_person(scene: Scene, noun: Token) -> bool:
    """Return whether *noun* is a single person: "a man", "its driver", "himself", a name."""
    entity = scene.entity_of[noun.i]
    if noun.tag_ in {"NNP", "NNPS"}:
        return entity is not None and entity.type == "PERSON"
    if noun.tag_ == "PRP":
        return noun.lower_.endswith("self") or noun.lower_ in {"him", "her"}
    role = scene.cue("people", scene.lemma_of[noun.i]) or scene.knowledge.sector_of(noun.lower_) is not None
    return noun.tag_ == "NN" and role and bool(by_dep(scene, noun, "det", "poss")) and not scene.cue("quantity", noun.lower_)


def _number_words(scene: Scene, noun: Token) -> list[str]:
    """Return the words of the number before *noun*, or of *noun* itself where it is one ("thousands of …", "killed 46")."""
    numbers = by_dep(scene, noun, "nummod") + [c for c in by_dep(scene, noun, "amod", "det") if c.lower_ in VAGUE]
    own = is_number(noun.lower_)
    if not numbers and not own:
        return []
    low = scene.sentence_of[noun.i][0]
    first = min([c.i for n in numbers for c in (n, *scene.children[n.i])] or [noun.i])
    limit = max(first - _BEFORE, low)
    while first > limit and scene.tokens[first - 1].lower_ in LIMITS | {"to"}:
        first -= 1
    last = noun.i + 1
    if own and any(is_number(n.lower_) for n in objects_of_preposition(scene, noun, "of".__eq__)):
        last += 2
    return [token.lower_ for token in scene.tokens[first:last]]
