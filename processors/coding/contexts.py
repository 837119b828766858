"""PLOVER's contexts of an event: from its own type and parties, the cue words of its sentence, and the theme of its paragraph."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from processors.coding.scene import Scene
from stream.messages import Event

MAX_CONTEXTS = 3  # more say nothing
ENOUGH = 2  # points that a context needs: one plain cue, or two weak ones
SHARE = 0.5  # of the points of the best context; a fainter one is left out
THEME = 4  # points in a paragraph that make a context its theme, which its events have without a cue of their own
_NAMES = frozenset({"GPE", "LOC", "PERSON", "FAC"})  # "West Bank" is no bank


@dataclass(frozen=True, slots=True)
class Cues:
    """The cue words of a document in text order, and the points that each paragraph gives to contexts."""

    positions: tuple[int, ...]  # tokens
    words: tuple[str, ...]
    starts: tuple[int, ...]  # first tokens of the paragraphs
    themes: tuple[Mapping[str, int], ...]


def find_cues(scene: Scene) -> Cues:
    """Return the cues of *scene*; linear in tokens."""
    found = list(_cues_in(scene))
    positions, words = tuple(i for i, _ in found), tuple(cue for _, cue in found)
    starts = (0, *(t.i + 1 for t in scene.tokens if t.is_space and "\n" in t.text))
    cuts = [bisect_left(positions, start) for start in (*starts, len(scene.tokens) + 1)]
    return Cues(positions, words, starts, tuple(_themes(scene, words[a:b]) for a, b in pairwise(cuts)))


def contexts_of(scene: Scene, cues: Cues, event: Event, head: int) -> tuple[str, ...]:
    """Return the contexts of *event*, whose word is the token *head*, the surest first."""
    start, end = scene.sentence_of[head]
    said = cues.words[bisect_left(cues.positions, start) : bisect_left(cues.positions, end)]
    points = _points(scene, (*said, *_features(event)))
    for context, n in cues.themes[bisect_right(cues.starts, head) - 1].items():
        points[context] += n
    best = max(points.values(), default=0)
    ranked = sorted((-n, name) for name, n in points.items() if n >= max(ENOUGH, SHARE * best))
    return tuple(name for _, name in ranked[:MAX_CONTEXTS])


def _cues_in(scene: Scene) -> Iterator[tuple[int, str]]:
    """Yield each token that a cue ends with and the cue: two words in a row, or the word; none of the names of places and people."""
    known = scene.lexicon.contexts
    before = ""
    for token, lemma, entity in zip(scene.tokens, scene.lemma_of, scene.entity_of, strict=True):
        words = (f"{before}_{lemma}", lemma, token.lower_)
        if not known.keys().isdisjoint(words) and (entity is None or entity.type not in _NAMES):
            yield from ((token.i, cue) for cue in dict.fromkeys(words) if cue in known)
        before = lemma


def _features(event: Event) -> Iterator[str]:
    """Yield what the event itself is, in the notation of the table of cues."""
    yield f"@{event.type}"
    yield f"@{event.type}/{event.mode}"
    yield from (f"@{event.type}:{party.sector}" for party in event.actors)
    parties = (*event.actors, *event.recipients)
    yield from (f"%{party.sector}" for party in parties)
    states = {party.country for party in parties if party.country and party.sector in {None, "GOV"}}
    if event.quad in {1, 3} and len(states) > 1:
        yield "@abroad"


def _points(scene: Scene, cues: Iterable[str]) -> defaultdict[str, int]:
    """Return the points of each context; a cue counts once however often it stands there."""
    points: defaultdict[str, int] = defaultdict(int)
    for cue in dict.fromkeys(cues):
        for context, n in scene.lexicon.contexts.get(cue, {}).items():
            points[context] += n
    return points


def _themes(scene: Scene, cues: Iterable[str]) -> dict[str, int]:
    """Return what a paragraph adds: a point for a context that it touches, as many as are enough for its theme."""
    points = _points(scene, cues)
    best = max(points.values(), default=0)
    return {name: ENOUGH if n == best >= THEME else 1 for name, n in points.items() if n >= ENOUGH}
