"""Write the tables and views, as the code declares them, into ``docs/data-dictionary.md``: ``python -m scripts.data_dictionary``."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Column, Table
from sqlalchemy.dialects import postgresql, sqlite

from storage.schema import FEED_TABLES, STORAGE_TABLES, articles, entities, event_reports, places
from storage.schema_feeds import feeds, fetches
from storage.views import COLUMN_NOTES, VIEW_NOTES, VIEWS, all_events

PAGE = Path(__file__).resolve().parents[1] / "docs" / "data-dictionary.md"
MARK = "<!-- From here on written by `python -m scripts.data_dictionary`. -->\n"
MADE_OF = {"entity_daily": (entities, articles), "feed_health": (feeds,), "coverage_hourly": (fetches,)}  # the others are made of reports


def main() -> None:
    """Bring the page up to date."""
    head, _, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    PAGE.write_text(head + MARK + reference(), encoding="utf-8")


def reference() -> str:
    """Return the part of the page that follows from the code, Markdown."""
    parts = ["\n## Views\n", *map(_view, VIEWS)]
    parts += ["\n## Articles and what is in them\n", *map(_table, STORAGE_TABLES)]
    parts += ["\n## Feeds and what is under way\n", *map(_table, FEED_TABLES)]
    return "".join(parts)


def _view(view: Table) -> str:
    if view is not all_events and view.columns.keys() == all_events.columns.keys():
        return f"\n### {view.name}\n\n{VIEW_NOTES[view.name]}. The columns of [all_events](#all_events).\n"
    sources = MADE_OF.get(view.name, (event_reports, articles, places))
    rows = "".join(_row(column, COLUMN_NOTES.get(column.name) or _declared(column.name, sources)) for column in view.columns)
    return _section(view.name, VIEW_NOTES[view.name], rows)


def _table(table: Table) -> str:
    rows = "".join(_row(column, ". ".join(filter(None, (_role(column), column.comment)))) for column in table.columns)
    return _section(table.name, table.comment or "", rows)


def _section(name: str, note: str, rows: str) -> str:
    return f"\n### {name}\n\n{note}.\n\n| column | Postgres | SQLite | meaning |\n|---|---|---|---|\n{rows}"


def _row(column: Column[object], meaning: str) -> str:
    types = (column.type.compile(dialect.dialect()).lower() for dialect in (postgresql, sqlite))
    return f"| `{column.name}` | {' | '.join(types)} | {meaning.replace('|', '/')} |\n"


def _role(column: Column[object]) -> str:
    targets = sorted({key.target_fullname for key in column.foreign_keys})
    return ", ".join([*(["key"] if column.primary_key else []), *(f"→ `{target}`" for target in targets)])


def _declared(name: str, sources: tuple[Table, ...]) -> str:
    return next((table.columns[name].comment or "" for table in sources if name in table.columns), "")


if __name__ == "__main__":
    main()
