"""write_annotated on both databases."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, select

from storage.engine import reading, transaction
from storage.schema import STORAGE_TABLES
from storage.writer import WriteCounts, write_annotated
from stream.messages import AnnotatedArticle
from tests.storage.samples import annotated

CLOCK = {"stored_at", "enqueued_at", "updated_at"}


def snapshot(conn: Connection) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables, without the times at which they were written."""
    return {
        table.name: [
            {name: value for name, value in row.items() if name not in CLOCK}
            for row in conn.execute(select(table).order_by(*table.primary_key)).mappings()
        ]
        for table in STORAGE_TABLES
    }


def write(engine: Engine, *messages: AnnotatedArticle) -> WriteCounts:
    with transaction(engine) as conn:
        return write_annotated(conn, messages)


def stored(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    with reading(engine) as conn:
        return snapshot(conn)


def test_everything_an_article_holds_is_in_the_tables(engine: Engine) -> None:
    counts = write(engine, annotated())
    found = stored(engine)
    assert counts == WriteCounts(articles=1, entities=3, events=2, rows=15)
    assert {name: len(rows) for name, rows in found.items()} == {
        "articles": 1, "article_revisions": 1, "annotations": 1, "entities": 3, "entity_aliases": 3, "article_entities": 3,
        "event_reports": 2, "event_participants": 3, "event_mentions": 1, "events": 2, "places": 1, "link_queue": 1,
        "stage_offsets": 0, "dead_letters": 0, "gaps": 0,
    }  # fmt: skip
    assert found["articles"][0]["day"] == date(2025, 6, 1)
    assert found["event_reports"][0]["date_start"] == date(2025, 5, 26)
    assert found["event_reports"][1]["crowd_min"] == 12
    assert [row["key"] for row in found["places"]] == ["geonames:2660646"]


def test_stored_document_is_the_message(engine: Engine) -> None:
    write(engine, annotated())
    assert AnnotatedArticle.model_validate(stored(engine)["annotations"][0]["document"]) == annotated()


def test_writing_again_changes_nothing(engine: Engine) -> None:
    write(engine, annotated(), annotated("a2"))
    before = stored(engine)
    assert write(engine, annotated(), annotated("a2")).articles == 2
    assert stored(engine) == before
