"""Finding the feeds behind an address that a person gave: the address itself, what its page names, and where feeds usually lie."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ingest.charset import decode
from ingest.children import Children
from ingest.discovery import Candidate, How, discover, well_known
from ingest.fetch import Session, fetch, make_session
from ingest.model import Failed, Fetched, ParsedFeed
from ingest.parse import ParseError, parse, unpacked
from storage.hosts import place_of
from stream.errors import ChildLost
from stream.settings import Settings

MAX_TRIED = 12  # candidates of one page, and places where feeds usually lie, that are asked for
AT_ONCE = 64  # addresses looked at side by side; each may hold a body
PARSERS = 2  # children
DEAD = frozenset({401, 404, 410, 451})  # answers of an address that is not worth keeping


@dataclass(frozen=True, slots=True)
class FoundFeed:
    """A feed that was read; *url* is where it is, after permanent redirects."""

    url: str
    title: str
    format: str
    entries: int
    how: How


@dataclass(frozen=True, slots=True)
class Finding:
    """What is behind *url*. Where there are no *feeds*, *problem* says why in one line; with *later* it may be otherwise later."""

    url: str
    feeds: tuple[FoundFeed, ...] = ()
    problem: str | None = None
    later: bool = False


def find_feeds(settings: Settings, urls: Sequence[str], done: Callable[[Finding], None] = lambda finding: None) -> tuple[Finding, ...]:
    """Return what is behind each of *urls*, in order; *done* is called as each is known. Writes nothing.

    Hosts are asked by turns, so that one with hundreds of feeds, which are fetched a while apart, does not hold up the others.
    """
    found = {finding.url: finding for finding in asyncio.run(_find_all(settings, by_turns(urls), done))}
    return tuple(found[url] for url in urls)


def by_turns(urls: Iterable[str]) -> tuple[str, ...]:
    """Return *urls*, each once: the first of each host and port, then the second of each, and so on.

    >>> by_turns(["http://a/1", "http://a/2", "http://b/1"])
    ('http://a/1', 'http://b/1', 'http://a/2')
    """
    before: Counter[str] = Counter()
    turns: dict[str, int] = {}
    for url in dict.fromkeys(urls):
        place = place_of(url)
        turns[url] = before[place]
        before[place] += 1
    return tuple(sorted(turns, key=turns.__getitem__))


async def _find_all(settings: Settings, urls: Sequence[str], done: Callable[[Finding], None]) -> tuple[Finding, ...]:
    children, turns = Children(PARSERS), asyncio.Semaphore(AT_ONCE)
    try:
        async with make_session(settings) as session:

            async def one(url: str) -> Finding:
                async with turns:
                    finding = await find(session, children, url)
                done(finding)
                return finding

            return tuple(await asyncio.gather(*(one(url) for url in urls)))
    finally:
        children.close()


async def find(session: Session, children: Children, url: str) -> Finding:
    """Return the feed at *url*, or else the feeds of the page there. Never raises for the network or for what is read."""
    given = await _read(session, children, Candidate(url, how="given"))
    if isinstance(given, FoundFeed):
        return Finding(url, (given,))
    if isinstance(given, Failed):
        return Finding(url, problem=given.message, later=given.status not in DEAD and given.kind not in ("address", "parse"))
    try:
        named = await children.run(feeds_named, given.url, given.body, given.charset)
    except ChildLost as e:
        return Finding(url, problem=f"reading the page had to be given up: {e}")
    feeds = [feed for candidate in named[:MAX_TRIED] if isinstance(feed := await _read(session, children, candidate), FoundFeed)]
    for candidate in well_known(given.url)[:MAX_TRIED] if not feeds else ():
        feed = await _read(session, children, candidate)
        if isinstance(feed, FoundFeed):
            feeds.append(feed)
            break
    found = tuple({feed.url: feed for feed in reversed(feeds)}.values())[::-1]
    return Finding(url, found, None if found else "no feed: neither the page nor the usual places have one")


def feeds_named(url: str, body: bytes, charset: str | None) -> tuple[Candidate, ...]:
    """Return what the page *body* names as feeds; made to run in a child."""
    return discover(url, decode(unpacked(body), charset).text)


async def _read(session: Session, children: Children, candidate: Candidate) -> FoundFeed | Fetched | Failed:
    """Return the feed at the address of *candidate*, else what was fetched if that is a page, else the failure."""
    result = await fetch(session, candidate.url)
    if isinstance(result, Failed):
        return result
    if not isinstance(result, Fetched):
        return Failed("http", f"HTTP 410 from {candidate.url}", 410)
    try:
        parsed: ParsedFeed = await children.run(parse, result.url, result.body, result.media_type, result.charset)
    except (ParseError, ChildLost) as e:
        return result if candidate.how == "given" and _may_be_page(result) else Failed("parse", str(e))
    title = parsed.title or candidate.title
    entries = len(parsed.entries) or len(parsed.parts)
    return FoundFeed(result.permanent_url or candidate.url, title, parsed.format, entries, candidate.how)


def _may_be_page(result: Fetched) -> bool:
    return "html" in (result.media_type or "html") or b"<html" in result.body[:2000].lower()
