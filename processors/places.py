"""Names of places → places on the map, and the place of a dateline; from the tables of ``processors.knowledge`` alone."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from processors.knowledge import Knowledge, KnownPlace
from processors.knowledge.spelling import fold
from stream.messages import Place

SURE_POPULATION = 100_000  # a smaller city is believed only in a country that the document speaks of
REGION_WEIGHT = 6.0  # a region counts like a city of a million
HINT_WEIGHT = 4.0  # being in the first hinted country outweighs a population 10,000 times as large
NEIGHBOUR_WEIGHT = 1.5  # being next to it, one 30 times as large
DATELINE_LINES = 12  # lines of a text in which its dateline may stand

_KIND = (
    "city|town|village|port|port city|capital|municipality|province|region|state|district|governorate|island|"
    "county|prefecture|oblast|department|republic"
)
_OF = re.compile(rf"(?:{_KIND}) of ", re.IGNORECASE)
_AFTER = re.compile(rf" (?:{_KIND})$", re.IGNORECASE)
_TOWN = re.compile(r"(?:the )?(?:city|town|municipality)(?: council)? of ", re.IGNORECASE)
_DIVISION = re.compile(r" (?:province|region|state|district|governorate|county|prefecture|oblast|department)$", re.IGNORECASE)
_SIDE = re.compile(r"(?:north|south|east|west|northern|southern|eastern|western|central|downtown|greater)(?:ern)?[- ]", re.IGNORECASE)
_DATELINE = re.compile(
    r"(?P<city>[A-Z\u00c0-\u00de][\w.'’ -]{1,30}?)"
    r"(?:, (?P<area>[A-Z\u00c0-\u00de][\w.'’ ]{1,25}?))?"
    r"(?:, [A-Z][a-z]{2,8}\.? \d{1,2})?"
    r"(?P<agency> ?\([^()\n]{2,30}\))? ?(?:—|–|--|- )"
)


class Area(NamedTuple):
    """What follows a place after a comma (Paris, Texas): a country or a region of one."""

    country: str
    region: str | None = None


def find_place(name: str, knowledge: Knowledge, hints: Sequence[str] = ()) -> Place | None:
    """Return the country, region or city called *name*, without offsets, or None.

    *hints* are country codes that the document speaks of, the most likely first: they decide between places of one name.
    Names of governments (Kremlin, Westminster) are no places; capitals are, though they stand for governments as well.
    """
    wanted = _bare(name)
    seat = knowledge.metonym(wanted)
    if seat and seat.type != "GPE":
        return None
    country = knowledge.country_named(wanted)
    known = _best(knowledge.places(wanted), knowledge, wanted, hints)
    if country and not (known and known.code != country and _speaks_of(known.code, country, knowledge, hints)):
        state = knowledge.countries.get(country)
        if state and (known is None or known.code != country or fold(wanted) == fold(state.name)):  # Gaza, Crimea: a part
            return Place(name=wanted, country=country, lat=state.lat, lon=state.lon, geonames_id=state.geonames_id, precision="country")
    if known is None:
        whole = _SIDE.sub("", wanted, count=1)  # northern Syria
        return find_place(whole, knowledge, hints) if whole != wanted else None
    return _place(wanted, known)


def areas(text: str, knowledge: Knowledge) -> tuple[Area, ...]:
    """Return the countries and regions that *text* names, the country first: Georgia is one and a region of another."""
    country = knowledge.country_named(text)
    regions = (Area(p.code, p.name) for p in knowledge.places(text) if p.precision == "region")
    return (*((Area(country),) if country else ()), *regions)


def place_in(name: str, options: Sequence[Area], knowledge: Knowledge) -> tuple[Place, Area] | None:
    """Return the place called *name* that lies in one of *options*, the first that has one, and that area."""
    wanted = _bare(name)
    for area in options:
        inside = [p for p in knowledge.places(wanted) if p.code == area.country and area.region in (None, p.region)]
        if inside:
            return _place(wanted, max(inside, key=lambda p: (p.precision == "city", p.population))), area
    return None


def place_near(name: str, options: Sequence[Area], knowledge: Knowledge) -> Place | None:
    """Return a place that the tables do not have, somewhere in the first region of *options*, else the first country.

    It has the coordinates of the region's middle, or none.
    """
    for area in options:
        centre = next((p for p in knowledge.places(area.region or "") if p.precision == "region" and p.code == area.country), None)
        if centre:
            found = _place(_bare(name), centre)
            return found.model_copy(update={"region": centre.name, "geonames_id": None})
    return Place(name=_bare(name), country=options[0].country) if options else None


def is_ambiguous(name: str, knowledge: Knowledge) -> bool:
    """Return whether *name* is a state and a region of another as well (Georgia)."""
    country = knowledge.country_named(name)
    return country is not None and any(p.code != country and p.precision == "region" for p in knowledge.places(name))


def town_of(name: str, knowledge: Knowledge, hints: Sequence[str] = ()) -> Place | None:
    """Return the town whose administration a body is by its name (Municipality of Livorno), or None."""
    match = _TOWN.match(name)
    return find_place(name[match.end() :], knowledge, hints) if match else None


def is_division(word: str) -> bool:
    """Return whether *word* behind a name says that it is that of a region: province, state, oblast."""
    return bool(_DIVISION.fullmatch(f" {word}"))


def _speaks_of(code: str, country: str, knowledge: Knowledge, hints: Sequence[str]) -> bool:
    """Return whether the document is about the country *code* rather than about *country* or its part of the world."""
    state = knowledge.countries.get(country)
    near = {country} | (state.neighbours if state else frozenset())
    return tuple(hints[:1]) == (code,) and near.isdisjoint(hints)


def _place(name: str, known: KnownPlace) -> Place:
    region = known.region if known.precision == "city" else None
    return Place(
        name=name,
        country=known.code,
        region=region or None,
        lat=known.lat,
        lon=known.lon,
        geonames_id=known.geonames_id,
        precision=known.precision,
    )


def dateline_place(text: str, knowledge: Knowledge) -> Place | None:
    """Return the place that a story is filed from ("ANKARA, Turkey (Agency) — …", "PARIS —") with its offsets, or None.

    A city in mixed case counts only with an agency in brackets after it.
    """
    start = 0
    for line in text.split("\n", DATELINE_LINES)[:DATELINE_LINES]:
        if place := _line_place(line, start, knowledge):
            return place
        start += len(line) + 1
    return None


def dateline_end(text: str) -> int | None:
    """Return the offset behind the dash of the dateline in *text*, where it has one: the report itself begins there."""
    start = 0
    for line in text.split("\n", DATELINE_LINES)[:DATELINE_LINES]:
        if match := _dateline(line):
            return start + match.end()
        start += len(line) + 1
    return None


def _dateline(line: str) -> re.Match[str] | None:
    match = _DATELINE.match(line)
    return match if match and (match["city"].isupper() or match["agency"]) else None


def _line_place(line: str, start: int, knowledge: Knowledge) -> Place | None:
    match = _dateline(line)
    if match is None:
        return None
    city = match["city"].strip()
    options = areas(match["area"] or "", knowledge)
    inside = place_in(city, options, knowledge)
    place = inside[0] if inside else place_near(city, options, knowledge) or find_place(city, knowledge)
    if place is None:
        return None
    name = place.name.title() if place.name.isupper() and len(place.name) > 3 else place.name
    return place.model_copy(update={"name": name, "start": start, "end": start + match.end("city")})


def _bare(name: str) -> str:
    """Return *name* without the words that only say what kind of place it is."""
    words = re.sub(r"^the ", "", " ".join(name.split()), flags=re.IGNORECASE)
    match = _OF.match(words)
    return words[match.end() :] if match else words


def _best(places: Sequence[KnownPlace], knowledge: Knowledge, name: str, hints: Sequence[str]) -> KnownPlace | None:
    if not places:
        for pattern in (_AFTER, _SIDE):
            shorter = pattern.sub("", name, count=1)
            if shorter != name and (found := knowledge.places(shorter)):
                whole = [p for p in found if p.precision == "region"] if _DIVISION.search(name) else []
                return _best(whole or found, knowledge, shorter, hints)
        return None
    capital = knowledge.capital_country(name)
    believed = [p for p in places if p.population >= SURE_POPULATION or p.precision == "region" or p.code in hints or p.code == capital]
    best = max(believed, key=lambda p: _weight(p, capital, knowledge, hints), default=None)
    return _chief_town(best, places) or best


def _chief_town(region: KnownPlace | None, places: Sequence[KnownPlace]) -> KnownPlace | None:
    """Return the town that a region is called by, which its bare name means rather (Kandahar), or None."""
    if region is None or region.precision == "city":
        return None
    return next((p for p in places if p.precision == "city" and (p.code, p.region) == (region.code, region.name)), None)


def _weight(place: KnownPlace, capital: str | None, knowledge: Knowledge, hints: Sequence[str]) -> float:
    size = math.log10(place.population + 1) if place.precision == "city" else REGION_WEIGHT - (1.5 if place.code not in hints else 0)
    state = knowledge.countries.get(place.code)
    if place.code in hints:
        near = HINT_WEIGHT - min(hints.index(place.code), 3) * 0.5
    else:
        near = NEIGHBOUR_WEIGHT if state and not state.neighbours.isdisjoint(hints[:1]) else 0.0
    return size + near + (1.0 if place.code == capital and place.precision == "city" else 0.0)
