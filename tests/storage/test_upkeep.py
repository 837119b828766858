"""What may be forgotten, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Column, Engine, select
from sqlalchemy import update as change

from storage import feeds, leases, outbox, pages, upkeep
from storage.engine import reading, transaction
from storage.schema_feeds import feeds as feeds_table
from storage.schema_feeds import fetches, page_queue
from storage.schema_feeds import outbox as outbox_table
from tests.storage.ingesting import NOW, RECORD, keys, leased, queue, update, write

LEASE = 60.0  # seconds


def test_pruning_forgets_old_fetches_and_keeps_new_ones(engine: Engine) -> None:
    for started_at in (NOW - timedelta(days=4000), feeds.database_time(engine)):
        lease = leased(engine)
        leases.record_outcome(engine, lease, update(lease.feed, delay=0.0), replace(RECORD, started_at=started_at))
    upkeep.prune(engine)
    with engine.connect() as connection:
        assert len(connection.execute(select(fetches)).all()) == 1


def test_a_feed_fetched_while_the_clock_was_ahead_is_due_as_if_it_had_been_right(engine: Engine) -> None:
    lease = leased(engine)
    leases.record_outcome(engine, lease, update(lease.feed, delay=600.0), RECORD)
    _put_off(engine, feeds_table.c.last_fetch_at, feeds_table.c.next_fetch_at)
    assert upkeep.follow_clock(engine, LEASE) == 1
    due = (_one(engine, feeds_table.c.next_fetch_at) - feeds.database_time(engine)).total_seconds()
    assert 540 < due <= 600


def test_what_waits_to_be_sent_and_for_its_page_waits_no_longer_than_it_should(engine: Engine) -> None:
    queue(engine, ["waits"], wait=300.0)
    write(engine, leased(engine, "https://example.com/feed"), keys("goes"))
    _put_off(engine, page_queue.c.enqueued_at, page_queue.c.due_at, page_queue.c.deadline_at)
    _put_off(engine, outbox_table.c.created_at)
    assert (pages.claim_pages(engine, 10, LEASE), outbox.pending_outbox(engine)) == ((), ())
    assert upkeep.follow_clock(engine, LEASE) == 2
    assert [page.article_id for page in pages.claim_pages(engine, 10, LEASE)] == ["id:waits"]
    assert [row.article_id for row in outbox.pending_outbox(engine)] == ["id:goes"]
    assert (_one(engine, page_queue.c.deadline_at) - feeds.database_time(engine)).total_seconds() <= 300


def test_a_lease_that_was_given_while_the_clock_was_ahead_ends(engine: Engine) -> None:
    leased(engine)
    _put_off(engine, feeds_table.c.lease_until)
    assert upkeep.follow_clock(engine, LEASE) == 1
    assert len(leases.claim_due(engine, 10, LEASE)) == 1


def test_a_clock_that_is_right_changes_nothing(engine: Engine) -> None:
    queue(engine, ["waits"])
    write(engine, leased(engine, "https://example.com/feed"), keys("goes"))
    assert upkeep.follow_clock(engine, LEASE) == 0


def _put_off(engine: Engine, *columns: Column[datetime]) -> None:
    """Make these times of the one row of a table what a clock that is a day ahead would have written."""
    with transaction(engine) as connection:
        times = connection.execute(select(*columns)).one()
        ahead = {column.name: time + timedelta(days=1) for column, time in zip(columns, times, strict=True)}
        connection.execute(change(columns[0].table).values(ahead))


def _one(engine: Engine, column: Column[datetime]) -> datetime:
    with reading(engine) as connection:
        return connection.execute(select(column)).scalar_one()
