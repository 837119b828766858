"""``feeds add`` as a user meets it: addresses, pages and lists."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress

import pytest
from sqlalchemy import Engine

from dateline.commands.adding import EACH_TOLD
from storage.engine import connect_database
from storage.feeds import list_feeds
from stream.errors import DatabaseUnavailable
from tests.dateline.running import run, until
from tests.ingest.conftest import Handler, Loopback
from tests.ingest.working import LONG, rss

FEED = rss(("g1", "https://news.example/1", LONG))
LINK = '<link rel="alternate" type="application/rss+xml" href="{}">'


@pytest.fixture
def near(env: dict[str, str]) -> dict[str, str]:
    return {**env, "DATELINE_ALLOW_NETWORKS": "127.0.0.0/8", "DATELINE_HOST_PAUSE": "0"}


def page(loopback: Loopback, *links: str) -> str:
    return loopback.serve("/page", f"<html>{''.join(map(LINK.format, links))}</html>".encode())


def listed(env: dict[str, str]) -> dict[str, dict[str, object]]:
    return {feed["url"]: feed for feed in json.loads(run(env, "feeds", "list", "--json").stdout)}


def added(engine: Engine) -> int:
    """Return how many feeds there are, 0 while the database does not answer."""
    with suppress(DatabaseUnavailable):
        return len(list_feeds(engine))
    return 0


def test_a_page_with_one_feed_adds_it(near: dict[str, str], loopback: Loopback) -> None:
    feed = loopback.serve("/a", FEED)
    done = run(near, "feeds", "add", page(loopback, "/a"), "--outlet", "Example News")
    assert (done.returncode, f"added: {feed}" in done.stdout.decode()) == (0, True)
    assert listed(near)[feed]["outlet"] == "Example News"


def test_addresses_are_taken_as_people_copy_them(near: dict[str, str], loopback: Loopback) -> None:
    feed = loopback.serve("/a?x=1&y=2", FEED)
    assert run(near, "feeds", "add", f"feed:{feed.replace('&', '&amp;')}", "feed://news.example/rss", "--unchecked").returncode == 0
    assert listed(near).keys() == {feed, "https://news.example/rss"}


def test_a_page_with_several_feeds_shows_them_and_adds_all_only_on_request(near: dict[str, str], loopback: Loopback) -> None:
    feeds = {loopback.serve("/a", FEED), loopback.serve("/b", FEED)}
    url = page(loopback, "/a", "/b")
    done = run(near, "feeds", "add", url)
    told = done.stderr.decode()
    assert done.returncode == 2
    assert all(words in told for words in ("has several feeds", "--all", *feeds, "Example (rss20, 1 entries)"))
    assert listed(near) == {}
    assert run(near, "feeds", "add", url, "--all").returncode == 0
    assert listed(near).keys() == feeds


def test_a_list_is_added_with_a_report_of_what_is_bad(near: dict[str, str], loopback: Loopback) -> None:
    good, busy = loopback.serve("/a", FEED), loopback.serve("/busy", status=503)
    lines = (good, f"{good} twice", busy, loopback.url("/missing"), "# a remark", "", "ftp://news.example/x")
    done = run(near, "feeds", "add", "-", stdin="\n".join(lines).encode())
    told = done.stderr.decode()
    assert done.returncode == 1
    assert done.stdout.decode().splitlines()[-1] == "2 added, 0 known already, 2 refused"
    assert f"{busy} is added unread" in told
    assert "/missing: HTTP 404" in told
    assert "has to begin with http" in told
    assert listed(near).keys() == {good, busy}


def test_what_was_found_before_an_interrupt_is_added_and_the_same_command_goes_on(near: dict[str, str], loopback: Loopback) -> None:
    run(near, "feeds", "list")  # makes the database
    engine = connect_database(f"sqlite:///{near['DATELINE_DATA_DIR']}/dateline.db")

    def interrupt(handler: Handler) -> None:
        until(lambda: added(engine) == 1)
        os.kill(os.getpid(), signal.SIGINT)
        handler.answer(503)

    first, second = loopback.serve("/a", FEED), loopback.route("/b", interrupt)
    done = run(near, "feeds", "add", first, second)
    told = (done.returncode, done.stdout.decode().splitlines()[-1])
    assert told == (130, "1 added, 0 known already, 0 refused"), done.stderr.decode()
    loopback.serve("/b", FEED)
    done = run(near, "feeds", "add", first, second)
    assert (done.returncode, done.stdout.decode().splitlines()[-1]) == (0, "1 added, 1 known already, 0 refused")
    assert sorted(request.path for request in loopback.requests) == ["/a", "/b", "/b"]
    engine.dispose()


def test_of_many_addresses_only_the_bad_ones_are_named(near: dict[str, str], loopback: Loopback) -> None:
    good = [loopback.serve(f"/{number}", FEED) for number in range(EACH_TOLD)]
    done = run(near, "feeds", "add", *good, loopback.url("/missing"))
    assert done.stdout.decode() == f"{EACH_TOLD} added, 0 known already, 1 refused\n"
    assert "/missing: HTTP 404" in done.stderr.decode()


def test_opml_keeps_what_it_says_of_a_feed_and_a_known_feed_is_not_asked_for(near: dict[str, str], loopback: Loopback) -> None:
    url = loopback.serve("/a", FEED)
    opml = f'<opml version="2.0"><body><outline text="Named" xmlUrl="{url}" language="de"/></body></opml>'.encode()
    assert run(near, "feeds", "add", "-", stdin=opml).returncode == 0
    asked = len(loopback.requests)
    assert b"is known already" in run(near, "feeds", "add", url).stdout
    assert len(loopback.requests) == asked


def test_unchecked_adds_whatever_it_is(near: dict[str, str], loopback: Loopback) -> None:
    assert run(near, "feeds", "add", loopback.url("/missing"), "--unchecked").returncode == 0
    assert loopback.requests == []
