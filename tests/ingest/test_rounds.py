"""What becomes of feeds that are fetched, on both databases, with a real HTTP server, a real broker, and real children that parse."""

from __future__ import annotations

import gzip
import logging
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, event, select, update

from scripts.system import free_ports
from storage import feeds, upkeep
from storage.schema_feeds import feeds as feeds_table
from storage.schema_feeds import fetches
from stream.messages import Article, decode
from tests.ingest.conftest import Handler, Loopback
from tests.ingest.working import LONG, Ingest, rss


def test_new_entries_are_published_once_whole(ingest: Ingest, loopback: Loopback) -> None:
    links = [loopback.url(f"/news/{n}") for n in (1, 2)]
    url = loopback.serve("/feed", rss(("g1", links[0] + "?utm_source=rss", LONG), ("g2", links[1], LONG)))
    feed, _ = feeds.add_feed(ingest.engine, url, outlet="Example News", country="GBR")
    assert ingest.once() == ["fetched"]
    records = ingest.records()
    first, second = sorted((decode(Article, record.value) for record in records), key=lambda article: article.title)
    assert {record.key for record in records} == {first.id.encode(), second.id.encode()}
    assert (first.feed_id, first.entry_key, first.url, first.link) == (feed.feed_id, "g1", links[0], links[0] + "?utm_source=rss")
    assert (first.outlet, first.country, first.language, first.revision) == ("Example News", "GBR", "en", 1)
    assert first.text == f"Title g1\n\n{LONG.strip()}"
    assert first.published_at is not None
    assert ingest.once() == [], "it is not due"
    assert ingest.again() == ["unchanged"]
    assert ingest.published() == []
    assert (ingest.feed().title, ingest.feed().failures, upkeep.count_waiting(ingest.engine)) == ("Example", 0, (0, 0))


def test_not_modified_reads_nothing_and_keeps_the_validators(ingest: Ingest, loopback: Loopback) -> None:
    def answer(handler: Handler) -> None:
        fresh = (
            handler.headers.get("If-None-Match") == '"1"' and handler.headers.get("If-Modified-Since") == "Mon, 02 Mar 2026 12:00:00 GMT"
        )
        validators = {"ETag": '"1"', "Last-Modified": "Mon, 02 Mar 2026 12:00:00 GMT"}
        handler.answer(304 if fresh else 200, b"" if fresh else rss(("g1", loopback.url("/1"), LONG)), validators)

    feeds.add_feed(ingest.engine, loopback.route("/feed", answer))
    assert [ingest.once(), ingest.again(), ingest.again()] == [["fetched"], ["not-modified"], ["not-modified"]]
    assert len(ingest.published()) == 1
    with ingest.engine.connect() as connection:
        rows = connection.execute(
            select(fetches.c.outcome, fetches.c.status, fetches.c.entries, fetches.c.new).order_by(fetches.c.fetch_id)
        ).all()
    assert [tuple(row) for row in rows] == [("fetched", 200, 1, 1), ("not-modified", 304, 0, 0), ("not-modified", 304, 0, 0)]


def test_a_changed_entry_is_the_next_revision_of_the_same_article(ingest: Ingest, loopback: Loopback) -> None:
    link = loopback.url("/news/1")
    url = loopback.serve("/feed", rss(("g1", link, LONG)))
    feeds.add_feed(ingest.engine, url)
    ingest.once()
    (first,) = ingest.published()
    loopback.serve("/feed", rss(("g1", link + "-moved", LONG + "Correction: it was Tuesday."), head="<ttl>60</ttl>"))
    ingest.again()
    (second,) = ingest.published()
    assert (second.id, second.revision, second.first_seen_at) == (first.id, 2, first.first_seen_at)
    assert second.text.endswith("Correction: it was Tuesday.")


def test_the_same_link_in_two_feeds_is_one_article(ingest: Ingest, loopback: Loopback) -> None:
    link = loopback.url("/news/1")
    for name in ("a", "b"):
        feeds.add_feed(ingest.engine, loopback.serve(f"/{name}", rss((f"guid of {name}", f"{link}?utm_source={name}", LONG + name))))
    assert sorted(ingest.once()) == ["fetched", "fetched"]
    (article,) = ingest.published()
    assert (article.url, article.revision) == (link, 1)


def test_guids_made_anew_at_every_fetch_bring_the_feed_down_to_its_links(ingest: Ingest, loopback: Loopback) -> None:
    def serve(round_: int, text: str = LONG) -> str:
        return loopback.serve("/feed", rss(*((f"{round_}-{n}", loopback.url(f"/{n}"), f"{text} {n}") for n in range(4))))

    feeds.add_feed(ingest.engine, serve(1))
    ingest.once()
    assert (len(ingest.published()), ingest.feed().rung) == (4, "guid")
    serve(2)
    ingest.again()
    assert (len(ingest.published()), ingest.feed().rung) == (0, "link")
    serve(3, LONG + "Corrected.")
    ingest.again()
    assert [article.revision for article in ingest.published()] == [2] * 4
    with ingest.engine.connect() as connection:
        news = connection.execute(select(fetches.c.new, fetches.c.changed).order_by(fetches.c.fetch_id)).all()
    assert [tuple(row) for row in news] == [(4, 0), (4, 0), (0, 4)]


def test_an_entry_that_fell_out_and_comes_back_is_not_new(ingest: Ingest, loopback: Loopback) -> None:
    one, other = ("g1", loopback.url("/1"), LONG), ("g2", loopback.url("/2"), LONG)
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(one, other)))
    ingest.once()
    loopback.serve("/feed", rss(other))
    ingest.again()
    ingest.published()
    loopback.serve("/feed", rss(one, other))
    assert ingest.again() == ["fetched"]
    assert ingest.published() == []


def test_the_parts_of_a_sitemap_index_are_read_with_it_though_the_index_stays_the_same(ingest: Ingest, loopback: Loopback) -> None:
    def part(*pages: int) -> bytes:
        listed = "".join(f"<url><loc>{loopback.url(f'/{n}')}</loc><lastmod>2026-03-02</lastmod></url>" for n in pages)
        return gzip.compress(f"<urlset>{listed}</urlset>".encode())

    named = "".join(f"<sitemap><loc>{loopback.url(path)}</loc></sitemap>" for path in ("/missing.xml", "/news.xml.gz"))
    feeds.add_feed(ingest.engine, loopback.serve("/sitemap.xml", f"<sitemapindex>{named}</sitemapindex>".encode(), ETag='"1"'))
    loopback.serve("/news.xml.gz", part(1))
    assert ingest.once()[0] == "fetched"
    assert "/missing.xml: HTTP 404" in (ingest.outcomes[0].message or "")
    loopback.serve("/news.xml.gz", part(1, 2))
    assert ingest.again()[0] == "fetched"
    with ingest.engine.connect() as connection:
        rows = connection.execute(select(fetches.c.entries, fetches.c.new).order_by(fetches.c.fetch_id)).all()
    assert [tuple(row) for row in rows] == [(1, 1), (2, 1)]
    loopback.serve("/news.xml.gz", b"", 500)
    assert ingest.again()[0] == "parse"
    assert "none of its parts can be read" in (ingest.feed().last_error or "")


def test_an_index_within_an_index_is_followed_so_far_and_no_further(ingest: Ingest, loopback: Loopback) -> None:
    def index(*paths: str) -> bytes:
        return f"<sitemapindex>{''.join(f'<sitemap><loc>{loopback.url(path)}</loc></sitemap>' for path in paths)}</sitemapindex>".encode()

    feeds.add_feed(ingest.engine, loopback.serve("/0.xml", index("/1.xml", "/late.xml")))
    loopback.serve("/1.xml", index("/0.xml", "/1.xml", "/2.xml"))
    loopback.serve("/2.xml", index("/3.xml", "/pages.xml"))
    loopback.serve("/3.xml", index("/deep.xml"))
    for path in ("/pages.xml", "/late.xml", "/deep.xml"):
        loopback.serve(path, f"<urlset><url><loc>{loopback.url(path)}.html</loc></url></urlset>".encode())
    assert ingest.once()[0] == "fetched"
    asked = [request.path for request in loopback.requests if request.path.endswith(".xml")]
    assert asked[:2] == ["/0.xml", "/1.xml"]
    assert {"/pages.xml", "/late.xml"} < set(asked)
    assert "/deep.xml" not in asked
    assert len(asked) <= 9
    assert "3.xml: an index 3 deep in others" in (ingest.outcomes[0].message or "")


def test_a_bad_feed_is_a_row_and_a_log_line_and_harms_nobody(ingest: Ingest, loopback: Loopback, caplog: pytest.LogCaptureFixture) -> None:
    bad = loopback.serve("/bad", b"<html><body>Not a feed</body></html>")
    missing = loopback.url("/missing")
    good = loopback.serve("/good", rss(("g1", loopback.url("/1"), LONG)))
    for url in (bad, missing, good):
        feeds.add_feed(ingest.engine, url)
    with caplog.at_level(logging.INFO, "dateline.ingest"):
        assert sorted(ingest.once()) == ["fetched", "http", "parse"]
    assert len(ingest.published()) == 1
    rows = {feed.url: feed for feed in feeds.list_feeds(ingest.engine)}
    assert "not a feed" in (rows[bad].last_error or "")
    assert "404" in (rows[missing].last_error or "")
    assert (rows[bad].failures, rows[good].failures, rows[good].last_error) == (1, 0, None)
    assert rows[bad].next_fetch_at > feeds.database_time(ingest.engine) + timedelta(minutes=4)
    lines = {record.__dict__["feed_id"]: record for record in caplog.records if "feed_id" in record.__dict__}
    assert {line.levelname for line in (lines[rows[bad].feed_id], lines[rows[missing].feed_id])} == {"WARNING"}
    assert lines[rows[missing].feed_id].__dict__["status"] == 404


def test_why_a_feed_is_fetched_next_and_when_it_wants_to_be_skipped_is_kept(ingest: Ingest, loopback: Loopback) -> None:
    far = f"{datetime.now(UTC) + timedelta(days=3):%A}"
    skipped = f"<skipDays><day>{far}</day></skipDays>"
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(("g1", loopback.url("/1"), LONG), head=skipped)))
    ingest.once(max_interval=3600.0)
    assert (ingest.feed().next_fetch_why, ingest.feed().skip) == ("no entry is expected until then", far.lower())
    loopback.serve("/feed", b"", 429, Retry_After="7200")
    ingest.again(max_interval=3600.0)
    assert ingest.feed().next_fetch_why == "the server says Retry-After (http 429)"
    assert ingest.feed().skip == far.lower()


def test_gone_stops_a_feed_and_a_permanent_redirect_moves_it_at_the_second_sight(ingest: Ingest, loopback: Loopback) -> None:
    target = loopback.serve("/new", rss(("g1", loopback.url("/1"), LONG)))
    feeds.add_feed(ingest.engine, loopback.serve("/old", b"", 301, Location=target))
    urls = []
    for run in (ingest.once, ingest.again, ingest.again):
        run()
        urls.append(ingest.feed().url)
    assert urls == [loopback.url("/old"), target, target]
    loopback.serve("/new", b"", 410)
    assert ingest.again() == ["gone"]
    assert ingest.feed().state == "gone"
    assert ingest.again() == []


def test_bytes_that_are_not_utf8_in_a_status_line_or_a_content_type_are_a_failure_of_their_feed(ingest: Ingest, loopback: Loopback) -> None:
    for name, answer in {
        "reason": b"HTTP/1.1 404 N\xff\r\nContent-Length: 0\r\n\r\n",
        "type": b"HTTP/1.1 200 OK\r\nContent-Type: text/\xff\r\nContent-Length: 5\r\n\r\nhello",
    }.items():
        feeds.add_feed(ingest.engine, loopback.route(f"/{name}", lambda handler, answer=answer: handler.raw(answer)))  # type: ignore[misc]
    assert sorted(ingest.once()) == ["http", "parse"]
    assert all("\ufffd" in (feed.last_error or "") for feed in feeds.list_feeds(ingest.engine))


def test_an_outcome_that_cannot_be_recorded_is_a_plain_failure_of_its_feed(
    ingest: Ingest, loopback: Loopback, caplog: pytest.LogCaptureFixture
) -> None:
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(("g1", loopback.url("/1"), LONG))))
    refused = []

    @event.listens_for(ingest.engine, "before_cursor_execute")
    def once(connection: Connection, cursor: object, statement: str, *rest: object) -> None:
        if statement.startswith("INSERT INTO fetches") and not refused:
            refused.append(statement)
            raise UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed")

    assert ingest.once() == ["parse"]
    assert "UnicodeEncodeError" in (ingest.feed().last_error or "")
    assert ingest.feed().failures == 1
    assert "cannot be recorded" in caplog.text
    assert len(ingest.published()) == 1


def test_a_worker_that_lost_its_lease_records_nothing(ingest: Ingest, loopback: Loopback) -> None:
    def slow(handler: Handler) -> None:
        with ingest.engine.begin() as connection:
            connection.execute(update(feeds_table).values(lease_token="another worker's"))
        handler.answer(200, rss(("g1", loopback.url("/1"), LONG)))

    feeds.add_feed(ingest.engine, loopback.route("/feed", slow))
    assert ingest.once() == []
    assert ingest.published() == []
    assert ingest.feed().last_fetch_at is None


def test_a_host_that_asks_for_a_pause_is_not_asked_by_feeds_that_are_leased_already(ingest: Ingest, loopback: Loopback) -> None:
    for number in range(3):
        feeds.add_feed(ingest.engine, loopback.serve(f"/{number}", status=429, Retry_After="7200"))
    assert ingest.once(host_connections=3, host_pause=0.5) == ["http"]
    assert len(loopback.requests) == 1
    busy, *others = sorted(feeds.list_feeds(ingest.engine), key=lambda feed: -feed.failures)
    assert (busy.failures, {feed.failures for feed in others}) == (1, {0})
    assert all(feed.next_fetch_at >= busy.next_fetch_at - timedelta(seconds=5) for feed in others)
    assert ingest.once() == []


def test_a_dead_host_is_not_tried_by_each_of_its_feeds(ingest: Ingest) -> None:
    (port,) = free_ports(1)
    for number in range(5):
        feeds.add_feed(ingest.engine, f"http://127.0.0.1:{port}/{number}")
    feeds.add_feed(ingest.engine, "http://nowhere.invalid/1")
    feeds.add_feed(ingest.engine, "http://nowhere.invalid/2")
    assert sorted(ingest.once(host_connections=1)) == ["connect", "dns"]
    assert ingest.once() == []
    left_alone = [feed.next_fetch_why for feed in feeds.list_feeds(ingest.engine) if feed.failures == 0]
    assert len(left_alone) == 5
    assert all("is left alone: feed f" in why for why in left_alone)
