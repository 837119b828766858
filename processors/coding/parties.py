"""Words → participants: who a noun phrase is, its country and its sector."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from processors.coding.affiliation import VAGUE, country_around, country_of_phrase, named_beside, sector_of_phrase
from processors.coding.coreference import COUNTRYLIKE, MAX_DEPTH, definite_referents, is_pronoun, referents
from processors.coding.naming import country_of_token, is_party
from processors.coding.phrases import coordinated, extent
from processors.coding.scene import Scene, by_dep, conjoined, is_nominal, objects_of_preposition, per_word
from processors.coding.token import Token
from stream.messages import Participant

MAX_PARTIES = 8
MAX_SPLIT_TOKENS = 8  # between "U.S." and "negotiators" in "U.S. and Russian negotiators"
INSIDE = ({"by"}, {"of", "from"}, {"to", "for", "against", "on"})  # where whom a thing belongs to or concerns stands, the best first


@dataclass(frozen=True, slots=True)
class Party:
    """A participant and the token that heads it; *inherited* where its country was taken from what stands around.

    A *thing* is what an act is aimed at where nobody is named ("the resolution"); it takes no country from what stands around.
    """

    head: int
    value: Participant
    inherited: bool = False
    thing: bool = False

    @property
    def key(self) -> str:
        """Return what tells two parties apart: a country that the text gives it, else the entity, else the words."""
        own = None if self.inherited else self.value.country
        return own or self.value.entity or self.value.text.lower()


@per_word
def parties_at(scene: Scene, token: Token, depth: int = 0) -> tuple[Party, ...]:
    """Return the parties that the noun phrase headed by *token* names, what is conjoined to it included; empty where it names none.

    *depth* counts the pronouns, quantities and possessors that led here, so that no phrase leads back to itself.
    """
    found: list[Party] = []
    for item in coordinated(scene, token):
        if is_nominal(item) or item.pos_ in {"ADJ", "DET"}:
            found.extend(_single(scene, item, depth))
    return _distinct(_with_shared_adjective(scene, found))[:MAX_PARTIES]


def _with_shared_adjective(scene: Scene, parties: list[Party]) -> list[Party]:
    """Give bare nouns the country of the adjective before the first: "Israeli helicopters and tanks"."""
    first = parties[0] if len(parties) > 1 else None
    if first is None or not any(country_of_token(scene, c) for c in by_dep(scene, scene.tokens[first.head], "amod")):
        return parties
    bare = (not p.value.country and not scene.children[p.head] and scene.entity_of[p.head] is None for p in parties)
    return [with_country([p], first.value.country)[0] if is_bare else p for p, is_bare in zip(parties, bare, strict=True)]


@per_word
def party_at(scene: Scene, token: Token, depth: int) -> Party:
    """Return the phrase that *token* heads as a party, whatever it is; *depth* as in ``parties_at``."""
    start, end = extent(scene, token)
    first, after = scene.chars(start, end)
    entity = scene.entity_of[token.i] or named_beside(scene, token)
    value = Participant(
        text=scene.text[first:after],
        start=first,
        end=after,
        entity=entity.id if entity else None,
        country=country_of_phrase(scene, token, entity, depth),
        sector=sector_of_phrase(scene, token, entity),
    )
    return Party(token.i, value)


def as_thing(scene: Scene, token: Token) -> Party:
    """Return the phrase that *token* heads as what an act is aimed at: nobody's sector, only a country that it names itself."""
    party = party_at(scene, token, 0)
    return replace(party, value=party.value.model_copy(update={"sector": None}), thing=True)


def _single(scene: Scene, token: Token, depth: int) -> list[Party]:
    if is_pronoun(scene, token):
        return _referred(scene, token, depth)
    if token.dep_ in {"nsubj", "nsubjpass"} and token.lower_ in VAGUE and _only_counts(scene, token):
        return [party_at(scene, token, depth)]  # "Thousands marched", "tens of thousands marched"
    if depth <= MAX_DEPTH and scene.cue("quantity", scene.lemma_of[token.i]) and scene.entity_of[token.i] is None:
        inner = _after(scene, token, {"of"}, depth)
        if inner:
            return inner
    if is_party(scene, token):
        return _meant(scene, token, depth) or _split(scene, token) or [party_at(scene, token, depth)]
    return _inside(scene, token, depth) if depth < MAX_DEPTH and scene.time_of[token.i] is None else []


def _only_counts(scene: Scene, token: Token) -> bool:
    counted = objects_of_preposition(scene, token, lambda _: True)
    return all(scene.cue("quantity", scene.lemma_of[noun.i]) and not by_dep(scene, noun, "prep") for noun in counted)


def _after(scene: Scene, token: Token, prepositions: set[str], depth: int) -> list[Party]:
    nouns = objects_of_preposition(scene, token, prepositions.__contains__)
    return next((list(found) for noun in nouns if (found := parties_at(scene, noun, depth + 1))), [])


def _inside(scene: Scene, token: Token, depth: int) -> list[Party]:
    """Return the party that a phrase which is none itself belongs to: "Haiti's efforts", "the Iraqi proposal", "a ban by Syria"."""
    for child in (*by_dep(scene, token, "poss"), *by_dep(scene, token, "compound", "amod", "nmod")):
        inner = [p for item in conjoined(scene, child) for p in _modifier(scene, item, token)]
        if inner:
            return inner
    return next((found for prepositions in INSIDE if (found := _after(scene, token, prepositions, depth))), [])


def _modifier(scene: Scene, token: Token, phrase: Token) -> list[Party]:
    """Return the party that *token* before *phrase* names: itself ("UN resolution"), or the phrase of a country ("Danish sites")."""
    if token.dep_ == "poss" or token.pos_ == "PRON":
        return _single(scene, token, MAX_DEPTH) if is_party(scene, token) else []
    country = country_of_token(scene, token)
    entity = scene.entity_of[token.i]
    if country and (entity is None or entity.type in COUNTRYLIKE):
        whole = party_at(scene, phrase, MAX_DEPTH)
        sectors = (scene.knowledge.sector_of(c.lower_) for c in by_dep(scene, phrase, "compound", "amod") if is_party(scene, c))
        sector = whole.value.sector or next(filter(None, sectors), None)  # "Israeli police custody"
        update = {"country": country, "entity": entity.id if entity else None, "sector": sector}
        return [replace(whole, value=whole.value.model_copy(update=update))]
    deployed = scene.cue("sent", scene.lemma_of[token.i]) and scene.lemma_of[phrase.i] in scene.lexicon.nouns  # "troop deployments"
    return [party_at(scene, token, MAX_DEPTH)] if country or (is_party(scene, token) and not deployed) else []


def _split(scene: Scene, token: Token) -> list[Party]:
    """Return a party for each country of "U.S. and Russian negotiators", "the leaders of France and Italy"."""
    groups = [
        [i for i in conjoined(scene, c) if token.i - MAX_SPLIT_TOKENS < i.i < token.i]
        for c in by_dep(scene, token, "amod", "compound", "nmod")
    ]
    if token.tag_ in {"NNS", "NNPS"}:
        groups += [conjoined(scene, noun) for noun in objects_of_preposition(scene, token, "of".__eq__)]
    for items in groups:
        named = {country: item for item in items if (country := country_of_token(scene, item))}
        if len(named) > 1:
            sector = sector_of_phrase(scene, token, None)
            return [_standing_for(scene, item, country, sector) for country, item in named.items()]
    return []


def _standing_for(scene: Scene, item: Token, country: str, sector: str | None) -> Party:
    party = party_at(scene, item, MAX_DEPTH)
    return replace(party, value=party.value.model_copy(update={"country": country, "sector": sector}))


def _meant(scene: Scene, token: Token, depth: int) -> list[Party]:
    """Return whom a definite phrase stands for; "the two German leaders" stands for itself."""
    found = definite_referents(scene, token) if depth <= MAX_DEPTH else []
    if len(found) > 1 and country_around(scene, token, token.i, depth + 1):
        return []
    parties = [party_at(scene, other, depth + 1) for other in found]
    return parties if len(parties) > 1 else [_standing_at(party, token) for party in parties]


def _referred(scene: Scene, token: Token, depth: int) -> list[Party]:
    meant = referents(scene, token) if depth <= MAX_DEPTH else []
    if len(meant) > 1:
        return [party_at(scene, other, depth + 1) for other in meant]
    return [_standing_at(p, token) for other in meant for p in parties_at(scene, other, max(MAX_DEPTH, depth + 1))]


def _standing_at(party: Party, token: Token) -> Party:
    """Return *party* standing where *token* stands; the text stays that of the name, so that rows can be read by themselves."""
    return replace(party, value=party.value.model_copy(update={"start": token.idx, "end": token.idx + len(token)}))


def _distinct(parties: Iterable[Party]) -> tuple[Party, ...]:
    seen: dict[tuple[int, int, str | None], Party] = {}
    for party in parties:
        seen.setdefault((party.value.start, party.value.end, party.value.country), party)
    return tuple(seen.values())


def as_government(scene: Scene, party: Party) -> Party:
    """Return *party* as the government that is named by its seat ("Moscow"); a state named by its own name stays as it is."""
    name = party.value.text
    seat = scene.knowledge.metonym(name) if party.value.sector is None and scene.knowledge.country_named(name) is None else None
    return replace(party, value=party.value.model_copy(update={"sector": seat.sector})) if seat else party


def with_country(parties: Sequence[Party], country: str | None) -> tuple[Party, ...]:
    """Return *parties* with *country* where they have none of their own; marked as inherited."""
    if country is None:
        return tuple(parties)
    return tuple(
        p if p.value.country or p.thing else replace(p, value=p.value.model_copy(update={"country": country}), inherited=True)
        for p in parties
    )
