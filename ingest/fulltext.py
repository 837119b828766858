"""The article in a web page: its text, and what the page itself says of date, author and language.

A pure function of picklable values, made to run in another process. The text is trafilatura's; the facts are read from
JSON-LD and meta elements only, because a date that was found by guessing is worse than none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lxml import etree
from lxml.html import HtmlElement
from trafilatura import bare_extraction
from trafilatura.utils import load_html

from ingest.charset import decode
from ingest.dates import parse_date
from ingest.formats import distinct
from ingest.text import one_line, plain_text

MAX_CHARS = 3_000_000  # of markup; no article needs more
MAX_BLOCKS = 50  # JSON-LD scripts that are looked at

_DATES = (
    "//meta[@property='article:published_time']/@content",
    "//meta[@itemprop='datePublished']/@content",
    "//time[@itemprop='datePublished']/@datetime",
    "//meta[@name='article:published_time' or @name='parsely-pub-date' or @name='dc.date.issued' or @name='DC.date.issued']/@content",
)
_AUTHORS = ("//meta[@name='author' or @name='parsely-author' or @name='byl' or @property='article:author']/@content",)
_TITLES = ("//meta[@property='og:title']/@content", "//title/text()")
_LANGUAGES = ("/html/@lang", "//meta[@http-equiv='content-language' or @http-equiv='Content-Language']/@content")


@dataclass(frozen=True, slots=True)
class PageText:
    """An article as its page has it; *text* has its paragraphs a blank line apart. Facts that the page does not state are absent."""

    text: str
    title: str = ""
    language: str | None = None  # as the page says it: en, en-GB
    authors: tuple[str, ...] = ()
    published_at: datetime | None = None  # aware UTC


_extract: Callable[..., Any] = bare_extraction
_load: Callable[[str], HtmlElement | None] = load_html


def extract(url: str, body: bytes, charset: str | None = None) -> PageText | None:
    """Return the article on the page *body*, which came from *url*; None where no article is found. Never raises for a bad page."""
    try:
        tree = _load(decode(body, charset).text[:MAX_CHARS])
        if tree is None:
            return None
        facts = _facts(tree)  # first: the extraction prunes the tree
        found = _extract(tree, url=url, fast=False, favor_precision=True, include_comments=False, include_tables=False)
    except (etree.LxmlError, ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return None  # whatever the heuristics tripped over: the entry goes out with what its feed gave
    paragraphs = [line for part in ((found.text or "") if found else "").splitlines() if (line := plain_text(part))]
    if paragraphs and paragraphs[0] == facts["title"]:
        del paragraphs[0]  # the headline stands apart
    return PageText(text="\n\n".join(paragraphs), **facts) if paragraphs else None


def _facts(tree: HtmlElement) -> dict[str, Any]:
    stated = tuple(_articles(tree))
    dates = (*(_string(article.get("datePublished")) for article in stated), *_values(tree, _DATES))
    authors = (*(name for article in stated for name in _names(article.get("author"))), *_values(tree, _AUTHORS))
    titles = (*(_string(article.get("headline")) for article in stated), *_values(tree, _TITLES))
    return {
        "title": next((line for title in titles if (line := one_line(plain_text(title)))), ""),
        "language": next((line for value in _values(tree, _LANGUAGES) if (line := one_line(value))), None),
        "authors": distinct(one_line(plain_text(name)) for name in authors if not name.startswith(("http:", "https:"))),
        "published_at": next((moment for date in dates if (moment := parse_date(date))), None),
    }


def _values(tree: HtmlElement, paths: Iterable[str]) -> Iterator[str]:
    return (str(value) for path in paths for value in tree.xpath(path))


def _articles(tree: HtmlElement) -> Iterator[dict[str, Any]]:
    """Yield the JSON-LD objects of *tree* that are articles (https://schema.org/Article), also those in a list or a graph."""
    for script in tree.xpath("//script[@type='application/ld+json']/text()")[:MAX_BLOCKS]:
        try:
            found = json.loads(script, strict=False)
        except (ValueError, RecursionError):
            continue
        for thing in _things(found):
            if any(_string(kind).endswith(("Article", "BlogPosting", "Report")) for kind in _many(thing.get("@type"))):
                yield thing


def _things(found: object) -> Iterator[dict[str, Any]]:
    for thing in _many(found):
        if isinstance(thing, dict):
            yield thing
            yield from (inner for inner in _many(thing.get("@graph")) if isinstance(inner, dict))


def _names(author: object) -> Iterator[str]:
    for one in _many(author):
        yield _string(one.get("name") if isinstance(one, dict) else one)


def _many(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""
