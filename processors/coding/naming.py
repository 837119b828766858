"""What a single word can name: a body or person that acts, a country."""

from __future__ import annotations

from processors.coding.scene import Scene, conjoined, is_nominal, per_word
from processors.coding.token import Token

PARTY_TYPES = frozenset({"PERSON", "ORG", "GPE", "NORP", "MISC"})
PRONOUNS = ("person_pronoun", "thing_pronoun", "plural_pronoun", "speaker_pronoun")


@per_word
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
    entity = scene.entity_of[token.i]
    country = entity.country if entity is not None else None
    word = token.text
    if country is None and word[:1].isupper():
        country = scene.knowledge.country_of(word) or scene.knowledge.metonym_country(word)
    return None if country is None or is_only_tied(scene, token) else country


def is_only_tied(scene: Scene, token: Token) -> bool:
    """Return whether a name before a noun says with whom it stands and not whose it is: UN-backed, pro-Iranian; ethnic Albanians."""
    tokens, i = scene.tokens, token.i
    before = tokens[i - 1].lower_ if i else ""
    if before == "ethnic" or (before == "-" and i > 1 and scene.cue("sided", tokens[i - 2].lower_)):
        return True
    return i + 2 < len(tokens) and tokens[i + 1].text == "-" and scene.cue("tied", tokens[i + 2].lower_)


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
