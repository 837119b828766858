"""Entries that wait for their pages, on both databases, with a real HTTP server, a real broker, and real children that parse."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select, update

from ingest.fulltext import PageText
from ingest.model import Failed
from ingest.outcome import Outcome
from ingest.pages import PAGE_RETRY, PAGE_TRIES, retry_in
from ingest.worker import run_ingest
from storage import feeds, pages, upkeep
from storage.schema_feeds import page_queue
from tests.ingest.conftest import Loopback
from tests.ingest.working import LONG, QUICK, Ingest, page, rss


def test_a_short_entry_goes_out_once_with_its_page(ingest: Ingest, loopback: Loopback) -> None:
    link = loopback.serve("/news/1", page("Title g1", LONG), Content_Type="text/html")
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(("g1", link, "Ministers met."))))
    assert ingest.once() == ["fetched", "fetched"]
    (article,) = ingest.published()
    assert (article.text_source, article.revision) == ("page", 1)
    assert article.text.startswith("Title g1\n\nMinisters met.\n\nThe ministers of both countries")
    assert ingest.again() == ["unchanged"]
    assert [request.path for request in loopback.requests].count("/news/1") == 1


@pytest.mark.parametrize(
    ("status", "robots", "outcome"),
    [(404, b"", "http"), (503, b"", "http"), (200, b"User-agent: *\nDisallow: /news/\n", "robots"), (200, b"", "parse")],
)
def test_an_entry_whose_page_cannot_be_had_goes_out_with_its_summary(
    ingest: Ingest, loopback: Loopback, status: int, robots: bytes, outcome: str
) -> None:
    loopback.serve("/robots.txt", robots)
    link = loopback.serve("/news/1", page("Title", LONG) if robots else b"<html></html>", status)
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(("g1", link, "Ministers met."))))
    assert ingest.once() == ["fetched", outcome]
    (article,) = ingest.published()
    assert (article.text, article.text_source) == ("Title g1\n\nMinisters met.", "summary")
    assert ("/news/1" in [request.path for request in loopback.requests]) == (outcome != "robots")


def test_an_entry_that_waited_too_long_goes_out_without_its_page(ingest: Ingest, loopback: Loopback) -> None:
    link = loopback.serve("/news/1", page("Title g1", LONG))
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(("g1", link, "Ministers met."))))
    assert ingest.once(page_wait=0.0) == ["fetched"]
    assert [article.text_source for article in ingest.published()] == ["summary"]


def test_a_waiting_entry_that_cannot_be_read_is_held_and_harms_no_other(ingest: Ingest, loopback: Loopback) -> None:
    items = [(f"g{n}", loopback.url(f"/{n}"), "Short.") for n in range(3)]
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(*items)))

    def spoil(outcome: Outcome) -> None:
        with ingest.engine.begin() as connection:
            first = select(page_queue.c.article_id).order_by(page_queue.c.article_id).limit(1).scalar_subquery()
            connection.execute(update(page_queue).where(page_queue.c.article_id == first).values(payload="{}"))
        stop.set()

    stop = threading.Event()
    run_ingest(ingest.settings, ingest.engine, ingest.broker, stop, once=True, on_outcome=spoil, timing=QUICK)
    assert upkeep.count_waiting(ingest.engine) == (3, 0)
    stop = threading.Event()

    def until_all_were_tried(outcome: Outcome) -> None:
        ingest.outcomes.append(outcome)
        if len(ingest.outcomes) == 3:
            stop.set()

    run_ingest(ingest.settings, ingest.engine, ingest.broker, stop, on_outcome=until_all_were_tried, timing=QUICK)
    assert len(ingest.published()) == 2
    assert upkeep.count_waiting(ingest.engine) == (1, 0)
    assert pages.overdue_pages(ingest.engine) == ()


@pytest.mark.parametrize(
    ("got", "attempts", "seconds"),
    [
        (PageText("text", "title"), 0, None),
        (Failed("http", "not found", 404), 0, None),
        (Failed("robots", "not allowed"), 0, None),
        (Failed("http", "too many requests", 429), 0, PAGE_RETRY),
        (Failed("timeout", "no answer"), 1, PAGE_RETRY * 2),
        (Failed("dns", "no such host"), PAGE_TRIES - 1, None),
    ],
)
def test_a_page_is_asked_for_again_where_its_host_is_busy_or_away(got: PageText | Failed, attempts: int, seconds: float | None) -> None:
    assert retry_in(got, attempts) == seconds
