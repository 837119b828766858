"""Feed lists in and out: OPML 2.0 (http://opml.org/spec2.opml), and plain text in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from lxml import etree

from ingest.charset import decode
from ingest.formats import address_of
from ingest.formats.repair import tree_of
from ingest.text import plain_line
from stream.errors import ConfigError
from stream.messages import clean_text

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # what XML 1.0 §2.2 has no way to write
_FEED_KINDS = frozenset({"rss", "atom", "rdf"})  # outlines of these may have their address under url, as in OPML 1.0
_OPML = re.compile(
    r"\s*<(?!https?:)|.{0,65536}?<opml[\s>]", re.DOTALL | re.IGNORECASE
)  # what a document starts with, warnings before it or not
_ADDRESS = re.compile(r"[\s\"'<]*([^\s\"'<>]+)")  # the first of a line, in quotes or brackets as in tables and mails


class Listed(Protocol):
    """What a list says of a feed; ``storage.feeds.Feed`` has it too."""

    @property
    def url(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def language(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class OpmlFeed:
    """One feed of a list; *language* as the list says it."""

    url: str
    title: str = ""
    language: str | None = None


def read_opml(data: bytes, name: str) -> tuple[OpmlFeed, ...]:
    """Return the feeds of the OPML document *data*, each URL once, in order.

    Feeds are outlines with an ``xmlUrl``, names of attributes in any case, at any depth. Any encoding is read, and small damage, a
    bare ``&`` above all, is repaired. Entities of the document's own are not expanded and nothing outside of it is read. Raises
    ConfigError, which begins with *name*, for what is no OPML or lists no feed.
    """
    return _read_opml(decode(data, None).text, name)


def read_list(data: bytes, name: str) -> tuple[OpmlFeed, ...]:
    """Return the feeds that *data* lists: an OPML document, or text with an address at the start of a line and # before a remark.

    Raises ConfigError, which begins with *name*, where it lists none.
    """
    text = decode(data, None).text
    if _OPML.match(text):
        return _read_opml(text, name)
    first = (found[1].rstrip(",;") for line in text.splitlines() if (found := _ADDRESS.match(line)))
    urls = dict.fromkeys(url for url in first if url and not url.startswith("#"))
    if not urls:
        raise ConfigError(f"{name}: no addresses in it")
    return tuple(map(OpmlFeed, urls))


def write_opml(feeds: Iterable[Listed], title: str = "Dateline") -> bytes:
    """Return *feeds* as an OPML 2.0 document; reading it back gives the same feeds."""
    root = etree.Element("opml", version="2.0")
    etree.SubElement(etree.SubElement(root, "head"), "title").text = _legal(title)
    body = etree.SubElement(root, "body")
    for feed in feeds:
        known = {"text": feed.title or feed.url, "title": feed.title, "xmlUrl": feed.url, "language": feed.language}
        etree.SubElement(body, "outline", {"type": "rss", **{name: _legal(value) for name, value in known.items() if value}})
    document: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return document


def _read_opml(text: str, name: str) -> tuple[OpmlFeed, ...]:
    try:
        root = tree_of(text)
    except ValueError as e:
        raise ConfigError(f"{name}: not XML: {e}") from e
    if _name(root) != "opml":
        raise ConfigError(f"{name}: not OPML: the outermost element is <{_name(root)}>, not <opml>")
    feeds = _feeds(root)
    if not feeds:
        raise ConfigError(f"{name}: no feeds in it: no outline has an xmlUrl")
    return feeds


def _feeds(root: etree._Element) -> tuple[OpmlFeed, ...]:
    feeds: dict[str, OpmlFeed] = {}
    for element in root.iter("{*}*"):
        feed = _feed(element) if _name(element) == "outline" else None
        if feed is not None:
            feeds.setdefault(feed.url, feed)
    return tuple(feeds.values())


def _feed(outline: etree._Element) -> OpmlFeed | None:
    values = {str(name).rpartition("}")[2].lower(): str(value).strip() for name, value in outline.attrib.items()}
    url = address_of(values.get("xmlurl") or (values.get("url", "") if values.get("type", "").lower() in _FEED_KINDS else ""))
    title = plain_line(values.get("title") or values.get("text", ""))
    return OpmlFeed(url, "" if title == url else title, values.get("language") or None) if url else None


def _name(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2].lower()


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", clean_text(text))
