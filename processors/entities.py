"""Who and what a document names: mentions grouped into entities, with country, sectors and place.

The steps: find mentions → join those of one thing (surname → full name, abbreviation → long form, other names that the
tables know) → read country and sectors off the tables, the name itself and the words around it → look up the place.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import NamedTuple

from spacy.tokens import Doc, Span

from processors.apposition import apposed, title_before
from processors.knowledge import Knowledge
from processors.knowledge.spelling import fold, name_words
from processors.languages import LanguageSpec, any_language
from processors.mentions import RawMention, find_mentions, is_abbreviation, is_side
from processors.people import full_names
from processors.places import Area, areas, find_place, is_ambiguous, is_division, place_in, place_near
from stream.messages import Entity, Mention, Place

PLACE_TYPES = frozenset({"GPE", "LOC", "FAC"})
OFFICIAL = frozenset({"GOV", "MIL", "LEG", "JUD", "COP", "SPY", "ELI", "PTY", "OPP"})
STRONG = 3  # votes for a country beside the name; one word in an apposition counts 1

# What stands between a name and its abbreviation: the Workers' Party (PKK); the Workers' Party, or PKK.
_OPPOSITE = {"north": "south", "south": "north", "east": "west", "west": "east"}
_EXPLAINS = re.compile(r"[(\[]|,? ?(?:or|(?:better |also )?known (?:as|by (?:its|the) (?:acronym|initials)))(?: the)?", re.IGNORECASE)


@dataclass(slots=True)
class _Draft:
    """An entity that is being put together."""

    type: str
    name: str
    mentions: list[RawMention] = field(default_factory=list)


class _Hint(NamedTuple):
    """A country that the document speaks of; *place* is the name of the place that it is spoken of by, if it is by one."""

    code: str
    place: str | None


class _Person(NamedTuple):
    """A person of note on the day of publication."""

    name: str
    code: str
    sector: str | None


class _Known(NamedTuple):
    """What the tables and the whole document say: *hints* are the countries spoken of, the likeliest first."""

    knowledge: Knowledge
    hints: tuple[_Hint, ...]
    settled: Mapping[str, Area]
    meant: Mapping[str, str]  # folded name of an area (Georgia) → the country that it is or lies in, where the document shows it
    people: Mapping[str, _Person]  # a person's name in the document → who of note that is


def find_entities(doc: Doc, knowledge: Knowledge, published_on: date | None = None) -> tuple[Entity, ...]:
    """Return the entities of *doc* by first mention, ids ``e1``, ``e2`` …; no mention overlaps another.

    Which post people of note are in depends on the day of publication.
    """
    spec = any_language(doc.lang_)
    drafts = _group(doc, find_mentions(doc, knowledge, spec), knowledge)
    drafts.sort(key=lambda d: d.mentions[0].start)
    known = _known(drafts, doc, knowledge, published_on)
    entities = tuple(_entity(f"e{n}", draft, doc, known, spec) for n, draft in enumerate(drafts, 1))
    return _at_home(entities, _sentence_starts(doc), knowledge)


def _known(drafts: Sequence[_Draft], doc: Doc, knowledge: Knowledge, published_on: date | None) -> _Known:
    hints, settled = _countries_spoken_of(drafts, knowledge), _settled_areas(drafts, doc, knowledge)
    ambiguous = (d for d in drafts if d.type in PLACE_TYPES and is_ambiguous(d.name, knowledge))
    places = ((d.name, _place(d, doc, knowledge, _codes(hints, d.name), settled)) for d in ambiguous)
    meant = {fold(name): place.country for name, place in places if place and place.country}
    people = {d.name: found for d in drafts if d.type == "PERSON" and (found := _person(d.name, knowledge, published_on))}
    return _Known(knowledge, hints, settled, meant, people)


def _person(name: str, knowledge: Knowledge, published_on: date | None) -> _Person | None:
    year = published_on.year if published_on else None
    found = knowledge.person(name, year)
    return _Person(found.name, found.code, found.sector_in(year)) if found else None


def _entity(id_: str, draft: _Draft, doc: Doc, known: _Known, spec: LanguageSpec) -> Entity:
    knowledge = known.knowledge
    beside = [phrase for m in draft.mentions for phrase in apposed(doc, m, knowledge, spec)]
    phrases = [*(title for m in draft.mentions for title in title_before(doc, m, knowledge, spec)), *beside]
    place = _place(draft, doc, knowledge, _codes(known.hints, draft.name), known.settled) if draft.type in PLACE_TYPES else None
    country = _country(draft, place, phrases, known)
    person = known.people.get(draft.name) if draft.type == "PERSON" else None
    full_name = person.name if person and person.code == country else _known_name(draft.type, draft.name, knowledge)
    return Entity(
        id=id_,
        key=_entity_key(draft.type, full_name, country, place),
        name=draft.name,
        type=draft.type,
        country=country,
        sectors=_sectors(draft, phrases if draft.type == "PERSON" else beside, known),
        place=place,
        mentions=tuple(_mention(doc, m, draft.type) for m in draft.mentions),
    )


def _entity_key(type_: str, name: str, country: str | None, place: Place | None = None) -> str:
    """Return type, normalised name and country; a city or region that GeoNames knows has its id there for a name."""
    if place and place.geonames_id and place.precision in ("city", "region") and type_ in ("GPE", "LOC"):
        return f"GPE:{place.geonames_id}:{place.country}"
    normal = " ".join(name_words(name)) if type_ == "PERSON" else fold(name)
    return ":".join(part for part in (type_, normal, country) if part)


def _mention(doc: Doc, raw: RawMention, label: str) -> Mention:
    span = doc[raw.start : raw.end]
    return Mention(start=span.start_char, end=span.end_char, text=span.text, label=label)


# ---- joining mentions


def _group(doc: Doc, mentions: Sequence[RawMention], knowledge: Knowledge) -> list[_Draft]:
    """Join the mentions of one thing; the drafts keep text order inside."""
    drafts: dict[tuple[str, str], _Draft] = {}
    long_forms = _long_forms(doc, mentions)
    people = full_names(m for m in mentions if m.type == "PERSON")
    tagged = {m.name for m in mentions if m.type == "ORG"}
    bodies = {name for pair in long_forms.items() if not tagged.isdisjoint(pair) for name in pair}  # what is one where it is abbreviated
    organisations = sorted({m.name for m in mentions if m.type == "ORG" and " " in m.name}, key=lambda n: (-len(n), n))
    sided = _sided_countries(mentions, knowledge)
    for m in mentions:
        name, kind = m.name, m.type
        if kind == "PERSON":
            name = people.get(m, name)
        elif is_side(name):
            if name.lower() not in sided:
                continue
            name, kind = sided[name.lower()], "GPE"
        elif kind == "ORG" or name in bodies:
            name, kind = long_forms.get(name) or _longer_form(name, organisations) or name, "ORG"
        drafts.setdefault((kind, _sameness(kind, name, knowledge)), _Draft(kind, name)).mentions.append(m)
    for draft in drafts.values():
        draft.name = _display_name(draft, knowledge)
    return list(drafts.values())


def _sameness(type_: str, name: str, knowledge: Knowledge) -> str:
    """Return what names of one thing have in common (Kiev, Kyiv; Zelensky, Zelenskyy)."""
    if type_ == "PERSON":
        person = knowledge.person(name)
        return " ".join(name_words(person.name if person else name)) or fold(name)
    known = _known_name(type_, name, knowledge)
    listed = {fold(p.name) for p in knowledge.places(name)} if type_ == "GPE" and known == name else set()
    return listed.pop() if len(listed) == 1 else fold(known)


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
    name = max({draft.name, *counts}, key=lambda name: (not name.isupper() or len(counts) == 1, len(name.split()), len(name), name))
    shouted = name.isupper() and len(name) > 4 and draft.type in ("PERSON", "GPE", "LOC")
    return name.title() if shouted else name


def _long_forms(doc: Doc, mentions: Sequence[RawMention]) -> dict[str, str]:
    """Map an abbreviation to the name that it is explained by, in brackets on either side, by "or" or "known as", or by its initials."""
    forms: dict[str, str] = {}
    organisations = [m for m in mentions if m.type in ("ORG", "MISC", "GPE", "EVENT", "FAC")]
    for a, b in pairwise(organisations):
        if a.end < b.start <= a.end + 6 and _EXPLAINS.fullmatch(doc[a.end : b.start].text):
            short, long = (b, a) if b.name.isupper() else (a, b)
            if short.name.isupper() and not long.name.isupper() and len(short.name) < len(long.name) and long.type != "GPE":
                forms.setdefault(short.name, long.name)
    for m in organisations:
        if m.name.isupper() and m.name not in forms:
            long_name = next((o.name for o in organisations if " " in o.name and is_abbreviation(m.name, o.name)), None)
            if long_name:
                forms[m.name] = long_name
    return forms


def _longer_form(name: str, organisations: Sequence[str]) -> str | None:
    """Return the one longer name of the document that has *name* in it (Supreme Court → Italian Supreme Court of Cassation)."""
    padded = f" {fold(name)} "
    longer = {o for o in organisations if len(o) > len(name) and padded in f" {fold(o)} "}
    return longer.pop() if len(longer) == 1 else None


def _sided_countries(mentions: Iterable[RawMention], knowledge: Knowledge) -> dict[str, str]:
    """Map "north" to North Korea where that is the only northern country of the document, or South Korea the only southern one."""
    found: dict[str, set[str]] = {}
    for m in mentions:
        side, _, rest = m.name.partition(" ")
        if rest and is_side(side) and knowledge.country_named(m.name):
            for one in (side, _OPPOSITE[side.lower()]):
                if code := knowledge.country_named(f"{one.title()} {rest}"):
                    found.setdefault(one.lower(), set()).add(knowledge.countries[code].name)
    return {side: names.pop() for side, names in found.items() if len(names) == 1}


# ---- country, sectors, place


def _countries_spoken_of(drafts: Iterable[_Draft], knowledge: Knowledge) -> tuple[_Hint, ...]:
    """Return the countries that the document names: by nation or people the most frequent first, then by a capital or a place.

    A name that is a country's and a region's (Georgia) says nothing of either.
    """
    counts: Counter[_Hint] = Counter()
    for draft in drafts:
        if draft.type in ("GPE", "NORP") and not is_ambiguous(draft.name, knowledge):
            code = knowledge.country_of(draft.name)
            place = None if code else draft.name
            code = code or knowledge.capital_country(draft.name) or _only_country(draft.name, knowledge)
            if code and code in knowledge.countries:
                counts[_Hint(code, place)] += len(draft.mentions)
    return tuple(sorted(counts, key=lambda hint: (hint.place is not None, -counts[hint], hint.code)))


def _codes(hints: Iterable[_Hint], name: str = "") -> tuple[str, ...]:
    """Return the countries of *hints*, but for what the place called *name* alone hints at: it must not decide on itself."""
    return tuple(dict.fromkeys(hint.code for hint in hints if hint.place is None or hint.place != name))


def _only_country(name: str, knowledge: Knowledge) -> str | None:
    codes = {p.code for p in knowledge.places(name)}
    return codes.pop() if len(codes) == 1 else None


def _settled_areas(drafts: Iterable[_Draft], doc: Doc, knowledge: Knowledge) -> dict[str, Area]:
    """Map ambiguous names of areas to what a city before them shows (Atlanta, Georgia): the folded name to the area."""
    found: dict[str, Area] = {}
    for m in (m for draft in drafts if draft.type in PLACE_TYPES for m in draft.mentions):
        for text, options in _after_comma(doc, m, knowledge):
            if len(options) > 1 and (inside := place_in(m.name, options, knowledge)):
                found.setdefault(fold(text), inside[1])
    return found


def _after_comma(doc: Doc, mention: RawMention, knowledge: Knowledge) -> Iterator[tuple[str, tuple[Area, ...]]]:
    """Yield what may be the area of a place: the longest name of one, three words at most, that follows it after a comma."""
    if mention.end + 1 < len(doc) and doc[mention.end].text == ",":
        for end in (mention.end + 4, mention.end + 3, mention.end + 2):
            text = doc[mention.end + 1 : end].text
            if options := areas(text, knowledge):
                yield text, options
                return


def _place(draft: _Draft, doc: Doc, knowledge: Knowledge, hints: Sequence[str], settled: Mapping[str, Area]) -> Place | None:
    """Return the place of an entity; a country or region after a comma settles which (Ankara, Turkey; Paris, Texas)."""
    area = settled.get(fold(draft.name))
    if area and area.region:
        return find_place(draft.name, knowledge, (area.country,))
    options = [choice for m in draft.mentions for _, choice in _after_comma(doc, m, knowledge)]
    for choice in options:
        if inside := place_in(draft.name, choice, knowledge):
            return inside[0]
    names = dict.fromkeys((*_divisions(draft, doc), draft.name, draft.mentions[0].name))
    place = next((found for name in names if (found := find_place(name, knowledge, hints))), None)
    return place or (place_near(draft.name, options[0], knowledge) if options and draft.type == "GPE" else None)


def _divisions(draft: _Draft, doc: Doc) -> Iterator[str]:
    """Yield the name with the word behind it that says that it is one of a region: Herat province."""
    following = (doc[m.end].lower_ for m in draft.mentions if m.end < len(doc))
    yield from (f"{draft.name} {word}" for word in following if is_division(word))


def _country(draft: _Draft, place: Place | None, phrases: Sequence[Span], known: _Known) -> str | None:
    knowledge = known.knowledge
    names = dict.fromkeys((draft.name, *(m.name for m in draft.mentions)))
    person = known.people.get(draft.name) if draft.type == "PERSON" else None
    if person and " " in draft.name:
        return person.code
    if place and place.precision == "region" and is_ambiguous(draft.name, knowledge):
        return place.country
    elsewhere = draft.type == "ORG" and _is_elsewhere(draft.name, known)
    for name in names if draft.type != "PERSON" and not elsewhere else ():
        if code := knowledge.country_of(name) or (_metonym(name, knowledge) if draft.type != "GPE" else None):
            return code
    if place:
        return place.country
    if draft.type in ("NORP", "LANGUAGE", "LOC"):
        return None
    votes: Counter[str] = Counter()
    if draft.type != "PERSON" and not elsewhere:
        for name in names:
            votes.update(dict.fromkeys(_countries_in(name.split(), known), STRONG))
    for phrase in phrases:
        votes.update(dict.fromkeys(_countries_in([t.text for t in phrase], known), 1))
    if votes:
        return min(votes, key=lambda code: -votes[code])  # of equals the first named: "U.S. deputy UN ambassador"
    if draft.type == "GPE":
        return knowledge.misspelt_country(draft.name)
    return person.code if person else None  # a surname alone gives way to what is said beside it


def _is_elsewhere(name: str, known: _Known) -> bool:
    """Return whether an organisation with a common name is not the one in the tables: the Labour Party of a text that is not on Britain."""
    codes = _codes(known.hints)
    code = known.knowledge.country_of(name) or known.knowledge.metonym_country(name)
    return bool(codes) and known.knowledge.is_common(name) and code not in codes


def _metonym(name: str, knowledge: Knowledge) -> str | None:
    found = knowledge.metonym(name)
    return found.code if found and found.type != "GPE" else None


def _countries_in(words: Sequence[str], known: _Known) -> list[str]:
    """Return the countries that stand in a phrase, by name, people, government, organisation or city; the longest names first."""
    knowledge, hints = known.knowledge, _codes(known.hints)
    codes: list[str] = []
    i = 0
    while i < len(words):
        for end in range(min(len(words), i + 4), i, -1):
            text = " ".join(words[i:end]).replace(" 's", "'s")
            code = known.meant.get(fold(text)) or knowledge.country_of(text) or knowledge.metonym_country(text)
            if not code and text[:1].isupper() and not is_side(text):
                place = find_place(text, knowledge, hints)
                code = place.country if place else None
            if code:
                codes.append(code)
                break
        i = end if code else i + 1
    return list(dict.fromkeys(codes))


def _sectors(draft: _Draft, phrases: Sequence[Span], known: _Known) -> tuple[str, ...]:
    """Return the sectors, primary first: of the tables, of the name's own head, of roles beside the name."""
    knowledge = known.knowledge
    for name in dict.fromkeys((draft.name, *(m.name for m in draft.mentions))):
        if draft.type == "NORP" and (group := knowledge.group(name)):
            return (group.sector,) if group.sector else ()
        if draft.type in ("ORG", "FAC", "MISC"):
            if organisation := knowledge.organisation(name):
                return organisation.sectors
            metonym = knowledge.metonym(name)
            if metonym and metonym.sector:
                return (metonym.sector,)
    if draft.type == "ORG" and (sector := knowledge.sector_of(draft.name)):
        return (sector,)
    if draft.type not in ("PERSON", "ORG"):
        return ()
    found = Counter(s for phrase in phrases if (s := _role_sector(phrase, knowledge)))
    person = known.people.get(draft.name)
    if not found and person and person.sector:
        return (person.sector,)
    return tuple(sector for sector, _ in found.most_common())


def _role_sector(phrase: Span, knowledge: Knowledge) -> str | None:
    """Return the sector of a role; of one that only belongs to something (WHO chief, PLO spokesman), that of the body named in it."""
    sector = knowledge.sector_of(phrase.text)
    if sector in (None, "UNK") or knowledge.is_weak_role(phrase.root.text):
        names = (phrase[i:j].text for i in range(len(phrase)) for j in range(len(phrase), i, -1))
        body = next((found for name in names if (found := knowledge.organisation(name))), None)
        return body.sectors[0] if body and body.sectors else sector
    return sector


# ---- officials and towns without a country of their own


def _sentence_starts(doc: Doc) -> tuple[int, ...]:
    return tuple(sent.start_char for sent in doc.sents)


def _at_home(entities: tuple[Entity, ...], starts: Sequence[int], knowledge: Knowledge) -> tuple[Entity, ...]:
    """Give officials, courts, ministries and towns that nothing ties to a country the one that is spoken of around them."""
    spoken: dict[int, Counter[str]] = {}
    for entity in entities:
        code = entity.country
        if code and code in knowledge.countries and entity.type != "PERSON":  # a guest says nothing of the host, nor does the UN
            for m in entity.mentions:
                spoken.setdefault(bisect_right(starts, m.start), Counter())[code] += 1
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
