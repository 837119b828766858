"""News sentences with a marked source and target and the class of what passes between them (plv_dev.tsv)."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.sets import Annotated, events_of
from benchmarks.sets.score import Score, share

JOINED = {"CONCEDE": "YIELD", "RETREAT": "YIELD"}  # the file has 15 classes
OLDER = frozenset(  # (gold class, class by the manual) where the file follows an ontology older than the manual
    {
        ("ACCUSE", "SANCTION"),  # convictions
        ("AGREE", "YIELD"),  # yielding that is promised
        ("ASSAULT", "COERCE"),  # attacks by computer
        ("COERCE", "SANCTION"),  # international sanctions
        ("CONSULT", "AGREE"),  # meetings that lie ahead
        ("SUPPORT", "YIELD"),  # apologies
        ("THREATEN", "PROTEST"),  # protests announced
        ("YIELD", "AID"),  # compensation
    }
)
ARTICLES = frozenset({"the", "a", "an", "of", "s"})


class Plv:
    """plv_dev.tsv: is there an event between the marked pair, and is its class the gold one."""

    name = "plv_dev"
    title = "News sentences with a marked pair (development half)"

    def __init__(self, path: Path) -> None:
        with path.open(encoding="utf-8", newline="") as file:
            self._rows = list(csv.DictReader(file, delimiter="\t"))

    def texts(self) -> Sequence[Mapping[str, Any]]:
        """Return the sentences."""
        return [{"id": f"plv{n}", "text": row["sentence"]} for n, row in enumerate(self._rows)]

    def score(self, found: Mapping[str, Annotated]) -> Score:
        """Return how often the pair is found, and with the right class."""
        score, pairs, right, events = Score(), 0, 0, 0
        for n, row in enumerate(self._rows):
            told = events_of(found, f"plv{n}")
            gold, classes = row["gold_root"], {_class(e) for e in told if between(e, row["source"], row["target"])}
            events += len(told)
            pairs += bool(classes)
            right += gold in classes
            counts = score.classes[gold]
            counts.right, counts.missed = counts.right + (gold in classes), counts.missed + (gold not in classes)
            for other in classes - {gold}:
                score.classes[other].false += gold not in classes
            if gold not in classes:
                score.errors[_kind(gold, classes, {_class(e) for e in told})] += 1
        whole = len(self._rows)
        score.figures = {"sentences": whole, "pair_found": share(pairs, whole), "class_right": share(right, whole)}
        score.figures["events_per_sentence"] = share(events, whole)
        return score

    def judge(self, found: Mapping[str, Annotated]) -> Iterator[tuple[str, str, bool]]:
        """Judge events between the pair by their class; one of the gold class between others is wrong where none is between the pair.

        What the manual and the file see otherwise (OLDER) is neither right nor wrong.
        """
        for n, row in enumerate(self._rows):
            told = events_of(found, f"plv{n}")
            pair = [e for e in told if between(e, row["source"], row["target"])]
            for event in told:
                if (row["gold_root"], _class(event)) in OLDER:
                    continue
                if event in pair:
                    yield f"plv{n}", event["id"], _class(event) == row["gold_root"]
                elif not pair and _class(event) == row["gold_root"]:
                    yield f"plv{n}", event["id"], False


def between(event: Mapping[str, Any], source: str, target: str) -> bool:
    """Return whether *source* acts in *event* and *target* undergoes it or acts too where nobody does."""
    actors = [p["text"] for p in event["actors"]]
    others = [p["text"] for p in event["recipients"]] or actors
    return any(_same(source, a) for a in actors) and any(_same(target, o) for o in others)


def _class(event: Mapping[str, Any]) -> str:
    return JOINED.get(str(event["type"]), str(event["type"]))


def _kind(gold: str, between_pair: set[str], told: set[str]) -> str:
    if between_pair:
        return f"{gold} taken for {min(between_pair)}"
    return f"{gold} found, between other parties" if gold in told else f"{gold} not found"


def _same(marked: str, text: str) -> bool:
    first, second = (set(re.findall(r"\w+", t.lower())) - ARTICLES for t in (marked, text))
    return bool(first & second) and (2 * len(first & second) >= 0.5 * (len(first) + len(second)) or first <= second or second <= first)
