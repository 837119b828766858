"""HTML and loosely written plain text → clean text: paragraphs a blank line apart, one space between words.

libxml2's parser is used as a stream of events, never as a tree: time stays linear and no depth of nesting matters.
"""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Mapping

from lxml import etree

from stream.messages import is_storable

# Controls, soft hyphens, zero-width and bidirectional marks, byte order marks, lone surrogates. Joiners (U+200C, U+200D)
# stay: Persian and emoji need them.
_DROPPED = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]")  # fmt: skip  # noqa: E501
_UNPARSABLE = re.compile("[\x00\ud800-\udfff]")  # libxml2 makes U+FFFD of the first and refuses the others
_LINE, _PARAGRAPH = "\x01", "\x02"  # stand for breaks until the white space between them is settled
_LINES_ENDED = re.compile(" ?\x01[ \x01]*")
_BLANK_LINE = re.compile("\n[ \t\r]*\n|\u2029")
_ESCAPED_TWICE = re.compile(
    r"<[a-z][^<>]{0,500}>.*</[a-z][a-z0-9]{0,20}>", re.IGNORECASE | re.DOTALL
)  # what markup looks like, come out as text
_REFERENCE = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")

_SKIPPED = frozenset({"title", "script", "style", "template", "noscript", "svg", "select", "textarea", "button"})
_PARAGRAPHS = frozenset(
    {
        "address", "article", "aside", "blockquote", "body", "caption", "center", "details", "dialog", "div", "dl", "fieldset",
        "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "main", "nav", "ol",
        "p", "pre", "section", "summary", "table", "ul", "video", "audio",
    }
)  # fmt: skip
_LINES = frozenset({"br", "dd", "dt", "li", "option", "tr"})
_SPACES = frozenset({"td", "th"})


def html_to_text(markup: str) -> str:
    """Return the readable text of *markup*, a fragment or a whole page of HTML in any state of repair.

    Markup without a single tag is taken for plain text with entities: its blank lines part paragraphs. Where that text is markup
    from its start to its end, the publishing system escaped it once too often, and it is read again.
    """
    if "<" not in markup and "&" not in markup:
        return plain_text(markup)
    parser = _parsers.mine or etree.HTMLParser(target=_Collector(), huge_tree=True, remove_comments=True, remove_pis=True)
    _parsers.mine = None  # one that fails is not used again
    markup = markup.replace("&apos;", "&#39;")  # XML's own name is none of HTML 4, which libxml2 knows
    parser.feed(markup if is_storable(markup) else _UNPARSABLE.sub("", markup))
    text = _settle(parser.close(), blank_lines="<" not in markup)
    _parsers.mine = parser
    return html_to_text(text) if "<" not in markup and _ESCAPED_TWICE.fullmatch(text) else text


def plain_text(text: str) -> str:
    """Return *text* with its white space and unprintable characters settled; blank lines part paragraphs."""
    return _settle(_DROPPED.sub("", text), blank_lines=True)


def plain_line(text: str) -> str:
    """Return *text*, which is no HTML, clean and on one line; publishing systems leave HTML's references even there."""
    return one_line(plain_text(_REFERENCE.sub(lambda found: html.unescape(found[0]), text)))


def one_line(text: str) -> str:
    """Return *text*, a clean one, on one line."""
    return " ".join(text.split())


def _settle(text: str, *, blank_lines: bool) -> str:
    text = _BLANK_LINE.sub(_PARAGRAPH, text) if blank_lines else text
    paragraphs = (part.strip(_LINE + " ") for part in " ".join(text.split()).split(_PARAGRAPH))
    return "\n\n".join(_LINES_ENDED.sub(_newlines, part) if _LINE in part else part for part in paragraphs if part)


def _newlines(breaks: re.Match[str]) -> str:
    return "\n\n" if breaks[0].count(_LINE) > 1 else "\n"


class _Parsers(threading.local):
    """This thread's parser, where it has one: to make one takes as long as to parse a summary."""

    mine: etree.HTMLParser | None = None


_parsers = _Parsers()


class _Collector:
    """Receives the parser's events and gathers the text, breaks as _LINE and _PARAGRAPH; ready for the next text when closed."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._skipping = 0  # how many skipped elements are open

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag in _SKIPPED:
            self._skipping += 1
        if tag in _PARAGRAPHS:
            self._pieces.append(_PARAGRAPH)
        elif tag in _LINES:
            self._pieces.append(_LINE)
        elif tag in _SPACES:
            self._pieces.append(" ")

    def end(self, tag: str) -> None:
        if tag in _SKIPPED:
            self._skipping -= 1
        if tag in _PARAGRAPHS:
            self._pieces.append(_PARAGRAPH)

    def data(self, text: str) -> None:
        if not self._skipping:
            self._pieces.append(text if text.isprintable() else _DROPPED.sub("", text))

    def close(self) -> str:
        pieces, self._pieces, self._skipping = self._pieces, [], 0
        return "".join(pieces)
