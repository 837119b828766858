"""Who says so: the speaker of the clause in which an event stands, where that is not the narrator or the actor."""

from __future__ import annotations

from processors.coding.parties import Party, parties_at
from processors.coding.scene import Scene, by_dep
from processors.coding.syntax import governors, grammatical_subject
from processors.coding.token import Token
from stream.messages import Attribution


def speaker(scene: Scene, head: Token) -> Party | None:
    """Return who says the clause of *head*: the subject of a verb of speech above it, or what stands after "according to"."""
    path = [head, *governors(head)]
    for item, above in zip(path, [*path[1:], None], strict=False):
        source = _according_to(scene, item)
        if source is not None:
            return source
        if above is None:
            break
        if item.dep_ in {"ccomp", "parataxis"} and scene.cue("speech", scene.lemma_of[above.i]):
            subject = grammatical_subject(scene, above)
            found = parties_at(scene, subject) if subject is not None else ()
            return found[0] if found else None
    return _parenthetical(scene, path[-1])


def _according_to(scene: Scene, item: Token) -> Party | None:
    for preposition in by_dep(scene, item, "prep"):
        if preposition.lower_ != "according":
            continue
        for inner in (preposition, *by_dep(scene, preposition, "prep")):
            for noun in by_dep(scene, inner, "pobj"):
                found = parties_at(scene, noun)
                if found:
                    return found[0]
    return None


def _parenthetical(scene: Scene, root: Token) -> Party | None:
    """Return the speaker of "…, police said" where the parser hung the verb of speech below the clause."""
    for child in by_dep(scene, root, "parataxis", "ccomp"):
        subjects = by_dep(scene, child, "nsubj")
        if subjects and scene.cue("speech", scene.lemma_of[child.i]) and not by_dep(scene, child, "ccomp", "dobj", "xcomp"):
            found = parties_at(scene, subjects[0])
            return found[0] if found else None
    return None


def attribution(said_by: Party | None, actors: tuple[Party, ...]) -> Attribution | None:
    """Return the speaker as an attribution; None where he speaks of his own act."""
    if said_by is None:
        return None
    own = {a.head for a in actors} | {a.value.entity for a in actors if a.value.entity}
    countries = {a.value.country for a in actors if a.value.country}
    if said_by.head in own or said_by.value.entity in own or said_by.value.country in countries:
        return None
    return Attribution(text=said_by.value.text, entity=said_by.value.entity)
