"""Pronouns and definite phrases → the words that they stand for.

Only where one candidate stands out: a wrong name is worse than none. Every search looks back over a bounded stretch of text,
and nothing here follows a chain: who asks for what a referent means in turn counts its own depth (MAX_DEPTH).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from processors.coding.naming import is_party
from processors.coding.scene import Scene, by_dep
from processors.coding.syntax import governors, grammatical_subject
from processors.coding.token import SUBJECTS, Token
from stream.messages import Entity

MAX_DEPTH = 2  # referents of referents: "his party" → "the minister" → who that is
SAME_SENTENCE = 80  # words before a pronoun
TITLE_REACH = 400  # words between a name with its title and the title alone
PAIR_REACH = 300  # words between two names and "both"
COUNTRYLIKE = frozenset({"GPE", "NORP", "LOC"})
QUOTES = frozenset('"“«‘')
Fits = Callable[[Scene, Token], bool]


def referents(scene: Scene, token: Token) -> list[Token]:
    """Return the heads of what the pronoun *token* stands for; empty for other words and where it is not safe."""
    word = token.lower_
    if scene.cue("both", word):
        return last_pair(scene, token.i)
    if scene.cue("speaker_pronoun", word):
        return _speakers(scene, token)
    fits = next((fits for cue, fits in _FITS.items() if scene.cue(cue, word)), None)
    return next(([c] for c in _meant(scene, token, fits)), []) if fits else []


def is_pronoun(scene: Scene, token: Token) -> bool:
    """Return whether *token* stands for somebody named elsewhere."""
    return token.pos_ == "PRON" or (token.pos_ == "DET" and scene.cue("both", scene.lemma_of[token.i]))


def _is_person(scene: Scene, token: Token) -> bool:
    entity = scene.entity_of[token.i]
    if entity is not None:
        return entity.type == "PERSON"
    return token.tag_ == "NN" and scene.cue("office", scene.lemma_of[token.i])


def _is_thing(scene: Scene, token: Token) -> bool:
    return not _is_person(scene, token) and not by_dep(scene, token, "conj")


def _is_several(scene: Scene, token: Token) -> bool:
    return bool(by_dep(scene, token, "conj")) or token.tag_ in {"NNS", "NNPS"} or scene.cue("people", scene.lemma_of[token.i])


_FITS: dict[str, Fits] = {"person_pronoun": _is_person, "thing_pronoun": _is_thing, "plural_pronoun": _is_several}


def _meant(scene: Scene, token: Token, fits: Fits) -> Iterator[Token]:
    """Yield what the pronoun *token* may mean, the best first: who stands above it, who speaks, who stands before it."""
    named = (t for t in _above(scene, token) if fits(scene, t))
    return chain(named, _spoken_for(scene, token), (t for t in _before(scene, token) if fits(scene, t)))


def _above(scene: Scene, token: Token) -> Iterator[Token]:
    """Yield the subjects and owners of what governs *token*, nearest first; whoever does something to "him" is somebody else."""
    above = governors(token)
    clauses = (w for w in above[1:] if w.i < token.i or not scene.cue("speech", scene.lemma_of[w.i]))  # "They will come, the king said"
    found = (s for word in clauses for s in by_dep(scene, word, "poss", *SUBJECTS) if s.i != token.i and s not in above)
    return (t for t in found if _can_be_meant(scene, t) and t is not _doer_to(scene, token))


def _before(scene: Scene, token: Token) -> Iterator[Token]:
    """Yield objects before an object in its sentence, nearest first, then subjects in this sentence and in the one before."""
    start, _ = scene.sentence_of[token.i]
    same = scene.tokens[max(start, token.i - SAME_SENTENCE) : token.i]
    earlier = _sentence_before(scene, start)
    objects = (t for t in reversed(same) if t.dep_ == token.dep_ == "dobj")
    subjects = (t for part in (same, earlier) for t in part if t.dep_ in SUBJECTS)
    return (t for t in chain(objects, subjects) if _can_be_meant(scene, t) and t is not _doer_to(scene, token))


def _sentence_before(scene: Scene, start: int) -> Sequence[Token]:
    """Return the last words of the sentence before the one that begins with token *start*."""
    return scene.tokens[max(scene.sentence_of[start - 1][0], start - SAME_SENTENCE) : start] if start else ()


def _can_be_meant(scene: Scene, token: Token) -> bool:
    return token.pos_ != "PRON" and is_party(scene, token)


def _doer_to(scene: Scene, token: Token) -> Token | None:
    """Return the subject of the verb whose object *token* is."""
    return grammatical_subject(scene, token.head) if token.dep_ in {"dobj", "dative"} else None


def _speakers(scene: Scene, token: Token) -> list[Token]:
    """Return who says the clause of *token*, in his own sentence or, where the quotation goes on, in the one before."""
    above = governors(token)
    said_above = [w.head for w in above if w.dep_ in {"ccomp", "parataxis"}]
    said_below = by_dep(scene, above[-1], "parataxis", "ccomp") if above else []  # "…, police said", hung below what they say
    start, _ = scene.sentence_of[token.i]
    goes_on = start > 0 and scene.tokens[start].text in QUOTES
    before = [w for w in _sentence_before(scene, start) if w.dep_ == "ROOT"] if goes_on else []
    verbs = (verb for verb in (*said_above, *said_below, *before) if scene.cue("speech", scene.lemma_of[verb.i]))
    named = (s for verb in verbs for s in by_dep(scene, verb, "nsubj") if is_party(scene, s) and s is not token)
    return next(([s] for s in named if not scene.cue("speaker_pronoun", s.lower_)), [])


def _spoken_for(scene: Scene, token: Token) -> Iterator[Token]:
    """Yield the person who says what "it" or "they" will do: he speaks for them ("Turkey's president says it will begin …")."""
    spoken = token.dep_ in SUBJECTS and not scene.cue("person_pronoun", token.lower_)
    for clause in governors(token)[:1] if spoken else ():
        if clause.dep_ == "ccomp" and clause.head.i < token.i and scene.cue("speech", scene.lemma_of[clause.head.i]):
            speakers = (s for s in by_dep(scene, clause.head, "nsubj") if s.i < token.i)
            yield from (s for s in speakers if _can_be_meant(scene, s) and _is_person(scene, s))


def definite_referents(scene: Scene, token: Token) -> list[Token]:
    """Return what "both countries", "the two leaders", or "the president" after a president was named, stand for."""
    if scene.entity_of[token.i] is not None:
        return []
    words = {c.lower_ for c in by_dep(scene, token, "det", "nummod", "amod")}
    if words == {"the"} and scene.cue("land", scene.lemma_of[token.i]):
        return _only_country(scene, token)
    if token.tag_ == "NNS" and any(scene.cue("both", word) for word in words):
        persons = scene.cue("office", scene.lemma_of[token.i]) or scene.lemma_of[token.i] == "man"
        return last_pair(scene, token.i, persons=persons) or last_pair(scene, token.i)
    if words != {"the"} or token.tag_ != "NN" or len(scene.children[token.i]) > 1:
        return []
    named = _named_holder(scene, token)
    return [named] if named is not None else []


def _only_country(scene: Scene, token: Token) -> list[Token]:
    """Return the last mention of the only country named before "the country" in its sentence and the one before it."""
    start, _ = scene.sentence_of[token.i]
    earlier = scene.sentence_of[start - 1][0] if start else start
    around = range(max(earlier, token.i - SAME_SENTENCE), token.i)
    named = [(i, e.country) for i in around if (e := scene.entity_of[i]) and _stands_for_country(scene, e, persons=False)]
    return [scene.tokens[named[-1][0]]] if len({country for _, country in named}) == 1 else []


def _named_holder(scene: Scene, token: Token) -> Token | None:
    """Return the head of the last name before *token* that bears the same title."""
    lemma = scene.lemma_of[token.i]
    for i in range(token.i - 1, max(-1, token.i - TITLE_REACH), -1):
        word = scene.tokens[i]
        if scene.lemma_of[word.i] != lemma:
            continue
        for other in (word.head, *by_dep(scene, word, "appos")):
            entity = scene.entity_of[other.i]
            if entity is not None and entity.type == "PERSON" and word.dep_ in {"compound", "appos", "nsubj", "nmod", "dobj", "pobj"}:
                return other
    return None


def last_pair(scene: Scene, before: int, *, persons: bool = False) -> list[Token]:
    """Return the last two countries, or persons of two countries, named before token *before*, in text order; empty for fewer."""
    found: dict[str, Token] = {}
    for i in range(before - 1, max(-1, before - PAIR_REACH), -1):
        entity = scene.entity_of[i]
        if entity is None or not entity.country or entity.country in found or not _stands_for_country(scene, entity, persons=persons):
            continue
        found[entity.country] = scene.tokens[i]
        if len(found) == 2:
            return list(reversed(found.values()))
    return []


def _stands_for_country(scene: Scene, entity: Entity, *, persons: bool) -> bool:
    if persons:
        return entity.type == "PERSON"
    return entity.type in COUNTRYLIKE and scene.knowledge.country_of(entity.name) is not None
