"""Bytes of a feed → ParsedFeed: decode, find the format in the FORMATS table, let that format read it.

A pure function of picklable values, made to run in another process.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from ingest.charset import Decoded, decode
from ingest.discovery import discover
from ingest.formats import ParseError, jsonfeed, rss, sitemap
from ingest.model import ParsedFeed

__all__ = ["FORMATS", "MAX_ENTRIES", "ParseError", "parse"]

MAX_ENTRIES = 10_000  # of one feed; the rest is left out with a note
MAX_UNPACKED = 50_000_000  # bytes; what a sitemap may have (https://www.sitemaps.org/protocol.html)

_GZIP = b"\x1f\x8b"
_JUNK = " \t\r\n\ufeff\0"
_FEED_TAG = re.compile(r"<(?:rss\s[^>]*\bversion|rdf:RDF\s|feed\s[^>]*\bxmlns)", re.IGNORECASE)
_FIRST_TAG = re.compile(r"<(?![?!])[^\s/>]{1,60}")


class Format(NamedTuple):
    """A way to write feeds: *claims* says from the start of the text whether this is one, *read* takes it apart."""

    name: str
    claims: Callable[[str], bool]
    read: Callable[[str, str, int, str | None], ParsedFeed]


FORMATS = (
    Format("JSON Feed", jsonfeed.claims, jsonfeed.read),
    Format("sitemap", sitemap.claims, sitemap.read),
    Format("RSS, RDF or Atom", lambda start: "<" in start and not _is_page(start), rss.read),
)


def parse(url: str, body: bytes, media_type: str | None = None, charset: str | None = None, country: str | None = None) -> ParsedFeed:
    """Return the feed in *body*, which came from *url*.

    *charset* is that of the Content-Type header. *media_type* is used for the message alone: feeds are served under every type.
    *country* is that of the outlet, ISO 3166 alpha-3, by which names of time zones are understood.
    Raises ParseError, one line, for what is no feed.
    """
    decoded = decode(unpacked(body), charset)
    text = decoded.text.lstrip(_JUNK)
    start = text[:4096]
    if not text:
        raise ParseError("the answer is empty")
    for form in FORMATS:
        if form.claims(start):
            return _noted(form.read(url, text, MAX_ENTRIES, country), decoded)
    if _is_page(start):
        raise ParseError(f"this is a web page, not a feed{_feed_of_page(url, text)}")
    raise ParseError(f"neither XML nor JSON{f', served as {media_type}' if media_type else ''}: no feed")


def unpacked(body: bytes) -> bytes:
    """Return *body*, or what is in it where it is a gzip file: some servers pack a feed and do not say so."""
    if not body.startswith(_GZIP):
        return body
    try:
        return zlib.decompressobj(wbits=31).decompress(body, MAX_UNPACKED)
    except zlib.error as e:
        raise ParseError(f"a gzip file that cannot be unpacked ({e})") from e


def _is_page(start: str) -> bool:
    """Tell whether a document that begins with *start* is a web page, and not a feed that something put into one."""
    if _FEED_TAG.search(start):
        return False
    first = _FIRST_TAG.search(start)
    return start[:14].lower() == "<!doctype html" or (first is not None and first[0].lower() in ("<html", "<head", "<body"))


def _feed_of_page(url: str, text: str) -> str:
    """Return a hint at the first feed that the page names."""
    found = discover(url, text)
    return f"; its feed may be {found[0].url}" if found else "; `dateline feeds add` looks for the feeds of a page"


def _noted(feed: ParsedFeed, decoded: Decoded) -> ParsedFeed:
    if not decoded.strays:
        return feed
    stray = f"{decoded.strays:,} bytes that are not {decoded.encoding} were replaced"
    return replace(feed, note="; ".join(filter(None, (stray, feed.note))))
