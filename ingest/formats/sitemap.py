"""Sitemaps, those of news among them, and indexes of sitemaps → ParsedFeed.

https://www.sitemaps.org/protocol.html and https://developers.google.com/search/docs/crawling-indexing/sitemaps/news-sitemap. A plain
sitemap says of a page where it is and when it changed; its text is that of the page. An index has *parts* instead of entries.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from ingest.dates import parse_date
from ingest.formats import IMAGE, ParseError, absolute_url, distinct, distinct_enclosures
from ingest.formats.repair import root_of, tree_of, without_surroundings
from ingest.model import FeedEntry, ParsedFeed
from ingest.text import plain_line
from stream.messages import Enclosure

MAX_PAGES = 1000  # of one sitemap, the newest; no more are news (Google's limit for a news sitemap)
MAX_PARTS = 1000  # of one index, the newest

_ROOTS = frozenset({"urlset", "sitemapindex"})
_OLD = datetime.min.replace(tzinfo=UTC)


def claims(start: str) -> bool:
    """Tell from the *start* of a document whether it is a sitemap or an index of some."""
    return _local(root_of(without_surroundings(start))) in _ROOTS


def read(url: str, text: str, max_entries: int, country: str | None = None) -> ParsedFeed:
    """Return the pages, or the parts, that the sitemap in *text* lists, the newest first; what says no time stays in its order."""
    try:
        root = tree_of(text)
    except ValueError as e:
        raise ParseError(f"a sitemap that cannot be read ({e})") from e
    name = _local(root.tag)
    listed = [child for child in root if _local(child.tag) == ("url" if name == "urlset" else "sitemap")]
    whole = not listed or f"{name}>" in text[-1000:].lower()
    listed = listed if whole else listed[:-1]
    broken = "" if whole else "it breaks off; what was whole is kept"
    if name == "sitemapindex":
        return ParsedFeed("sitemapindex", parts=_parts(url, listed), note=broken or None)
    entries = sorted(filter(None, (_entry(url, element, country) for element in listed)), key=_age)
    limit = min(MAX_PAGES, max_entries)
    cut = f"{len(entries):,} pages, the newest {limit:,} kept" if len(entries) > limit else ""
    return ParsedFeed("sitemap", entries=tuple(entries[:limit]), note="; ".join(filter(None, (broken, cut))) or None)


def _entry(base: str, element: Any, country: str | None) -> FeedEntry | None:
    said = dict(_said(element))
    link = absolute_url(base, said.get("loc"))
    if not link:
        return None
    dates = ((name, parse_date(said.get(name, ""), country)) for name in ("publication_date", "lastmod"))
    source, published_at = next(((name, moment) for name, moment in dates if moment), (None, None))
    return FeedEntry(
        link=link,
        title=said.get("title", ""),
        categories=distinct(keyword.strip() for keyword in said.get("keywords", "").split(",")),
        language=said.get("language") or None,
        published_at=published_at,
        published_at_source=source,
        enclosures=distinct_enclosures(_images(base, element)),
    )


def _said(element: Any) -> Iterator[tuple[str, str]]:
    """Yield local name and text of what *element* says of the page itself: its own children and the news of it."""
    for child in element:
        if _local(child.tag) == "news":
            yield from ((_local(part.tag), _line(part)) for part in child.iter("{*}*"))
        else:
            yield _local(child.tag), _line(child)


def _images(base: str, element: Any) -> Iterator[Enclosure]:
    for image in element.iter("{*}image"):
        for location in image.iter("{*}loc"):
            if url := absolute_url(base, _line(location)):
                yield Enclosure(url=url, media_type=IMAGE)


def _parts(base: str, listed: list[Any]) -> tuple[str, ...]:
    """Return the sitemaps of an index, the newest first; of those that say no time, those of news."""

    def order(element: Any) -> tuple[float, bool]:
        said = dict(_said(element))
        changed = parse_date(said.get("lastmod", "")) or _OLD
        return -changed.timestamp() if changed > _OLD else 0.0, "news" not in said.get("loc", "").lower()

    urls = (absolute_url(base, dict(_said(element)).get("loc")) for element in sorted(listed, key=order))
    return tuple(dict.fromkeys(url for url in urls if url))[:MAX_PARTS]


def _age(entry: FeedEntry) -> float:
    return -entry.published_at.timestamp() if entry.published_at else 0.0


def _line(element: Any) -> str:
    return plain_line(element.text or "")


def _local(tag: object) -> str:
    return tag.rpartition("}")[2].rpartition(":")[2].lower() if isinstance(tag, str) else ""
