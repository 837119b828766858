"""docs/performance.md is made of sections that are measured one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.report import Occasion, Section, Target, at_least, at_most, show, write

SECTION = Section("pace", "Pace", "How fast it is.", ("what", "rows/s"), (("SQLite", "9"),), (at_least("rows", 8, 9.0),))
OCCASION = Occasion(datetime(2025, 6, 1, 8, 0, tzinfo=UTC), 0.5)


def test_a_section_that_is_measured_again_takes_its_place_and_leaves_the_others(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    for section in (SECTION, replace(SECTION, name="size", title="Size"), replace(SECTION, rows=(("SQLite", "7"),))):
        write(section, OCCASION, document)
    text = document.read_text()
    assert text.index("## Pace") < text.index("## Size")
    assert text.count("## Pace") == text.count("## Size") == 1
    assert "| SQLite |      7 |" in text
    assert "- rows at least 8.00: **9.00**" in text
    assert "2025-06-01 08:00 UTC" in text
    assert "load 0.5" in text


def test_a_target_that_is_missed_is_called_missed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missed = replace(SECTION, targets=(at_most("seconds", 2.0, 2.5, " s"),))
    show(missed)
    write(missed, OCCASION, tmp_path / "performance.md")
    assert "seconds at most 2.00 s: 2.50 s, MISSED" in capsys.readouterr().out
    assert "- seconds at most 2.00 s: **2.50 s**, missed" in (tmp_path / "performance.md").read_text()


def test_large_figures_are_written_with_commas_and_without_fractions() -> None:
    assert at_least("rows", 20_000, 23_593.4) == Target("rows at least 20,000", "23,593", met=True)
