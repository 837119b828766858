"""robots.txt is respected, asked for once a day, and never a reason to crash."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import cast

import pytest

from ingest.fetch import Session, fetch_page
from ingest.model import Failed, Fetched, FetchResult, Gone, Validators
from ingest.robots import KEPT, KEPT_UNREACHABLE, MAX_BYTES, RobotsRules, Rules, allowed, crawl_delay, rules_of
from tests.ingest.conftest import Handler, Loopback, with_session

PAGE = "http://news.example/politics/article"


def served(text: bytes) -> Fetched:
    return Fetched("http://news.example/robots.txt", text, "text/plain", None, Validators())


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        (b"", "/a", True),
        (b"User-agent: *\nDisallow: /", "/a", False),
        (b"User-agent: *\nDisallow:", "/a", True),
        (b"User-agent: Dateline\nDisallow: /\n\nUser-agent: *\nAllow: /", "/a", False),
        (b"User-agent: dateline\nAllow: /\n\nUser-agent: *\nDisallow: /", "/a", True),
        (b"User-agent: otherbot\nDisallow: /", "/a", True),
        (b"User-agent: *\nDisallow: /private/\nAllow: /private/open", "/private/x", False),
        (b"User-agent: *\nDisallow: /private/\nAllow: /private/open", "/private/open/x", True),
        (b"User-agent: *\nDisallow: /*.pdf$", "/a.pdf", False),
        (b"\xef\xbb\xbfUser-agent: *\nDisallow: /", "/a", False),
        (b"User-agent: *\nDisallow: /caf\xc3\xa9", "/caf%C3%A9", False),
        (b"<html>not found</html>", "/a", True),
        (bytes(range(256)) * 100, "/a", True),
    ],
)
def test_the_rules_of_a_file_decide(text: bytes, path: str, expected: bool) -> None:
    assert rules_of(served(text)).allow("http://news.example" + path) is expected


@pytest.mark.parametrize(
    ("result", "expected", "kept"),
    [
        (Failed("http", "HTTP 404", 404), True, KEPT),
        (Failed("http", "HTTP 403", 403), True, KEPT),
        (Gone("http://news.example/robots.txt"), True, KEPT),
        (Failed("redirects", "more than 5"), True, KEPT),
        (Failed("http", "HTTP 500", 500), False, KEPT_UNREACHABLE),
        (Failed("http", "HTTP 503", 503), False, KEPT_UNREACHABLE),
        (Failed("dns", "no such name"), False, KEPT_UNREACHABLE),
        (Failed("timeout", "30 s"), False, KEPT_UNREACHABLE),
        (Failed("address", "10.0.0.1"), False, KEPT_UNREACHABLE),
    ],
)
def test_no_file_allows_everything_and_no_answer_nothing_for_now(result: FetchResult, expected: bool, kept: float) -> None:
    rules = rules_of(result)
    assert (rules.allow(PAGE), rules.kept) == (expected, kept)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"User-agent: *\nCrawl-delay: 5", 5.0),
        (b"User-agent: *\nCrawl-delay: 0.5", 0.5),
        (b"User-agent: *\nCrawl-delay: soon", None),
        (b"", None),
    ],
)
def test_a_crawl_delay_is_told(text: bytes, expected: float | None) -> None:
    assert rules_of(served(text)).crawl_delay() == expected
    assert Rules().crawl_delay() is None


def test_a_host_is_asked_once_by_many_and_again_after_a_day(loopback: Loopback) -> None:
    loopback.serve("/robots.txt", b"User-agent: *\nDisallow: /closed\nCrawl-delay: 3")
    now = 1000.0

    async def ask(session: Session) -> None:
        nonlocal now
        rules = RobotsRules(clock=lambda: now)
        answers = await asyncio.gather(*(rules.allowed(session, loopback.url(path)) for path in ("/open", "/closed", "/x") * 5))
        assert answers == [True, False, True] * 5
        now += KEPT - 1
        assert await rules.allowed(session, loopback.url("/open"))
        assert len(loopback.requests) == 1
        now += 2
        assert not await rules.allowed(session, loopback.url("/closed"))
        assert len(loopback.requests) == 2

    with_session(ask)


def test_a_session_keeps_what_it_knows(loopback: Loopback) -> None:
    loopback.serve("/robots.txt", b"User-agent: *\nDisallow: /closed\nCrawl-delay: 3")

    async def ask(session: Session) -> tuple[bool, bool, float | None]:
        opened, closed = await allowed(session, loopback.url("/open")), await allowed(session, loopback.url("/closed"))
        return opened, closed, await crawl_delay(session, loopback.url("/"))

    assert with_session(ask) == (True, False, 3.0)
    assert [request.path for request in loopback.requests] == ["/robots.txt"]


def test_a_host_that_cannot_answer_is_asked_again_soon(loopback: Loopback) -> None:
    now = 0.0

    async def ask(session: Session) -> None:
        nonlocal now
        rules = RobotsRules(clock=lambda: now)
        loopback.serve("/robots.txt", status=503)
        assert not await rules.allowed(session, loopback.url("/"))
        loopback.serve("/robots.txt", b"")
        assert not await rules.allowed(session, loopback.url("/"))
        now += KEPT_UNREACHABLE + 1
        assert await rules.allowed(session, loopback.url("/"))

    with_session(ask)


class _Faulty:
    """A session whose first fetch fails in a way that nobody thought of."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._asked = 0

    def __getattr__(self, name: str) -> object:
        if name == "limits":
            self._asked += 1
            if self._asked == 1:
                raise LookupError("no such thing")
        return getattr(self._session, name)


def test_rules_that_cannot_be_read_close_the_host_for_now(loopback: Loopback) -> None:
    loopback.serve("/robots.txt", b"")
    now = 0.0

    async def ask(session: Session) -> None:
        nonlocal now
        rules, faulty = RobotsRules(clock=lambda: now), cast(Session, _Faulty(session))
        assert not await rules.allowed(faulty, loopback.url("/"))
        assert not await rules.allowed(faulty, loopback.url("/"))
        now += KEPT_UNREACHABLE + 1
        assert await rules.allowed(faulty, loopback.url("/"))

    with_session(ask)


def test_robots_txt_in_an_odd_encoding_is_read(loopback: Loopback) -> None:
    loopback.serve(
        "/robots.txt", b"User-agent: *\nDisallow: /\\ud800\nDisallow: /closed", Content_Type="text/plain; charset=raw_unicode_escape"
    )
    assert with_session(lambda session: allowed(session, loopback.url("/open")))
    assert not with_session(lambda session: allowed(session, loopback.url("/closed")))


def test_only_the_start_of_a_huge_file_is_read(loopback: Loopback) -> None:
    loopback.serve("/robots.txt", b"User-agent: *\nDisallow: /closed\n" + b"#" * MAX_BYTES + b"\nDisallow: /\n")
    assert with_session(lambda session: allowed(session, loopback.url("/open")))
    assert not with_session(lambda session: allowed(session, loopback.url("/closed")))


def test_robots_txt_behind_a_redirect_counts(loopback: Loopback) -> None:
    loopback.serve("/robots.txt", status=301, Location="/elsewhere")
    loopback.serve("/elsewhere", b"User-agent: *\nDisallow: /")
    assert not with_session(lambda session: allowed(session, loopback.url("/a")))


def test_a_page_behind_a_redirect_is_asked_about_too(loopback: Loopback) -> None:
    loopback.route("/robots.txt", lambda h: h.answer(200, b"User-agent: *\nDisallow: /" if "localhost" in h.headers["Host"] else b""))
    loopback.serve("/here", status=302, Location="/article")
    loopback.serve("/away", status=302, Location=loopback.url("/article", "localhost"))
    loopback.serve("/article", b"<p>x")
    loopback.serve("/loop", status=302, Location="/loop")

    async def ask(session: Session) -> list[FetchResult]:
        return [await fetch_page(session, loopback.url(path), partial(allowed, session)) for path in ("/here", "/away", "/loop")]

    here, away, loop = with_session(ask, fetch_concurrency=1)
    assert isinstance(here, Fetched)
    assert isinstance(away, Failed)
    assert (away.kind, loop.kind) == ("robots", "redirects")  # type: ignore[union-attr]
    assert [request.path for request in loopback.requests].count("/article") == 1


def test_an_answer_that_never_ends_closes_the_host_for_now(loopback: Loopback) -> None:
    def hang(handler: Handler) -> None:
        handler.rfile.read(1)

    loopback.route("/robots.txt", hang)
    assert not with_session(lambda session: allowed(session, loopback.url("/a")), fetch_timeout=0.2)


@pytest.mark.parametrize("url", ["", "no url", "file:///etc/passwd", "mailto:a@example.org"])
def test_what_is_no_web_address_is_not_allowed(url: str) -> None:
    assert not with_session(lambda session: allowed(session, url))


def test_the_host_visited_longest_ago_is_forgotten_first(loopback: Loopback) -> None:
    loopback.serve("/robots.txt", b"")

    async def ask(session: Session) -> list[int]:
        rules, asked = RobotsRules(max_hosts=1), []
        for host in ("127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.1"):  # nothing listens on the second address
            await rules.allowed(session, loopback.url("/", host))
            asked.append(len(loopback.requests))
        return asked

    assert with_session(ask) == [1, 1, 1, 2]
