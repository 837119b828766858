"""Purging and erasing on both databases: what goes, what stays, and what must not come back."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, Table, func, select

from storage.dead_letters import write_letters
from storage.dialect import keep_writers_out
from storage.engine import connect_database, reading, transaction
from storage.removal import Removed, erase_article, erase_entity, naming, purge
from storage.schema import (
    STORAGE_TABLES,
    annotations,
    article_entities,
    articles,
    dead_letters,
    entities,
    entity_aliases,
    event_participants,
    event_reports,
    tombstones,
)
from storage.schema_feeds import outbox, page_queue
from storage.writer import WriteCounts, write_annotated
from stream.broker import Record
from stream.dead_letters import PREFIX
from stream.errors import ConfigError
from stream.messages import AnnotatedArticle, Entity, encode
from tests.storage.samples import PUBLISHED, annotated

KELLER = "person:maria keller"
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def write(engine: Engine, *messages: AnnotatedArticle) -> WriteCounts:
    with transaction(engine) as conn:
        return write_annotated(conn, messages)


def count(engine: Engine, table: Table) -> int:
    with reading(engine) as conn:
        return conn.execute(select(func.count()).select_from(table)).scalar_one()


def column(engine: Engine, wanted: Any) -> list[Any]:
    with reading(engine) as conn:
        return sorted(conn.execute(select(wanted)).scalars(), key=str)


def everything(engine: Engine) -> str:
    """All that the storage side's tables hold, as text."""
    with reading(engine) as conn:
        return "\n".join(str(row) for table in STORAGE_TABLES for row in conn.execute(select(table)))


def letter(article_id: str) -> Record:
    value = encode(annotated(article_id).article)
    return Record("dead", 0, 1, article_id.encode(), value, ((PREFIX + "topic", b"dateline.articles"),), NOW)


def unlike(message: AnnotatedArticle, **changes: Any) -> AnnotatedArticle:
    """*message* with its first entity changed."""
    first, *others = message.entities
    return message.model_copy(update={"entities": (first.model_copy(update=changes), *others)})


# Purging


def test_purge_takes_what_is_older_with_all_its_children_and_leaves_the_rest(engine: Engine) -> None:
    old = PUBLISHED - timedelta(days=400)
    write(engine, annotated("old", published_at=old), annotated("new"))
    removed = purge(engine, PUBLISHED)
    assert (removed.articles, column(engine, articles.c.article_id)) == (1, ["new"])
    with reading(engine) as conn:
        [key] = conn.execute(select(articles.c.article_key)).scalars()
        for table in STORAGE_TABLES:
            if "article_key" in table.c:
                assert set(conn.execute(select(table.c.article_key)).scalars()) <= {key}


def test_purge_takes_the_entities_that_nothing_else_names(engine: Engine) -> None:
    lonely = Entity(id="e9", key="person:jo doe", name="Jo Doe", type="PERSON")
    old = annotated("old", published_at=PUBLISHED - timedelta(days=400))
    write(engine, old.model_copy(update={"entities": (*old.entities, lonely)}), annotated("new"))
    assert purge(engine, PUBLISHED) == Removed(articles=1, entities=1)
    assert column(engine, entities.c.key) == ["person:ivan petrov", KELLER, "place:geneva"]


def test_purge_in_parts_tells_how_far_it_is(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.removal.AT_A_TIME", 2)
    write(engine, *(annotated(f"a{number}") for number in range(5)))
    told: list[int] = []
    assert purge(engine, NOW, on_progress=told.append).articles == 5
    assert told == [2, 4, 5]


def test_purge_takes_old_dead_letters(engine: Engine) -> None:
    with transaction(engine) as conn:
        write_letters(conn, [letter("a1")], now=NOW - timedelta(days=1))
    assert purge(engine, NOW - timedelta(days=2)).dead_letters == 0
    assert purge(engine, NOW).dead_letters == 1


def test_a_dry_run_counts_and_removes_nothing(engine: Engine) -> None:
    write(engine, annotated("a1"), annotated("a2"))
    before = everything(engine)
    assert purge(engine, NOW, dry_run=True) == Removed(articles=2)
    assert erase_article(engine, "a1", dry_run=True) == Removed(articles=1)
    assert erase_entity(engine, KELLER, dry_run=True) == Removed(entities=1, rewritten=2)
    assert everything(engine) == before


# One article


def test_an_erased_article_leaves_no_trace_and_does_not_come_back(engine: Engine) -> None:
    write(engine, annotated("a1"))
    with transaction(engine) as conn:
        write_letters(conn, [letter("a1")], now=NOW)
    assert erase_article(engine, "a1") == Removed(articles=1, entities=3, dead_letters=1)
    assert "Keller" not in everything(engine)
    counts = write(engine, annotated("a1", revision=2, run=7), annotated("a2"))
    assert (counts.articles, counts.erased) == (1, 1)
    assert column(engine, articles.c.article_id) == ["a2"]


def test_what_waits_to_be_published_of_an_erased_article_goes_too(engine: Engine) -> None:
    with transaction(engine) as conn:
        for number in (1, 2):
            conn.execute(outbox.insert(), [{"article_id": f"a{number}", "revision": 1, "payload": b"text", "created_at": NOW}])
            waiting = {"article_id": f"a{number}", "payload": "{}", "host": "h", "url": "u"}
            conn.execute(page_queue.insert(), [waiting | {"enqueued_at": NOW, "due_at": NOW, "deadline_at": NOW}])
    erase_article(engine, "a1")
    assert column(engine, outbox.c.article_id) == column(engine, page_queue.c.article_id) == ["a2"]


def test_a_dead_letter_of_an_erased_article_comes_without_its_value(engine: Engine) -> None:
    erase_article(engine, "a1")
    with transaction(engine) as conn:
        write_letters(conn, [letter("a1"), letter("a2")])
    with reading(engine) as conn:
        rows = {row.key: (row.value is None, row.by_reference) for row in conn.execute(select(dead_letters))}
    assert rows == {b"a1": (True, True), b"a2": (False, False)}


def test_erasing_twice_changes_nothing_more(engine: Engine) -> None:
    write(engine, annotated("a1"))
    erase_article(engine, "a1")
    assert erase_article(engine, "a1") == Removed()
    assert count(engine, tombstones) == 1


# One entity


def names_left(engine: Engine) -> set[str]:
    return {*column(engine, entities.c.name), *column(engine, entity_aliases.c.alias), *column(engine, article_entities.c.name)}


def test_an_erased_entity_is_gone_from_rows_and_documents_while_its_articles_stay(engine: Engine) -> None:
    write(engine, annotated("a1"), annotated("a2"))
    assert erase_entity(engine, KELLER) == Removed(entities=1, rewritten=2)
    assert names_left(engine) == {"Ivan Petrov", "Geneva"}
    assert set(column(engine, event_participants.c.text)) == {"Ivan Petrov"}
    assert set(column(engine, event_reports.c.attribution_text)) == {None}  # what was said by her
    with reading(engine) as conn:
        documents = [AnnotatedArticle.model_validate(one) for one in conn.execute(select(annotations.c.document)).scalars()]
    assert [{entity.name for entity in one.entities} for one in documents] == [{"Ivan Petrov", "Geneva"}] * 2
    assert [len(one.events) for one in documents] == [2, 2]
    assert count(engine, articles) == 2


def test_an_erased_entity_does_not_come_back_by_another_annotation(engine: Engine) -> None:
    write(engine, annotated("a1"))
    erase_entity(engine, KELLER)
    write(engine, annotated("a1", run=2), annotated("a3"))
    assert "Maria Keller" not in names_left(engine)
    assert set(column(engine, event_participants.c.text)) == {"Ivan Petrov"}


def test_a_name_is_erased_with_whatever_country_it_comes(engine: Engine) -> None:
    write(engine, unlike(annotated("a1"), key=f"{KELLER}:DEU"), unlike(annotated("a2"), key=f"{KELLER} junior:DEU"))
    assert erase_entity(engine, KELLER).entities == 1
    write(engine, unlike(annotated("a3"), key=f"{KELLER}:AUT"))
    assert [key for key in column(engine, entities.c.key) if "keller" in key] == [f"{KELLER} junior:DEU"]


def test_a_key_with_a_country_spares_the_name_in_others(engine: Engine) -> None:
    erase_entity(engine, f"{KELLER}:DEU")
    write(engine, unlike(annotated("a1"), key=f"{KELLER}:DEU"), unlike(annotated("a2"), key=f"{KELLER}:AUT"))
    assert [key for key in column(engine, entities.c.key) if "keller" in key] == [f"{KELLER}:AUT"]


@pytest.mark.parametrize("key", ["", "PERSON", "PERSON:"])
def test_what_would_erase_all_of_a_type_is_no_key(engine: Engine, key: str) -> None:
    with pytest.raises(ConfigError, match="is no key"):
        erase_entity(engine, key)


def test_a_tombstone_does_not_tell_whose_it_is(engine: Engine) -> None:
    write(engine, annotated("a1"))
    erase_article(engine, "a1")
    erase_entity(engine, KELLER)
    with reading(engine) as conn:
        rows: Sequence[Any] = conn.execute(select(tombstones)).all()
    assert len(rows) == 2
    assert "keller" not in str(rows)


def test_articles_that_name_an_entity_are_found(engine: Engine) -> None:
    write(engine, annotated("a2"), annotated("a1"))
    assert naming(engine, KELLER) == ("a1", "a2")
    assert naming(engine, "person:nobody") == ()


# Beside the writers


def test_writers_wait_while_something_is_removed(database_url: str) -> None:
    engine, other = connect_database(database_url), connect_database(database_url)
    done = threading.Event()

    def writing() -> None:
        write(other, annotated("a1"))
        done.set()

    with transaction(engine) as conn:
        keep_writers_out(conn)
        worker = threading.Thread(target=writing)
        worker.start()
        assert not done.wait(0.5)
    worker.join(30)
    assert done.is_set()
    engine.dispose()
    other.dispose()
