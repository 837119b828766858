"""Entries become revisions of articles, each given out once, on both databases."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, select

from storage import outbox, sightings
from storage.revisions import Known
from storage.schema_feeds import article_ids
from storage.schema_feeds import sightings as sightings_table
from storage.sightings import EntryKeys, Memory, Write
from tests.storage.ingesting import keys, leased, publish, write


def test_new_entries_are_written_once_and_lie_in_the_outbox(engine: Engine) -> None:
    lease = leased(engine)
    written = write(engine, lease, keys("1", "2"))
    assert (written.new, written.changed, written.pages) == (2, 0, 0)
    assert [(r.article_id, r.revision, r.payload) for r in written.outbox] == [("id:1", 1, b"id:1 text"), ("id:2", 1, b"id:2 text")]
    assert written.outbox == outbox.pending_outbox(engine)
    again = write(engine, lease, keys("1", "2"))
    assert (again.new, again.changed, again.outbox) == (0, 0, ())


def test_a_changed_entry_gets_the_next_revision_of_the_same_article(engine: Engine) -> None:
    lease = leased(engine)
    write(engine, lease, keys("1"))
    written = write(engine, lease, keys("1"), "corrected")
    assert (written.new, written.changed) == (0, 1)
    assert [(r.article_id, r.revision, r.payload) for r in written.outbox] == [("id:1", 2, b"id:1 corrected")]


def test_the_same_link_in_another_feed_is_the_same_article(engine: Engine) -> None:
    write(engine, leased(engine), [EntryKeys("1", "url:a", "id:a")])
    other = leased(engine, "https://example.com/feed")
    written = write(engine, other, [EntryKeys("x", "url:a", "id:else")], "other words")
    assert [(row.article_id, row.revision) for row in written.outbox] == [("id:a", 2)]
    with engine.connect() as connection:
        assert {"id:a"} == set(connection.execute(select(sightings_table.c.article_id)).scalars())


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (EntryKeys("1", "url:new", "id:new"), "id:a"),
        (EntryKeys("1", None, "id:new"), "id:a"),
        (EntryKeys("guid changed", "url:a", "id:new"), "id:a"),
        (EntryKeys("guid changed", "url:new", "id:new"), "id:new"),
        (EntryKeys("other kind of key", None, "id:new", ("1",)), "id:a"),
        (EntryKeys("other kind of key", "url:a", "id:new", ("1",)), "id:a"),
        (EntryKeys("other kind of key", "url:new", "id:new", ("1",)), "id:new"),
        (EntryKeys("other kind of key", None, "id:new", ("2", "3")), "id:new"),
    ],
)
def test_an_article_keeps_its_id_whatever_its_link_or_its_guid_do(engine: Engine, later: EntryKeys, expected: str) -> None:
    lease = leased(engine)
    write(engine, lease, [EntryKeys("1", "url:a", "id:a")])
    (row,) = write(engine, lease, [later], "later").outbox
    assert expected == row.article_id


def test_an_entry_known_by_another_kind_of_key_is_not_new_and_its_changes_count_on(engine: Engine) -> None:
    lease = leased(engine)
    write(engine, lease, [EntryKeys("1", "url:a", "id:a")])
    written = write(engine, lease, [EntryKeys("link", "url:a", "id:x", ("1",))], "corrected")
    assert (written.new, written.changed, len(written.outbox)) == (0, 1, 1)
    assert write(engine, lease, [EntryKeys("link", "url:a", "id:x")], "corrected").new == 0


def test_what_was_seen_of_entries_is_remembered_by_key_and_by_link(engine: Engine) -> None:
    lease = leased(engine)
    write(engine, lease, [EntryKeys("1", "url:a", "id:a")])
    write(engine, leased(engine, "https://example.com/feed"), [EntryKeys("x", "url:b", "id:b")])
    asked = [EntryKeys("1", "url:a", "?"), EntryKeys("2", "url:b", "?"), EntryKeys("3", "url:c", "?"), EntryKeys("4", None, "?")]
    found = sightings.recall(engine, lease.feed.feed_id, asked)
    assert found == Memory({"1": ("id:a", "text")}, {"url:a": "id:a", "url:b": "id:b"}, frozenset({"id:a"}))


def test_two_entries_of_one_article_are_decided_one_after_the_other(engine: Engine) -> None:
    lease = leased(engine)
    write(engine, lease, [EntryKeys("1", "url:a", "id:a")])
    both = [EntryKeys("1", None, "id:x"), EntryKeys("2", "url:a", "id:a")]
    written = sightings.write_entries(engine, lease, both, lambda index, known: publish(f"text {index}", index, known))
    assert [(r.article_id, r.revision, r.payload) for r in written.outbox] == [("id:a", 2, b"id:a text 0"), ("id:a", 3, b"id:a text 1")]


def test_a_failing_decision_writes_nothing(engine: Engine) -> None:
    lease = leased(engine)

    def fail(index: int, known: Known) -> Write:
        if index == 1:
            raise ZeroDivisionError
        return publish("text", index, known)

    with pytest.raises(ZeroDivisionError):
        sightings.write_entries(engine, lease, keys("1", "2"), fail)
    assert outbox.pending_outbox(engine) == ()
    assert write(engine, lease, keys("1", "2")).new == 2


def test_workers_that_see_the_same_articles_at_once_give_every_revision_once(engine: Engine) -> None:
    names = [str(number) for number in range(30)]
    held = [leased(engine, f"https://example.org/{letter}") for letter in "abcd"]
    start = threading.Barrier(len(held))

    def work(number: int) -> None:
        start.wait()
        order = names if number % 2 else names[::-1]
        for text in range(3):
            write(engine, held[number], keys(*order), f"{number}.{text}")

    with ThreadPoolExecutor(len(held)) as pool:
        list(pool.map(work, range(len(held))))
    given = [(row.article_id, row.revision) for row in outbox.pending_outbox(engine, limit=10_000)]
    assert len(given) == len(set(given)) == 30 * 4 * 3
    with engine.connect() as connection:
        assert {12} == set(connection.execute(select(article_ids.c.revision)).scalars())


def test_thousands_of_entries_go_in_one_transaction(engine: Engine) -> None:
    lease = leased(engine)
    names = [str(number) for number in range(2500)]
    assert write(engine, lease, keys(*names)).new == 2500
    assert write(engine, lease, keys(*names)).new == 0
