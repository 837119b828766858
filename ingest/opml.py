"""Feed lists in and out: OPML 2.0 (http://opml.org/spec2.opml), and plain text in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html.entities import html5
from typing import Protocol

from lxml import etree

from stream.errors import ConfigError
from stream.messages import clean_text

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # what XML 1.0 §2.2 has no way to write

_AMPERSAND = re.compile(rb"&(?:(#\d+|#[xX][0-9a-fA-F]+|amp|lt|gt|quot|apos);|(\w+);)?")


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

    Feeds are outlines with an ``xmlUrl``, names of attributes in any case, at any depth. Small damage, a bare ``&`` above all, is
    repaired. Entities of the document's own are not expanded and nothing outside of it is read. Raises ConfigError, which begins
    with *name*, for what is no OPML or lists no feed.
    """
    try:
        return _feeds(_root(data))
    except ConfigError as e:
        raise ConfigError(f"{name}: {e}") from e.__cause__


def read_list(data: bytes, name: str) -> tuple[OpmlFeed, ...]:
    """Return the feeds that *data* lists: an OPML document, or text with an address at the start of a line and # before a remark.

    Raises ConfigError, which begins with *name*, where it lists none.
    """
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return read_opml(data, name)
    lines = (line.split() for line in data.decode("utf-8-sig", "replace").splitlines())
    urls = dict.fromkeys(words[0] for words in lines if words and not words[0].startswith("#"))
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


def _root(data: bytes) -> etree._Element:
    # lxml refuses amplification and nesting over its limits as long as huge_tree is off.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=True, huge_tree=False, remove_comments=True)
    try:
        root = etree.fromstring(_AMPERSAND.sub(_reference, data), parser)
    except (etree.XMLSyntaxError, ValueError) as e:
        raise ConfigError(f"not XML: {e}") from e
    if root is None:
        raise ConfigError("not XML: nothing in it could be read")
    if _name(root) != "opml":
        raise ConfigError(f"not OPML: the outermost element is <{_name(root)}>, not <opml>")
    return root


def _reference(found: re.Match[bytes]) -> bytes:
    """Return the reference as XML knows it: HTML's names as numbers, and a bare ampersand, or a name of the document's own, as text."""
    known, name = found.groups()
    if known:
        return found[0]
    meaning = html5.get(f"{name.decode('ascii', 'replace')};") if name else None
    return b"".join(b"&#%d;" % ord(character) for character in meaning) if meaning else b"&amp;" + found[0][1:]


def _feeds(root: etree._Element) -> tuple[OpmlFeed, ...]:
    feeds: dict[str, OpmlFeed] = {}
    for element in root.iter("{*}*"):
        feed = _feed(element) if _name(element) == "outline" else None
        if feed is not None:
            feeds.setdefault(feed.url, feed)
    if not feeds:
        raise ConfigError("no feeds in it: no outline has an xmlUrl")
    return tuple(feeds.values())


def _feed(outline: etree._Element) -> OpmlFeed | None:
    values = {str(name).rpartition("}")[2].lower(): str(value).strip() for name, value in outline.attrib.items()}
    url = values.get("xmlurl", "")
    title = values.get("title") or values.get("text", "")
    return OpmlFeed(url, "" if title == url else title, values.get("language") or None) if url else None


def _name(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2].lower()


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", clean_text(text))
