"""Entries that wait for their page, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from storage import outbox, pages, sightings, upkeep
from storage.pages import PageRequest
from storage.revisions import Known, Sighting
from storage.sightings import Write
from tests.storage.ingesting import as_publication, keys, leased, queue


def test_one_page_of_a_host_is_leased_at_a_time_with_a_pause_between(engine: Engine) -> None:
    queue(engine, "abc")
    queue(engine, "xy", host="example.com")
    first = pages.claim_pages(engine, 10, 60.0)
    assert {lease.host: lease.url for lease in first} == {"example.org": "https://example.org/0", "example.com": "https://example.com/0"}
    assert pages.claim_pages(engine, 10, 60.0) == ()
    done = next(lease for lease in first if lease.host == "example.org")
    assert pages.release_page(engine, done.article_id, as_publication)
    pages.free_host(engine, done, 0.0)
    (lease,) = pages.claim_pages(engine, 10, 60.0)
    assert lease.article_id == "id:b"
    pages.release_page(engine, "id:b", as_publication)
    pages.free_host(engine, lease, 60.0)
    assert pages.claim_pages(engine, 10, 60.0) == ()


def test_a_host_whose_lease_ran_out_is_asked_by_another_worker(engine: Engine) -> None:
    queue(engine, "a")
    (lost,) = pages.claim_pages(engine, 10, 0.0)
    (held,) = pages.claim_pages(engine, 10, 60.0)
    assert lost.article_id == held.article_id
    pages.free_host(engine, lost, 0.0)
    assert pages.claim_pages(engine, 10, 60.0) == ()


def test_a_waiting_entry_goes_out_once(engine: Engine) -> None:
    queue(engine, "a")
    assert upkeep.count_waiting(engine) == (1, 0)
    row = pages.release_page(engine, "id:a", as_publication)
    assert row is not None
    assert (row.article_id, row.revision, row.payload) == ("id:a", 1, b"draft 0")
    assert pages.release_page(engine, "id:a", as_publication) is None
    assert upkeep.count_waiting(engine) == (0, 1)
    assert (row,) == outbox.pending_outbox(engine)


def test_an_entry_that_changes_while_it_waits_goes_out_as_it_is_then(engine: Engine) -> None:
    queue(engine, "a", wait=0.0)
    lease = leased(engine, "https://example.com/feed")
    seen: list[bool] = []

    def again(index: int, known: Known) -> Write:
        seen.append(known.waiting)
        return Write(Sighting(4, "t2"), page=PageRequest("https://example.com/a2", "example.com", "draft, corrected", 600.0))

    sightings.write_entries(engine, lease, keys("a"), again)
    assert seen == [True]
    assert pages.overdue_pages(engine) == ("id:a",), "the deadline stays that of the first"
    row = pages.release_page(engine, "id:a", as_publication)
    assert row is not None
    assert row.payload == b"draft, corrected"


def test_entries_are_overdue_when_they_waited_long_enough(engine: Engine) -> None:
    queue(engine, "a")
    queue(engine, "b", host="example.com", wait=0.0)
    assert pages.overdue_pages(engine) == ("id:b",)


@pytest.mark.parametrize(("delay", "expected"), [(60.0, ("id:b", 0)), (-1.0, ("id:a", 1))])
def test_a_page_is_tried_again_after_its_delay_and_counts_its_attempts(engine: Engine, delay: float, expected: tuple[str, int]) -> None:
    queue(engine, "ab")
    (lease,) = pages.claim_pages(engine, 10, 60.0)
    assert (lease.article_id, lease.attempts) == ("id:a", 0)
    pages.delay_page(engine, "id:a", delay)
    if delay < 0:
        pages.release_page(engine, "id:b", as_publication)
    pages.free_host(engine, lease, 0.0)
    assert [expected] == [(again.article_id, again.attempts) for again in pages.claim_pages(engine, 10, 60.0)]
