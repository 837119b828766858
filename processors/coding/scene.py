"""A document laid out for coding: what is known of every token, looked up in constant time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import lru_cache, wraps
from itertools import pairwise
from typing import Concatenate, ParamSpec, TypeVar

import numpy as np
from spacy.tokens import Doc

from processors.coding.lexicon import PARTICLES, Lexicon
from processors.coding.mending import HYPHENS, mend
from processors.coding.token import Token, read_tokens
from processors.facts import DocumentFacts
from processors.knowledge import Knowledge
from stream.messages import Entity, TimeExpression

MAX_SENTENCE = 250  # tokens; what a parser calls a longer sentence is a list or a table, and is read in pieces of so many
MIN_REGISTER, REGISTER_SHARE = 4, 60  # a text is about sport or markets with so many words of theirs, one in so many
P = ParamSpec("P")
T = TypeVar("T")
_NOTHING: Set[str] = frozenset()
MAX_CHILDREN = 60  # words that one word governs; more is a list or a table


@dataclass(frozen=True, slots=True)
class Scene:
    """A parsed document with its facts; every list has one item a token."""

    text: str
    tokens: Sequence[Token]
    facts: DocumentFacts
    knowledge: Knowledge
    lexicon: Lexicon
    entity_of: Sequence[Entity | None]
    mention_of: Sequence[tuple[int, int] | None]  # half-open token range of the mention that covers the token
    time_of: Sequence[TimeExpression | None]
    sentence_of: Sequence[tuple[int, int]]  # half-open token range
    children: Sequence[Sequence[Token]]
    lemma_of: Sequence[str]  # lower case
    sides: Mapping[str, str]  # "South" → KOR, where one country of the document begins with it
    playful: bool  # the whole text is about sport or markets
    answers: dict[Hashable, dict[Hashable, object]] = field(default_factory=lambda: defaultdict(dict))  # of what is marked ``@per_word``

    def chars(self, start: int, end: int) -> tuple[int, int]:
        """Return where the tokens from *start* up to before *end*, at least one, stand in the text."""
        last = self.tokens[end - 1]
        return self.tokens[start].idx, last.idx + len(last)

    def quote(self, start: int, end: int) -> str:
        """Return the words from token *start* up to before *end* as the text has them; nothing where there are none."""
        first, after = self.chars(start, end) if start < end else (0, 0)
        return self.text[first:after]

    def opening(self, token: Token) -> Token:
        """Return the first token of the sentence of *token*."""
        return self.tokens[self.sentence_of[token.i][0]]

    def cues(self, name: str) -> Set[str]:
        """Return the words of the cue class *name*, none where the language has no such class."""
        return self.lexicon.cues.get(name, _NOTHING)

    def cue(self, name: str, word: str) -> bool:
        """Return whether *word* is in the cue class *name*."""
        return word in self.lexicon.cues.get(name, _NOTHING)


def per_word(find: Callable[Concatenate[Scene, Token, P], T]) -> Callable[Concatenate[Scene, Token, P], T]:
    """Let *find* be worked out once for a word (and other arguments) of a document: the rooms ask the same of it many times.

    *find* has to depend on nothing else, and what it returns must not be changed.
    """

    @wraps(find)
    def answer(scene: Scene, token: Token, /, *args: P.args, **kwargs: P.kwargs) -> T:
        known = scene.answers[find]
        key = (token, *args, *kwargs.items()) if args or kwargs else token
        if key in known:
            return known[key]  # type: ignore[return-value]  # what *find* put there
        known[key] = found = find(scene, token, *args, **kwargs)
        return found

    return answer


def make_scene(doc: Doc, facts: DocumentFacts, knowledge: Knowledge, lexicon: Lexicon) -> Scene:
    """Lay *doc* out; linear in tokens, mentions and times."""
    tokens = read_tokens(doc)
    mend(tokens)
    lemmas = _lemmas(tokens, lexicon)
    starts = [token.idx for token in tokens]
    entity_of, mention_of = _mentions(facts, starts)
    return Scene(
        doc.text,
        tokens,
        facts,
        knowledge,
        lexicon,
        entity_of,
        mention_of,
        _times(facts, starts),
        _sentences(doc),
        _children(tokens),
        lemmas,
        _sides(facts, lexicon),
        _playful(lemmas, lexicon),
    )


def _mentions(facts: DocumentFacts, starts: Sequence[int]) -> tuple[list[Entity | None], list[tuple[int, int] | None]]:
    """Return the entity of each token and the tokens of the mention of it that covers the token, the longest of several."""
    entity_of: list[Entity | None] = [None] * len(starts)
    mention_of: list[tuple[int, int] | None] = [None] * len(starts)
    for entity in facts.entities:
        for mention in entity.mentions:
            first, last = _token_range(starts, mention.start, mention.end)
            for i in range(first, last):
                old = mention_of[i]
                if old is None or old[1] - old[0] < last - first:
                    entity_of[i], mention_of[i] = entity, (first, last)
    return entity_of, mention_of


def _times(facts: DocumentFacts, starts: Sequence[int]) -> list[TimeExpression | None]:
    time_of: list[TimeExpression | None] = [None] * len(starts)
    for time in facts.times:
        for i in range(*_token_range(starts, time.start, time.end)):
            time_of[i] = time
    return time_of


def _lemmas(tokens: Sequence[Token], lexicon: Lexicon) -> list[str]:
    """Return the lower-case lemma of each token; of one beside a hyphen the entry of the whole word, if there is one."""
    found = [_lemma(token, lexicon) for token in tokens]
    hyphens = [token.i for token in tokens[1:-1] if token.text in HYPHENS]
    for i in hyphens:  # the particle of "a sit-in" hangs from its first word
        first, last = tokens[i - 1], tokens[i + 1]
        if last.lower_ in PARTICLES and (joined := _joined(_own_lemma(first), last.lower_, lexicon)):
            found[first.i] = joined
    for i in hyphens:
        first, last = tokens[i - 1], tokens[i + 1]
        if joined := _joined(first.lower_, _own_lemma(last), lexicon):
            found[last.i] = joined
    return found


def _own_lemma(token: Token) -> str:
    return token.lemma_.lower() or token.lower_


def _lemma(token: Token, lexicon: Lexicon) -> str:
    """Return the lemma, mended where a rule-based lemmatiser goes wrong: "staged" → stag, "Jets" at a sentence's start."""
    lemma, tag, word = _own_lemma(token), token.tag_, token.lower_
    if tag[:2] == "VB" and lemma not in lexicon.verbs and f"{lemma}e" in lexicon.verbs:
        return f"{lemma}e" if word.startswith(f"{lemma}e") or word == f"{lemma}ing" else lemma
    if tag == "NNPS" and not token.ent_type_ and lemma == word and word.endswith("s"):
        return word[:-1] if word[:-1] in lexicon.cues["people"] | lexicon.cues["military"] else word
    return lemma


def _joined(first: str, lemma: str, lexicon: Lexicon) -> str | None:
    """Return the entry that a word taken apart at its hyphen stands for: "test-fired", "co-operate", "cease-fire"."""
    return next((word for word in (f"{first}-{lemma}", f"{first}{lemma}") if word in lexicon.verbs or word in lexicon.nouns), None)


def _sides(facts: DocumentFacts, lexicon: Lexicon) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for entity in facts.entities:
        first, _, rest = entity.name.partition(" ")
        if rest and entity.type == "GPE" and entity.country and first.lower() in lexicon.cues["direction"]:
            found.setdefault(first, set()).add(entity.country)
    return {word: countries.pop() for word, countries in found.items() if len(countries) == 1}


def _playful(lemmas: Sequence[str], lexicon: Lexicon) -> bool:
    words = sum(map(lexicon.cues["register"].__contains__, lemmas))
    return words >= MIN_REGISTER and words * REGISTER_SHARE >= len(lemmas)


def _token_range(starts: Sequence[int], start: int, end: int) -> tuple[int, int]:
    return max(bisect_right(starts, start) - 1, 0), bisect_left(starts, end)


def _children(tokens: Sequence[Token]) -> list[list[Token]]:
    """Return the children of each token in text order, and tell it their labels."""
    below: list[list[Token]] = [[] for _ in tokens]
    for token in tokens:
        siblings = below[token.head.i]
        if token.head is not token and len(siblings) < MAX_CHILDREN:
            siblings.append(token)
    for token, children in zip(tokens, below, strict=True):
        token.labels = _label_set(tuple(child.dep_ for child in children)) if children else _NOTHING
    return below


@lru_cache(maxsize=8192)
def _label_set(labels: tuple[str, ...]) -> Set[str]:
    return frozenset(labels)


def _sentences(doc: Doc) -> list[tuple[int, int]]:
    """Return the sentence of each token; a document without sentences is one."""
    found: list[tuple[int, int]] = []
    starts = np.flatnonzero(doc.to_array("SENT_START")[1:] == 1) + 1
    for start, end in pairwise((0, *starts.tolist(), len(doc))):
        for piece in range(start, end, MAX_SENTENCE):
            stop = min(piece + MAX_SENTENCE, end)
            found.extend([(piece, stop)] * (stop - piece))
    return found


def by_dep(scene: Scene, token: Token, *deps: str) -> list[Token]:
    """Return the children of *token* with one of *deps*, in text order."""
    return [] if token.labels.isdisjoint(deps) else [child for child in scene.children[token.i] if child.dep_ in deps]  # mostly none


def objects_of_preposition(scene: Scene, token: Token, wanted: Callable[[str], bool]) -> list[Token]:
    """Return the nouns after prepositions below *token* whose lower-case form is *wanted*; "because of" and "out of" count as "of"."""
    return [noun for word, noun in _prepositional(scene, token) if wanted(word)]


@per_word
def _prepositional(scene: Scene, token: Token) -> list[tuple[str, Token]]:
    """Return the nouns after prepositions below *token*, each with the lower-case form of its preposition."""
    found: list[tuple[str, Token]] = []
    for preposition in by_dep(scene, token, "prep", "agent", "dative"):
        for word in (*by_dep(scene, preposition, "prep"), preposition):  # "out of", "because of", "from under"
            found.extend((word.lower_, noun) for noun in by_dep(scene, word, "pobj"))
    return found


@per_word
def conjoined(scene: Scene, token: Token, limit: int = 12) -> list[Token]:
    """Return *token* and what is conjoined to it, in text order."""
    found = [token]
    for item in found:
        if len(found) >= limit:
            break
        found.extend(by_dep(scene, item, "conj") or _after_and(scene, item))
    return found


def _after_and(scene: Scene, token: Token) -> list[Token]:
    """Return the noun after an "and" below *token*: conjoined, whatever else a parser calls it."""
    links = by_dep(scene, token, "cc")
    return [c for c in by_dep(scene, token, "nmod", "appos") if links and c.i > links[-1].i > token.i][:1]


def is_verb(token: Token) -> bool:
    """Return whether *token* is a verb by its tag."""
    return token.tag_.startswith("VB") or token.pos_ == "VERB"


def is_nominal(token: Token) -> bool:
    """Return whether *token* can head a noun phrase."""
    return token.pos_ in {"NOUN", "PROPN", "PRON", "NUM"} or token.tag_.startswith("NN")
