"""Feeds that are an index of others, as sitemaps of large sites are: the newest parts are read with it, as one feed."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from datetime import UTC, datetime

from ingest.children import Children
from ingest.fetch import Session, fetch
from ingest.formats import ParseError
from ingest.formats.sitemap import MAX_PAGES
from ingest.model import Failed, FeedEntry, Fetched, ParsedFeed
from ingest.outcome import notes
from ingest.parse import parse
from stream.errors import ChildLost

MAX_PARTS_READ = 8  # of one index at each fetch, one after the other, indexes among them
MAX_DEPTH = 3  # of an index in an index; the format knows none, large sites have two

_OLD = datetime.min.replace(tzinfo=UTC)


async def with_parts(session: Session, children: Children, index: ParsedFeed, country: str | None) -> ParsedFeed:
    """Return *index* with the entries of its first parts, the newest MAX_PAGES of them; a feed without parts as it is.

    Where a part is an index, its own parts are read in its place. Raises ParseError if none of the parts can be read.
    """
    if not index.parts:
        return index
    waiting, asked = deque((url, 1) for url in index.parts), dict.fromkeys(index.parts)
    feeds: list[ParsedFeed] = []
    faults: list[str] = []
    for _ in range(MAX_PARTS_READ):
        if not waiting:
            break
        url, depth = waiting.popleft()
        part = await _part(session, children, url, country)
        if isinstance(part, str):
            faults.append(f"{url}: {part}")
        elif not part.parts:
            feeds.append(part)
        elif depth == MAX_DEPTH:
            faults.append(f"{url}: an index {depth} deep in others, which is not followed")
        else:
            fresh = [inner for inner in part.parts if inner not in asked]
            asked |= dict.fromkeys(fresh)
            waiting.extendleft((inner, depth + 1) for inner in reversed(fresh))
    if not feeds:
        raise ParseError(f"none of its parts can be read; {faults[0] if faults else 'they are indexes of each other'}")
    entries = sorted((entry for feed in feeds for entry in feed.entries), key=_published, reverse=True)
    left = f"{len(waiting):,} older parts were not read" if waiting else None
    return replace(index, entries=tuple(entries[:MAX_PAGES]), note=notes(index.note, left, *faults, *(feed.note for feed in feeds)))


async def _part(session: Session, children: Children, url: str, country: str | None) -> ParsedFeed | str:
    """Return the part at *url*, or in one line why there is none."""
    result = await fetch(session, url)
    if isinstance(result, Failed):
        return result.message
    if not isinstance(result, Fetched):
        return "the publisher ended it"
    try:
        part: ParsedFeed = await children.run(parse, result.url, result.body, result.media_type, result.charset, country)
    except (ParseError, ChildLost) as e:
        return str(e)
    return part


def _published(entry: FeedEntry) -> datetime:
    return entry.published_at or _OLD
