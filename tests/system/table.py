"""The table of what was struck, which ``make chaos`` puts into ``docs/reliability.md``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

EMBEDDED, SERVERS = "embedded (two SQLite files)", "Kafka and Postgres"  # the stacks
COLUMNS = ("stack", "what", "how often", "articles on their way when it struck: least – most")


def struck(stack: str, what: str, on_their_way: Sequence[int]) -> str:
    """Return the row of a fault that struck once for each of *on_their_way*."""
    return f"| {stack} | {what} | {len(on_their_way)} | {min(on_their_way)} – {max(on_their_way)} |"


def result(stack: str, what: str, count: int) -> str:
    """Return the row of what was found at the end."""
    return f"| {stack} | **{what}** | **{count}** | |"


def tell(*rows: str) -> None:
    """Print *rows*, and append them to the file that CHAOS_TABLE names."""
    print("\n".join(rows))
    if path := os.environ.get("CHAOS_TABLE"):
        with Path(path).open("a", encoding="utf-8") as table:
            table.write("\n".join(rows) + "\n")
