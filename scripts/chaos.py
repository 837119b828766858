"""Run the chaos suite at length and write what it struck into ``docs/reliability.md``: ``python -m scripts.chaos``."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.system.table import COLUMNS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reliability.md"
MARK = "<!-- From here on written by `make chaos`. -->\n"
TESTS = ("tests/system/test_chaos.py", "tests/system/test_nothing_lost.py")
SIZE = {"CHAOS_ARTICLES": "2000", "CHAOS_ROUNDS": "4", "CHAOS_KILLS": "20"}  # of each stack; what the environment says wins


def main() -> int:
    """Run the suite; return its exit code. The page is written only where everything held."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table"
        env = {**SIZE, **os.environ, "CHAOS_TABLE": str(table)}
        code = subprocess.run([sys.executable, "-m", "pytest", "-q", *TESTS], env=env, check=False).returncode
        if code == 0:
            write_page(table.read_text(encoding="utf-8"))
    return code


def write_page(rows: str) -> None:
    """Put *rows* under the columns of the table, in place of those that the page has."""
    head, _, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    PAGE.write_text(f"{head}{MARK}\n{_row(COLUMNS)}\n{_row(['---'] * len(COLUMNS))}\n{rows}", encoding="utf-8")


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
