"""JSON Feed 1.0 and 1.1 (https://www.jsonfeed.org/version/1.1/) → ParsedFeed. A bad item is left out and noted, never fatal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ingest.dates import parse_date
from ingest.formats import IMAGE, ParseError, absolute_url, distinct, distinct_enclosures
from ingest.model import FeedEntry, Hub, ParsedFeed
from ingest.text import html_to_text, plain_line, plain_text
from stream.messages import Enclosure

_GUARD = re.compile(  # what stands before the object; each part is taken or not, and never tried again
    r"""(?>\s|//[^\n]*\n|/\*.{0,1000}?\*/|\)\]\}',?|while\s?\(1\);|for\s?\(;;\);|[\w.$]{1,60}\()*+(?=[{\[])""", re.DOTALL
)
_WARNED = re.compile(  # the same behind the warnings of a script; a page that shows a feed is none
    r'(?:(?!<(?:html|!doctype)\b).){0,4096}?(?=\{\s*"version"\s*:\s*"https?:(?:\\?/){2}(?:www\.)?jsonfeed\.org)', re.DOTALL | re.IGNORECASE
)
_ITEMS = re.compile(r'"items"\s*:\s*\[')
_NEXT = re.compile(r'[\s,]*(?=[{\["])')
_DECODER = json.JSONDecoder(parse_constant=lambda name: None, strict=False)  # control characters in strings are no harm
_VERSION = re.compile(r"https?://(?:www\.)?jsonfeed\.org/version/(1(?:\.[0-9])?)/?")


def claims(start: str) -> bool:
    """Tell whether a document that begins with *start* is JSON, also behind a comment, a callback, or a guard against scripts."""
    return _before(start) is not None


def read(url: str, text: str, max_entries: int, country: str | None = None) -> ParsedFeed:
    """Return the feed in *text*, which came from *url*. Raises ParseError where it is no JSON Feed."""
    document, broken = _document(text)
    version = _VERSION.fullmatch(_string(document.get("version")))
    items = _items(document, declared=version is not None)
    if items is None or not (version or document.get("title")):
        raise ParseError("JSON, but no JSON Feed: it has no version of jsonfeed.org and no list of items")
    authors = _authors(document)
    entries = [entry for item in items[:max_entries] if (entry := _entry(url, item, authors, country))]
    left_out = min(len(items), max_entries) - len(entries)
    notes = (
        "it breaks off or is damaged; the items that were whole are kept" if broken else "",
        "" if version else "no known version of JSON Feed is declared",
        f"{left_out:,} items without id, link and text were left out" if left_out else "",
        f"{len(items):,} items, cut at {max_entries:,}" if len(items) > max_entries else "",
    )
    return ParsedFeed(
        format="json" + (version[1].replace(".", "").ljust(2, "0") if version else ""),
        title=_line(document.get("title")),
        link=absolute_url(url, document.get("home_page_url")),
        language=_string(document.get("language")) or None,
        entries=tuple(entries),
        note="; ".join(filter(None, notes)) or None,
        hub=_hub(url, document),
    )


def _before(text: str) -> re.Match[str] | None:
    """Return what stands in *text* before its JSON, None where it has none."""
    return _GUARD.match(text) or _WARNED.match(text)


def _hub(base: str, document: dict[str, Any]) -> Hub:
    listed = document.get("hubs")
    hubs = [hub for hub in listed if isinstance(hub, dict)] if isinstance(listed, list) else []
    named = (hub.get("url") for hub in hubs if _string(hub.get("type")).lower() in ("websub", "pubsubhubbub"))
    return Hub(absolute_url(base, next(named, None)), absolute_url(base, document.get("feed_url")))


def _document(text: str) -> tuple[dict[str, Any], bool]:
    """Return the object in *text*, and whether it is damaged: then it has the items that stand whole in a row."""
    before = _before(text)
    text = text[before.end() :] if before else text
    try:
        document, _ = _DECODER.raw_decode(text)
    except (ValueError, RecursionError) as e:
        return _salvaged(text, e), True
    if not isinstance(document, dict):
        raise ParseError("JSON, but no JSON Feed: the top is no object")
    return document, False


def _salvaged(text: str, error: Exception) -> dict[str, Any]:
    """Return what is whole in *text*, which breaks off, or in which a comma is too many; raise ParseError where that is nothing."""
    start = _ITEMS.search(text)
    items = list(_whole(text, start.end())) if start else []
    if not start or not items:
        raise ParseError(f"this starts like JSON but is none ({' '.join(str(error).split())[:100]})") from error
    try:
        head, _ = _DECODER.raw_decode(f"{text[: start.end()]}]}}")
    except (ValueError, RecursionError):
        head = {}
    return {**head, "items": items}


def _whole(text: str, at: int) -> Iterator[Any]:
    """Yield the values of a list that stand in *text* from *at* on, up to the first that is not whole."""
    while found := _NEXT.match(text, at):
        try:
            value, at = _DECODER.raw_decode(text, found.end())
        except (ValueError, RecursionError):
            return
        yield value


def _items(document: dict[str, Any], *, declared: bool) -> list[Any] | None:
    """Return the items of a feed, None where there is no list of them; PHP writes a list with holes as an object, an empty one as null."""
    items = document.get("items")
    if isinstance(items, dict):
        return list(items.values())
    if items is None and declared:
        return []
    return items if isinstance(items, list) else None


def _entry(base: str, item: object, authors: tuple[str, ...], country: str | None) -> FeedEntry | None:
    """Return *item* as an entry; None where there is neither anything to know it by nor anything to read.

    *authors* are those of the feed, who wrote what names no others. An id that is a URL is the item's page where nothing else is.
    """
    if not isinstance(item, dict):
        return None
    guid = _identifier(item.get("id"))
    link = absolute_url(base, item.get("url")) or absolute_url(base, item.get("external_url")) or absolute_url("", guid)
    content = html_to_text(_string(item.get("content_html"))) or plain_text(_string(item.get("content_text")))
    title, summary = _line(item.get("title")), plain_text(_string(item.get("summary")))
    if not (guid or link or title or summary or content):
        return None
    published_at, source = _date(item, country)
    return FeedEntry(
        guid=guid,
        link=link,
        title=title,
        summary=summary,
        content=content,
        authors=_authors(item) or authors,
        categories=distinct(_line(tag) for tag in _list(item.get("tags"))),
        language=_string(item.get("language")) or None,
        published_at=published_at,
        published_at_source=source,
        enclosures=distinct_enclosures(_enclosures(base, item)),
    )


def _authors(owner: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of *owner*'s authors as 1.1 and as 1.0 write them."""
    named = [*_list(owner.get("authors")), *_list(owner.get("author"))]
    return distinct(_line(author if isinstance(author, str) else _mapping(author).get("name")) for author in named)


def _date(item: dict[str, Any], country: str | None) -> tuple[datetime | None, str | None]:
    for name in ("date_published", "date_modified"):
        moment = parse_date(_string(item.get(name)), country)
        if moment:
            return moment, name
    return None, None


def _enclosures(base: str, item: dict[str, Any]) -> Iterator[Enclosure]:
    for attachment in map(_mapping, _list(item.get("attachments"))):
        if url := absolute_url(base, attachment.get("url")):
            length = _size(attachment.get("size_in_bytes"))
            yield Enclosure(url=url, media_type=_line(attachment.get("mime_type")).lower() or None, length=length)
    for name in ("image", "banner_image"):
        if url := absolute_url(base, item.get(name)):
            yield Enclosure(url=url, media_type=IMAGE)


def _size(value: object) -> int | None:
    digits = _string(value).strip().partition(".")[0]
    return int(digits) if digits.isascii() and digits.isdigit() and int(digits[:20]) < 2**63 else None


def _identifier(value: object) -> str | None:
    """Return an item's id."""
    return _string(value).strip() or None


def _string(value: object) -> str:
    """Return *value* as text where it is that or a number, which stands for text in many feeds."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""


def _line(value: object) -> str:
    return plain_line(_string(value))


def _list(value: object) -> list[Any]:
    """Return *value* where it is a list, the list of it where it is a single thing."""
    if isinstance(value, dict | str):
        return [value]
    return value if isinstance(value, list) else []


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
