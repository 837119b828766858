"""write_annotated on both databases."""

from __future__ import annotations

import hashlib
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select, text

from storage import queries
from storage.bands import band_keys
from storage.engine import reading, transaction
from storage.schema import STORAGE_TABLES, article_revisions, articles, entities, event_reports
from storage.worker import DeadLetterSink
from storage.writer import WriteCounts, rebuild, reset_offsets, store_offsets, stored_offsets, write_annotated
from stream.broker import Record, TopicPartition
from stream.errors import BadMessage, PermanentError
from stream.messages import AnnotatedArticle, EventDate, Magnitude, Magnitudes
from tests.storage.samples import GENEVA, MINHASH, annotated

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


def with_first_event(message: AnnotatedArticle, **fields: Any) -> AnnotatedArticle:
    first, *rest = message.events
    return message.model_copy(update={"events": (first.model_copy(update=fields), *rest)})


def with_first_entity(message: AnnotatedArticle, **fields: Any) -> AnnotatedArticle:
    first, *rest = message.entities
    return message.model_copy(update={"entities": (first.model_copy(update=fields), *rest)})


def test_everything_an_article_holds_is_in_the_tables(engine: Engine) -> None:
    counts = write(engine, annotated())
    found = stored(engine)
    assert counts == WriteCounts(articles=1, entities=3, events=2, rows=31)
    assert {name: len(rows) for name, rows in found.items()} == {
        "articles": 1, "article_revisions": 1, "annotations": 1, "entities": 3, "entity_aliases": 3, "article_entities": 3,
        "event_reports": 2, "event_participants": 3, "event_mentions": 1, "events": 2, "places": 1, "link_queue": 1,
        "stage_offsets": 0, "dead_letters": 0, "gaps": 0, "tombstones": 0, "in_flight": 0,
        "article_bands": 16,
    }  # fmt: skip
    keys = {row["key"]: row["entity_key"] for row in found["entities"]}
    assert found["articles"][0]["day"] == date(2025, 6, 1)
    assert found["event_reports"][0]["date_start"] == date(2025, 5, 26)
    assert found["event_reports"][1]["crowd_min"] == 12
    assert found["event_reports"][1]["attribution_entity_key"] == keys["person:maria keller"]
    assert [row["key"] for row in found["places"]] == ["geonames:2660646"]
    assert [row["entity_key"] for row in found["event_participants"]] == [
        keys[key] for key in ("person:maria keller", "person:ivan petrov", "person:maria keller")
    ]


def test_articles_of_one_signature_are_found_by_the_keys_of_its_bands(engine: Engine) -> None:
    others = MINHASH[::-1]
    write(engine, annotated("a1"), annotated("a2"), annotated("a3", minhash=others), annotated("a4", minhash=None))
    found = stored(engine)
    ids = {row["article_key"]: row["article_id"] for row in found["articles"]}
    keys = list(band_keys(MINHASH))
    assert [(ids[row["article_key"]], row["band"]) for row in found["article_bands"] if row["key"] in keys] == [
        *(("a1", band) for band in range(16)),
        *(("a2", band) for band in range(16)),
    ]
    assert [row["minhash"] for row in found["articles"]] == [MINHASH, MINHASH, others, None]


def test_a_revision_without_a_signature_takes_the_bands_of_the_one_before_away(engine: Engine) -> None:
    write(engine, annotated(revision=1))
    write(engine, annotated(revision=2, minhash=None))
    assert stored(engine)["article_bands"] == []


def test_stored_document_is_the_message(engine: Engine) -> None:
    write(engine, annotated())
    assert AnnotatedArticle.model_validate(stored(engine)["annotations"][0]["document"]) == annotated()


def test_empty_batch_writes_nothing(engine: Engine) -> None:
    assert write(engine) == WriteCounts()


def test_writing_again_changes_nothing(engine: Engine) -> None:
    write(engine, annotated(), annotated("a2"))
    before = stored(engine)
    assert write(engine, annotated(), annotated("a2")).articles == 2
    assert stored(engine) == before


@pytest.mark.parametrize(("revision", "run", "wins"), [(2, 1, True), (1, 3, True), (1, 2, True), (1, 1, False), (3, 1, True)])
def test_rows_give_way_only_to_an_equal_or_higher_revision_and_run(engine: Engine, revision: int, run: int, wins: bool) -> None:
    write(engine, annotated(revision=1, run=2))
    before = stored(engine)
    counts = write(engine, annotated(revision=revision, run=run, title="Another title"))
    assert (counts.articles, counts.stale) == ((1, 0) if wins else (0, 1))
    assert (stored(engine) == before) is not wins


def test_of_several_messages_of_an_article_the_highest_counts_and_each_text_is_kept(engine: Engine) -> None:
    counts = write(engine, annotated(revision=2, title="Second"), annotated(revision=1, title="First"))
    found = stored(engine)
    assert counts.superseded == 1
    assert [row["title"] for row in found["articles"]] == ["Second"]
    assert [(row["revision"], row["title"]) for row in found["article_revisions"]] == [(1, "First"), (2, "Second")]


def test_new_annotation_replaces_what_the_old_one_found(engine: Engine) -> None:
    write(engine, annotated(), annotated("a2"))
    write(engine, annotated(revision=2, body="Nothing happened."))
    found = stored(engine)
    by_article = {row["article_id"]: row["article_key"] for row in found["articles"]}
    for table in ("article_entities", "event_reports", "event_participants", "event_mentions", "events"):
        assert {row["article_key"] for row in found[table]} == {by_article["a2"]}, table


def test_article_that_nobody_dated_keeps_the_moment_it_came_in(engine: Engine) -> None:
    undated = annotated(published_at=None, first_seen_at=None)
    for day in (1, 2):
        with transaction(engine) as conn:
            write_annotated(conn, [undated], now=datetime(2025, 7, day, tzinfo=UTC))
    with reading(engine) as conn:
        assert conn.execute(select(articles.c.dated_at, articles.c.day, articles.c.stored_at)).one() == (
            datetime(2025, 7, 1, tzinfo=UTC),
            date(2025, 7, 1),
            datetime(2025, 7, 2, tzinfo=UTC),
        )


def test_what_was_unknown_of_an_entity_is_filled_in_and_a_higher_run_describes_it_anew(engine: Engine) -> None:
    def described() -> tuple[Any, ...]:
        with reading(engine) as conn:
            key = entities.c.key == "person:maria keller"
            return tuple(conn.execute(select(entities.c.name, entities.c.country, entities.c.sectors).where(key)).one())

    write(engine, with_first_entity(annotated(), country=None, sectors=()))
    assert described() == ("Maria Keller", None, [])
    write(engine, with_first_entity(annotated("a2"), name="M. Keller", country="DEU", sectors=("GOV",)))
    assert described() == ("Maria Keller", "DEU", ["GOV"])
    write(engine, with_first_entity(annotated("a3", run=2), name="Maria E. Keller", country="AUT"))
    assert described() == ("Maria E. Keller", "AUT", ["GOV"])
    write(engine, with_first_entity(annotated("a4", run=1), name="Keller", country="CHE"))
    assert described() == ("Maria E. Keller", "AUT", ["GOV"])


def test_rebuild_gives_the_same_rows_from_the_stored_document(engine: Engine) -> None:
    write(engine, annotated(), annotated("a2"))
    before = stored(engine)
    with transaction(engine) as conn:
        for name in ("event_reports", "events", "article_entities"):
            conn.execute(text(f"DELETE FROM {name}"))
        assert [rebuild(conn, row["article_key"]) for row in before["articles"]] == [True, True]
        assert not rebuild(conn, 12345)
    assert stored(engine) == before


def test_deleting_an_article_deletes_all_that_hangs_on_it(engine: Engine) -> None:
    write(engine, annotated())
    with transaction(engine) as conn:
        conn.execute(articles.delete())
    found = stored(engine)
    assert {name for name, rows in found.items() if rows} == {"entities", "entity_aliases", "places"}


def test_reports_of_other_articles_outlive_the_event_that_they_were_linked_to(engine: Engine) -> None:
    write(engine, annotated(), annotated("a2"))
    with transaction(engine) as conn:
        (first, second) = conn.execute(select(articles.c.article_key).order_by(articles.c.article_id)).scalars()
        linked = event_reports.update().where(event_reports.c.article_key == second, event_reports.c.n == 0)
        conn.execute(linked.values(event_article_key=first, event_n=0))
    write(engine, annotated(revision=2))
    row = next(row for row in stored(engine)["event_reports"] if (row["article_key"], row["n"]) == (second, 0))
    assert (row["event_article_key"], row["event_n"]) == (None, None)


def test_offsets_are_stored_with_the_batch_and_only_a_reset_sets_them_back(engine: Engine) -> None:
    group, at, other = "dateline.store", TopicPartition("dateline.annotated", 3), TopicPartition("dateline.annotated", 1)
    for offset in (10, 25, 20):  # the last one by a worker that was taken over for
        with transaction(engine) as conn:
            store_offsets(conn, group, {at: offset, other: 7})
    assert stored_offsets(engine, group) == {at: 25, other: 7}
    with transaction(engine) as conn:
        reset_offsets(conn, group, {at: 20})
    assert stored_offsets(engine, group) == {at: 20, other: 7}


@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param({"body": "Words " * 33_000}, id="a text of 200,000 code points"),
        pytest.param(
            {"body": "\n".join(f"{chr(0x4E00 + i % 20_000)}{chr(0x20000 + i)}" for i in range(42_000))}, id="42,000 different words"
        ),
        pytest.param({"body": "-".join(chr(0x20000 + i) for i in range(40_000))}, id="one hyphenated word"),
        pytest.param({"body": "x" * 199_000}, id="one word"),
        pytest.param({"body": "\ud800 and \x00 and 'quotes\"; DROP TABLE articles; -- %s :x \\"}, id="what neither UTF-8 nor SQL likes"),
        pytest.param({"title": "T" * 60_000}, id="a title of 60,000 characters"),
        pytest.param({"url": "https://news.example/" + "u" * 9_000}, id="a URL of 9,000 characters"),
        pytest.param({"published_at": datetime(1, 1, 1, tzinfo=UTC)}, id="the year 1"),
        pytest.param({"published_at": datetime(9999, 12, 31, 23, 59, tzinfo=UTC)}, id="the year 9999"),
    ],
)
def test_no_article_is_too_strange_to_be_stored(engine: Engine, hostile: dict[str, Any]) -> None:
    message = annotated(**hostile)
    assert write(engine, message).articles == 1
    with reading(engine) as conn:
        assert conn.execute(select(articles.c.text)).scalar_one() == message.article.text


def test_no_finding_is_too_large_to_be_stored(engine: Engine) -> None:
    long = "K" * 5_000
    message = with_first_entity(annotated(), key=long, name=long)
    message = with_first_event(
        message,
        magnitudes=Magnitudes(killed=Magnitude(min=10**30)),
        place=GENEVA.model_copy(update={"name": long, "geonames_id": None}),
    )
    assert write(engine, message).events == 2
    assert write(engine, message, with_first_entity(annotated("a2"), key=long + "!", name=long)).articles == 2
    found = stored(engine)
    assert found["event_reports"][0]["killed_min"] == 2**63 - 1
    assert len({row["key"] for row in found["entities"]}) == 4


def test_date_that_is_none_is_a_bad_message_and_writes_nothing(engine: Engine) -> None:
    bad = with_first_event(annotated(), date=EventDate(start="2025-02-30", end="2025-02-30", precision="day"))
    with pytest.raises(BadMessage, match="2025-02-30"):
        write(engine, annotated("a2"), bad)
    assert stored(engine)["articles"] == []


def test_sentence_that_ends_before_it_starts_is_refused(engine: Engine) -> None:
    event = annotated().events[0]
    bad = with_first_event(annotated(), sentence=event.sentence.model_copy(update={"start": 50, "end": 10}))
    with pytest.raises(PermanentError):
        write(engine, bad)


def test_writers_of_overlapping_batches_neither_block_for_ever_nor_lose_anything(engine: Engine) -> None:
    def one(seed: int) -> int:
        rng, done = random.Random(seed), 0
        for _ in range(6):
            batch = [with_first_entity(annotated(f"a{i}"), key=f"person:{rng.randrange(30)}") for i in rng.sample(range(40), 20)]
            done += write(engine, *batch).articles
        return done

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(one, range(4))) == 4 * 6 * 20
    found = stored(engine)
    keys = [row["article_key"] for row in found["articles"]]
    assert [(row["article_key"], row["n"]) for row in found["event_reports"]] == [(key, n) for key in sorted(keys) for n in (0, 1)]


def test_reader_sees_an_old_or_a_new_annotation_but_never_half(engine: Engine) -> None:
    write(engine, annotated())
    with transaction(engine) as writing:
        write_annotated(writing, [annotated(revision=2)])
        with reading(engine) as conn:
            assert conn.execute(select(articles.c.revision)).scalar_one() == 1
            assert len(conn.execute(select(event_reports.c.n)).all()) == 2
    with reading(engine) as conn:
        assert conn.execute(select(article_revisions.c.revision).order_by(article_revisions.c.revision)).scalars().all() == [1, 2]


def test_without_texts_only_titles_and_findings_are_stored(engine: Engine) -> None:
    message = annotated("a1")
    with transaction(engine) as conn:
        write_annotated(conn, [message], keep_text=False)
    found = stored(engine)
    body = message.article.text.partition("\n\n")[2]
    assert body not in str(found)
    assert [row["text"] for row in found["articles"]] == [row["text"] for row in found["article_revisions"]] == [""]
    assert [row["title"] for row in found["articles"]] == ["Talks in Geneva"]
    report = found["event_reports"][0]
    assert (report["trigger_start"], report["sentence_end"]) == (message.events[0].trigger.start, message.events[0].sentence.end)
    assert found["article_revisions"][0]["text_hash"] == hashlib.sha256(message.article.text.encode()).hexdigest()
    with reading(engine) as conn:
        assert {row["sentence"] for row in queries.events(conn)} == {""}
        assert queries.search(conn, text="geneva")
        assert not queries.search(conn, text="kyiv")


def test_without_texts_a_dead_letter_stays_in_its_topic(engine: Engine) -> None:
    record = Record("dead", 0, 1, b"a1", b"the text", (), datetime(2026, 3, 2, tzinfo=UTC))
    DeadLetterSink(engine, "g", keep_text=False).deliver([record], {})
    with reading(engine) as conn:
        assert [(row["value"], row["by_reference"]) for row in [queries.dead_letter(conn, 1)] if row] == [(None, True)]
