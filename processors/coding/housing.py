"""Countries that nobody names because they go without saying."""

from __future__ import annotations

from collections import Counter

from processors.coding.naming import country_of_token
from processors.coding.parties import Party, with_country
from processors.coding.roles import Cast
from processors.coding.scene import Scene, per_word
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
    """Give parties without a country the only one that the sentence of the word *told* leaves for them; *home* where it names none."""
    parties = (*people.actors, *people.recipients)
    if all(p.value.country for p in parties):
        return people
    countries = countries_named(scene, scene.opening(told))
    named = {p.value.country for p in parties}
    free = [c for c in countries if c not in named]
    if len(countries) == 1:
        country: str | None = countries[0]
    elif len(free) == 1:
        country = free[0]
    else:
        country = home if not countries else None
    return Cast(_housed(people.actors, country), _housed(people.recipients, country), people.found)


def _housed(parties: tuple[Party, ...], country: str | None) -> tuple[Party, ...]:
    if any(p.value.sector == "UNK" for p in parties):
        return parties
    return with_country(parties, country)
