"""The reports of the demo, as data."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from dateline.demo.content import Report, load_outlets, parse_report

REPORTS = tuple(report for outlet in load_outlets() for report in outlet.reports)
MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"


def test_there_are_enough_reports_of_many_decades_in_several_outlets() -> None:
    assert len(REPORTS) >= 28
    assert len({report.date.year // 10 for report in REPORTS}) >= 8
    assert len(load_outlets()) >= 5


def test_every_feed_named_in_a_report_exists_and_no_outlet_is_empty() -> None:
    assert {report.feed for report in REPORTS} == {outlet.name for outlet in load_outlets()}


@pytest.mark.parametrize("field", ["id", "title", "summary", "paragraphs"])
def test_no_report_repeats_another(field: str) -> None:
    counts = Counter(getattr(report, field) for report in REPORTS)
    assert [value for value, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.id)
def test_a_report_has_the_length_and_shape_of_a_wire_report(report: Report) -> None:
    words = " ".join((report.title, report.summary, *report.paragraphs)).split()
    assert 80 <= len(words) <= 220
    assert re.match(r"[A-Z][A-Z ]+(, [A-Z][A-Za-z ]+)? — ", report.paragraphs[0])
    assert report.summary not in " ".join(report.paragraphs)
    assert all(paragraph == " ".join(paragraph.split()) for paragraph in report.paragraphs)


@pytest.mark.parametrize(
    "pattern",
    [
        r"\bdenied\b",
        r"\bif\b[^.]*\bnot\b",
        r"\bwill visit|will meet|plans to\b",
        r"\bultimatum\b",
        r"\bembargo\b",
        r"\bexpelled\b",
        r"\bapologised\b",
        r"\bresign",
        r"\bcease-fire\b",
        r"\bsentenced\b",
        r"\bcould not be confirmed|no figures|cannot be checked",
        rf"\b({MONTHS}) \d+",
    ],
)
def test_the_reports_tell_of_many_kinds_of_interaction(pattern: str) -> None:
    telling = [r.id for r in REPORTS if re.search(pattern, " ".join((r.summary, *r.paragraphs)), re.IGNORECASE)]
    assert telling


def test_a_report_without_a_date_is_refused() -> None:
    with pytest.raises(KeyError, match="Date"):
        parse_report("x", "Feed: a\nTitle: b\nSummary: c\nCategories: d\n\nText.\n")
