"""Countries that nobody names because they go without saying."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from processors.coding.attribution import speaker
from processors.coding.naming import country_of_token
from processors.coding.parties import Party, with_country
from processors.coding.recipients import LOCATIVE, places_of
from processors.coding.roles import Cast
from processors.coding.scene import Scene, is_verb, objects_of_preposition, per_word
from processors.coding.syntax import patients
from processors.coding.token import Token

DOMINANT_SHARE = 0.6  # of a document's country mentions: its people and offices are that country's unless said otherwise

WORDS_A_MENTION = 150  # a text that names its country less often than once in so many words has none


@per_word
def countries_named(scene: Scene, first: Token) -> tuple[str, ...]:
    """Return the states named in the sentence that begins with *first*, in text order; no international bodies, whose people are of
    every state."""
    start, end = scene.sentence_of[first.i]
    found = [country for token in scene.tokens[start:end] if (country := country_of_token(scene, token))]
    return tuple(dict.fromkeys(country for country in found if country in scene.knowledge.countries))


def dominant_country(scene: Scene) -> str | None:
    """Return the country of most of the document's mentions that have one; None where none stands out."""
    heads = (token for token in scene.tokens if (mention := scene.mention_of[token.i]) is not None and mention[1] == token.i + 1)
    counts = Counter(c for token in heads if (c := country_of_token(scene, token)) in scene.knowledge.countries)
    if not counts:
        return None
    country, n = min(counts.items(), key=lambda item: (-item[1], item[0]))
    return country if n >= DOMINANT_SHARE * counts.total() and n * WORDS_A_MENTION >= len(scene.tokens) else None


def at_home(scene: Scene, told: Token, people: Cast, home: str | None) -> Cast:
    """Give parties without a country that which goes without saying.

    The only one that the sentence of the word *told* names; of several that where it takes place, else the only one that no other
    party and no speaker is of; *home* where the sentence names none.
    """
    parties = (*people.actors, *people.recipients)
    if all(p.value.country for p in parties):
        return people
    countries = countries_named(scene, scene.opening(told))
    if len(countries) > 1:
        country = _where(scene, told) or _left_over(scene, told, parties, countries)
    else:
        country = countries[0] if countries else home
    return Cast(_housed(people.actors, country), _housed(people.recipients, country), people.found)


def _where(scene: Scene, told: Token) -> str | None:
    """Return the country of the place where the event of the word *told* takes place, where it or its object says so."""
    bases = [*(patients(scene, told) if is_verb(told) else ()), told]
    nouns = (noun for base in bases for noun in objects_of_preposition(scene, base, LOCATIVE.__contains__))
    places = (entity for noun in nouns for word in places_of(scene, noun) if (entity := scene.entity_of[word.i]))
    return next((e.country for e in places if e.type == "GPE" and e.country in scene.knowledge.countries), None)  # no sea, no mountains


def _left_over(scene: Scene, told: Token, parties: Sequence[Party], countries: Sequence[str]) -> str | None:
    named = {p.value.country for p in parties}
    said_by = speaker(scene, told)
    if said_by is not None and said_by.head > told.i:  # "…, U.S. officials said"
        named.add(said_by.value.country)
    free = [c for c in countries if c not in named]
    return free[0] if len(free) == 1 and free[0] not in _of_doers(scene, told) else None


def _of_doers(scene: Scene, told: Token) -> set[str | None]:
    """Return the states that only do something else in the sentence of *told*: "under a deal brokered by Kenya"."""
    start, end = scene.sentence_of[told.i]
    done = [t for t in scene.tokens[start:end] if t.dep_ == "pobj" and t.head.dep_ == "agent"]
    return {country_of_token(scene, noun) for noun in done}


def _housed(parties: tuple[Party, ...], country: str | None) -> tuple[Party, ...]:
    if any(p.value.sector == "UNK" for p in parties):
        return parties
    return with_country(parties, country)
