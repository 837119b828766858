"""The demo's feeds over real HTTP, read by the libraries that the product reads feeds and pages with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import feedparser
import pytest
import trafilatura

from dateline.demo.content import Outlet, Report, load_outlets
from dateline.demo.render import entry_id, page_path
from dateline.demo.server import DEMO_PORT, PORT_TRIES, DemoServer

OUTLETS = {outlet.name: outlet for outlet in load_outlets()}
XML_OUTLETS = [name for name, outlet in OUTLETS.items() if outlet.format != "json"]
PAGES = [(outlet, report) for outlet in OUTLETS.values() for report in outlet.reports]


@pytest.fixture(scope="module")
def server() -> Iterator[DemoServer]:
    with DemoServer(port=0) as server:
        yield server


def get(url: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, bytes]:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request(method, parts.path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def _date(entry: Any) -> datetime:
    """feedparser calls the ``dc:date`` of RSS 1.0 an update."""
    return datetime(*(entry.get("published_parsed") or entry.get("updated_parsed"))[:6], tzinfo=UTC)


def feed_url(server: DemoServer, name: str) -> str:
    return next(feed.url for feed in server.feeds if feed.name == name)


@pytest.mark.parametrize("name", XML_OUTLETS)
def test_an_xml_feed_gives_feedparser_every_entry_whole(server: DemoServer, name: str) -> None:
    parsed = feedparser.parse(get(feed_url(server, name))[1])
    assert not parsed.bozo
    found = [(entry.id, entry.title, entry.link, entry.summary, _date(entry)) for entry in parsed.entries]
    assert found == [(entry_id(r), r.title, server.url + page_path(r), r.summary, r.date) for r in OUTLETS[name].reports]


@pytest.mark.parametrize("name", XML_OUTLETS)
def test_only_a_feed_of_summaries_leaves_the_text_out(server: DemoServer, name: str) -> None:
    entries = feedparser.parse(get(feed_url(server, name))[1]).entries
    bodies = [tuple(re.findall("<p>(.*)</p>", entry.content[0].value)) if "content" in entry else None for entry in entries]
    outlet = OUTLETS[name]
    assert bodies == [None if outlet.summaries else report.paragraphs for report in outlet.reports]


def test_the_json_feed_is_one_of_version_1_1_with_every_report(server: DemoServer) -> None:
    feed = json.loads(get(feed_url(server, "pacific-standard"))[1])
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert [item["id"] for item in feed["items"]] == [entry_id(report) for report in OUTLETS["pacific-standard"].reports]
    assert all(item["content_html"].startswith("<p>") and item["summary"] for item in feed["items"])


@pytest.mark.parametrize(("outlet", "report"), PAGES, ids=[report.id for _, report in PAGES])
def test_a_page_yields_the_paragraphs_and_nothing_around_them(server: DemoServer, outlet: Outlet, report: Report) -> None:
    page = get(server.url + page_path(report))[1]
    text = trafilatura.extract(page, favor_precision=True, include_comments=False) or ""
    assert text.removeprefix(report.title).split("\n")[-len(report.paragraphs) :] == list(report.paragraphs)
    assert f"More from {outlet.outlet}" not in text
    assert "sample outlet" not in text


@pytest.mark.parametrize("name", OUTLETS)
@pytest.mark.parametrize(("validator", "condition"), [("ETag", "If_None_Match"), ("Last-Modified", "If_Modified_Since")])
def test_a_feed_is_served_once_and_not_modified_after(server: DemoServer, name: str, validator: str, condition: str) -> None:
    first, body = get(feed_url(server, name))
    again, nothing = get(feed_url(server, name), **{condition: first.headers[validator]})
    assert (first.status, len(body) > 0, again.status, nothing) == (200, True, 304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]


@pytest.mark.parametrize(
    "conditions",
    [
        {"If_None_Match": '"other"'},
        {"If_Modified_Since": "not a date"},
        {"If_None_Match": '"other"', "If_Modified_Since": "Fri, 01 Jan 2100 00:00:00 GMT"},
    ],
)
def test_a_client_without_the_current_feed_gets_it_whole(server: DemoServer, conditions: dict[str, str]) -> None:
    assert get(feed_url(server, "northern-wire"), **conditions)[0].status == 200


def test_robots_txt_allows_and_an_unknown_path_is_not_found(server: DemoServer) -> None:
    assert get(f"{server.url}/robots.txt")[1] == b"User-agent: *\nAllow: /\n"
    assert get(f"{server.url}/nothing")[0].status == 404


def test_a_head_request_gets_the_length_without_the_body(server: DemoServer) -> None:
    whole = get(feed_url(server, "northern-wire"))[1]
    head, nothing = get(feed_url(server, "northern-wire"), method="HEAD")
    assert (head.headers["Content-Length"], nothing) == (str(len(whole)), b"")


def test_two_servers_on_one_port_do_not_collide_and_name_their_entries_alike() -> None:
    with DemoServer() as first, DemoServer(first.port) as second:
        assert first.port != second.port
        assert DEMO_PORT <= first.port < second.port < first.port + PORT_TRIES
        ids = [[entry.id for entry in feedparser.parse(get(feed_url(each, "eastern-review"))[1]).entries] for each in (first, second)]
    assert ids[0] == ids[1]
    assert len(ids[0]) == len(OUTLETS["eastern-review"].reports)


def test_the_port_is_free_again_after_the_block() -> None:
    with DemoServer(port=0) as first:
        port = first.port
        get(f"{first.url}/robots.txt")
    with DemoServer(port) as second:
        assert second.port == port
