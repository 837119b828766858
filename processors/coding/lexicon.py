"""The event lexicon of a language and PLOVER's tables, read once from their data files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from processors.coding.calibration import Calibration, parse_calibration
from stream.errors import ConfigError

FAMILIES: Mapping[str, frozenset[str]] = {
    "COOP": frozenset({"AGREE", "CONSULT", "SUPPORT", "COOPERATE", "AID"}),
    "YIELD": frozenset({"CONCEDE", "RETREAT"}),
    "TALK": frozenset({"REQUEST", "ACCUSE", "REJECT", "THREATEN"}),
    "FORCE": frozenset({"PROTEST", "SANCTION", "MOBILIZE", "COERCE", "ASSAULT"}),
}
TYPES = frozenset().union(*FAMILIES.values())
NONE = "NONE"
PARTICLES = frozenset({"off", "in", "out", "up", "down", "over", "away", "back"})


@dataclass(frozen=True, slots=True)
class Slot:
    """What may stand beside a word: *name* is a role such as ``obj`` or a preposition.

    *words*: lemmas, and ``@party``, ``@people``, ``@any``.
    *bond*: ``or`` (one of the line's slots has to be filled), ``and`` (this one has to), ``not`` (it must not be).
    """

    name: str
    words: frozenset[str]
    bond: str = "or"


@dataclass(frozen=True, slots=True)
class Entry:
    """One word of one line of the lexicon; the file's header says what the columns and role letters mean."""

    lemma: str
    particle: str | None
    frame: tuple[Slot, ...]
    governs: bool  # a clause or event noun has to stand below it
    infinitive: bool  # an infinitive has to stand below it
    type: str | None  # None with an operator, or where the word is known to be no event
    mode: str | None
    operator: str | None
    roles: frozenset[str]
    example: str
    line: int

    @property
    def rank(self) -> tuple[int, int]:
        """Return the order of entries that hold together: the more a line asks for, the better; then the later line."""
        asked = sum(slot.bond != "or" for slot in self.frame) + any(slot.bond == "or" for slot in self.frame)
        return 2 * (self.particle is not None) + 2 * asked + self.governs + 2 * self.infinitive, self.line


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row of operators.tsv."""

    content: str
    result: str
    mode: str
    modality: str


@dataclass(frozen=True, slots=True)
class TypeRow:
    """One row of plover.tsv."""

    quad: int
    score: float
    threat: str | None


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All that is known of a language's event words. *version* changes whenever a data file does."""

    verbs: Mapping[str, tuple[Entry, ...]]
    adjectives: Mapping[str, tuple[Entry, ...]]
    nouns: Mapping[str, tuple[Entry, ...]]
    cues: Mapping[str, frozenset[str]]
    contexts: Mapping[str, Mapping[str, int]]  # cue → the contexts it speaks for, with its points
    operators: Mapping[str, tuple[Outcome, ...]]
    types: Mapping[tuple[str, str | None], TypeRow]
    calibration: Calibration
    phrasal: frozenset[tuple[str, str]]  # verbs with a particle that a parser may take for a preposition
    version: str

    def entries(self) -> Iterator[Entry]:
        """Yield every entry, verbs first."""
        for table in (self.verbs, self.adjectives, self.nouns):
            for entries in table.values():
                yield from entries

    def outcome(self, operator: str, content: str | None) -> Outcome | None:
        """Return what *operator* makes of an event of type *content* (None: of something unknown)."""
        wanted = content or NONE
        for row in self.operators.get(operator, ()):
            if row.content == wanted or (content and (row.content == "ANY" or content in FAMILIES.get(row.content, ()))):
                return row
        return None

    def type_row(self, type_: str, mode: str | None) -> TypeRow:
        """Return quad class, score and threat mode; a mode without a row of its own has those of its type."""
        return self.types.get((type_, mode)) or self.types[type_, None]


def parse_lexicon(text: str, source: str) -> dict[str, dict[str, list[Entry]]]:
    """Return entries by section (verb, adj, noun) and head lemma. Raises ConfigError that names the line."""
    sections: dict[str, dict[str, list[Entry]]] = {"verb": {}, "adj": {}, "noun": {}}
    classes: dict[str, frozenset[str]] = {}
    section = ""
    for number, line in _lines(text):
        if line.startswith("["):
            section = line.strip("[]")
        elif section == "class":
            name, *words = line.split()
            classes[name] = frozenset(words)
        else:
            try:
                for entry in _parse_entries(line, number, classes, noun=section == "noun"):
                    sections[section].setdefault(entry.lemma, []).append(entry)
            except (ValueError, KeyError) as e:
                raise ConfigError(f"{source}, line {number}: {e}") from e
    return sections


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            yield number, line.strip()


def _parse_entries(line: str, number: int, classes: Mapping[str, frozenset[str]], *, noun: bool) -> Iterator[Entry]:
    words, frame, event, roles, example = (part.strip() for part in line.split("|"))
    slots = tuple(_parse_slot(item, classes) for item in frame.split() if item not in {"comp", "inf"})
    operator = event[1:] if event.startswith("=") else None
    type_, _, mode = ("", "", "") if operator else event.partition("/")
    if type_ and type_ not in TYPES:
        raise ValueError(f"{type_} is no event type")
    for word in words.split():
        first, _, second = word.partition("_")
        lemma, particle = (second or first, first if second else None) if noun else (first, second or None)
        yield Entry(
            lemma,
            particle,
            slots,
            "comp" in frame.split(),
            "inf" in frame.split(),
            type_ or None,
            mode or None,
            operator,
            frozenset(roles),
            example,
            number,
        )


def _parse_slot(item: str, classes: Mapping[str, frozenset[str]]) -> Slot:
    name, _, values = item.lstrip("!&").partition(":")
    words: set[str] = set()
    for value in values.split(","):
        if value.startswith("@@"):
            words.add(value[1:])
        elif value.startswith("@"):
            words |= classes[value[1:]]
        else:
            words.add(value)
    return Slot(name, frozenset(words), {"!": "not", "&": "and"}.get(item[0], "or"))


def _parse_classes(text: str) -> dict[str, frozenset[str]]:
    pairs = (line.partition(":") for _, line in _lines(text))
    return {name.strip(): frozenset(words.split()) for name, _, words in pairs}


def _parse_table(text: str) -> Iterator[list[str]]:
    return (line.split("\t") for _, line in _lines(text))


def _absent(cell: str) -> str | None:
    return None if cell == "-" else cell


def _by_cue(contexts: Mapping[str, frozenset[str]]) -> dict[str, dict[str, int]]:
    """Return the contexts of each cue with 2 points, with 1 for a weak cue."""
    cues: dict[str, dict[str, int]] = {}
    for context in sorted(contexts):
        for word in contexts[context]:
            cues.setdefault(word.rstrip("?"), {})[context] = 1 if word.endswith("?") else 2
    return cues


@lru_cache(maxsize=8)
def load_lexicon(language: str = "en") -> Lexicon:
    """Return the lexicon of *language*, a folder under ``processors/languages``. Raises ConfigError where that is missing or broken."""
    root = files("processors")
    names = [root / "languages" / language / name for name in ("events.txt", "cues.txt", "contexts.txt", "confidence.txt")]
    tables = [root / "ontology" / name for name in ("operators.tsv", "plover.tsv")]
    try:
        events, cues, contexts, confidence, operators, types = (path.read_text(encoding="utf-8") for path in (*names, *tables))
    except OSError as e:
        raise ConfigError(f"there is no event lexicon for language {language!r}") from e
    return _build(events, cues, contexts, confidence, operators, types, source=_name(names[0]))


def _name(path: Traversable) -> str:
    return path.name


def _build(events: str, cues: str, contexts: str, confidence: str, operators: str, types: str, *, source: str) -> Lexicon:
    sections = parse_lexicon(events, source)
    verbs, adjectives, nouns = (
        {lemma: tuple(sorted(found, key=lambda e: e.rank, reverse=True)) for lemma, found in sections[name].items()}
        for name in ("verb", "adj", "noun")
    )
    rows: dict[str, list[Outcome]] = {}
    for operator, content, result, mode, modality in _parse_table(operators):
        rows.setdefault(operator, []).append(Outcome(content, result, mode, modality))
    unknown = {e.operator for table in (verbs, adjectives, nouns) for found in table.values() for e in found if e.operator} - set(rows)
    if unknown:
        raise ConfigError(f"{source}: no rule for operator {', '.join(sorted(unknown))} in operators.tsv")
    return Lexicon(
        verbs=verbs,
        adjectives=adjectives,
        nouns=nouns,
        cues=_parse_classes(cues),
        contexts=_by_cue(_parse_classes(contexts)),
        operators={name: tuple(found) for name, found in rows.items()},
        types={(t, _absent(m)): TypeRow(int(quad), float(score), _absent(threat)) for t, m, quad, score, threat in _parse_table(types)},
        calibration=parse_calibration(confidence, "confidence.txt"),
        phrasal=frozenset((e.lemma, e.particle) for found in verbs.values() for e in found if e.particle in PARTICLES),
        version=hashlib.sha256("\0".join((events, cues, contexts, confidence, operators, types)).encode()).hexdigest()[:12],
    )
