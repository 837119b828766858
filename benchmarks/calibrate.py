"""Fit the confidence of events on every judged event and write it: ``EVAL_DATA=… python -m benchmarks.calibrate``.

Needs the dependency group ``bench``. Writes processors/languages/en/confidence.txt and the last section of docs/accuracy.md.

1. All gold sets that are here are annotated, however unsure an event is, and each event is judged where its gold allows it.
2. A logistic regression weighs the signs of an event; isotonic regression maps the sum to the share of events that were right.
   The curve is fitted on sums that come from folds in which the text was left out, and is centred (one point a step, at the mean of
   its sums), so that it orders events within a step too.
3. The whole of it is repeated without each fifth of the texts, and measured there: that is what the document shows.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks import accuracy
from benchmarks.evaluate import gold_sets
from benchmarks.sets import GoldSet
from processors.annotate import read_facts
from processors.coding.calibration import INTERCEPT, Calibration
from processors.coding.drafts import Draft
from processors.coding.lexicon import load_lexicon
from processors.events import draft_events
from processors.knowledge import load_knowledge
from processors.nlp import load_nlp
from stream.messages import Article

FOLDS = 5
PENALTY = 0.2  # inverse strength of the regression's L2 penalty; chosen by the loss on the folds among 0.03 … 3
COMMON = 20  # judged events that a sign has to hold of to get a weight
BAR = 0.3  # about one in three of the events below it is right; measured on texts left out
TABLE = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
TARGET = Path(__file__).parents[1] / "processors" / "languages" / "en" / "confidence.txt"
HEAD = """\
# How sure an event is, fitted on judged events by `python -m benchmarks.calibrate`; not written by hand.
# bar: an event below it is not emitted
# sign, its weight: what an event's signs (processors/confidence.py) add to a sum, in log-odds
# point, sum, share: how many events with such a sum are right; between two points on a line
"""

Floats = NDArray[np.float64]


class Judged(NamedTuple):
    """One event that its gold can judge."""

    set: str
    text: str
    signs: frozenset[str]
    right: bool


def main() -> int:
    """Fit, write, and say what came out."""
    sets, absent = gold_sets(Path(os.environ.get("EVAL_DATA", "../shared")))
    judged = list(judged_events(sets))
    with threadpool_limits(1):  # small tables: threads only wait for each other
        TARGET.write_text(_file(fit(judged)), encoding="utf-8")
        lines = list(report(judged, absent))
    accuracy.write_calibration(lines)
    print("\n".join(lines))
    return 0


def judged_events(sets: Sequence[GoldSet]) -> Iterator[Judged]:
    """Yield the judged events of all sets."""
    for gold in sets:
        drafts = {text["id"]: _drafts(text) for text in gold.texts()}
        found = {name: {"events": events, "entities": entities} for name, (events, entities, _) in drafts.items()}
        signs = {name: {e["id"]: d.signs for e, d in zip(events, kept, strict=True)} for name, (events, _, kept) in drafts.items()}
        for text, event, right in gold.judge(found):
            yield Judged(gold.name, text, signs[text][event], right)


def _drafts(text: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[Draft]]:
    published = text.get("published_at")
    article = Article(id=text["id"], text=text["text"], published_at=datetime.fromisoformat(published) if published else None)
    doc, knowledge = load_nlp()(article.text), load_knowledge()
    facts = read_facts(doc, article, knowledge)
    drafts = draft_events(doc, facts, knowledge, load_lexicon("en"))
    events = [{**d.event.model_dump(mode="json", exclude_none=True), "id": f"v{n}"} for n, d in enumerate(drafts)]
    return events, [e.model_dump(mode="json", exclude_none=True) for e in facts.entities], drafts


# --- fitting


def fit(judged: Sequence[Judged]) -> Calibration:
    """Return the calibration for *judged*."""
    weights = _weights(judged)
    sums, right = _left_out(judged, lambda part, rest: [Calibration(0, _weights(part), ()).raw(j.signs) for j in rest])
    return Calibration(BAR, weights, _curve(sums, right))


def _weights(judged: Sequence[Judged]) -> dict[str, float]:
    from sklearn.linear_model import LogisticRegression

    names = sorted({sign for j in judged for sign in j.signs})
    names = [name for name in names if sum(name in j.signs for j in judged) >= COMMON]
    table = np.array([[name in j.signs for name in names] for j in judged], dtype=float)
    model = LogisticRegression(C=PENALTY, max_iter=1000).fit(table, [j.right for j in judged])
    return {INTERCEPT: float(model.intercept_[0]), **dict(zip(names, map(float, model.coef_[0]), strict=True))}


def _curve(sums: Floats, right: Floats) -> tuple[tuple[float, float], ...]:
    from sklearn.isotonic import IsotonicRegression

    steps = IsotonicRegression(y_min=0.02, y_max=0.98).fit_transform(sums, right)
    return tuple((float(sums[steps == level].mean()), float(level)) for level in sorted(set(steps)))


def _left_out(judged: Sequence[Judged], score: Any) -> tuple[Floats, Floats]:
    """Return score(training events, others) for every fold of the others, and whether those are right."""
    found, right = [], []
    for fold in range(FOLDS):
        part, rest = ([j for j in judged if (_fold(j) == fold) == held] for held in (False, True))
        found += score(part, rest)
        right += [j.right for j in rest]
    return np.array(found), np.array(right, dtype=float)


def _fold(judged: Judged) -> int:
    return int(hashlib.sha256(f"{judged.set}:{judged.text}".encode()).hexdigest(), 16) % FOLDS


def _file(made: Calibration) -> str:
    rows = [f"bar\t{made.bar}"]
    rows += [f"sign\t{name}\t{weight:.3f}" for name, weight in sorted(made.weights.items())]
    rows += [f"point\t{raw:.3f}\t{share:.3f}" for raw, share in made.curve]
    body = "\n".join(rows)
    return f"{HEAD}version\t{hashlib.sha256(body.encode()).hexdigest()[:8]}\n{body}\n"


# --- measuring


def report(judged: Sequence[Judged], absent: Sequence[str]) -> Iterator[str]:
    """Yield the section of the document: what was judged, the errors of the calibration, the reliability table."""

    def held_out(part: Sequence[Judged], rest: Sequence[Judged]) -> list[float]:
        made = fit(part)
        return [made.confidence(j.signs) for j in rest]

    shares, right = _left_out(judged, held_out)
    base = right.mean()
    yield "## Confidence"
    yield ""
    yield f"Written by `python -m benchmarks.calibrate`, on {len(judged)} judged events, each measured with its text left out."
    yield "An event is right where type and parties are, as far as its gold can tell. The calibration is part of the lexicon, and of its"
    yield "version in every annotation."
    if absent:
        yield f"Absent: {', '.join(absent)}."
    yield ""
    counts = [(name, [j.right for j in judged if j.set == name]) for name in dict.fromkeys(j.set for j in judged)]
    yield from accuracy.table(("set", "judged", "right"), ((name, str(len(marks)), f"{np.mean(marks):.3f}") for name, marks in counts))
    yield ""
    figures = {
        "Brier score": float(np.mean((shares - right) ** 2)),
        "the same for the mean alone": float(base * (1 - base)),
        "expected calibration error": _calibration_error(shares, right),
        "how often a right event is surer than a wrong one (AUC)": _order(shares, right),
    }
    yield from accuracy.table(("figure", "value"), ((name, f"{value:.3f}") for name, value in figures.items()))
    yield ""
    yield f"Events below {BAR} are not emitted."
    yield ""
    yield from accuracy.table(("confidence", "events", "mean confidence", "right"), _reliability(shares, right))


def _calibration_error(shares: Floats, right: Floats) -> float:
    bins = [(shares >= low) & (shares < high) for low, high in pairwise(TABLE)]
    return float(sum(abs(shares[b].mean() - right[b].mean()) * b.mean() for b in bins if b.any()))


def _order(shares: Floats, right: Floats) -> float:
    gaps = shares[right == 1][:, None] - shares[right == 0][None, :]
    return float(((gaps > 0) + 0.5 * (gaps == 0)).mean())


def _reliability(shares: Floats, right: Floats) -> Iterator[tuple[str, ...]]:
    for low, high in pairwise(TABLE):
        inside = (shares >= low) & (shares < high)
        if inside.any():
            yield f"{low:.1f} – {high:.1f}", str(inside.sum()), f"{shares[inside].mean():.3f}", f"{right[inside].mean():.3f}"


if __name__ == "__main__":
    sys.exit(main())
