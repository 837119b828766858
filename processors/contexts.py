"""PLOVER's contexts of an event from the cue words of its paragraph."""

from __future__ import annotations

from collections import Counter

from processors.scene import Scene

MAX_CONTEXTS = 4  # more say nothing
ENOUGH = 1  # cue words that a context needs


def paragraph_contexts(scene: Scene) -> list[tuple[int, tuple[str, ...]]]:
    """Return (first token, contexts) for every paragraph, in text order; the contexts with most cues first. Linear in tokens."""
    found: list[tuple[int, tuple[str, ...]]] = []
    counts: Counter[str] = Counter()
    start, previous = 0, ""
    for token in scene.doc:
        if token.is_space and "\n" in token.text and token.i > start:
            found.append((start, _best(counts)))
            counts, start, previous = Counter(), token.i + 1, ""
            continue
        lemma = scene.lemma_of[token.i]
        for cue in {lemma, token.lower_, f"{previous}_{lemma}"}:
            counts.update(scene.lexicon.contexts.get(cue, ()))
        previous = lemma
    found.append((start, _best(counts)))
    return found


def _best(counts: Counter[str]) -> tuple[str, ...]:
    ranked = sorted((-n, name) for name, n in counts.items() if n >= ENOUGH)
    return tuple(name for _, name in ranked[:MAX_CONTEXTS])
