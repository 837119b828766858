"""What Dateline knows of each language it annotates: one table ``xx.toml`` a language, read into a LanguageSpec.

A language without a table is annotated with the one of no language, ``xx.toml``: entities alone. A new table brings a
language what the rules for names lean on; a folder ``xx/`` with an event lexicon beside it, its events.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class LanguageSpec:
    """The words of one language that rules lean on; all folded to lower case, abbreviations with their dots."""

    code: str  # ISO 639-1
    pipeline: str  # bundled pipeline, a folder of processors/pipelines; "" where none is
    lexicon: str  # event lexicon, a folder here; "" where there is none
    telltale: frozenset[str]  # frequent words that no other written language has
    abbreviations: frozenset[str]  # no sentence ends after one of these
    open_abbreviations: frozenset[str]  # nor after these, unless a word of sentence_openers follows
    sentence_openers: frozenset[str]
    honorifics: frozenset[str]  # stand before a person's name and say nothing of a role
    address: frozenset[str]  # those after which a capitalised word is a person
    organisation_nouns: frozenset[str]  # heads of names of organisations
    governments: frozenset[str]  # what stands after the name of who heads it: the Monti government
    calendar: frozenset[str]  # words that are never a name by themselves
    months: Mapping[str, int]  # 1 to 12
    weekdays: Mapping[str, int]  # 0 is Monday, as in datetime
    numbers: Mapping[str, int]
    ordinals: Mapping[str, int]
    seasons: Mapping[str, int]  # first month, meteorological, northern hemisphere
    holidays: Mapping[str, str]  # month-day of feasts that do not move


@lru_cache(maxsize=8)
def load_language(code: str) -> LanguageSpec | None:
    """Return the table of a language, or None where there is none. ``en-GB`` is ``en``; ``xx`` is no language."""
    name = code.replace("_", "-").split("-")[0].strip().lower()
    table = files(__package__) / f"{name}.toml"
    if not (name.isascii() and name.isalpha() and table.is_file()):
        return None
    values = tomllib.loads(table.read_text(encoding="utf-8"))
    fields: dict[str, Any] = {key: frozenset(value) if isinstance(value, list) else value for key, value in values.items()}
    return LanguageSpec(**fields)


def any_language(code: str) -> LanguageSpec:
    """Return the table of a language, or the empty one where it has none."""
    spec = load_language(code) or load_language("xx")
    assert spec is not None
    return spec
