"""What commands read and print: tables for people, JSON or CSV on request. The column names are the same in all three."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stream.errors import ConfigError

ONE_LINE = frozenset({"title", "sentence", "snippet", "message"})  # columns that a narrow table cuts rather than wraps

Rows = Sequence[Mapping[str, Any]]

AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON array with every column.")]
Since = Annotated[str | None, typer.Option(help="From this moment on: 2025-05-13, 2025-05-13T08:00Z, or an age such as 36h or 7d.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV with a header line and every column.")]


def console() -> Console:
    """Return a console on standard output; piped output keeps whole lines."""
    return Console(width=None if sys.stdout.isatty() else 200, highlight=False)


def show(rows: Rows, columns: Sequence[str], *, as_json: bool, as_csv: bool, title: str = "", empty: str = "Nothing found.") -> None:
    """Print *rows*: as a table of *columns*, or whole as JSON or CSV. *empty* is what a person reads where there are none."""
    if as_json and as_csv:
        raise ConfigError("--json and --csv exclude each other")
    if as_json:
        typer.echo(json.dumps([dict(row) for row in rows], default=_plain, ensure_ascii=False, indent=2))
    elif as_csv:
        typer.echo(_csv(rows, columns), nl=False)
    elif not rows:
        console().print(empty, markup=False)
    else:
        console().print(_table(rows, columns, title))


def read_file(file: str) -> bytes:
    """Return what is in *file*, or on standard input for ``-``."""
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as e:
        raise ConfigError(f"{file} cannot be read: {e.strerror}") from e


def read_moment(text: str) -> datetime:
    """Return the moment that a person wrote as an ISO 8601 date or date-time, in UTC; without a zone it means UTC.

    Raises ValueError for what is none, and for one that UTC cannot hold.
    """
    moment = datetime.fromisoformat(text)
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as e:
        raise ValueError(f"{text} is out of range") from e


def cell(value: object) -> str:
    """Return *value* as a person reads it in a table."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, list | tuple):
        return ", ".join(cell(item) for item in value)
    return str(value).replace("\n", " ")


def _table(rows: Rows, columns: Iterable[str], title: str) -> Table:
    table = Table(title=title or None, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False)
    names = list(columns)
    for name in names:
        numeric = all(isinstance(row.get(name), int | float | None) and not isinstance(row.get(name), bool) for row in rows)
        cut = name in ONE_LINE
        table.add_column(
            name.replace("_", " "), justify="right" if numeric else "left", overflow="ellipsis" if cut else "fold", no_wrap=cut
        )
    for row in rows:
        table.add_row(*(Text(cell(row.get(name))) for name in names))
    return table


def _csv(rows: Rows, columns: Sequence[str]) -> str:
    names = list(rows[0]) if rows else list(columns)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_csv_cell(row.get(name)) for name in names] for row in rows)
    return out.getvalue()


def _csv_cell(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, default=_plain, ensure_ascii=False)
    return value


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def moment(text: str | None) -> datetime | None:
    """Return the moment that *text* names as a date, a date and time, or an age; raises ConfigError where it is none."""
    if text is None:
        return None
    unit = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}.get(text[-1:])
    try:
        if unit and text[:-1].isdigit():
            return datetime.now(UTC) - timedelta(**{unit: int(text[:-1])})
        return read_moment(text)
    except (ValueError, OverflowError):
        raise ConfigError(f"{text!r} is no moment: give 2025-05-13, 2025-05-13T08:00Z, or an age such as 36h or 7d") from None
