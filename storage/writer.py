"""write_annotated: a batch into the database, as often as it comes.

The order of a batch, the same in every writer, so that two of them never wait for each other in a circle:

0. what was erased is left out (``tombstones``);
1. articles, sorted by id; those whose row is of a higher (revision, run) are stale and change nothing;
2. revisions, annotations;
3. places, then entities, then aliases, each sorted by key;
4. what an earlier annotation found is deleted and what this one found is inserted: readers see either, never half;
5. the link queue.

The caller owns the transaction. Rows go in by lists of parameters or by COPY, never by one statement with thousands of
values, whose compilation would cost more than the insertion.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Table, bindparam, case, func, select, tuple_, update

from storage.base import chunks
from storage.dialect import insert_into, insert_rows, join_writers, upsert
from storage.engine import reading
from storage.rows import (
    Findings,
    Row,
    add_findings,
    annotation_row,
    article_row,
    latest,
    merged,
    revision_row,
    vocabulary,
)
from storage.schema import annotations as annotations_table
from storage.schema import (
    article_bands,
    article_entities,
    article_revisions,
    articles,
    entities,
    entity_aliases,
    event_mentions,
    event_participants,
    event_reports,
    events,
    link_queue,
    places,
    stage_offsets,
)
from storage.tombstones import spared
from storage.withheld import without_text
from stream.broker import Offsets, TopicPartition
from stream.messages import AnnotatedArticle

FOUND_IN_ARTICLES = (event_mentions, event_participants, event_reports, events, article_entities, article_bands)  # children first


@dataclass(frozen=True, slots=True)
class WriteCounts:
    """What a batch came to. *superseded* messages were followed by a later one of the same article in the batch, *erased* ones
    are of articles that must not be stored.
    """

    articles: int = 0
    stale: int = 0
    superseded: int = 0
    erased: int = 0
    entities: int = 0
    events: int = 0
    rows: int = 0  # of all tables


def write_annotated(
    conn: Connection, batch: Sequence[AnnotatedArticle], *, keep_text: bool = True, now: datetime | None = None
) -> WriteCounts:
    """Write *batch* within the caller's transaction and return what came of it; writing it again changes nothing.

    An article's rows are replaced if the message's (revision, run) is at least that of the row; of several messages of one
    article only the highest counts, though each leaves its text in ``article_revisions``. Without *keep_text* no text is stored but titles
    and the wordings of what was found. *now* is the database row's time.

    Raises BadMessage for a message whose dates are none.
    """
    now = now or datetime.now(UTC)
    join_writers(conn)
    arrived, batch = batch, spared(conn, batch)
    newest = latest(batch if keep_text else map(without_text, batch))
    keys = _write_articles(conn, [article_row(message, now) for message in newest.values()])
    fresh = {keys[article_id]: message for article_id, message in newest.items() if article_id in keys}
    revisions = {
        (key, message.article.revision): revision_row(message.article, key, now, keep_text=keep_text)
        for message in batch
        if (key := keys.get(message.article.id)) is not None
    }
    _insert_missing(conn, article_revisions, [revisions[key] for key in sorted(revisions)])
    upsert(conn, annotations_table, [annotation_row(message, key, now) for key, message in fresh.items()])
    found = _write_findings(conn, fresh)
    upsert(conn, link_queue, [_link_row(message, key, now) for key, message in fresh.items()])
    return WriteCounts(
        articles=len(fresh),
        stale=len(newest) - len(fresh),
        superseded=len(batch) - len(newest),
        erased=len(arrived) - len(batch),
        entities=len(found.article_entities),
        events=len(found.event_reports),
        rows=len(found) + 3 * len(fresh) + len(revisions),
    )


def rebuild(conn: Connection, article_key: int) -> bool:
    """Write what was found in an article anew from its stored annotation; return False where there is none."""
    document = conn.execute(select(annotations_table.c.document).where(annotations_table.c.article_key == article_key)).scalar_one_or_none()
    if document is None:
        return False
    _write_findings(conn, {article_key: AnnotatedArticle.model_validate(document)})
    return True


def store_offsets(conn: Connection, group: str, offsets: Offsets, *, now: datetime | None = None) -> None:
    """Write down, within the caller's transaction, the offsets at which *group* goes on; none is set back.

    A worker that was taken over for and wakes may still write its batch: what the next owner has stored meanwhile stays the later place.
    """
    insert = insert_into(conn, stage_offsets)
    new, there = insert.excluded, stage_offsets.c
    changes = {"next_offset": new.next_offset, "updated_at": new.updated_at}
    statement = insert.on_conflict_do_update(
        index_elements=list(stage_offsets.primary_key), set_=changes, where=new.next_offset >= there.next_offset
    )
    if rows := _offset_rows(group, offsets, now):
        conn.execute(statement, rows)


def reset_offsets(conn: Connection, group: str, offsets: Offsets, *, now: datetime | None = None) -> None:
    """Have *group* go on at *offsets*, earlier or later than it would: where an operator has taken a loss."""
    upsert(conn, stage_offsets, _offset_rows(group, offsets, now))


def stored_offsets(engine: Engine, group: str) -> Offsets:
    """Return the offsets at which *group* goes on, as this database knows them."""
    t = stage_offsets.c
    with reading(engine) as conn:
        rows = conn.execute(select(t.topic, t.partition, t.next_offset).where(t.consumer_group == group)).all()
    return {TopicPartition(row.topic, row.partition): row.next_offset for row in rows}


def _offset_rows(group: str, offsets: Offsets, now: datetime | None) -> list[Row]:
    now = now or datetime.now(UTC)
    return [
        {"consumer_group": group, "topic": at.topic, "partition": at.partition, "next_offset": offset, "updated_at": now}
        for at, offset in sorted(offsets.items())
    ]


def _write_articles(conn: Connection, rows: list[Row]) -> dict[str, int]:
    """Return the keys of the articles that were written; stale ones are missing."""
    if not rows:
        return {}
    insert = insert_into(conn, articles)
    new, table = insert.excluded, articles.c
    changes: Row = {name: new[name] for name in rows[0] if name != "article_id"}
    said = func.coalesce(new.published_at, new.first_seen_at)
    changes["dated_at"] = func.coalesce(said, table.dated_at)  # an article that nobody dated keeps the moment it came in
    changes["day"] = case((said.is_(None), table.day), else_=new.day)
    statement = insert.on_conflict_do_update(
        index_elements=[table.article_id],
        set_=changes,
        where=tuple_(new.revision, new.run) >= tuple_(table.revision, table.run),
    ).returning(table.article_id, table.article_key)
    return {row.article_id: row.article_key for row in conn.execute(statement, rows)}


def _write_findings(conn: Connection, messages: Mapping[int, AnnotatedArticle]) -> Findings:
    words = vocabulary(messages.values())
    place_keys = _learn(conn, places, words.places)
    described = {
        key: row | {"place_key": place_keys[words.place_of[key]] if key in words.place_of else None} for key, row in words.entities.items()
    }
    entity_keys = _learn(conn, entities, described)
    _insert_missing(
        conn, entity_aliases, [{"entity_key": key, "alias": alias} for key, alias in sorted((entity_keys[k], a) for k, a in words.aliases)]
    )
    found = Findings()
    for article_key, message in messages.items():
        add_findings(found, message, article_key, entity_keys, place_keys)
    for table in FOUND_IN_ARTICLES:
        for some in chunks(sorted(messages)):
            conn.execute(table.delete().where(table.c.article_key.in_(some)))
    for table, rows in (
        (article_entities, found.article_entities),
        (events, found.events),
        (event_reports, found.event_reports),
        (event_participants, found.event_participants),
        (event_mentions, found.event_mentions),
        (article_bands, found.article_bands),
    ):
        insert_rows(conn, table, rows)
    return found


def _learn(conn: Connection, table: Table, rows: Mapping[str, Row]) -> dict[str, int]:
    """Write what is new in *rows*, by key, and return the number of each.

    Known rows are read without a lock and seldom written: a lock on each country that is in the news would put the
    writers in a queue.
    """
    known = _known(conn, table, rows)
    missing = sorted(rows.keys() - known.keys())
    _insert_missing(conn, table, [rows[key] for key in missing])
    if missing:
        known |= _known(conn, table, missing)
    number = next(iter(table.primary_key)).name
    changed = [
        {"b_number": known[key][number], **{f"b_{name}": value for name, value in row.items()}}
        for key in sorted(rows)
        if (row := merged(known[key], rows[key])) is not None
    ]
    if changed:
        values: Row = {name: bindparam(f"b_{name}") for name in next(iter(rows.values())) if name != "key"}
        statement = update(table).where(table.c[number] == bindparam("b_number"), table.c.run <= bindparam("b_run")).values(values)
        conn.execute(statement, [{name: value for name, value in row.items() if name != "b_key"} for row in changed])
    return {key: row[number] for key, row in known.items()}


def _known(conn: Connection, table: Table, keys: Collection[str]) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for some in chunks(sorted(keys)):
        found.update((row["key"], dict(row)) for row in conn.execute(select(table).where(table.c.key.in_(some))).mappings())
    return found


def _insert_missing(conn: Connection, table: Table, rows: Sequence[Row]) -> None:
    if rows:
        conn.execute(insert_into(conn, table).on_conflict_do_nothing(), list(rows))


def _link_row(message: AnnotatedArticle, article_key: int, now: datetime) -> Row:
    return {"article_key": article_key, "revision": message.article.revision, "run": message.run, "enqueued_at": now}
