"""RSS 0.9x to 2.0, RDF, Atom and CDF through feedparser → ParsedFeed.

feedparser gets UTF-8 that was decoded and repaired here, and does neither sanitise nor resolve: HTML becomes text anyway.
That is about three times faster and free of a quadratic blow-up in its sanitiser.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from feedparser.api import parse as _untyped_parse

from ingest.dates import parse_date
from ingest.formats import MAX_ENCLOSURES, SEAM, ParseError, absolute_url, distinct
from ingest.model import Enclosure, FeedEntry, ParsedFeed
from ingest.text import html_to_text, one_line, plain_text

_parse: Callable[..., Any] = _untyped_parse

MAX_TTL = timedelta(days=366)

_DECLARATION = re.compile(r"<\?xml[^>]*?>")
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # XML 1.0 §2.2
_ILLEGAL_REFERENCE = re.compile(r"&#(?:0*(?:[0-8]|1[124-9]|2[0-9]|3[01])|[xX]0*(?:[0-8]|[bBcCeEfF]|1[0-9a-fA-F]));")
_NAMED_REFERENCE = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)([A-Za-z][A-Za-z0-9]{1,31};)")
# feedparser drops blanks one by one, and looks for e-mail addresses by a regex that is quadratic in the length of a word.
_BLANKS = re.compile(r"(?<![ \t\r\n])[ \t\r\n]{1000,}")
_LONG_WORD = re.compile(r"(?<![\w.+-])[\w.+-]{200,}", re.ASCII)
_ENTRY = re.compile(r"<(?:[A-Za-z0-9]{1,20}:)?(item|entry)[\s>]", re.IGNORECASE)

_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_DATES = ("published", "created", "updated")  # feedparser's names; RDF's dc:date is its updated
_PERIODS = {"hourly": 3600, "daily": 86_400, "weekly": 604_800, "monthly": 2_592_000, "yearly": 31_536_000}  # seconds


def read(url: str, text: str, max_entries: int) -> ParsedFeed:
    """Return the feed in *text*, which came from *url*. Raises ParseError where it is none."""
    text, cut = _cut(text, max_entries)
    found = _parse(io.BytesIO(repaired(text)), resolve_relative_uris=False, sanitize_html=False)
    entries = tuple(_entry(url, entry) for entry in found.entries[:max_entries])
    version = found.version or {"channel": "cdf"}.get(_root(text).lower(), "")
    if not version and not entries:
        raise ParseError(f"XML, but neither RSS nor Atom: its root is {_root(text)}")
    notes = (f"not well-formed ({_complaint(found)})" if found.bozo else "", f"more than {max_entries:,} entries, cut there" if cut else "")
    feed = found.feed
    return ParsedFeed(
        format=version or "xml",
        title=one_line(_detail(feed, "title")),
        link=absolute_url(url, _get(feed, "link")),
        language=_line(_get(feed, "language")) or None,
        ttl=_ttl(feed),
        entries=entries,
        note="; ".join(filter(None, notes)) or None,
    )


def repaired(text: str) -> bytes:
    """Return *text* in UTF-8 without its XML declaration and with what most often makes a feed ill-formed put right.

    Control characters go, literal or as references, and HTML's named entities become characters, except where the
    document declares its own. A feed that stays well-formed is read by expat and not by feedparser's slow regex parser.
    """
    text = _DECLARATION.sub("", text, count=1).lstrip()
    if "&" in text and "<!ENTITY" not in text:
        text = _NAMED_REFERENCE.sub(_character, _ILLEGAL_REFERENCE.sub("", text))
    kinds = text.encode("utf-8", "replace").translate(_KINDS)  # finds in no time what is hardly ever there
    if b"!" in kinds:
        text = _ILLEGAL.sub("", text)
    if b" " * 1000 in kinds:
        text = _BLANKS.sub(" ", text)
    if b"w" * 200 in kinds:
        text = _LONG_WORD.sub(_seamed, text)
    return text.encode()


def _kind(byte: int) -> str:
    character = chr(byte)
    if character in " \t\r\n":
        return " "
    if byte < 0x20 or byte == 0xEF:  # 0xEF begins U+FFFE and U+FFFF
        return "!"
    return "w" if byte < 0x80 and (character.isalnum() or character in "_.+-") else "-"


_KINDS = "".join(map(_kind, range(256))).encode()


def _seamed(word: re.Match[str]) -> str:
    return SEAM.join(word[0][n : n + 200] for n in range(0, len(word[0]), 200))


def _character(reference: re.Match[str]) -> str:
    characters = html.entities.html5.get(reference[1], "")
    return characters if characters and not set(characters) & set("<>&\"'") else reference[0]


def _cut(text: str, max_entries: int) -> tuple[str, bool]:
    """Return *text* with the entries after the first *max_entries* taken out, and whether there were any."""
    for n, found in enumerate(_ENTRY.finditer(text)):
        if n == max_entries:
            end = max(text.rfind(closing) + len(closing) for closing in (f"</{found[1]}>", f"</{found[0][1:-1]}>"))
            return text[: found.start()] + text[max(end, found.start()) :], True
    return text, False


def _root(text: str) -> str:
    found = re.search(r"<([A-Za-z_][^\s/>]{0,60})", text)
    return found[1] if found else "missing"


def _complaint(found: Any) -> str:
    return " ".join(str(found.get("bozo_exception", "")).split())[:100]


def _entry(base: str, entry: Any) -> FeedEntry:
    content = _content(entry)
    summary = _detail(entry, "summary") if _get(entry, "summary_detail") else ""
    published_at, source = _date(entry)
    return FeedEntry(
        guid=_line(_get(entry, "id")) or None,
        link=_link(base, entry),
        title=one_line(_detail(entry, "title")),
        summary=summary,
        content=content,
        authors=distinct(_line(author.get("name")) for author in _get(entry, "authors") or ()),
        categories=distinct(_line(tag.get("label") or tag.get("term")) for tag in _get(entry, "tags") or ()),
        language=_language(entry),
        published_at=published_at,
        published_at_source=source,
        enclosures=tuple(_enclosures(base, entry))[:MAX_ENCLOSURES],
    )


def _get(mapping: Any, name: str) -> Any:
    """Return what feedparser stored under *name*; its own look-up answers for one date with another."""
    return dict.get(mapping, name)


def _detail(context: Any, name: str) -> str:
    """Return the text of element *name*, HTML or plain as its type says."""
    detail = _get(context, f"{name}_detail")
    return _text(detail) if detail else plain_text(_get(context, name) or "")


def _text(detail: Mapping[str, Any]) -> str:
    value, kind = detail.get("value") or "", detail.get("type") or "text/html"
    if kind in _HTML_TYPES:
        return html_to_text(value)
    return plain_text(value) if kind.startswith("text/") else ""


def _content(entry: Any) -> str:
    """Return the longest of the entry's contents: some feeds give a teaser and the article under one name."""
    return max((_text(content) for content in _get(entry, "content") or ()), key=len, default="")


def _link(base: str, entry: Any) -> str | None:
    """Return the entry's page: what FeedBurner kept of the publisher's link, the link, the first alternate, a guid that is a URL."""
    links = _get(entry, "links") or ()
    alternates = [link.get("href") for link in links if link.get("rel") == "alternate"]
    for candidate in (_get(entry, "feedburner_origlink"), *([_get(entry, "link")] if links else ()), *alternates):
        link = absolute_url(base, candidate)
        if link:
            return link
    return absolute_url("", _get(entry, "link"))


def _date(entry: Any) -> tuple[datetime | None, str | None]:
    for name in _DATES:
        moment = parse_date(_get(entry, name) or "")
        if moment:
            return moment, name
    return None, None


def _language(entry: Any) -> str | None:
    details = (*(_get(entry, "content") or ()), _get(entry, "summary_detail"), _get(entry, "title_detail"))
    named = (_get(entry, "language"), *(detail.get("language") for detail in details if detail))
    return next((_line(language) for language in named if language), None)


def _enclosures(base: str, entry: Any) -> Iterator[Enclosure]:
    for link in _get(entry, "links") or ():
        url = absolute_url(base, link.get("href")) if link.get("rel") == "enclosure" else None
        if url:
            yield Enclosure(url, _line(link.get("type")).lower() or None, _whole(link.get("length")))


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


def _line(value: object) -> str:
    return one_line(plain_text(value)) if isinstance(value, str) else ""
