"""Who and what a document names: mentions grouped into entities, with country, sectors and place.

The steps: find mentions → join those of one thing (surname → full name, abbreviation → long form, other names that the
tables know) → read country and sectors off the tables, the name itself and the words around it → look up the place.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from spacy.tokens import Doc, Span, Token

from processors.knowledge import Knowledge, fold
from processors.languages import LanguageSpec, any_language
from processors.mentions import RawMention, find_mentions, is_abbreviation, is_side
from processors.places import find_place
from stream.messages import Entity, Mention, Place

PLACE_TYPES = frozenset({"GPE", "LOC", "FAC"})
OFFICIAL = frozenset({"GOV", "MIL", "LEG", "JUD", "COP", "SPY"})
MAX_NAMES = 500  # different names of one kind in a document that are compared with each other
TITLE_REACH = 9  # tokens before a name that may say what its bearer is
STRONG = 3  # votes for a country beside the name; one word in an apposition counts 1

_LINKS = frozenset({"of", "for", "to", "and", "the", "in", "on", "at"})


@dataclass(slots=True)
class _Draft:
    """An entity that is being put together."""

    type: str
    name: str
    mentions: list[RawMention] = field(default_factory=list)


def find_entities(doc: Doc, knowledge: Knowledge) -> tuple[Entity, ...]:
    """Return the entities of *doc* by first mention, ids ``e1``, ``e2`` …; no mention overlaps another."""
    spec = any_language(doc.lang_)
    drafts = _group(doc, find_mentions(doc, knowledge, spec), knowledge)
    drafts.sort(key=lambda d: d.mentions[0].start)
    hints = _countries_spoken_of(drafts, knowledge)
    entities = tuple(_entity(f"e{n}", draft, doc, knowledge, spec, hints) for n, draft in enumerate(drafts, 1))
    return _at_home(entities, _sentence_starts(doc), knowledge)


def _entity(id_: str, draft: _Draft, doc: Doc, knowledge: Knowledge, spec: LanguageSpec, hints: Sequence[str]) -> Entity:
    phrases = [phrase for m in draft.mentions for phrase in _phrases_around(doc, m, spec)]
    place = _place(draft, doc, knowledge, hints) if draft.type in PLACE_TYPES else None
    country = _country(draft, place, phrases, knowledge, hints)
    normal = _known_name(draft.type, draft.name, knowledge)
    return Entity(
        id=id_,
        key=_entity_key(draft.type, normal, country),
        name=draft.name,
        type=draft.type,
        country=country,
        sectors=_sectors(draft, phrases, knowledge),
        place=place,
        mentions=tuple(_mention(doc, m, draft.type) for m in draft.mentions),
    )


def _entity_key(type_: str, name: str, country: str | None) -> str:
    return ":".join(part for part in (type_, fold(name), country) if part)


def _mention(doc: Doc, raw: RawMention, label: str) -> Mention:
    span = doc[raw.start : raw.end]
    return Mention(start=span.start_char, end=span.end_char, text=span.text, label=label)


# ---- joining mentions


def _group(doc: Doc, mentions: Sequence[RawMention], knowledge: Knowledge) -> list[_Draft]:
    """Join the mentions of one thing; the drafts keep text order inside."""
    drafts: dict[tuple[str, str], _Draft] = {}
    long_forms = _long_forms(doc, mentions)
    people = _full_names(m for m in mentions if m.type == "PERSON")
    organisations = list(dict.fromkeys(m.name for m in mentions if m.type == "ORG" and " " in m.name))[:MAX_NAMES]
    longer = {name: _longer_form(name, organisations) for name in {m.name for m in mentions if m.type == "ORG"}}
    sided = _sided_countries(mentions, knowledge)
    for m in mentions:
        name = m.name
        if m.type == "PERSON":
            name = people.get(m, name)
        elif m.type == "ORG":
            name = long_forms.get(name) or longer[name] or name
        elif is_side(name):
            if name.lower() not in sided:
                continue
            name = sided[name.lower()]
        key = (m.type, fold(_known_name(m.type, name, knowledge)))
        drafts.setdefault(key, _Draft(m.type, name)).mentions.append(m)
    for draft in drafts.values():
        draft.name = _display_name(draft, knowledge)
    return list(drafts.values())


def _known_name(type_: str, name: str, knowledge: Knowledge) -> str:
    """Return the one name that the tables have for what *name* names, or *name*."""
    if type_ == "GPE" and (code := knowledge.country_named(name)):
        known = knowledge.countries.get(code)
        same = find_place(name, knowledge)
        return known.name if known and (same is None or same.precision == "country") else name
    if type_ == "NORP" and (group := knowledge.group(name)):
        return group.name
    if type_ == "ORG" and (organisation := knowledge.organisation(name)):
        return organisation.name
    return name


def _display_name(draft: _Draft, knowledge: Knowledge) -> str:
    known = _known_name(draft.type, draft.name, knowledge)
    if draft.type in ("GPE", "ORG") and known != draft.name:
        return known
    counts = Counter(m.name for m in draft.mentions)
    if draft.type == "NORP":
        return max(counts, key=lambda name: (counts[name], -len(name), name))
    return max({draft.name, *counts}, key=lambda name: (not name.isupper() or len(counts) == 1, len(name.split()), len(name), name))


def _full_names(people: Iterable[RawMention]) -> dict[RawMention, str]:
    """Map a mention of a person to the full name it stands for: the last one before it that fits, else the first after it."""
    mentions = list(people)
    full = list(dict.fromkeys(m.name for m in mentions if " " in m.name))
    longest = {name: max((other for other in full if _same_person(name, other)), key=len) for name in full[:MAX_NAMES]}
    found = {m: longest.get(m.name, m.name) for m in mentions if " " in m.name}
    single = {fold(m.name) for m in mentions if " " not in m.name}
    bearers = {word: _bearers(word, full) for word in single}
    last: dict[str, str] = {}  # of each single name: the full name read last
    waiting: dict[str, list[RawMention]] = {}
    for m in mentions:
        if " " in m.name:
            for word in single.intersection(fold(m.name).split()):
                if m.name in bearers[word]:
                    last[word] = m.name
                    found.update(dict.fromkeys(waiting.pop(word, ()), found[m]))
        elif fold(m.name) in last:
            found[m] = longest.get(last[fold(m.name)], last[fold(m.name)])
        else:
            waiting.setdefault(fold(m.name), []).append(m)
    return found


def _bearers(word: str, full: Iterable[str]) -> frozenset[str]:
    """Return the full names that end in *word*, or, where none does, those that begin with it (Kim, Volodymyr)."""
    by_last = frozenset(name for name in full if fold(name).split()[-1] == word)
    return by_last or frozenset(name for name in full if fold(name).split()[0] == word)


def _same_person(short: str, long: str) -> bool:
    """Return whether all words of *short* stand in *long* in order and both end alike (Tayyip Erdogan, Recep Tayyip Erdogan)."""
    words, others = fold(short).split(), iter(fold(long).split())
    return words[-1] == fold(long).split()[-1] and all(word in others for word in words)


def _long_forms(doc: Doc, mentions: Sequence[RawMention]) -> dict[str, str]:
    """Map an abbreviation to the name that it is explained by, in brackets on either side or by its initials."""
    forms: dict[str, str] = {}
    organisations = [m for m in mentions if m.type in ("ORG", "MISC", "GPE", "EVENT", "FAC")]
    for a, b in pairwise(organisations):
        if b.start == a.end + 1 and doc[a.end].text in ("(", "["):
            short, long = (b, a) if b.name.isupper() else (a, b)
            if short.name.isupper() and not long.name.isupper() and len(short.name) < len(long.name) and long.type != "GPE":
                forms.setdefault(short.name, long.name)
    names = list(dict.fromkeys(m.name for m in organisations))[:MAX_NAMES]
    for letters in (name for name in names if name.isupper() and name not in forms):
        spelled = next((name for name in names if " " in name and is_abbreviation(letters, name)), None)
        if spelled:
            forms[letters] = spelled
    return forms


def _longer_form(name: str, organisations: Sequence[str]) -> str | None:
    """Return the one longer name of the document that has *name* in it (Supreme Court → Italian Supreme Court of Cassation)."""
    padded = f" {fold(name)} "
    longer = {o for o in organisations if len(o) > len(name) and padded in f" {fold(o)} "}
    return longer.pop() if len(longer) == 1 else None


def _sided_countries(mentions: Iterable[RawMention], knowledge: Knowledge) -> dict[str, str]:
    """Map "north" to North Korea where that is the only northern country of the document, and so on."""
    found: dict[str, set[str]] = {}
    for m in mentions:
        side, _, rest = m.name.partition(" ")
        if rest and is_side(side) and (code := knowledge.country_named(m.name)):
            found.setdefault(side.lower(), set()).add(knowledge.countries[code].name)
    return {side: names.pop() for side, names in found.items() if len(names) == 1}


# ---- country, sectors, place


def _countries_spoken_of(drafts: Iterable[_Draft], knowledge: Knowledge) -> tuple[str, ...]:
    """Return the countries that the document names, by nation, people or capital, the most frequent first."""
    counts: Counter[str] = Counter()
    for draft in drafts:
        if draft.type in ("GPE", "NORP"):
            code = knowledge.country_of(draft.name) or knowledge.capital_country(draft.name)
            if code and code in knowledge.countries:
                counts[code] += len(draft.mentions)
    return tuple(sorted(counts, key=lambda code: (-counts[code], code)))


def _place(draft: _Draft, doc: Doc, knowledge: Knowledge, hints: Sequence[str]) -> Place | None:
    """Return the place of an entity; a country or region after a comma settles which (Ankara, Turkey)."""
    for m in draft.mentions:
        if m.end + 1 < len(doc) and doc[m.end].text == ",":
            for end in (m.end + 3, m.end + 2):
                text = doc[m.end + 1 : end].text
                codes = [knowledge.country_named(text), *(p.code for p in knowledge.places(text) if p.precision == "region")]
                settled = [code for code in codes if code]
                if settled:
                    return find_place(draft.name, knowledge, settled[:1])
    found = find_place(draft.name, knowledge, hints)
    return found if found or draft.name == draft.mentions[0].name else find_place(draft.mentions[0].name, knowledge, hints)


def _country(draft: _Draft, place: Place | None, phrases: Sequence[Span], knowledge: Knowledge, hints: Sequence[str]) -> str | None:
    names = dict.fromkeys((draft.name, *(m.name for m in draft.mentions)))
    for name in names:
        if draft.type != "PERSON" and (code := knowledge.country_of(name) or (_metonym(name, knowledge) if draft.type != "GPE" else None)):
            return code
    if place:
        return place.country
    if draft.type in ("NORP", "LANGUAGE", "LOC"):
        return None
    votes: Counter[str] = Counter()
    if draft.type != "PERSON":
        for name in names:
            votes.update(dict.fromkeys(_countries_in(name.split(), knowledge, hints), STRONG))
    for phrase in phrases:
        votes.update(dict.fromkeys(_countries_in([t.text for t in phrase], knowledge, hints), 1))
    return min(votes, key=lambda code: (-votes[code], code)) if votes else None


def _metonym(name: str, knowledge: Knowledge) -> str | None:
    found = knowledge.metonym(name)
    return found.code if found and found.type != "GPE" else None


def _countries_in(words: Sequence[str], knowledge: Knowledge, hints: Sequence[str]) -> list[str]:
    """Return the countries that stand in a phrase, by name, people, government, organisation or city; the longest names first."""
    codes: list[str] = []
    i = 0
    while i < len(words):
        for end in range(min(len(words), i + 4), i, -1):
            text = " ".join(words[i:end]).replace(" 's", "'s")
            code = knowledge.country_of(text) or knowledge.metonym_country(text)
            if not code and text[:1].isupper() and (place := find_place(text, knowledge, hints)):
                code = place.country
            if code:
                codes.append(code)
                break
        i = end if code else i + 1
    return list(dict.fromkeys(codes))


def _sectors(draft: _Draft, phrases: Sequence[Span], knowledge: Knowledge) -> tuple[str, ...]:
    """Return the sectors, primary first: of the tables, of the name's own head, of roles beside the name."""
    for name in dict.fromkeys((draft.name, *(m.name for m in draft.mentions))):
        if draft.type == "NORP" and (group := knowledge.group(name)):
            return (group.sector,) if group.sector else ()
        if draft.type in ("ORG", "FAC", "MISC"):
            if organisation := knowledge.organisation(name):
                return organisation.sectors
            metonym = knowledge.metonym(name)
            if metonym and metonym.sector:
                return (metonym.sector,)
    if draft.type == "ORG":
        sector = knowledge.sector_of(draft.name)
        return (sector,) if sector else ()
    if draft.type != "PERSON":
        return ()
    found = Counter(sector for phrase in phrases if (sector := _sector_beside(phrase, knowledge)))
    return tuple(sector for sector, _ in found.most_common())


def _sector_beside(phrase: Span, knowledge: Knowledge) -> str | None:
    """Return the sector of a title; of a spokesman or chief that of the organisation named with him (Hamas spokesman)."""
    words = [token.text for token in phrase]
    if any(knowledge.is_weak_role(word) for word in words):
        bodies = (knowledge.organisation(" ".join(words[i:j])) for i in range(len(words)) for j in range(min(len(words), i + 4), i, -1))
        sector = next((body.sectors[0] for body in bodies if body and body.sectors), None)
        if sector:
            return sector
    return knowledge.sector_of(" ".join(words))


def _phrases_around(doc: Doc, mention: RawMention, spec: LanguageSpec) -> Iterator[Span]:
    """Yield the words that say who a name is: its title, the country or body after it, and what it stands in apposition to."""
    title = _title(doc, mention.start, spec)
    if title:
        yield title
    after = doc[mention.end : mention.end + 2].text.lower().split()
    if mention.type == "PERSON" and after[:1] == ["of"]:
        yield doc[mention.end + 1 : _nominal_end(doc, mention.end + 1, spec)]  # Nicolas Sarkozy of France
    if mention.type == "PERSON" and len(after) == 2 and after[0] in ("'s", "’s") and after[1] in spec.governments:
        yield doc[mention.end + 1 : mention.end + 2]  # William Ruto's government
    root = doc[mention.start : mention.end].root
    if root.dep_ == "appos" and not mention.start <= root.head.i < mention.end:
        yield _noun_phrase(doc, root.head, mention)
    for child in root.children:
        if child.dep_ == "appos" and not mention.start <= child.i < mention.end:
            yield _noun_phrase(doc, child, mention)


def _title(doc: Doc, start: int, spec: LanguageSpec) -> Span | None:
    """Return the unbroken nominal phrase right before a name ("Ukrainian President", "Minister of Education")."""
    i = start
    while i > 0 and start - i < TITLE_REACH and _is_nominal(doc[i - 1], spec):
        i -= 1
    while i < start and (doc[i].lower_ in _LINKS or doc[i].lower_ in spec.honorifics or doc[i].text in ("'s", "’s")):
        i += 1
    while i < start and doc[start - 1].lower_ in spec.honorifics:
        start -= 1
    return doc[i:start] if i < start else None


def _nominal_end(doc: Doc, start: int, spec: LanguageSpec) -> int:
    end = start
    while end < len(doc) and end - start < TITLE_REACH and _is_nominal(doc[end], spec):
        end += 1
    return end


def _is_nominal(token: Token, spec: LanguageSpec) -> bool:
    if token.is_space or (token.is_punct and token.text != "-") or (token.sent_start == 1 and token.is_space):
        return False
    return (
        token.pos_ in ("NOUN", "PROPN", "ADJ") or token.lower_ in ("of", "for", "'s", "’s", "-", "the") or token.lower_ in spec.honorifics
    )


def _noun_phrase(doc: Doc, head: Token, mention: RawMention) -> Span:
    """Return the words of *head*'s phrase without the mention, at most TITLE_REACH on either side."""
    start = max(head.left_edge.i, head.i - TITLE_REACH)
    end = min(head.right_edge.i + 1, head.i + TITLE_REACH)
    if mention.start > head.i:
        end = min(end, mention.start)
    else:
        start = max(start, mention.end)
    while end > start and (doc[end - 1].is_punct or doc[end - 1].is_space):
        end -= 1
    return doc[start:end]


# ---- officials and towns without a country of their own


def _sentence_starts(doc: Doc) -> tuple[int, ...]:
    return tuple(sent.start_char for sent in doc.sents)


def _at_home(entities: tuple[Entity, ...], starts: Sequence[int], knowledge: Knowledge) -> tuple[Entity, ...]:
    """Give officials, courts, ministries and towns that nothing ties to a country the one that is spoken of around them."""
    spoken: dict[int, Counter[str]] = {}
    for entity in entities:
        if entity.country and entity.country in knowledge.countries:
            for m in entity.mentions:
                spoken.setdefault(bisect_right(starts, m.start), Counter())[entity.country] += 1
    whole: Counter[str] = sum(spoken.values(), Counter())
    return tuple(_housed(e, spoken, whole, starts) if _needs_home(e) else e for e in entities)


def _needs_home(entity: Entity) -> bool:
    return not entity.country and (
        entity.type == "GPE" or (entity.type in ("PERSON", "ORG") and set(entity.sectors[:1]) <= OFFICIAL and bool(entity.sectors))
    )


def _housed(entity: Entity, spoken: Mapping[int, Counter[str]], whole: Counter[str], starts: Sequence[int]) -> Entity:
    """A town is in the only country of its sentences; an official of that of most mentions there and right before.

    Where those do not agree, an official gets the country of four mentions in five of the whole document.
    """
    near = {bisect_right(starts, m.start) for m in entity.mentions}
    here: Counter[str] = sum((spoken.get(n, Counter()) for n in near), Counter())
    if entity.type == "GPE":
        country = _above(here, 0.99)
    else:
        before: Counter[str] = sum((spoken.get(n - 1, Counter()) for n in near), Counter())
        country = _above(here + before, 0.5) or _above(whole, 0.8)
    if country is None:
        return entity
    place = Place(name=entity.name, country=country) if entity.type == "GPE" else entity.place
    key = _entity_key(entity.type, entity.name, country)
    return entity.model_copy(update={"country": country, "key": key, "place": place})


def _above(votes: Counter[str], share: float) -> str | None:
    return next((code for code, count in votes.items() if count > share * votes.total()), None)
