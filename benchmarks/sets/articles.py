"""Whole articles in which everything is annotated, scored by the program that comes with them (score_article.py)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.sets import Annotated, program
from benchmarks.sets.score import Score


class Articles:
    """Every *.gold.json of a folder with the text beside it."""

    name = "articles"
    title = "Whole articles"

    def __init__(self, folder: Path) -> None:
        self._scorer = program(folder / "score_article.py")
        golds = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.gold.json"))]
        self._golds = {gold["doc_id"]: self._scorer.Gold(gold) for gold in golds}
        self._texts = {gold["doc_id"]: (folder / gold["source_file"]).read_text(encoding="utf-8") for gold in golds}

    def texts(self) -> Sequence[Mapping[str, Any]]:
        """Return the articles, published at noon of their day."""
        days = {name: gold.doc["publication_date"] for name, gold in self._golds.items()}
        return [{"id": name, "text": text, "published_at": f"{days[name]}T12:00:00Z"} for name, text in self._texts.items()]

    def score(self, found: Mapping[str, Annotated]) -> Score:
        """Return the figures of all articles pooled."""
        score, pooled = Score(), None
        for name, gold in self._golds.items():
            prediction = self._scorer.Pred(found.get(name, {}))
            counts, detail = self._scorer.score(gold, prediction)
            pooled = self._scorer.add(pooled, counts)
            self._count(score, gold, prediction, detail)
        view = self._scorer.view(pooled)
        events, names, times = view["events"], view["entity_mentions"], view["time_values"]
        score.figures = {"articles": len(self._golds)}
        score.figures |= {key: events[key] for key in ("required_recall", "precision", "required", "predicted")}
        score.figures |= {key: view[key] for key in ("modality_accuracy", "date_accuracy", "place_accuracy")}
        score.figures |= {"entity_mentions_f1": names["f1"], "time_values": times["accuracy"]}
        score.figures["traps"] = f"{view['traps']['triggered']} of {view['traps']['of']}"
        return score

    def _count(self, score: Score, gold: Any, prediction: Any, detail: Mapping[str, Any]) -> None:
        hits = self._scorer.pair(gold, prediction, True)
        for i, wanted in enumerate(gold.events):
            score.classes[wanted["type"]].right += i in hits
            score.classes[wanted["type"]].missed += i not in hits and wanted["status"] == "required"
        for event in detail["false_events"]:
            score.classes[event["type"]].false += 1
            score.errors[f"false {event['type']}"] += 1
        for event in detail["missed_events"]:
            score.errors[f"{event['type']} {'found, between other parties' if 'parties_differ' in event else 'not found'}"] += 1
        for _, wanted, got in detail["modality_wrong"]:
            score.errors[f"{wanted} taken for {got}"] += 1
        score.errors["date wrong"] += len(detail["date_wrong"])
        score.errors["place wrong or missing"] += len(detail["place_wrong"])
        score.errors["trap"] += len(detail["traps_triggered"])

    def judge(self, found: Mapping[str, Annotated]) -> Iterator[tuple[str, str, bool]]:
        """Judge every event."""
        for name, gold in self._golds.items():
            prediction = self._scorer.Pred(found.get(name, {}))
            right = set(self._scorer.pair(gold, prediction, True).values())
            for n, event in enumerate(prediction.events):
                yield name, event["id"], n in right
