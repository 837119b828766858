"""Finding the feeds behind an address, with a real HTTP server."""

from __future__ import annotations

from ingest.finding import Finding, find_feeds
from stream.settings import Settings
from tests.ingest.conftest import Loopback
from tests.ingest.working import LONG, rss

FEED = rss(("g1", "https://news.example/1", LONG))
PAGE = "<html><head>{}</head><body>News</body></html>"
LINK = '<link rel="alternate" type="application/rss+xml" title="{0}" href="{0}">'


def found(*urls: str, **settings: object) -> tuple[Finding, ...]:
    return find_feeds(Settings.model_validate({"allow_networks": "127.0.0.0/8", "fetch_timeout": 5.0, "host_pause": 0.0, **settings}), urls)


def page(loopback: Loopback, *links: str) -> str:
    return loopback.serve("/page", PAGE.format("".join(map(LINK.format, links))).encode(), Content_Type="text/html")


def test_a_feed_is_itself(loopback: Loopback) -> None:
    url = loopback.serve("/feed", FEED, Content_Type="text/html")
    (finding,) = found(url)
    (feed,) = finding.feeds
    assert (feed.url, feed.title, feed.format, feed.entries, feed.how) == (url, "Example", "rss20", 1, "given")


def test_a_feed_that_moved_for_good_is_where_it_is_now(loopback: Loopback) -> None:
    new = loopback.serve("/new", FEED)
    old = loopback.serve("/old", status=301, Location=new)
    assert [feed.url for feed in found(old)[0].feeds] == [new]


def test_a_page_has_the_feeds_that_it_names_and_that_are_there(loopback: Loopback) -> None:
    url = page(loopback, "/a", "/gone", "/b")
    expected = [loopback.serve("/a", FEED), loopback.serve("/b", FEED)]
    assert [feed.url for feed in found(url)[0].feeds] == expected


def test_a_page_that_names_none_may_have_one_in_a_usual_place(loopback: Loopback) -> None:
    url = page(loopback)
    expected = loopback.serve("/rss.xml", FEED)
    (feed,) = found(url)[0].feeds
    assert (feed.url, feed.how) == (expected, "well-known")


def test_what_has_no_feed_says_why_and_whether_to_ask_again(loopback: Loopback) -> None:
    bare, missing, busy = page(loopback), loopback.url("/missing"), loopback.serve("/busy", status=503)
    other = loopback.serve("/data", b"\x89PNG\r\n", Content_Type="image/png")
    findings = found(bare, missing, busy, other)
    assert [(finding.feeds, finding.later) for finding in findings] == [((), False), ((), False), ((), True), ((), False)]
    told = [finding.problem or "" for finding in findings]
    assert [words in line for words, line in zip(("no feed", "404", "503", "neither XML nor JSON"), told, strict=True)] == [True] * 4


def test_an_address_that_may_not_be_reached_is_refused_with_the_remedy(loopback: Loopback) -> None:
    (finding,) = found(loopback.serve("/feed", FEED), allow_networks="")
    assert "DATELINE_ALLOW_NETWORKS" in (finding.problem or "")
    assert not finding.later
