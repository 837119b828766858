"""Where an event takes place: the nearest locative that belongs to it, else the place that its story is filed from.

A name is a place only where the words say so: after "in" or "near", as what is attacked, entered or left, as the goal of a
visit. A government that is named by its capital ("Moscow said", "talks with Ankara") never is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from processors.coding.scene import Scene, by_dep, is_verb, per_word
from processors.coding.syntax import governors, patients
from processors.coding.token import Token
from processors.places import find_place, town_of
from stream.messages import Entity, Event, Place

PLACE_TYPES = frozenset({"GPE", "LOC", "FAC"})
MAX_WORDS = 60  # below an event's word, in which its place is sought
MAX_NAMES = 8  # of a noun looked at
GOALS = {  # prepositions before the place that an act of this type is done to, beside its object; "visit" is a mode
    "ASSAULT": frozenset({"on", "into", "over", "against"}),
    "MOBILIZE": frozenset({"to", "into", "toward", "towards", "along", "on"}),
    "AID": frozenset({"to", "into", "from"}),
    "RETREAT": frozenset({"from", "of"}),
    "COERCE": frozenset({"of"}),
    "PROTEST": frozenset({"through", "along", "to", "on"}),
    "visit": frozenset({"to", "for"}),
}
_NO_PLACE_ITSELF = frozenset({"COERCE", "PROTEST"})  # a country that is its object is a party and no place
_CLAUSES = frozenset({"relcl", "ccomp", "advcl", "parataxis", "nsubj", "nsubjpass", "csubj"})
_PRECISION = {"point": 0, "city": 1, "region": 2, "country": 3}


@dataclass(frozen=True, slots=True)
class Ground:
    """What a document says of where it plays: its countries, the most frequent first."""

    hints: tuple[str, ...]


def ground(scene: Scene) -> Ground:
    """Return the countries that *scene* speaks of."""
    counts = Counter(e.country for e in scene.facts.entities for _ in e.mentions if e.country)
    return Ground(tuple(sorted(counts, key=lambda code: (-counts[code], code))))


def event_place(scene: Scene, on: Ground, heads: Sequence[Token], type_: str, mode: str | None) -> Place | None:
    """Return the place of the event whose words are *heads*, or None.

    1. Of a locative phrase of its own or of its objects, the most precise of those equally near.
    2. What is attacked, entered, left or visited.
    3. Of a locative of the clause above it, up to where somebody speaks.
    4. The only one of its sentence.
    """
    goal = "visit" if mode == "visit" or any(_travels(scene, head) for head in heads) else type_
    for nouns in (
        (noun for head in heads for noun in _locative_nouns(scene, head)),
        (noun for head in heads for noun in _goals(scene, head, goal)),
        _of_clause_above(scene, heads[0]),
    ):
        if places := list(_places(scene, on, nouns)):
            return min(places, key=lambda p: _PRECISION.get(p.precision or "", 1))
    return _only_one(scene, on, heads[0])


def home_of(scene: Scene, on: Ground, actors: Iterable[Token]) -> Place | None:
    """Return the town whose administration is one of *actors*: it acts at home."""
    names = (entity.name for token in actors if (entity := scene.entity_of[token.i]) is not None and entity.type == "ORG")
    return next((place for name in names if (place := town_of(name, scene.knowledge, on.hints))), None)


def filed_from(event: Event, dateline: Place | None) -> Place | None:
    """Return the place of a story's dateline for an event of its day that has no other and a party of that country."""
    news = event.date is not None and event.date.precision == "day" and not event.historical
    if dateline is None or event.place is not None or not news or event.modality != "asserted" or event.quad == 3:
        return event.place
    countries = {party.country for party in (*event.actors, *event.recipients)}
    return dateline if dateline.country in countries else None


# --- the words that may name it


def _travels(scene: Scene, head: Token) -> bool:
    return scene.cue("travel", scene.lemma_of[head.i])


def _locative_nouns(scene: Scene, head: Token) -> Iterator[Token]:
    """Yield the nouns after locative prepositions below *head*, the nearest first; other clauses and the subject are left out."""
    queue = [head]
    for word in queue:
        if word.i != head.i and scene.cue("locative", word.lower_):
            yield from _objects(scene, word)
        if len(queue) < MAX_WORDS:
            queue.extend(c for c in scene.children[word.i] if c.dep_ not in _CLAUSES and not (c.dep_ == "conj" and is_verb(c)))


def _objects(scene: Scene, preposition: Token) -> Iterator[Token]:
    """Yield the nouns after *preposition*, also after a second one: "outside of the city"."""
    yield from by_dep(scene, preposition, "pobj")
    for inner in by_dep(scene, preposition, "prep", "pcomp"):
        yield from by_dep(scene, inner, "pobj")


def _goals(scene: Scene, head: Token, goal: str) -> Iterator[Token]:
    wanted = GOALS.get(goal)
    if wanted is None:
        return
    objects = patients(scene, head) if is_verb(head) else []
    for noun in objects:
        if goal not in _NO_PLACE_ITSELF or not _is_country(scene, noun):
            yield noun
    for base in (head, *objects):
        for preposition in by_dep(scene, base, "prep"):
            if preposition.lower_ in wanted | {"out"}:
                yield from _objects(scene, preposition)


def _is_country(scene: Scene, noun: Token) -> bool:
    entity = scene.entity_of[noun.i]
    return entity is not None and entity.place is not None and entity.place.precision == "country"


def _of_clause_above(scene: Scene, head: Token) -> Iterator[Token]:
    below = head
    for above in governors(head):
        speech = is_verb(above) and scene.cue("speech", scene.lemma_of[above.i])
        if speech and below.dep_ in {"ccomp", "parataxis", "nsubj"}:
            return
        for preposition in by_dep(scene, above, "prep"):
            if preposition.i != below.i and scene.cue("locative", preposition.lower_):
                yield from _objects(scene, preposition)
        below = above


def _only_one(scene: Scene, on: Ground, head: Token) -> Place | None:
    found = list(_places(scene, on, _located(scene, scene.opening(head))))
    return found[0] if len({p.name for p in found}) == 1 else None


@per_word
def _located(scene: Scene, first: Token) -> list[Token]:
    """Return the nouns after locative prepositions of the sentence that begins with *first*; none under a verb of speech."""
    locative = scene.cues("locative")
    words = [word for word in scene.tokens[slice(*scene.sentence_of[first.i])] if word.lower_ in locative]
    return [noun for word in words if not scene.cue("speech", scene.lemma_of[word.head.i]) for noun in _objects(scene, word)]


# --- a noun → a place


def _places(scene: Scene, on: Ground, nouns: Iterable[Token]) -> Iterator[Place]:
    for noun in nouns:
        for word in _naming(scene, noun):
            if place := _place_at(scene, on, word):
                yield place


def _naming(scene: Scene, noun: Token) -> Iterator[Token]:
    """Yield the words that may name the place that *noun* means: itself, or in "the town of X", "X province", "the capital, X" X."""
    queue = [noun]
    for word in queue:
        if len(queue) > MAX_NAMES:
            return
        yield word
        if scene.entity_of[word.i] is None or word.dep_ == "pobj":
            yield from by_dep(scene, word, "compound", "poss", "nmod")
        queue.extend(by_dep(scene, word, "appos"))
        if scene.cue("place_kind", scene.lemma_of[word.i]):
            queue.extend(n for p in by_dep(scene, word, "prep") if p.lower_ in {"of", "in", "near"} for n in by_dep(scene, p, "pobj"))


def _place_at(scene: Scene, on: Ground, word: Token) -> Place | None:
    entity, mention = scene.entity_of[word.i], scene.mention_of[word.i]
    if entity is None or mention is None:
        return _unnamed(scene, on, word)
    start, end = scene.chars(*mention)
    place = entity.place or _of_entity(scene, on, entity)
    return place and place.model_copy(update={"start": start, "end": end})


def _of_entity(scene: Scene, on: Ground, entity: Entity) -> Place | None:
    """Return the place of an entity that is not on the map, or that the pipeline has taken for something else (in Genova)."""
    if entity.type in PLACE_TYPES:
        return Place(name=entity.name, country=entity.country, precision="point" if entity.type == "FAC" else None)
    known = entity.type == "NORP" or scene.knowledge.organisation(entity.name) or scene.knowledge.metonym(entity.name)
    return None if known else find_place(entity.name, scene.knowledge, on.hints)


def _unnamed(scene: Scene, on: Ground, word: Token) -> Place | None:
    """Return the place that *word* names although the pipeline has found no name there: a city of the tables, "the north"."""
    side = scene.sides.get(word.text.title())
    if side and by_dep(scene, word, "det"):
        state = scene.knowledge.countries[side]
        found = find_place(state.name, scene.knowledge)
    elif word.tag_ == "NNP":
        found = find_place(word.text, scene.knowledge, on.hints)
    else:
        found = None
    return found and found.model_copy(update={"start": word.idx, "end": word.idx + len(word)})
