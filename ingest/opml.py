"""Feed lists in and out: OPML 2.0 (http://opml.org/spec2.opml)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from stream.errors import ConfigError
from stream.messages import clean_text

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # what XML 1.0 §2.2 has no way to write
MAX_BYTES = 50 * 1024 * 1024  # a list of 100,000 feeds has about 20 MB


@dataclass(frozen=True, slots=True)
class OpmlFeed:
    """One feed of a list; *folders* are the texts of the outlines around it, outermost first."""

    url: str
    title: str = ""
    site: str | None = None
    language: str | None = None
    folders: tuple[str, ...] = ()


def read_opml(path: Path) -> tuple[OpmlFeed, ...]:
    """Return the feeds listed in the file *path*, each URL once, in order. Raises ConfigError that names file and problem."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as e:
        raise ConfigError(f"{path} cannot be read: {e.strerror}") from e
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path} is larger than {MAX_BYTES:,} bytes: no feed list")
    try:
        return parse_opml(data)
    except ConfigError as e:
        raise ConfigError(f"{path}: {e}") from e.__cause__


def parse_opml(data: bytes) -> tuple[OpmlFeed, ...]:
    """Return the feeds of an OPML document: outlines with an ``xmlUrl``, names of attributes in any case, at any depth.

    Small damage, a bare ``&`` above all, is repaired. Entities of the document's own are not expanded and nothing outside of it is
    read. Raises ConfigError for what is no OPML or lists no feed.
    """
    # lxml refuses amplification and depth over its limits as long as huge_tree is off.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=True, huge_tree=False, remove_comments=True)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as e:
        raise ConfigError(f"not XML: {e}") from e
    if root is None:
        raise ConfigError("not XML: nothing could be read")
    if _name(root) != "opml":
        raise ConfigError(f"not OPML: the outermost element is <{_name(root)}>, not <opml>")
    feeds: dict[str, OpmlFeed] = {}
    for outline in root.iter("{*}*"):
        feed = _feed(outline) if _name(outline) == "outline" else None
        if feed is not None:
            feeds.setdefault(feed.url, feed)
    if not feeds:
        raise ConfigError("no feeds in it: no outline has an xmlUrl")
    return tuple(feeds.values())


def write_opml(feeds: Iterable[OpmlFeed], title: str = "Dateline") -> bytes:
    """Return *feeds* as an OPML 2.0 document, folders as nested outlines; reading it back gives the same feeds."""
    root = etree.Element("opml", version="2.0")
    etree.SubElement(etree.SubElement(root, "head"), "title").text = _legal(title)
    body = etree.SubElement(root, "body")
    folders: dict[tuple[str, ...], etree._Element] = {(): body}
    for feed in feeds:
        for depth in range(len(feed.folders)):
            inner = feed.folders[: depth + 1]
            if inner not in folders:
                folders[inner] = etree.SubElement(folders[inner[:-1]], "outline", text=_legal(inner[-1]))
        known = {"text": feed.title or feed.url, "title": feed.title, "xmlUrl": feed.url, "htmlUrl": feed.site, "language": feed.language}
        attributes = {name: _legal(value) for name, value in known.items() if value}
        etree.SubElement(folders[feed.folders], "outline", {"type": "rss", **attributes})
    document: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return document


def _feed(outline: etree._Element) -> OpmlFeed | None:
    values = _attributes(outline)
    url = values.get("xmlurl", "")
    if not url:
        return None
    title = values.get("title") or values.get("text", "")
    around = [_attributes(parent) for parent in outline.iterancestors() if _name(parent) == "outline"]
    folders = tuple(name for parent in reversed(around) if (name := parent.get("text") or parent.get("title", "")))
    return OpmlFeed(url, "" if title == url else title, values.get("htmlurl") or None, values.get("language") or None, folders)


def _attributes(element: etree._Element) -> dict[str, str]:
    return {str(name).rpartition("}")[2].lower(): str(value).strip() for name, value in element.attrib.items()}


def _name(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2].lower()


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", clean_text(text))
