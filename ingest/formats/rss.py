"""RSS 0.9x to 2.0, RDF, Atom and CDF through feedparser → ParsedFeed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from ingest.dates import parse_date
from ingest.formats import IMAGE, ParseError, absolute_url, distinct, distinct_enclosures
from ingest.formats.feedparsing import is_html, read_xml
from ingest.formats.repair import repaired, root_of
from ingest.model import FeedEntry, Hub, ParsedFeed
from ingest.skipping import read_skip
from ingest.text import html_to_text, one_line, plain_text
from stream.messages import Enclosure

MAX_TTL = timedelta(days=366)

_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_CDATA = "<![CDATA["
_FULL_TEXTS = ("yandex_full-text", "mailru_full-text")  # what news aggregators in Russia ask for; publishers give it to all
_BINARY = "application/octet-stream"  # Atom's base64 (RFC 4287 §4.1.3.3); feedparser leaves it as it is where it is no text
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
_MEDIUMS = {medium: f"{medium}/*" for medium in ("image", "audio", "video")}
_DATES = ("published", "created", "updated")  # feedparser's names; RDF's dc:date is its updated
_PERIODS = {"hourly": 3600, "daily": 86_400, "weekly": 604_800, "monthly": 2_592_000, "yearly": 31_536_000}  # seconds


def read(url: str, text: str, max_entries: int, country: str | None = None) -> ParsedFeed:
    """Return the feed in *text*, which came from *url*, of an outlet in *country*. Raises ParseError where it is none."""
    document, notes = repaired(text, max_entries)
    found = read_xml(document)
    above = found.feed if found.version.startswith("atom") else {}
    entries = tuple(_entry(url, entry, above, country) for entry in found.entries[:max_entries])
    version = found.version or {"channel": "cdf"}.get(root_of(text).lower(), "")
    if not version and not entries:
        raise ParseError(f"XML, but neither RSS nor Atom: its root is {root_of(text) or 'missing'}")
    complaint = f"not well-formed ({found.complaint})" if found.complaint else ""
    return ParsedFeed(
        format=version or "xml",
        title=one_line(_detail(found.feed, "title")),
        link=absolute_url(url, _get(found.feed, "link")),
        language=_line(_get(found.feed, "language")) or None,
        ttl=_ttl(found.feed),
        skip=read_skip(text),
        entries=entries,
        note="; ".join(filter(None, (complaint, *notes))) or None,
        hub=Hub(_related(url, found.feed, "hub"), _related(url, found.feed, "self")),
    )


def _related(base: str, feed: Any, relation: str) -> str | None:
    return next((absolute_url(base, link.get("href")) for link in _records(feed, "links") if link.get("rel") == relation), None)


def _entry(base: str, entry: Any, above: Any, country: str | None) -> FeedEntry:
    """Return *entry*, which inherits what it lacks from *above*."""
    published_at, source = _date(entry, country)
    return FeedEntry(
        guid=_line(_get(entry, "id")) or None,
        link=_link(base, entry),
        title=one_line(_detail(entry, "title")) or _line(_get(entry, "itunes_title")),
        summary=_detail(entry, "summary") if _get(entry, "summary_detail") else plain_text(_string(_get(entry, "media_about"))),
        content=_content(entry),
        authors=_authors(entry, above),
        categories=distinct(_name(tag.get("label") or tag.get("term")) for tag in _records(entry, "tags")),
        language=_language(entry),
        published_at=published_at,
        published_at_source=source,
        enclosures=distinct_enclosures(_enclosures(base, entry)),
    )


def _get(mapping: Any, name: str) -> Any:
    """Return what feedparser stored under *name*; its own look-up answers for one date with another."""
    return dict.get(mapping, name)


def _records(mapping: Any, name: str) -> Iterator[Mapping[str, Any]]:
    """Yield the dictionaries under *name*; an element of that name that feedparser does not know leaves something else there."""
    found = _get(mapping, name)
    return (record for record in found if isinstance(record, Mapping)) if isinstance(found, list) else iter(())


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _detail(context: Any, name: str) -> str:
    """Return the text of element *name*, HTML or plain as its type says."""
    detail = _get(context, f"{name}_detail")
    return _text(detail) if isinstance(detail, Mapping) else plain_text(_string(_get(context, name)))


def _text(detail: Mapping[str, Any]) -> str:
    value, kind = _unwrapped(_string(detail.get("value"))), _string(detail.get("type")) or "text/html"
    if kind in _HTML_TYPES or (kind == _BINARY and not _BASE64.fullmatch(value)):
        return html_to_text(value)
    return plain_text(value) if kind.startswith("text/") else ""


def _unwrapped(value: str) -> str:
    """Return *value* without the marks of CDATA that a publishing system escaped with what they mark."""
    marked = value.strip()
    return marked.removeprefix(_CDATA).removesuffix("]]>") if marked.startswith(_CDATA) else value


def _content(entry: Any) -> str:
    """Return the longest of the entry's contents: some feeds give a teaser and the article under one name."""
    whole = (_string(_get(entry, name)) for name in _FULL_TEXTS)
    texts = (html_to_text(text) if is_html(text) else plain_text(text) for text in whole if text)
    return max((*map(_text, _records(entry, "content")), *texts), key=len, default="")


def _authors(entry: Any, above: Any) -> tuple[str, ...]:
    """Return the names of the entry's authors; Atom's are else those of its source or of the feed (RFC 4287 §4.2.1)."""
    contexts = (context for context in (entry, _get(entry, "source"), above) if isinstance(context, Mapping))
    named = (distinct(_name(author.get("name")) for author in _records(context, "authors")) for context in contexts)
    return next(filter(None, named), ())


def _link(base: str, entry: Any) -> str | None:
    """Return the entry's page: what FeedBurner kept of the publisher's link, the first alternate (of HTML, if any is), a guid."""
    alternates = [link for link in _records(entry, "links") if link.get("rel") == "alternate"]
    alternates.sort(key=lambda link: link.get("type") not in _HTML_TYPES)
    for candidate in (_get(entry, "feedburner_origlink"), *(link.get("href") for link in alternates)):
        link = absolute_url(base, candidate)
        if link:
            return link
    return absolute_url("", _get(entry, "link"))


def _date(entry: Any, country: str | None) -> tuple[datetime | None, str | None]:
    for name in _DATES:
        moment = parse_date(_string(_get(entry, name)), country)
        if moment:
            return moment, name
    return None, None


def _language(entry: Any) -> str | None:
    details = (*_records(entry, "content"), *(detail for name in ("summary", "title") if (detail := _get(entry, f"{name}_detail"))))
    named = (_get(entry, "language"), *(detail.get("language") for detail in details if isinstance(detail, Mapping)))
    return next((_line(language) for language in named if language), None)


def _enclosures(base: str, entry: Any) -> Iterator[Enclosure]:
    """Yield what RSS, Atom and Media RSS (https://www.rssboard.org/media-rss) and iTunes name as files of the entry."""
    for link in _records(entry, "links"):
        if link.get("rel") == "enclosure":
            yield from _enclosure(base, link.get("href"), _string(link.get("type")), link.get("length"))
    for media in _records(entry, "media_content"):
        kind = _string(media.get("type")) or _MEDIUMS.get(_string(media.get("medium")), "")
        yield from _enclosure(base, media.get("url"), kind, media.get("filesize"))
    for thumbnail in _records(entry, "media_thumbnail"):
        yield from _enclosure(base, thumbnail.get("url"), IMAGE, None)
    picture = _get(entry, "image")
    yield from _enclosure(base, picture.get("href") if isinstance(picture, Mapping) else _get(entry, "image_url"), IMAGE, None)


def _enclosure(base: str, url: object, media_type: str, length: object) -> Iterator[Enclosure]:
    absolute = absolute_url(base, url)
    if absolute:
        yield Enclosure(url=absolute, media_type=_line(media_type).lower() or None, length=_whole(length))


def _ttl(feed: Any) -> timedelta | None:
    """Return how often the feed says that it changes: RSS 2.0 ttl (minutes), else RSS 1.0's syndication module."""
    minutes = _whole(_get(feed, "ttl"))
    if minutes:
        return min(MAX_TTL, timedelta(minutes=minutes))
    period = _PERIODS.get(_line(_get(feed, "sy_updateperiod")).lower())
    return timedelta(seconds=period / (_whole(_get(feed, "sy_updatefrequency")) or 1)) if period else None


def _whole(value: object) -> int | None:
    digits = str(value or "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 12 else None


def _name(value: object) -> str:
    """Return a name on one line; publishing systems put links, and entities twice, where no markup belongs."""
    return one_line(html_to_text(_string(value)))


def _line(value: object) -> str:
    return one_line(plain_text(value)) if isinstance(value, str) else ""
