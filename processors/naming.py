"""What a single word can name: a body or person that acts, a country."""

from __future__ import annotations

from spacy.tokens import Token

from processors.scene import Scene, conjoined, is_nominal

PARTY_TYPES = frozenset({"PERSON", "ORG", "GPE", "NORP", "MISC"})
PRONOUNS = ("person_pronoun", "thing_pronoun", "plural_pronoun")


def is_party(scene: Scene, token: Token) -> bool:
    """Return whether the phrase headed by *token* can act: a named body or person, a people word, a pronoun for one."""
    if scene.time_of[token.i] is not None:
        return False
    entity = scene.entity_of[token.i]
    if entity is not None and entity.type in PARTY_TYPES:
        return entity.type != "MISC" or entity.country is not None or bool(entity.sectors)
    lemma = scene.lemma_of[token.i]
    if scene.cue("direction", lemma) and side(scene, token):
        return True
    if token.pos_ == "PRON":
        return any(scene.cue(c, token.lower_) for c in PRONOUNS)
    named = country_of_token(scene, token) is not None or scene.knowledge.group(token.text) is not None
    return is_nominal(token) and (named or is_people_word(scene, lemma))


def is_people_word(scene: Scene, lemma: str) -> bool:
    """Return whether *lemma* is a noun for people or bodies; a word for an act ("protest") is none, whoever takes part in it."""
    return scene.cue("people", lemma) or (scene.knowledge.sector_of(lemma) is not None and lemma not in scene.lexicon.nouns)


def country_of_token(scene: Scene, token: Token) -> str | None:
    """Return the country that *token* names or means, as a name, an adjective or a government's seat."""
    if is_only_tied(scene, token):
        return None
    entity = scene.entity_of[token.i]
    if entity is not None and entity.country:
        return entity.country
    if not token.text[:1].isupper():
        return None
    return scene.knowledge.country_of(token.text) or scene.knowledge.metonym_country(token.text)


def is_only_tied(scene: Scene, token: Token) -> bool:
    """Return whether a name before a noun says with whom it stands and not whose it is: UN-backed, pro-Iranian; ethnic Albanians."""
    before = [t.lower_ for t in scene.doc[max(token.i - 2, 0) : token.i]]
    after = [t.lower_ for t in scene.doc[token.i + 1 : token.i + 3]]
    sided = len(before) == 2 and before[1] == "-" and scene.cue("sided", before[0])
    return before[-1:] == ["ethnic"] or sided or (len(after) == 2 and after[0] == "-" and scene.cue("tied", after[1]))


def side(scene: Scene, token: Token) -> str | None:
    """Return the country of "the South", or of "North" in "North and South Korea", by the full name that the document has for it."""
    word = token.text.capitalize()
    if not scene.cue("direction", token.lower_) or len(word) < 4:
        return None
    for item in conjoined(scene, token)[1:] + ([token.head] if token.dep_ == "conj" else []):
        found = scene.knowledge.country_of(f"{word} {item.text}")
        if found:
            return found
    return scene.sides.get(word)
