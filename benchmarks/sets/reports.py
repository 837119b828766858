"""Our own texts with all their events: reports of the demo (benchmarks/gold/reports.txt) and news stories (stories.txt)."""

from __future__ import annotations

from benchmarks.sets.gold import parse_gold, read_blocks
from benchmarks.sets.whole import Text, Whole
from dateline.demo.content import Report, load_outlets

STATUSES = ("+ | ", "? | ", "! | ")  # how a gold line of stories.txt begins


def reports() -> Whole:
    """Return every report that reports.txt names."""
    known = {report.id: report for outlet in load_outlets() for report in outlet.reports}
    texts = {id_: _annotated(text_of(known[id_]), known[id_].date.isoformat(), lines) for id_, lines in read_blocks("reports.txt").items()}
    return Whole("reports", "Reports of the demo, annotated for this project", texts)


def stories() -> Whole:
    """Return the stories of stories.txt."""
    texts = {}
    for head, lines in read_blocks("stories.txt").items():
        where, _, title = head.partition(": ")
        id_, day = where.split()
        gold = [line for line in lines if line.startswith(STATUSES)]
        texts[id_] = _annotated("\n\n".join((title, *(line for line in lines if line not in gold))), f"{day}T12:00:00Z", gold)
    return Whole("stories", "News stories, written and annotated for this project", texts)


def text_of(report: Report) -> str:
    """Return the text that the report's article has: title, summary, body."""
    return "\n\n".join((report.title, report.summary, *report.paragraphs))


def _annotated(text: str, published_at: str, lines: list[str]) -> Text:
    return Text(text, published_at, tuple(parse_gold(line, text) for line in lines))
