"""The text of an XML feed, with what most often makes one ill-formed put right.

A feed that is well-formed in the end is read by expat and not by feedparser's slow and coarse regex parser. All of it is linear
in the length of the text, whatever the text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from html.entities import html5
from typing import Any, NamedTuple

from lxml import etree

MAX_ENTITIES = 1000  # of a document's own that are looked at, and
MAX_ENTITY_CHARS = 1000  # of the value of one; they name agencies and copyright signs
MAX_GROWTH = 1_000_000  # characters that a document may gain by its own entities

_DECLARATION = re.compile(r"<\?xml[^>]*?>")
_START = re.compile(
    r"<!--.*?(?:-->|\Z)|(<\?xml\s|<!DOCTYPE\s|<(?:[a-z0-9]{1,20}:)?(?:rss|feed|rdf|channel|urlset|sitemapindex|opml)[\s>])",
    re.DOTALL | re.IGNORECASE,
)
_ROOT = re.compile(r"<([A-Za-z_][\w:.-]{0,60})")
_ENTRY = re.compile(r"<(?:[A-Za-z0-9]{1,20}:)?(item|entry)[\s>]", re.IGNORECASE)
_ENTRY_END = re.compile(r"</(?:[A-Za-z0-9]{1,20}:)?(?:item|entry)\s*>", re.IGNORECASE)

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # XML 1.0 §2.2
_CDATA, _CDATA_END = "<![CDATA[", "]]>"
_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)(?:(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9_.-]{0,60});)?")
_PAIR = re.compile(r"&#(?:5[56]\d{3}|x[dD][89abAB][0-9a-fA-F]{2});&#(?:5[67]\d{3}|x[dD][c-fC-F][0-9a-fA-F]{2});")
_SUBSET = re.compile(r"<!DOCTYPE\s[^>\[]{0,500}\[(.*?)\]\s*>", re.DOTALL | re.IGNORECASE)
_ENTITY = re.compile(
    rf"""<!ENTITY\s+([A-Za-z_][\w.-]{{0,60}})\s+(?:"([^"<%]{{0,{MAX_ENTITY_CHARS}}})"|'([^'<%]{{0,{MAX_ENTITY_CHARS}}})')\s*>"""
)
_BLANKS = re.compile(r"(?<![ \t\r\n])[ \t\r\n]{1000,}")  # feedparser drops blanks one by one


class Repaired(NamedTuple):
    """A document in UTF-8 without its XML declaration, and what had to be left out of it."""

    document: bytes
    notes: tuple[str, ...]


def repaired(text: str, max_entries: int) -> Repaired:
    """Return *text* as it should have been written.

    What stands before the document and behind it goes, and the entry in which it breaks off, and those after the first
    *max_entries*. Control characters go. HTML's entities and those that the document declares become characters, any other
    ampersand becomes text.
    """
    text = without_surroundings(text)
    text, broken = _closed(text)
    text, cut = _cut(text, max_entries)
    text = _legal(with_references(*_without_subset(text)))
    notes = ("it breaks off; what was whole is kept" if broken else "", f"more than {max_entries:,} entries, cut there" if cut else "")
    return Repaired(text.encode("utf-8", "replace"), tuple(filter(None, notes)))


def tree_of(text: str) -> Any:
    """Return the root of the small formats that need no more than a tree, as far as *text* can be read, in one piece or not.

    Entities of its own stay as they are written, nothing outside is read, and lxml refuses what is nested too deep.
    Raises ValueError, one line, where nothing can be read.
    """
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True)
    try:
        root = etree.fromstring(with_references(without_surroundings(text)).encode("utf-8", "replace"), parser)
    except (etree.XMLSyntaxError, ValueError) as e:
        raise ValueError(" ".join(str(e).split())[:100]) from e
    if root is None:
        raise ValueError("nothing in it could be read")
    return root


def without_surroundings(text: str) -> str:
    """Return *text* from the start of the document on, without its XML declaration, which does not hold for text.

    Warnings of a script come first as often as white space does.
    """
    start = next((found.start() for found in _START.finditer(text[:65536]) if found[1]), 0)
    return _DECLARATION.sub("", text[start:], count=1).lstrip(" \t\r\n\ufeff\0")


def root_of(text: str) -> str:
    """Return the name of the first element of *text*, as it is written; empty where there is none."""
    found = _ROOT.search(text)
    return found[1] if found else ""


def _closed(text: str) -> tuple[str, bool]:
    """Return *text* up to the end of its root, and whether it broke off before; then it ends with the last whole entry."""
    root = root_of(text)
    *_, end = 0, *(found.end() for found in re.finditer(rf"</{re.escape(root)}\s*>", text, re.IGNORECASE))
    if end or not root:
        return text[: end or None], False
    *_, last = 0, *(found.end() for found in _ENTRY_END.finditer(text))
    opened = _ENTRY.search(text, last)
    inside = text[: opened.start()] if opened else text
    tag = inside.rfind("<")
    inside = inside if ">" in inside[tag:] else inside[:tag]
    channel = "</channel>" if "<channel" in inside and "</channel>" not in inside else ""
    return f"{inside}{channel}</{root}>", True


def _cut(text: str, max_entries: int) -> tuple[str, bool]:
    """Return *text* with the entries after the first *max_entries* taken out, and whether there were any."""
    for n, found in enumerate(_ENTRY.finditer(text)):
        if n == max_entries:
            end = max(text.rfind(closing) + len(closing) for closing in (f"</{found[1]}>", f"</{found[0][1:-1]}>"))
            return text[: found.start()] + text[max(end, found.start()) :], True
    return text, False


def _without_subset(text: str) -> tuple[str, dict[str, str]]:
    """Return *text* without what its document type declares, and the entities that are declared there as plain text.

    An entity made of other entities is none of them, nor is one that lies outside: nothing is expanded twice or read from elsewhere.
    """
    root = _ROOT.search(text)
    found = _SUBSET.search(text, 0, root.start()) if root and "<!ENTITY" in text[: root.start()] else None
    if not found:
        return text, {}
    declared = _ENTITY.findall(found[1][: MAX_ENTITIES * MAX_ENTITY_CHARS])[:MAX_ENTITIES]
    own = {name: html.unescape(double or single) for name, double, single in declared}
    plain = {name: value for name, value in own.items() if not _refers(value)}
    grown = sum(text.count(f"&{name};") * len(value) for name, value in plain.items() if len(value) > len(name))
    return text[: found.start(1) - 1] + text[found.end(1) + 1 :], plain if grown <= MAX_GROWTH else {}


def _refers(value: str) -> bool:
    return re.search(r"&[A-Za-z_#]", value) is not None


def with_references(text: str, own: Mapping[str, str] | None = None) -> str:
    """Return *text* with HTML's entities and its *own* as characters, and ampersands that begin neither as text.

    CDATA sections stay as they are; the end of the text closes an open one, and one that runs over the end of its entry was
    never meant to be open so long: what it holds is taken as markup.
    """
    own = own or {}
    text = _PAIR.sub(_joined, text)

    def replaced(found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return "&amp;"
        if name.startswith("#"):
            return _escaped(html.unescape(found[0])) if _is_legal(name) else ""  # &#146; is meant as in Windows-1252
        return _escaped(own[name] if name in own else html5.get(f"{name};", found[0]))

    first, *sections = text.split(_CDATA)
    pieces = [_AMPERSAND.sub(replaced, first)]
    for section in sections:
        inside, end, outside = section.partition(_CDATA_END)
        if not end and _ENTRY_END.search(inside):
            pieces.append(_AMPERSAND.sub(replaced, inside))
            continue
        pieces += (_CDATA, inside, end, _AMPERSAND.sub(replaced, outside))
    return "".join(pieces)


def _joined(pair: re.Match[str]) -> str:
    """Return the character that two references to surrogates mean, as writers that think in UTF-16 make them of emoji."""
    units = [int(unit[1:], 16) if unit[0] == "x" else int(unit) for unit in re.findall(r"x?[0-9a-fA-F]+", pair[0])]
    return "".join(map(chr, units)).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _is_legal(reference: str) -> bool:
    code = int(reference[2:], 16) if reference[1] in "xX" else int(reference[1:])
    return code <= 0x10FFFF and not _ILLEGAL.match(chr(code))


def _escaped(characters: str) -> str:
    return html.escape(characters, quote=True)


def _legal(text: str) -> str:
    kinds = text.encode("utf-8", "replace").translate(_KINDS)  # finds in no time what is hardly ever there
    text = _ILLEGAL.sub("", text) if b"!" in kinds else text
    return _BLANKS.sub(" ", text) if b" " * 1000 in kinds else text


def _kind(byte: int) -> str:
    if chr(byte) in " \t\r\n":
        return " "
    return "!" if byte < 0x20 or byte in (0xED, 0xEF) else "-"  # 0xED begins surrogates, 0xEF U+FFFE and U+FFFF


_KINDS = "".join(map(_kind, range(256))).encode()
