"""PLOVER's gold standard records: one illustrated event a sentence, scored by the program that comes with them (score_events.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.sets import Annotated, events_of, program
from benchmarks.sets.score import Score

FIGURES = (
    "sentences", "predicted_events", "events_per_sentence", "type_top1_accuracy", "type_hit_rate", "type_macro_f1", "participants_country",
    "source_country", "target_country", "participants_text", "tuple", "tuple_full", "mode_accuracy", "sector_accuracy", "context",
    "magnitude_accuracy", "location_accuracy",
)  # fmt: skip


class Gsr:
    """gsr_dev.json; sentences told by several records are annotated once."""

    name = "gsr_dev"
    title = "PLOVER gold standard records (development half)"

    def __init__(self, folder: Path) -> None:
        self._scorer = program(folder / "score_events.py")
        self._units: list[dict[str, Any]] = self._scorer.read_gold(folder / "gsr_dev.json", False)

    def texts(self) -> Sequence[Mapping[str, Any]]:
        """Return the distinct sentences."""
        return [{"id": unit["ids"][0], "text": unit["text"]} for unit in self._units]

    def score(self, found: Mapping[str, Annotated]) -> Score:
        """Return the scorer's figures; what has precision and recall becomes two."""
        self._scorer.attach(self._units, {unit["ids"][0]: [to_scorer(e) for e in events_of(found, unit["ids"][0])] for unit in self._units})
        result, classes, confusion, _ = self._scorer.evaluate(self._units)
        score = Score()
        for name in FIGURES:
            value = result[name]
            if isinstance(value, dict):
                score.figures |= {f"{name}: precision": round(value["p"], 3), f"{name}: recall": round(value["r"], 3)}
            else:
                score.figures[name] = value if isinstance(value, int) or value is None else round(value, 3)
        for type_, counts in classes.items():
            score.classes[type_].right, score.classes[type_].false, score.classes[type_].missed = counts["tp"], counts["fp"], counts["fn"]
        for (gold, other), n in confusion.items():
            if other != gold:
                score.errors[f"{gold} not found" if other == "(none)" else f"{gold} taken for {other}"] += n
        wrong = result["type"]["tp"] - result["tuple"]["tp"]
        score.errors["type right, country of a party wrong"] += wrong
        return score

    def judge(self, found: Mapping[str, Annotated]) -> Iterator[tuple[str, str, bool]]:
        """Judge events of a gold type only: other true events of these sentences are not annotated."""
        for unit in self._units:
            for event in events_of(found, unit["ids"][0]):
                same = [gold for gold in unit["gold"] if event["type"] in gold["accept"]]
                if same:
                    yield unit["ids"][0], event["id"], any(self._same_parties(gold, to_scorer(event)) for gold in same)

    def _same_parties(self, gold: Mapping[str, Any], event: dict[str, Any]) -> bool:
        pairs = self._scorer.align_actors(gold, self._scorer.pred_event(event))
        named = [(wanted, got) for _, wanted, got in pairs if wanted is not None]
        return all(got is not None and self._scorer.code_ok(wanted, got) for wanted, got in named)


def to_scorer(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return one event in the shape of score_events.py: place → location, crowd → size, bounds → the lower one."""
    sizes = {"size" if name == "crowd" else name: bounds["min"] for name, bounds in event["magnitudes"].items()}
    actors, recipients = ([{key: p.get(key) for key in ("text", "country", "sector")} for p in event[r]] for r in ("actors", "recipients"))
    return {
        "type": event["type"],
        "confidence": event["confidence"],
        "actors": actors,
        "recipients": recipients,
        "mode": event.get("mode"),
        "contexts": event["contexts"],
        "magnitudes": sizes,
        "location": {"text": event["place"]["name"]} if event.get("place") else None,
    }
