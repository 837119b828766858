"""Texts with all their events: recall, precision and details of what is told, and the traps that are not to be told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks.sets import Annotated, events_of
from benchmarks.sets.gold import Gold, matched
from benchmarks.sets.score import Counts, Score, share

DETAILS = ("modality", "mode", "date", "place")


class Text(NamedTuple):
    """One text with its gold lines; *published_at* in ISO 8601."""

    text: str
    published_at: str
    gold: tuple[Gold, ...]


class Whole:
    """A set of texts whose events are all annotated (GoldSet)."""

    def __init__(self, name: str, title: str, texts: Mapping[str, Text]) -> None:
        self.name, self.title, self._texts = name, title, texts
        self.gold = {id_: text.gold for id_, text in texts.items()}

    def texts(self) -> Sequence[Mapping[str, Any]]:
        """Return the texts as articles have them."""
        return [{"id": id_, "text": text.text, "published_at": text.published_at} for id_, text in self._texts.items()]

    def score(self, found: Mapping[str, Annotated]) -> Score:
        """Return recall of what has to be found, precision of what was found, and how often the details of it are right."""
        score, details = Score(), {name: Counts() for name in DETAILS}
        loose = traps = 0
        for name, lines in self.gold.items():
            events = events_of(found, name)
            golds = [g for g in lines if g.status != "!"]
            _count(score, details, golds, events)
            loose += sum(any(g.told_by(e) for e in events) for g in golds if g.status == "+")
            traps += sum(any(g.told_by(e) and g.parties_fit(e) and g.happened_so(e) for e in events) for g in lines if g.status == "!")
        status = Counter(g.status for lines in self.gold.values() for g in lines)
        right, false, missed = (sum(getattr(c, key) for c in score.classes.values()) for key in ("right", "false", "missed"))
        score.figures = {
            "texts": len(self.gold),
            "required": status["+"],
            "required_recall": share(status["+"] - missed, status["+"]),
            "found_whatever_its_parties": share(loose, status["+"]),
            "predicted": right + false,
            "precision": share(right, right + false),
            **{f"{name}_accuracy": counts.recall for name, counts in details.items()},
            "traps": f"{traps} of {status['!']}",
        }
        return score

    def judge(self, found: Mapping[str, Annotated]) -> Iterator[tuple[str, str, bool]]:
        """Judge every event."""
        for name, lines in self.gold.items():
            events = events_of(found, name)
            right = set(matched([g for g in lines if g.status != "!"], events).values())
            for n, event in enumerate(events):
                yield name, event["id"], n in right


def _count(score: Score, details: Mapping[str, Counts], golds: Sequence[Gold], events: Sequence[Mapping[str, Any]]) -> None:
    hits = matched(golds, events)
    for n, gold in enumerate(golds):
        if n in hits:
            score.classes[gold.type].right += 1
            _check(gold, events[hits[n]], details, score.errors)
        elif gold.status == "+":
            score.classes[gold.type].missed += 1
            told = any(gold.told_by(e) for e in events)
            score.errors[f"{gold.type} {'found, between other parties' if told else 'not found'}"] += 1
    for n, event in enumerate(events):
        if n not in hits.values():
            score.classes[event["type"]].false += 1
            score.errors[f"false {event['type']}"] += 1


def _check(gold: Gold, event: Mapping[str, Any], details: Mapping[str, Counts], errors: Counter[str]) -> None:
    modes = {mode for type_, mode in gold.types if type_ == event["type"] and mode}
    date, place = event.get("date"), event.get("place")
    right = {
        "modality": gold.happened_so(event) if gold.modalities else None,
        "mode": event.get("mode") in modes if modes else None,
        "date": bool(date and date["start"].startswith(gold.date)) if gold.date else None,
        "place": bool(place and place["name"].casefold() in gold.places) if gold.places else None,
    }
    for name, answer in right.items():
        if answer is not None:
            details[name].right += answer
            details[name].missed += not answer
            errors[f"{name} wrong or missing"] += not answer
