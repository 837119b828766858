"""The demo's feeds over real HTTP, read by the product's own reader of feeds and pages."""

from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

import pytest

from dateline.demo.content import Outlet, Report, load_outlets
from dateline.demo.render import DIALECTS, entry_id, page_path
from dateline.demo.server import DEMO_PORT, PORT_TRIES, DemoServer
from ingest.fulltext import extract
from ingest.parse import parse

OUTLETS = {outlet.name: outlet for outlet in load_outlets()}
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


def body_of(report: Report) -> str:
    return "\n\n".join(report.paragraphs)


def feed_url(server: DemoServer, name: str) -> str:
    return next(feed.url for feed in server.feeds if feed.name == name)


@pytest.mark.parametrize("name", OUTLETS)
def test_a_feed_is_read_whole_and_only_a_feed_of_summaries_leaves_the_text_out(server: DemoServer, name: str) -> None:
    outlet, url = OUTLETS[name], feed_url(server, name)
    response, body = get(url)
    feed = parse(url, body, response.headers.get_content_type(), response.headers.get_content_charset())
    assert (feed.title, feed.language, feed.link, feed.note) == (outlet.outlet, "en", f"{server.url}/{name}/", None)
    found = [(e.guid, e.link, e.title, e.summary, e.content, e.published_at, e.categories) for e in feed.entries]
    assert found == [
        (entry_id(r), server.url + page_path(r), r.title, r.summary, "" if outlet.summaries else body_of(r), r.date, r.categories)
        for r in outlet.reports
    ]


def test_there_are_feeds_of_every_format_and_feeds_with_summaries_alone() -> None:
    assert {outlet.format for outlet in OUTLETS.values()} == set(DIALECTS)
    assert {outlet.summaries for outlet in OUTLETS.values()} == {True, False}


@pytest.mark.parametrize(("outlet", "report"), PAGES, ids=[report.id for _, report in PAGES])
def test_a_page_yields_the_paragraphs_and_nothing_around_them(server: DemoServer, outlet: Outlet, report: Report) -> None:
    url = server.url + page_path(report)
    page = get(url)[1]
    found = extract(url, page, "utf-8")
    assert outlet.outlet.encode() in page
    assert found is not None
    assert found.text == body_of(report)


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
        urls = [feed_url(server, "eastern-review") for server in (first, second)]
        ids = [[entry.guid for entry in parse(url, get(url)[1]).entries] for url in urls]
    assert ids[0] == ids[1]
    assert len(ids[0]) == len(OUTLETS["eastern-review"].reports)


def test_the_port_is_free_again_after_the_block() -> None:
    with DemoServer(port=0) as first:
        port = first.port
        get(f"{first.url}/robots.txt")
    with DemoServer(port) as second:
        assert second.port == port
