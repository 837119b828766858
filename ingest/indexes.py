"""Feeds that are an index of others, as sitemaps of large sites are: the newest parts are read with it, as one feed."""

from __future__ import annotations

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

MAX_PARTS_READ = 5  # of one index at each fetch, one after the other

_OLD = datetime.min.replace(tzinfo=UTC)


async def with_parts(session: Session, children: Children, index: ParsedFeed, country: str | None) -> ParsedFeed:
    """Return *index* with the entries of its first parts, the newest MAX_PAGES of them; a feed without parts as it is.

    A part that is an index itself is not followed. Raises ParseError if none of the parts can be read.
    """
    if not index.parts:
        return index
    read = [await _part(session, children, url, country) for url in index.parts[:MAX_PARTS_READ]]
    feeds = [part for part in read if isinstance(part, ParsedFeed)]
    faults = [f"{url}: {part}" for url, part in zip(index.parts, read, strict=False) if isinstance(part, str)]
    if not feeds:
        raise ParseError(f"none of its parts can be read; {faults[0]}")
    entries = sorted((entry for feed in feeds for entry in feed.entries), key=_published, reverse=True)
    left = f"{len(index.parts) - len(read):,} older parts were not read" if len(index.parts) > len(read) else None
    return replace(index, entries=tuple(entries[:MAX_PAGES]), note=notes(index.note, left, *faults, *(feed.note for feed in feeds)))


async def _part(session: Session, children: Children, url: str, country: str | None) -> ParsedFeed | str:
    """Return the part at *url*, or in one line why there is none."""
    result = await fetch(session, url)
    if isinstance(result, Failed):
        return result.message
    if not isinstance(result, Fetched):
        return "the publisher ended it"
    try:
        part = await children.run(parse, result.url, result.body, result.media_type, result.charset, country)
    except (ParseError, ChildLost) as e:
        return str(e)
    return "an index within an index, which is not followed" if part.parts else part


def _published(entry: FeedEntry) -> datetime:
    return entry.published_at or _OLD
