"""Our own gold: the lines of benchmarks/gold and when an event is what a line tells of. The files' heads say what the columns are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "gold"
MUTUAL = frozenset({"CONSULT", "AGREE", "SUPPORT", "COOPERATE", "ASSAULT"})  # what sides do together: PLOVER makes all of them actors


@dataclass(frozen=True, slots=True)
class Gold:
    """One line of reports.txt; *spans* are where its quotes stand in the text. None where anything, or any party, is right."""

    status: str
    types: tuple[tuple[str, str | None], ...]
    modalities: frozenset[str] | None
    actors: tuple[str, ...] | None
    recipients: tuple[str, ...] | None
    date: str | None
    places: frozenset[str]
    spans: tuple[tuple[int, int], ...]

    @property
    def type(self) -> str:
        """Return the type that is ours."""
        return self.types[0][0]

    def told_by(self, event: Mapping[str, Any]) -> bool:
        """Return whether *event* has one of the types and a trigger within the quotes."""
        places = [(m["start"], m["end"]) for m in (event["trigger"], *event["mentions"])]
        inside = any(a <= start and end <= b for a, b in self.spans for start, end in places)
        return inside and event["type"] in {type_ for type_, _ in self.types}

    def parties_fit(self, event: Mapping[str, Any]) -> bool:
        """Return whether the countries of both sides are right; in what two sides do together, all may be actors."""
        actors, recipients = ({p["country"] for p in event[role] if p.get("country")} for role in ("actors", "recipients"))
        if _fits(self.actors, actors) and _fits(self.recipients, recipients):
            return True
        if event["type"] not in MUTUAL or None in (self.actors, self.recipients) or (self.recipients and recipients):
            return False
        return _fits((*self.actors, *self.recipients), actors | recipients)  # type: ignore[misc]

    def happened_so(self, event: Mapping[str, Any]) -> bool:
        """Return whether the modality is right."""
        return self.modalities is None or event["modality"] in self.modalities


def _fits(wanted: tuple[str, ...] | None, have: set[str]) -> bool:
    if wanted is None:
        return True
    choices = [set(item.rstrip("?").split("/")) for item in wanted]
    needed = all(choice & have for choice, item in zip(choices, wanted, strict=True) if not item.endswith("?"))
    return needed and have <= set().union(*choices)


def read_blocks(name: str) -> dict[str, list[str]]:
    """Return the lines of a file of benchmarks/gold under the heads that begin with "="."""
    blocks: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in (FOLDER / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("="):
            blocks[line[1:].strip()] = lines = []
        elif line and not line.startswith("#"):
            lines.append(line)
    return blocks


def parse_gold(line: str, text: str) -> Gold:
    """Return one line of reports.txt, about *text*. Raises ValueError where a quote does not stand there exactly once."""
    status, types, modality, actors, recipients, date, place, quotes, *_ = (cell.strip() for cell in line.split(" | "))
    return Gold(
        status=status,
        types=tuple((type_, mode or None) for type_, _, mode in (item.partition("/") for item in types.split(", "))),
        modalities=None if modality == "*" else frozenset(modality.split(", ")),
        actors=_side(actors),
        recipients=_side(recipients),
        date=None if date == "-" else date,
        places=frozenset() if place == "-" else frozenset(place.casefold().split("/")),
        spans=tuple(_span(quote, text) for quote in quotes.split(" // ")),
    )


def _side(cell: str) -> tuple[str, ...] | None:
    return None if cell == "*" else () if cell == "-" else tuple(cell.split(", "))


def _span(quote: str, text: str) -> tuple[int, int]:
    if text.count(quote) != 1:
        raise ValueError(f"{quote!r} stands {text.count(quote)} times in its report")
    start = text.index(quote)
    return start, start + len(quote)


def matched(golds: Sequence[Gold], events: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """Return a pairing of gold lines with events that they are told by, as large as can be; what has to be found comes first."""
    fits = [
        sorted(
            (n for n, event in enumerate(events) if gold.told_by(event) and gold.parties_fit(event)),
            key=lambda n: not gold.happened_so(events[n]),
        )
        for gold in golds
    ]
    owner: dict[int, int] = {}

    def place(i: int, tried: set[int]) -> bool:
        for n in fits[i]:
            if n not in tried:
                tried.add(n)
                if n not in owner or place(owner[n], tried):
                    owner[n] = i
                    return True
        return False

    for i in sorted(range(len(golds)), key=lambda i: golds[i].status != "+"):
        place(i, set())
    return {i: n for n, i in owner.items()}
