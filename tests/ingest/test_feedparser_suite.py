"""The feeds that feedparser is tested with, read by the project's own parser.

Each file states in a leading comment how it is served (``Header:``) and what feedparser makes of it (``Expect:``, a Python
expression). Of these expressions the comparisons of fields that a FeedEntry has are checked, HTML compared as text.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ingest.charset import decode
from ingest.headers import content_type
from ingest.model import FeedEntry, ParsedFeed
from ingest.parse import ParseError, parse
from ingest.text import html_to_text, one_line, plain_text

ROOT = Path(__file__).parents[2]
FEEDS = Path(os.environ.get("EVAL_DATA", ROOT.parent / "shared")) / "feeds" / "feedparser"
SHARE = 0.985  # of the expectations hold, at least

pytestmark = pytest.mark.skipif(not FEEDS.is_dir(), reason="feedparser's test feeds are not here; EVAL_DATA names the folder above them")


class Case(NamedTuple):
    """One file as it is served, and what is expected of it."""

    name: str
    body: bytes
    url: str
    media_type: str | None
    charset: str | None
    expected: str


def cases() -> Iterator[Case]:
    for path in sorted(FEEDS.rglob("*")):
        if path.suffix in (".xml", ".json"):
            body, name = path.read_bytes(), str(path.relative_to(FEEDS))
            comment = decode(body, None).text[:4000]
            headers = {found[1].lower(): found[2].strip() for found in re.finditer(r"^Header:\s*([\w-]+):(.*)$", comment, re.MULTILINE)}
            expected = re.search(r"^Expect:\s*(.*)$", comment, re.MULTILINE)
            url = headers.get("content-location", "")
            base = url if url.startswith("http") else f"http://127.0.0.1:8097/{name}"
            yield Case(name, body, base, *content_type(headers.get("content-type", "")), expected[1] if expected else "")


@cache
def results() -> tuple[tuple[Case, ParsedFeed | ParseError], ...]:
    """Return every file with what came of it."""
    return tuple((case, outcome_of(case)) for case in cases())


def outcome_of(case: Case) -> ParsedFeed | ParseError:
    try:
        return parse(case.url, case.body, case.media_type, case.charset)
    except ParseError as e:
        return e


def test_every_file_comes_back_as_a_feed_or_as_one_clear_line() -> None:
    assert len(results()) > 2000
    refused = [(case.name, str(outcome)) for case, outcome in results() if isinstance(outcome, ParseError)]
    assert all(message and "\n" not in message and len(message) < 300 for _, message in refused)
    assert [name for name, _ in refused] == ["illformed/rss_empty_document.xml"]


def test_every_text_is_clean() -> None:
    for case, outcome in results():
        for entry in outcome.entries if isinstance(outcome, ParsedFeed) else ():
            text = "\n".join((entry.title, entry.summary, entry.content, *entry.authors, *entry.categories))
            assert all(c == "\n" or c in "\u200c\u200d" or c.isprintable() or ord(c) >= 0xE000 for c in text), case.name
            assert entry.link is None or entry.link.startswith(("http://", "https://")), case.name


def test_what_is_expected_of_fields_that_an_entry_has_holds() -> None:
    checked = [(case.name, *check) for case, outcome in results() for check in checks(case, outcome)]
    failed = [f"{name}: {path} is {actual!r}, not {expected!r}" for name, path, expected, actual, holds in checked if not holds]
    share = 1 - len(failed) / len(checked)
    print(f"{share:.4f} of {len(checked):,} expectations hold", *failed, sep="\n")
    assert len(checked) > 800
    assert share > SHARE


def checks(case: Case, outcome: ParsedFeed | ParseError) -> Iterator[tuple[str, object, object, bool]]:
    """Yield path, expected value, ours, and whether it holds, of each comparison in *case* that concerns us."""
    for node in ast.walk(ast.parse(case.expected.strip() or "None", mode="eval")):
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq):
            path = re.sub(r"\[['\"](\w+)['\"]\]", r".\1", ast.unparse(node.left))
            try:
                expected = ast.literal_eval(node.comparators[0])
            except ValueError:
                continue
            ours = None if isinstance(outcome, ParseError) else our_value(outcome, path)
            if ours is not None:
                actual = ours[0]
                yield path, expected, actual, same(expected, actual)


def same(expected: object, actual: object) -> bool:
    if not isinstance(expected, str) or not isinstance(actual, str):
        return expected == actual or (not expected and not actual)
    readings = {expected, expected.strip(), plain_text(expected), html_to_text(expected)}
    return actual in readings | {one_line(reading) for reading in readings}


def our_value(feed: ParsedFeed, path: str) -> tuple[object] | None:
    """Return what we have at feedparser's *path*, in a tuple; None where we have no such field."""
    entry = re.fullmatch(r"entries\[(-?\d+)\]\.(.+)", path)
    if entry:
        n = int(entry[1])
        return entry_value(feed.entries[n], entry[2]) if n < len(feed.entries) else (None,)
    plain: dict[str, Any] = {
        "feed.title": feed.title,
        "feed.title_detail.value": feed.title,
        "feed.link": feed.link,
        "feed.language": feed.language,
        "feed.ttl": str(int(feed.ttl.total_seconds() // 60)) if feed.ttl else None,
        "len(entries)": len(feed.entries),
        "version": feed.format,
    }
    return (plain[path],) if path in plain else None


def entry_value(entry: FeedEntry, path: str) -> tuple[object] | None:
    date = re.fullmatch(r"(published|updated|created)_parsed", path)
    if date:
        return (tuple(entry.published_at.utctimetuple()),) if entry.published_at and entry.published_at_source == date[1] else None
    indexed = re.fullmatch(r"(authors|tags|enclosures|content)\[(\d)\]\.(\w+)", path)
    if indexed:
        return member(entry, indexed[1], int(indexed[2]), indexed[3])
    plain: dict[str, object] = {
        "title": entry.title,
        "title_detail.value": entry.title,
        "summary": entry.summary or entry.content,
        "description": entry.summary or entry.content,
        "summary_detail.value": entry.summary,
        "link": entry.link,
        "id": entry.guid,
        "guid": entry.guid,
        "author_detail.name": entry.authors[0] if entry.authors else None,
        "category": entry.categories[0] if entry.categories else None,
    }
    return (plain[path],) if path in plain else None


def member(entry: FeedEntry, name: str, n: int, key: str) -> tuple[object] | None:
    def at(values: tuple[object, ...]) -> tuple[object]:
        return (values[n] if n < len(values) else None,)

    match name, key:
        case "content", "value":
            return at((entry.content,))
        case "authors", "name":
            return at(entry.authors)
        case "tags", "term":
            return at(entry.categories)
        case "enclosures", "href" | "url":
            return at(tuple(enclosure.url for enclosure in entry.enclosures))
        case "enclosures", "type":
            return at(tuple(enclosure.media_type for enclosure in entry.enclosures))
        case "enclosures", "length":
            return at(tuple(str(enclosure.length) for enclosure in entry.enclosures))
    return None
