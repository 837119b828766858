"""Words → participants: who a noun phrase is, its country and its sector."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from spacy.tokens import Token

from processors.scene import Scene, by_dep, conjoined, is_nominal, objects_of_preposition
from processors.syntax import below, governors
from stream.messages import Entity, Participant

PARTY_TYPES = frozenset({"PERSON", "ORG", "GPE", "NORP", "MISC"})
MODIFIERS = ("compound", "amod", "nmod", "poss", "nummod", "advmod", "quantmod", "case")
MAX_NAME_TOKENS = 12
MAX_PARTIES = 8
VAGUE = frozenset({"thousands", "hundreds", "dozens", "scores", "millions"})
COUNTRYLIKE = frozenset({"GPE", "NORP", "LOC"})
RECIPIENT_PREPOSITIONS = (
    ("against", "to", "on", "upon", "at", "with", "toward", "towards", "into", "over"),
    ("from", "for", "of", "between", "among", "about", "as", "by", "onto", "around", "off"),
)


@dataclass(frozen=True, slots=True)
class Party:
    """A participant and the token that heads it; *inherited* where its country was taken from what stands around."""

    head: int
    value: Participant
    inherited: bool = False

    @property
    def key(self) -> str:
        """Return what tells two parties apart: a country that the text gives it, else the entity, else the words."""
        own = None if self.inherited else self.value.country
        return own or self.value.entity or self.value.text.lower()


def parties_at(scene: Scene, token: Token, depth: int = 0) -> tuple[Party, ...]:
    """Return the parties that the noun phrase headed by *token* names, what is conjoined to it included; empty where it names none."""
    found: list[Party] = []
    for item in conjoined(scene, token):
        if is_nominal(item) or item.pos_ in {"ADJ", "DET"}:
            found.extend(_single(scene, item, depth))
    return _distinct(found)[:MAX_PARTIES]


def is_party(scene: Scene, token: Token) -> bool:
    """Return whether the phrase headed by *token* can act: a named body or person, a people word, a pronoun for one."""
    if scene.time_of[token.i] is not None:
        return False
    entity = scene.entity_of[token.i]
    if entity is not None and entity.type in PARTY_TYPES:
        return entity.type != "MISC" or entity.country is not None or bool(entity.sectors)
    lemma = scene.lemma_of[token.i]
    if scene.cue("direction", lemma) and _side(scene, token):
        return True
    if token.pos_ == "PRON":
        return any(scene.cue(c, token.lower_) for c in ("person_pronoun", "thing_pronoun", "plural_pronoun"))
    return is_nominal(token) and (
        scene.cue("people", lemma) or scene.knowledge.sector_of(lemma) is not None or country_of_token(scene, token) is not None
    )


def country_of_token(scene: Scene, token: Token) -> str | None:
    """Return the country that *token* names or means, as a name, an adjective or a government's seat."""
    entity = scene.entity_of[token.i]
    if entity is not None and entity.country:
        return entity.country
    if not token.text[:1].isupper():
        return None
    return scene.knowledge.country_of(token.text) or scene.knowledge.metonym_country(token.text)


def _single(scene: Scene, token: Token, depth: int) -> list[Party]:
    lemma = scene.lemma_of[token.i]
    if token.pos_ == "PRON" or (token.pos_ == "DET" and scene.cue("both", lemma)):
        return _of_pronoun(scene, token, depth)
    if token.dep_ in {"nsubj", "nsubjpass"} and token.lower_ in VAGUE and not by_dep(scene, token, "prep"):
        return [_party(scene, token, depth)]  # "Thousands marched"
    if scene.cue("quantity", lemma) and scene.entity_of[token.i] is None:
        inner = [p for noun in objects_of_preposition(scene, token, lambda w: w == "of") for p in parties_at(scene, noun, depth + 1)]
        if inner:
            return inner
    if is_party(scene, token):
        return _antecedents(scene, token, depth) or _split(scene, token) or [_party(scene, token, depth)]
    if depth > 1 or scene.time_of[token.i] is not None:
        return []
    return _inside(scene, token, depth)


def _inside(scene: Scene, token: Token, depth: int) -> list[Party]:
    """Return the party that a phrase which is none itself belongs to: "Haiti's efforts", "the Iraqi proposal", "a ban by Syria"."""
    for child in by_dep(scene, token, "poss", "compound", "amod", "nmod"):
        inner = [p for item in conjoined(scene, child) for p in _modifier(scene, item)]
        if inner:
            return inner
    for noun in objects_of_preposition(scene, token, lambda word: word in {"of", "by", "from", "to", "for", "against", "on"}):
        inner = list(parties_at(scene, noun, depth + 1))
        if inner:
            return inner
    return []


def _modifier(scene: Scene, token: Token) -> list[Party]:
    if token.dep_ == "poss" or token.pos_ == "PRON":
        return _single(scene, token, 2) if is_party(scene, token) else []
    return [_party(scene, token, 2)] if country_of_token(scene, token) or is_party(scene, token) else []


def _split(scene: Scene, token: Token) -> list[Party]:
    """Return two parties for "U.S. and Russian negotiators": one for each country before the noun."""
    for child in by_dep(scene, token, "amod", "compound", "nmod"):
        items = [item for item in conjoined(scene, child) if token.i - 8 < item.i < token.i]
        if len(items) < 2:
            continue
        named = [(item, country) for item in items if (country := country_of_token(scene, item))]
        if len({country for _, country in named}) > 1:
            sector = _sector(scene, token, None)
            return [Party(i.i, _value(scene, i, i.i, i.i + 1).model_copy(update={"country": c, "sector": sector})) for i, c in named]
    return []


def _party(scene: Scene, token: Token, depth: int) -> Party:
    """Return the party that *token* heads; *depth* says how many pronouns and phrases led to it, for "X and his party" leads to itself."""
    start, end = _extent(scene, token)
    entity = scene.entity_of[token.i] or _named_beside(scene, token)
    living = _where_they_live(scene, token) if scene.doc[start].lower_ == "ethnic" else None
    country = living or _side(scene, token) or (entity.country if entity else None) or _country_around(scene, token, start, depth)
    value = _value(scene, token, start, end)
    return Party(
        token.i,
        value.model_copy(update={"entity": entity.id if entity else None, "country": country, "sector": _sector(scene, token, entity)}),
    )


def _side(scene: Scene, token: Token) -> str | None:
    """Return the country of "the South", or of "North" in "North and South Korea", by the full name that the document has for it."""
    word = token.text.capitalize()
    if not scene.cue("direction", token.lower_) or len(word) < 4:
        return None
    for item in conjoined(scene, token)[1:] + ([token.head] if token.dep_ == "conj" else []):
        found = scene.knowledge.country_of(f"{word} {item.text}")
        if found:
            return found
    return scene.sides.get(word)


def _where_they_live(scene: Scene, token: Token) -> str | None:
    """Return the country of "ethnic Albanians in Serbia": where they are, not whose language they speak."""
    places = objects_of_preposition(scene, token, lambda word: word in {"in", "of", "from"})
    return next((c for noun in places for item in below(scene, noun, limit=8) if (c := country_of_token(scene, item))), None)


def _value(scene: Scene, token: Token, start: int, end: int) -> Participant:
    span = scene.doc[start:end]
    entity = scene.entity_of[token.i]
    return Participant(text=span.text, start=span.start_char, end=span.end_char, entity=entity.id if entity else None)


def _extent(scene: Scene, token: Token) -> tuple[int, int]:
    """Return the tokens of the name: the head with what is tied to it on the left, without article and quotation mark."""
    start, end = token.i, token.i + 1
    mention = scene.mention_of[token.i]
    if mention is not None:
        start, end = mention
    first = max(end - MAX_NAME_TOKENS, scene.sentence_of[token.i][0])
    pending = [c for c in by_dep(scene, token, *MODIFIERS) if first <= c.i < token.i]
    while pending:
        child = pending.pop()
        start = min(start, child.i)
        pending.extend(c for c in by_dep(scene, child, *MODIFIERS, "det", "conj") if first <= c.i < child.i or c.dep_ == "conj")
    start = max(start, first)
    while start < token.i and (
        scene.doc[start].dep_ == "det" or scene.doc[start].lower_ in {"the", "a", "an"} or scene.doc[start].is_punct
    ):
        start += 1
    return start, max(end, token.i + 1)


def _named_beside(scene: Scene, token: Token) -> Entity | None:
    """Return the entity of a name in apposition: "the rebels, known as …", "its leader, Kim Jong-un"."""
    for child in by_dep(scene, token, "appos", "compound"):
        entity = scene.entity_of[child.i]
        if entity is not None and entity.type in {"PERSON", "ORG"} and (child.dep_ == "appos" or entity.type == "PERSON"):
            return entity
    if token.dep_ == "appos":
        above = scene.entity_of[token.head.i]
        return above if above is not None and above.type in {"PERSON", "ORG"} else None
    return None


def _country_around(scene: Scene, token: Token, start: int, depth: int) -> str | None:
    """Return the country of the nearest word that can give one: before the head, then after "of", "in", "from"."""
    for i in range(token.i, start - 1, -1):
        country = country_of_token(scene, scene.doc[i])
        if country:
            return country
    own = scene.knowledge.country_of(scene.doc[start : token.i + 1].text)
    if own:
        return own
    owners = by_dep(scene, token, "poss")
    for owner in owners:
        if owner.pos_ == "PRON":
            for party in _of_pronoun(scene, owner, depth + 1):
                if party.value.country:
                    return party.value.country
    for noun in _tied_nouns(scene, token):
        for item in below(scene, noun, limit=8):
            country = country_of_token(scene, item)
            if country:
                return country
    return None


def _tied_nouns(scene: Scene, token: Token) -> list[Token]:
    tied = by_dep(scene, token, "poss", "appos")
    tied += objects_of_preposition(
        scene, token, lambda word: word in {"of", "in", "from", "at", "for", "to", "throughout", "based", "near", "across"}
    )
    for clause in by_dep(scene, token, "acl", "amod"):  # "a group based in Trinidad", "militants loyal to …"
        tied += objects_of_preposition(scene, clause, lambda word: word in {"in", "from", "to", "throughout", "of"})
    if token.dep_ == "appos":
        tied.append(token.head)
    return tied


def _sector(scene: Scene, token: Token, entity: Entity | None) -> str | None:
    """Return the primary sector: that of the role words of the phrase, then the entity's, then that of an apposition."""
    start, _ = _extent(scene, token)
    words = [t.lower_ for t in scene.doc[start : token.i + 1]]
    if entity is None or entity.type != "PERSON":
        own = entity.sectors[0] if entity is not None and entity.sectors else None
        found = own or scene.knowledge.sector_of(" ".join(words))
    else:
        title = " ".join(words[: -1 - (token.i - _mention_start(scene, token))])
        found = (scene.knowledge.sector_of(title) if title else None) or (entity.sectors[0] if entity.sectors else None)
    if token.lower_ in VAGUE:
        return "CVL"
    if scene.cue("military", scene.lemma_of[token.i]) and found in {None, "UNK"}:
        return "MIL"
    if found:
        return found
    if token.tag_ in {"NNPS", "NNS"} and (entity is None or entity.type == "NORP") and country_of_token(scene, token):
        return "CVL"  # Palestinians, Liberians
    beside = by_dep(scene, token, "appos") or ([token.head] if token.dep_ == "appos" else [])
    return next((s for word in beside if (s := scene.knowledge.sector_of(word.lower_))), None)


def _mention_start(scene: Scene, token: Token) -> int:
    mention = scene.mention_of[token.i]
    return mention[0] if mention else token.i


# Pronouns and definite phrases are resolved only where one candidate stands out; a wrong name is worse than none.


def _of_pronoun(scene: Scene, token: Token, depth: int) -> list[Party]:
    word = token.lower_
    if depth > 2:
        return []
    if scene.cue("both", word):
        return _two_countries(scene, token.i, depth + 1)
    candidates = _subjects_before(scene, token)
    if scene.cue("person_pronoun", word):
        fits = [c for c in candidates if _is_person(scene, c)]
    elif scene.cue("thing_pronoun", word):
        fits = [c for c in candidates if not _is_person(scene, c) and not by_dep(scene, c, "conj")]
    elif scene.cue("plural_pronoun", word):
        fits = [c for c in candidates if by_dep(scene, c, "conj") or c.tag_ in {"NNS", "NNPS"} or scene.cue("people", scene.lemma_of[c.i])]
    else:
        return []
    if not fits:
        return []
    found = parties_at(scene, fits[0], max(2, depth + 1))
    return [replace(p, value=_at(p.value, token)) for p in found]


def _at(value: Participant, token: Token) -> Participant:
    """Return *value* standing where *token* stands; the text stays that of the name, so that rows can be read by themselves."""
    return value.model_copy(update={"start": token.idx, "end": token.idx + len(token)})


def _is_person(scene: Scene, token: Token) -> bool:
    entity = scene.entity_of[token.i]
    if entity is not None:
        return entity.type == "PERSON"
    return token.tag_ == "NN" and scene.knowledge.sector_of(scene.lemma_of[token.i]) is not None and scene.lemma_of[token.i] in {
        "president", "minister", "premier", "king", "leader", "judge", "general", "spokesman", "spokeswoman", "chancellor",
    }  # fmt: skip


def _subjects_before(scene: Scene, token: Token) -> list[Token]:
    """Return the subjects that a pronoun may mean, the best first: governing clauses, then this sentence, then the one before."""
    start, _ = scene.sentence_of[token.i]
    chain: list[Token] = []
    for above in governors(token)[1:]:
        chain += [s for s in by_dep(scene, above, "poss", "nsubj", "nsubjpass") if s.i != token.i and not _inside_of(token, s)]
    same = [t for t in scene.doc[start : token.i] if t.dep_ in {"nsubj", "nsubjpass"}]
    before: list[Token] = []
    if start > 0:
        earlier, _ = scene.sentence_of[start - 1]
        before = [t for t in scene.doc[earlier:start] if t.dep_ in {"nsubj", "nsubjpass"}]
    return [t for t in (*chain, *same, *before) if t.pos_ != "PRON" and is_party(scene, t)]


def _inside_of(token: Token, phrase: Token) -> bool:
    return any(above.i == phrase.i for above in governors(token))


def _antecedents(scene: Scene, token: Token, depth: int) -> list[Party]:
    """Resolve "both countries", "the two leaders", and "the president" after a president was named."""
    if scene.entity_of[token.i] is not None or depth > 2:
        return []
    words = {c.lower_ for c in by_dep(scene, token, "det", "nummod", "amod")}
    both = any(scene.cue("both", word) for word in words) and token.tag_ == "NNS"
    if both and _country_around(scene, token, token.i, depth + 1) is None:
        persons = scene.lemma_of[token.i] in {"leader", "president", "minister", "man", "premier", "chancellor"}
        return _two_countries(scene, token.i, depth + 1, persons=persons) or _two_countries(scene, token.i, depth + 1)
    if words != {"the"} or token.tag_ != "NN" or len(scene.children[token.i]) > 1:
        return []
    named = _named_holder(scene, token)
    if named is None:
        return []
    return [Party(named.i, _at(_party(scene, named, depth + 1).value, token))]


def _named_holder(scene: Scene, token: Token) -> Token | None:
    """Return the head of the last name before *token* that bears the same title, looking back over at most 400 words."""
    lemma = scene.lemma_of[token.i]
    for i in range(token.i - 1, max(-1, token.i - 400), -1):
        word = scene.doc[i]
        if scene.lemma_of[word.i] != lemma:
            continue
        for other in (word.head, *by_dep(scene, word, "appos")):
            entity = scene.entity_of[other.i]
            if entity is not None and entity.type == "PERSON" and word.dep_ in {"compound", "appos", "nsubj", "nmod", "dobj", "pobj"}:
                return other
    return None


def _two_countries(scene: Scene, before: int, depth: int, *, persons: bool = False) -> list[Party]:
    """Return the last two countries, or persons of two countries, named before *before*, at most 300 words back, in text order."""
    found: dict[str, Party] = {}
    for i in range(before - 1, max(-1, before - 300), -1):
        entity = scene.entity_of[i]
        if entity is None or not entity.country or entity.country in found or not _stands_for_country(scene, entity, persons):
            continue
        found[entity.country] = _party(scene, scene.doc[i], depth)
        if len(found) == 2:
            return list(reversed(found.values()))
    return []


def _stands_for_country(scene: Scene, entity: Entity, persons: bool) -> bool:
    if persons:
        return entity.type == "PERSON"
    return entity.type in COUNTRYLIKE and scene.knowledge.country_of(entity.name) is not None


def _distinct(parties: Iterable[Party]) -> tuple[Party, ...]:
    seen: dict[tuple[int, int, str | None], Party] = {}
    for party in parties:
        seen.setdefault((party.value.start, party.value.end, party.value.country), party)
    return tuple(seen.values())


def with_country(parties: Sequence[Party], country: str | None) -> tuple[Party, ...]:
    """Return *parties* with *country* where they have none of their own; marked as inherited."""
    if country is None:
        return tuple(parties)
    return tuple(
        p if p.value.country else replace(p, value=p.value.model_copy(update={"country": country}), inherited=True) for p in parties
    )
