"""Reports of the demo with all their events (benchmarks/gold/reports.txt), scored here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.sets import Annotated, events_of
from benchmarks.sets.gold import Gold, matched, parse_gold, read_blocks
from benchmarks.sets.score import Counts, Score, share
from dateline.demo.content import Report, load_outlets

DETAILS = ("modality", "mode", "date", "place")


class Reports:
    """Every report that reports.txt names."""

    name = "reports"
    title = "Reports of the demo, annotated for this project"

    def __init__(self) -> None:
        reports = {report.id: report for outlet in load_outlets() for report in outlet.reports}
        blocks = read_blocks("reports.txt")
        self._reports = {name: reports[name] for name in blocks}
        self.gold = {name: tuple(parse_gold(line, text_of(reports[name])) for line in lines) for name, lines in blocks.items()}

    def texts(self) -> Sequence[Mapping[str, Any]]:
        """Return the reports as their articles have them."""
        return [{"id": r.id, "text": text_of(r), "published_at": r.date.isoformat()} for r in self._reports.values()]

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
            "reports": len(self.gold),
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


def text_of(report: Report) -> str:
    """Return the text that the report's article has: title, summary, body."""
    return "\n\n".join((report.title, report.summary, *report.paragraphs))


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
