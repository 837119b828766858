"""The figures of an evaluation, for people, for programs and as docs/accuracy.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.sets.score import Counts, Score

DOCUMENT = Path(__file__).parents[1] / "docs" / "accuracy.md"
CALIBRATION = "<!-- confidence: written by benchmarks.calibrate -->"
COMMON_ERRORS = 10
ABOUT = {
    "gsr_dev": "One illustrated event a sentence is annotated, so precision is a lower bound; the parties are found by the coder itself.",
    "plv_dev": "Is there an event between the marked source and target, and is its class the gold one; CONCEDE and RETREAT are one class, "
    "YIELD. Precision by class counts other classes between the pair where the right one was not found.",
    "articles": "Everything is annotated: events, modality, parties, dates, places, and what must not be claimed (traps).",
    "reports": "Everything is annotated, after benchmarks/gold/reports.txt. Reports and gold were written for this project.",
    "stories": "Everything is annotated: benchmarks/gold/stories.txt, text and gold. Figures of speech, plans and conditions are in them "
    "on purpose.",
    "prose": "Sport, finance, obituaries, weather, culture, recipes, travel: benchmarks/gold/prose.txt. Every event found is false.",
}


@dataclass(frozen=True)
class Result:
    """One evaluation: what was measured (PipelineInfo), title and score by set, titles of sets that are not here, texts that failed."""

    pipeline: Mapping[str, str]
    scores: Mapping[str, tuple[str, Score]]
    absent: tuple[str, ...]
    failed: tuple[str, ...]

    @property
    def errors(self) -> Counter[str]:
        """Return how often each kind of error was made, over all sets."""
        return sum((score.errors for _, score in self.scores.values()), Counter())


def as_json(result: Result) -> dict[str, Any]:
    """Return everything measured."""
    sets = {
        name: {
            "figures": score.figures,
            "classes": {t: {"precision": c.precision, "recall": c.recall, "f1": c.f1, **vars(c)} for t, c in sorted(score.classes.items())},
            "errors": dict(score.errors.most_common()),
        }
        for name, (_, score) in result.scores.items()
    }
    return {"pipeline": dict(result.pipeline), "sets": sets, "absent": result.absent, "failed": result.failed}


def as_text(result: Result) -> str:
    """Return the figures for a terminal."""
    return "\n".join(_lines(result)).replace("`", "")


def write(result: Result) -> None:
    """Write the document; what benchmarks.calibrate has written at its end stays."""
    old = DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else ""
    _, mark, tail = old.partition(CALIBRATION)
    DOCUMENT.write_text("\n".join(["# Accuracy", "", *_lines(result), ""]) + mark + tail, encoding="utf-8")


def write_calibration(lines: list[str]) -> None:
    """Write *lines* as the last section of the document."""
    head, _, _ = DOCUMENT.read_text(encoding="utf-8").partition(CALIBRATION)
    DOCUMENT.write_text("\n".join([head.rstrip(), "", CALIBRATION, *lines, ""]), encoding="utf-8")


def _lines(result: Result) -> Iterator[str]:
    of = result.pipeline
    yield f"Written by `make eval`. Pipeline {of['name']} {of['version']}, knowledge {of['knowledge']}, lexicon {of['lexicon']}."
    yield "Development data: the rules were written with these texts in view, so other texts may fare worse."
    for name, (title, score) in result.scores.items():
        yield from ("", f"## {title} (`{name}`)", "", ABOUT[name], "")
        yield from table(("figure", "value"), ((key.replace("_", " "), _shown(value)) for key, value in score.figures.items()))
        if score.classes:
            yield from ("", *table(("class", "right", "false", "missed", "P", "R", "F"), _classes(score.classes)))
    for title in result.absent:
        yield from ("", f"## {title}", "", "Absent: its gold is not in EVAL_DATA.")
    yield from ("", "## The most frequent kinds of error", "")
    errors = result.errors
    yield f"Over all sets, {errors.total()} in all."
    yield ""
    yield from table(("kind", "times"), ((kind, str(n)) for kind, n in errors.most_common(COMMON_ERRORS)))
    if result.failed:
        yield from ("", f"Not annotated, counted as without events: {', '.join(result.failed)}.")


def _classes(classes: Mapping[str, Counts]) -> Iterator[tuple[str, ...]]:
    for name, c in sorted(classes.items()):
        yield (name, str(c.right), str(c.false), str(c.missed), *map(_shown, (c.precision, c.recall, c.f1)))


def _shown(value: float | int | str | None) -> str:
    return "–" if value is None else f"{value:.3f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else value


def table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    """Yield the lines of a Markdown table, the first column to the left."""
    cells = [head, *rows]
    widths = [max(len(row[n]) for row in cells) for n in range(len(head))]
    for number, row in enumerate(cells):
        yield "| " + " | ".join(c.rjust(w) if n else c.ljust(w) for n, (c, w) in enumerate(zip(row, widths, strict=True))) + " |"
        if number == 0:
            yield "|" + "|".join("-" * (w + 1) + (":" if n else "-") for n, w in enumerate(widths)) + "|"
