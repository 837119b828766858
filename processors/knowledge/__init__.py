"""What Dateline knows of the world before it reads: countries, governments, organisations, roles and places.

The facts are tables in ``data/``; each begins with comment lines that name its sources and, last, its columns.
Country codes and sectors are PLOVER's. Names are found in any case that has a capital, with or without accents and a
leading "the"; an abbreviation (US, WHO, IS) only in its capitals, dots optional. Role words are found in any case.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple, TypeVar

from processors.knowledge.spelling import fold, name_words

TABLES = ("countries", "territories", "metonyms", "organisations", "groups", "people", "roles", "cities", "regions", "place_names")
CACHED = 16_384  # phrases of which an answer is kept
FORMAT = "4"  # raised when lookup changes; the rest of the version is a hash of the tables

_ABBREVIATION = re.compile(r"[A-Z][A-Z0-9&.+-]{0,7}$")
_FORMER = re.compile(r"(?:former|ex|ousted|deposed|late|then)[- ]", re.IGNORECASE)
_FORM_OF_STATE = re.compile(
    r"(?:the )?(?:(?:Federal|Federative|Islamic|Arab|People's|Democratic|Socialist|Co-operative|Bolivarian|Plurinational|Eastern) )*"
    r"(?:Republic|Kingdom|Sultanate|Emirate|Principality|Commonwealth|Union|Grand Duchy|Hashemite Kingdom) of (?:the )?",
    re.IGNORECASE,
)
_LINKS = frozenset({"of", "for"})
_TOKEN = re.compile(r"\w+|[^\w\s]")
_OFFICES = frozenset({"GOV", "LEG", "JUD", "MIL"})

MIN_MISSPELT = 6  # letters of a name that is looked for among those of countries with one letter wrong

T = TypeVar("T")


class Organisation(NamedTuple):
    """*code* is a country or one of PLOVER's codes for what belongs to none; the first sector is the primary one."""

    code: str | None
    sectors: tuple[str, ...]
    name: str = ""
    common: bool = False  # other countries have one of that name


class Metonym(NamedTuple):
    """A name that stands for a government, parliament or service; *type* is the entity type it gets."""

    code: str
    type: str
    sector: str | None
    common: bool = False  # other countries have one


class Group(NamedTuple):
    """A nationality, religion, ethnic or political group named by an adjective or a people; *name* is its first name in the tables."""

    code: str | None
    sector: str | None
    name: str = ""


class KnownPerson(NamedTuple):
    """Someone of note; *terms* are the first and last years of high posts, None where the last is open; none: tied to no post."""

    name: str
    code: str
    sector: str | None
    terms: tuple[tuple[int, int | None], ...]

    def serves(self, year: int) -> bool:
        """Return whether the person holds a post in *year*."""
        return any(first <= year <= (last or year) for first, last in self.terms)

    def sector_in(self, year: int | None) -> str | None:
        """Return the PLOVER sector in *year*: who has left an office is ELI, who is not known to be in one yet has none."""
        if not self.terms or year is None or self.serves(year):
            return self.sector
        if year < min(first for first, _ in self.terms):
            return None
        return "ELI" if self.sector in _OFFICES else self.sector


class Country(NamedTuple):
    """A state with the middle of its populated places and the states that it has a land border with."""

    code: str
    name: str
    lat: float
    lon: float
    geonames_id: int | None
    neighbours: frozenset[str] = frozenset()


class KnownPlace(NamedTuple):
    """A city or region; *population* is 0 for regions, *region* names the one that a city is in where that is known."""

    name: str
    code: str
    lat: float
    lon: float
    geonames_id: int | None
    population: int
    precision: str  # city or region
    region: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Knowledge:
    """The tables as indexes; ask through the methods. *version* changes with any byte of a table."""

    version: str
    countries: Mapping[str, Country]
    _country_names: Mapping[str, str]
    _groups: Mapping[str, Group]
    _capitals: Mapping[str, str]
    _metonyms: Mapping[str, Metonym]
    _organisations: Mapping[str, Organisation]
    _people: Mapping[tuple[str, ...], tuple[KnownPerson, ...]]
    _roles: Mapping[str, tuple[str, bool]]
    _places: Mapping[str, tuple[KnownPlace, ...]]
    _openings: Mapping[str, int]

    def opens(self, word: str) -> int:
        """Return how many tokens the longest known name has, but for those of places, that begins with *word*; 0 for none."""
        return self._openings.get(_first_word(word), 0)

    @lru_cache(maxsize=CACHED)  # noqa: B019  # there is one Knowledge, and it stays
    def country_of(self, phrase: str) -> str | None:
        """Return the code of a country, nationality ("Turkish", "Turks") or organisation (NATO → IGO, Hamas → PSE)."""
        if code := self.country_named(phrase):
            return code
        if (group := self.group(phrase)) and group.code:
            return group.code
        organisation = self.organisation(phrase)
        return organisation.code if organisation else None

    def country_named(self, phrase: str) -> str | None:
        """Return the code of the state or dependency that *phrase* names, also by a form of state (the Republic of Kenya)."""
        found = _find(self._country_names, phrase)
        form = _FORM_OF_STATE.match(phrase) if not found and " of " in phrase else None
        return _find(self._country_names, phrase[form.end() :]) if form else found

    @lru_cache(maxsize=CACHED)  # noqa: B019  # there is one Knowledge, and it stays
    def misspelt_country(self, name: str) -> str | None:
        """Return the code of the country whose name *name* is but for a letter too few, too many or changed places (Afganistan)."""
        word = fold(name)
        if len(word) < MIN_MISSPELT or word in self._country_names:
            return None
        fewer = (word[:i] + word[i + 1 :] for i in range(len(word)))
        swapped = (word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1))
        more = (known for known in self._country_names if len(known) == len(word) + 1 and _is_shortened(word, known))
        return next((self._country_names[form] for form in (*more, *swapped, *fewer) if form in self._country_names), None)

    def group(self, phrase: str) -> Group | None:
        """Return what *phrase* says where it is a nationality, religion or other group, as adjective or people."""
        if phrase.islower():
            return None
        return next((found for form in _singulars(phrase) if (found := _find(self._groups, form))), None)

    def capital_country(self, name: str) -> str | None:
        """Return the code of the country whose capital *name* is."""
        return _find(self._capitals, name)

    def metonym(self, phrase: str) -> Metonym | None:
        """Return the government or body that *phrase* can stand for: a seat, a building or a capital."""
        if found := _find(self._metonyms, phrase):
            return found
        capital = self.capital_country(phrase)
        return Metonym(capital, "GPE", "GOV") if capital else None

    def metonym_country(self, phrase: str) -> str | None:
        """Return the code of the government or body that *phrase* can stand for (Kremlin, Ankara, Downing Street)."""
        found = self.metonym(phrase)
        return found.code if found else None

    def organisation(self, name: str) -> Organisation | None:
        """Return the known organisation of that name: its code and its sectors."""
        return _find(self._organisations, name)

    def person(self, name: str, year: int | None = None) -> KnownPerson | None:
        """Return the person of note called *name*, in any spelling, with or without middle initials.

        Of two of one name (the presidents Bush) the one who serves in *year*, else the later in the table.
        """
        words = name_words(name) if name != name.lower() else ()
        found = self._people.get(words) or self._people.get((*words[:1], *(word for word in words[1:] if len(word) > 1)), ())
        serving = [person for person in found if year is not None and person.serves(year)]
        return (serving or found)[-1] if found else None

    def is_common(self, name: str) -> bool:
        """Return whether *name* is an organisation's of which other countries have one (Labour Party), or a house's (House of Commons)."""
        organisation, metonym = self.organisation(name), self.metonym(name)
        return bool((organisation and organisation.common) or (metonym and metonym.common))

    @lru_cache(maxsize=CACHED)  # noqa: B019  # there is one Knowledge, and it stays
    def sector_of(self, phrase: str) -> str | None:
        """Return the PLOVER sector of a role word or body, singular or plural, alone or with words before it.

        The longest known ending before an "of" or "for" counts ("senior foreign minister" → GOV); a weak head gives way to
        a role beside it ("police spokesman" → COP, "leader of the rebels" → REB). Who left an office is ELI
        ("former president", "ex-minister").
        """
        words = fold(phrase).split()
        if match := _FORMER.match(" ".join(words)):
            sector = self.sector_of(" ".join(words)[match.end() :])
            return "ELI" if sector in _OFFICES else sector
        link = next((i for i, word in enumerate(words) if word in _LINKS and i), 0)
        head = self._ending(words[:link]) if link and not self._role(" ".join(words)) else None
        if head:
            sector, weak = head
            return (self.sector_of(" ".join(words[link + 1 :])) if weak else None) or sector
        role = self._ending(words)
        return role[0] if role else None

    def is_weak_role(self, word: str) -> bool:
        """Return whether *word* says no more than that its bearer belongs to something (spokesman, chief, member)."""
        role = self._role(fold(word))
        return role is not None and role[1]

    def _ending(self, words: list[str]) -> tuple[str, bool] | None:
        """Return the sector of the longest known ending, and whether it is a weak head without a role before it."""
        for start in range(len(words)):
            role = self._role(" ".join(words[start:]))
            if role:
                before = self._ending(words[:start]) if role[1] and start else None
                return before or role
        return None

    def _role(self, phrase: str) -> tuple[str, bool] | None:
        return next((self._roles[form] for form in _singulars(phrase) if form in self._roles), None)

    def places(self, name: str) -> tuple[KnownPlace, ...]:
        """Return the cities and regions of that name, the most populous first."""
        return _find(self._places, name) or ()


@lru_cache(maxsize=1)
def load_knowledge() -> Knowledge:
    """Return the knowledge in the tables, read once per process."""
    folder = files(__package__) / "data"
    raw = {name: (folder / f"{name}.tsv").read_bytes() for name in TABLES}
    table = {name: tuple(_rows(value.decode())) for name, value in raw.items()}
    indexes: dict[str, Any] = {
        "_country_names": _index(_country_names(table["countries"], table["territories"])),
        "_groups": _index(_groups(table["groups"], table["countries"], table["territories"])),
        "_capitals": _index((row[4], row[0]) for row in table["countries"] if row[4]),
        "_metonyms": _index((row[0], Metonym(row[1], row[2], row[3] or None, row[4] == "common")) for row in table["metonyms"]),
        "_organisations": _index(_organisations(table["organisations"])),
    }
    return Knowledge(
        version=f"{FORMAT}+{hashlib.sha256(b''.join(raw.values())).hexdigest()[:8]}",
        countries={c.code: c for c in map(_country, table["countries"])},
        _people=_people(table["people"]),
        _roles={fold(row[0]): (row[1], row[2] == "weak") for row in table["roles"]},
        _places=_places(table["cities"], table["regions"], table["place_names"]),
        _openings=_openings({**indexes, "_people": {fold(name): None for row in table["people"] for name in (row[0], *_names(row[1]))}}),
        **indexes,
    )


def _find(index: Mapping[str, T], phrase: str) -> T | None:
    for key in _keys(phrase):
        if (found := index.get(key)) is not None:
            return found
    return None


@lru_cache(maxsize=16_384)
def _keys(phrase: str) -> tuple[str, ...]:
    """Return under what *phrase* may stand in an index, an abbreviation first by its capitals; a phrase without any is no name."""
    squeezed = " ".join(phrase.split())
    if squeezed == squeezed.lower():
        return ()
    abbreviation = squeezed[4:] if squeezed[:4].casefold() == "the " else squeezed
    own = (abbreviation.replace(".", ""),) if _ABBREVIATION.match(abbreviation) else ()
    return (*own, fold(squeezed))


def _is_shortened(short: str, long: str) -> bool:
    """Return whether *short* is *long* without one letter."""
    return any(short == long[:i] + long[i + 1 :] for i in range(len(long)))


def _index(pairs: Iterable[tuple[str, T]]) -> dict[str, T]:
    """Index names, an abbreviation by its capitals; of two entries with one name the first stays."""
    index: dict[str, T] = {}
    for name, value in pairs:
        index.setdefault(_key(name), value)
    return index


def _key(name: str) -> str:
    """Return under what *name* stands in an index: an abbreviation under its capitals, so that LA is not the La of La Prensa."""
    return name.replace(".", "") if _ABBREVIATION.match(name) else fold(name)


def _openings(indexes: Mapping[str, Mapping[str, object]]) -> dict[str, int]:
    """Map the first word of each name, also as a plural, to the most tokens of a name that begins with it."""
    longest: dict[str, int] = {}
    for kind, index in indexes.items():
        for name in index:
            pieces = len(_TOKEN.findall(name)) + 1  # the tokenizer may split more
            word = _first_word(name)
            for form in (word, *_plurals(word)) if kind == "_groups" else (word,):
                longest[form] = max(longest.get(form, 0), pieces)
    return longest


def _first_word(name: str) -> str:
    """Return the first run of letters and figures, folded; dots of abbreviations are passed over."""
    match = _TOKEN.match(fold(name).replace(".", ""))
    return match[0] if match else ""


def _plurals(word: str) -> Iterator[str]:
    """Yield what ``_singulars`` would lead back to *word*."""
    yield word + "s"
    for singular, plural in (("man", "men"), ("woman", "women"), ("y", "ies"), ("ss", "sses"), ("ch", "ches")):
        if word.endswith(singular):
            yield word[: -len(singular)] + plural


def _singulars(phrase: str) -> Iterator[str]:
    """Yield *phrase* in folded words, or as it is where it has capitals to keep, then what it may be the plural of."""
    yield phrase
    for plural, singular in (("men", "man"), ("women", "woman"), ("ies", "y"), ("sses", "ss"), ("ches", "ch"), ("s", ""), ("'s", "")):
        if phrase.endswith(plural) and len(phrase) > len(plural) + 2:
            yield phrase[: -len(plural)] + singular
    first, _, rest = phrase.partition(" ")
    if rest.startswith(("of ", "to ", "general")) and first.endswith("s"):  # members of parliament, attorneys general
        yield f"{first[:-3]}y {rest}" if first.endswith("ies") else f"{first[:-1]} {rest}"


def _rows(text: str) -> Iterator[list[str]]:
    """Yield the rows of a table, each filled up to the columns that the last comment line names."""
    columns = 0
    for line in text.splitlines():
        if line.startswith("#"):
            columns = line.count("\t") + 1
        elif line:
            cells = line.split("\t")
            yield cells + [""] * (columns - len(cells))


def _country(row: list[str]) -> Country:
    return Country(row[0], row[1], float(row[8]), float(row[9]), int(row[10]) if row[10] else None, frozenset(_names(row[11])))


def _names(cell: str) -> list[str]:
    return [name for name in cell.split("|") if name]


def _country_names(countries: Iterable[list[str]], territories: Iterable[list[str]]) -> Iterator[tuple[str, str]]:
    for row in countries:
        yield from ((name, row[0]) for name in (row[1], *_names(row[2])))
    for row in territories:
        yield from ((name, row[0]) for name in _names(row[1]))


def _groups(groups: Iterable[list[str]], countries: Iterable[list[str]], territories: Iterable[list[str]]) -> Iterator[tuple[str, Group]]:
    for row in countries:
        yield from ((name, Group(row[0], None, _names(row[3])[0])) for name in _names(row[3]))
    for row in territories:
        yield from ((name, Group(row[0], None, name)) for name in _names(row[2]))
    for row in groups:
        yield row[0], Group(row[1] or None, row[2] or None, row[0])


def _organisations(rows: Iterable[list[str]]) -> Iterator[tuple[str, Organisation]]:
    for row in rows:
        value = Organisation(row[2] or None, tuple(_names(row[3])), row[0], row[4] == "common")
        yield from ((name, value) for name in (row[0], *_names(row[1])))


def _places(cities: Iterable[list[str]], regions: Iterable[list[str]], others: Iterable[list[str]]) -> dict[str, tuple[KnownPlace, ...]]:
    """Index places by folded name; a listed other name leads to the places of that name in its country."""
    found: dict[str, list[KnownPlace]] = {}
    for name, code, lat, lon, geonames_id, population, region in cities:
        place = KnownPlace(name, code, float(lat), float(lon), int(geonames_id), int(population), "city", region)
        found.setdefault(fold(name), []).append(place)
    for names, code, lat, lon, geonames_id in regions:
        for name in _names(names):
            first = _names(names)[0]
            whole = KnownPlace(first, code, float(lat), float(lon), int(geonames_id) if geonames_id else None, 0, "region", first)
            found.setdefault(fold(name), []).append(whole)
    for alias, name, code in others:
        found.setdefault(_key(alias), []).extend([p for p in found.get(fold(name), ()) if p.code == code])
    return {key: tuple(sorted(set(places), key=lambda p: (-p.population, p.code, p.name))) for key, places in found.items()}


def _people(rows: Iterable[list[str]]) -> dict[tuple[str, ...], tuple[KnownPerson, ...]]:
    """Index people by the words of each of their names, those of one name in the order of the table."""
    found: dict[tuple[str, ...], tuple[KnownPerson, ...]] = {}
    for name, others, code, sector, years in rows:
        person = KnownPerson(name, code, sector or None, tuple(map(_term, years.split(", "))) if years else ())
        for words in dict.fromkeys(name_words(form) for form in (name, *_names(others))):
            found[words] = (*found.get(words, ()), person)
    return found


def _term(years: str) -> tuple[int, int | None]:
    first, _, last = years.partition("-")
    return int(first or 0), int(last) if last else None
