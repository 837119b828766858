"""Whose a noun phrase is: its country, and its PLOVER sector."""

from __future__ import annotations

from processors.coding.coreference import MAX_DEPTH, referents
from processors.coding.naming import country_of_token, is_only_tied, side
from processors.coding.phrases import NAMED, extent
from processors.coding.scene import Scene, by_dep, objects_of_preposition
from processors.coding.syntax import below
from processors.coding.token import Token
from stream.messages import Entity

VAGUE = frozenset({"thousands", "hundreds", "dozens", "scores", "millions"})
TIES = frozenset({"of", "in", "from", "at", "for", "to", "throughout", "based", "near", "across"})
CLAUSE_TIES = frozenset({"in", "from", "to", "throughout", "of"})
MAX_PHRASE = 8  # words below a tied noun that are looked at


def named_beside(scene: Scene, token: Token) -> Entity | None:
    """Return the entity of a name in apposition: "the rebels, known as …", "its leader, Kim Jong-un"."""
    for child in by_dep(scene, token, "appos", "compound"):
        entity = scene.entity_of[child.i]
        if entity is not None and entity.type in NAMED and (child.dep_ == "appos" or entity.type == "PERSON"):
            return entity
    if token.dep_ == "appos":
        above = scene.entity_of[token.head.i]
        return above if above is not None and above.type in NAMED else None
    return None


def country_of_phrase(scene: Scene, token: Token, entity: Entity | None, depth: int) -> str | None:
    """Return the country of the phrase that *token* heads: its words', then its *entity*'s, then that of what it is tied to."""
    start, _ = extent(scene, token)
    known = entity.country if entity is not None and scene.entity_of[token.i] is not entity else None  # of a name beside it
    found = side(scene, token) or _country_before(scene, token, start) or known
    return found or _owners_country(scene, token, depth) or _tied_country(scene, token)


def country_around(scene: Scene, token: Token, start: int, depth: int) -> str | None:
    """Return the country of the nearest word that can give one: from the head back to *start*, then after "of", "in", "from"."""
    return _country_before(scene, token, start) or _owners_country(scene, token, depth) or _tied_country(scene, token)


def _country_before(scene: Scene, token: Token, start: int) -> str | None:
    for i in range(token.i, start - 1, -1):
        word, before = scene.tokens[i], scene.tokens[max(i - 1, start)]
        whole = scene.mention_of[i]
        inside = whole is not None and whole[0] < i and whole[1] - whole[0] > 2  # "Turkish National Security Council" is not the UN's
        named = before.text[:1].isupper() and word.text[:1].isupper() and not inside and not is_only_tied(scene, before)
        both = f"{before.text} {word.text}" if named else ""
        if country := scene.knowledge.country_of(both) or country_of_token(scene, word):  # Bosnian Serbs
            return country
    return scene.knowledge.country_of(scene.quote(start, token.i + 1))


def _owners_country(scene: Scene, token: Token, depth: int) -> str | None:
    """Return the country of whom "his", "its", "their" before the head means; *depth* bounds "X and his party"."""
    for owner in by_dep(scene, token, "poss") if depth < MAX_DEPTH else ():
        for meant in referents(scene, owner):
            country = country_of_phrase(scene, meant, scene.entity_of[meant.i], depth + 1)
            if country:
                return country
    return None


def _first_country(scene: Scene, nouns: list[Token]) -> str | None:
    words = (item for noun in nouns for item in below(scene, noun, limit=MAX_PHRASE))
    return next((country for word in words if (country := country_of_token(scene, word))), None)


def _tied_country(scene: Scene, token: Token) -> str | None:
    return _first_country(scene, _tied_nouns(scene, token))


def _tied_nouns(scene: Scene, token: Token) -> list[Token]:
    tied = by_dep(scene, token, "poss", "appos")
    tied += objects_of_preposition(scene, token, TIES.__contains__)
    for clause in by_dep(scene, token, "acl", "amod"):  # "a group based in Trinidad", "militants loyal to …"
        tied += objects_of_preposition(scene, clause, CLAUSE_TIES.__contains__)
    if token.dep_ == "appos":
        tied.append(token.head)
    return tied


def sector_of_phrase(scene: Scene, token: Token, entity: Entity | None) -> str | None:
    """Return the primary sector: that of the role words of the phrase, then the entity's, then that of an apposition."""
    if token.lower_ in VAGUE:
        return "CVL"
    found = _own_sector(scene, token, entity)
    if scene.cue("military", scene.lemma_of[token.i]) and found in {None, "UNK"}:
        return "MIL"
    if found:
        return found
    people = entity.type == "NORP" if entity is not None else country_of_token(scene, token) is not None
    if token.tag_ in {"NNPS", "NNS"} and people:
        return "CVL"  # Palestinians, Liberians
    beside = by_dep(scene, token, "appos") or ([token.head] if token.dep_ == "appos" else [])
    return next((s for word in beside if (s := scene.knowledge.sector_of(word.lower_))), None)


def _own_sector(scene: Scene, token: Token, entity: Entity | None) -> str | None:
    """Return the sector of a title before a person's name, before what is known of him; of a body what is known of it comes first."""
    start, _ = extent(scene, token)
    own = entity.sectors[0] if entity is not None and entity.sectors else None
    mention = scene.mention_of[token.i]
    named = mention is not None and entity is not None and (entity.type == "PERSON" or _is_known(scene, entity))
    title = scene.quote(start, mention[0] if mention is not None and named else token.i + 1)
    said = scene.knowledge.sector_of(title) if title else None
    if entity is None and (said is None or scene.knowledge.is_weak_role(token.lower_)):
        said = _sector_of_body(scene, token) or said
    return said or own if entity is not None and entity.type == "PERSON" else own or said


def _sector_of_body(scene: Scene, token: Token) -> str | None:
    """Return the sector of the body that a word without one of its own belongs to: "the Taliban movement"."""
    bodies = (scene.entity_of[c.i] for c in by_dep(scene, token, "compound", "nmod"))
    return next((body.sectors[0] for body in bodies if body is not None and body.type == "ORG" and body.sectors), None)


def _is_known(scene: Scene, entity: Entity) -> bool:
    """Return whether the tables have the body by name, so that its words ("European Union") say nothing more of its sector."""
    return scene.knowledge.organisation(entity.name) is not None
