"""The article of a page, and what the page states about it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ingest.fulltext import extract

URL = "https://news.example/2026/talks"
SENTENCES = [
    f"On the {day} of March the delegations met in Geneva for talks that the foreign ministers of both countries had planned for weeks."
    for day in ("first", "second", "third", "fourth", "fifth", "sixth")
]
TALKS = "".join(f"<p>{sentence}</p>" for sentence in SENTENCES)
DATED = '<meta property="article:published_time" content="2026-03-02T10:00:00+01:00">'
LD = '<script type="application/ld+json">{}</script>'
NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def page(head: str = "", body: str = TALKS) -> bytes:
    around = (
        "<nav><a href='/'>Home</a> <a href='/about'>About us</a></nav>{}<footer>All rights reserved. <a href='/terms'>Terms</a></footer>"
    )
    markup = f"<!doctype html><html lang='en-GB'><head><meta charset='utf-8'><title>Talks open in Geneva</title>{head}</head><body>"
    return (markup + around.format(f"<article><h1>Talks open in Geneva</h1>{body}</article>") + "</body></html>").encode()


def test_the_article_comes_without_what_stands_around_it() -> None:
    found = extract(URL, page())
    assert found is not None
    assert found.text == "\n\n".join(SENTENCES)
    assert (found.title, found.language, found.authors, found.published_at) == ("Talks open in Geneva", "en-GB", (), None)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (DATED, NINE),
        ('<meta itemprop="datePublished" content="2026-03-02T09:00:00Z">', NINE),
        (LD.format('{"@type": "NewsArticle", "datePublished": "2026-03-02T09:00:00Z"}'), NINE),
        (LD.format('[{"@type": "Organization"}, {"@type": ["ReportageNewsArticle"], "datePublished": "2026-03-02T10:00+01:00"}]'), NINE),
        (LD.format('{"@graph": [{"@type": "NewsArticle", "datePublished": "2026-03-02T09:00:00Z"}]}'), NINE),
        (LD.format('{"@type": "WebSite", "datePublished": "2020-01-01T00:00:00Z"}'), None),
        (LD.format('{"@type": "NewsArticle", "datePublished": "2026-03-02T09:00:00"}'), None),
        (LD.format('{"@type": "NewsArticle", "datePublished": 5}') + DATED, NINE),
        (LD.format("{broken") + DATED, NINE),
        (LD.format("[" * 100_000) + DATED, NINE),
        ('<meta name="date" content="03/02/2026">', None),
    ],
    ids=range(11),
)
def test_a_date_is_taken_only_where_the_page_states_it(head: str, expected: datetime | None) -> None:
    found = extract(URL, page(head))
    assert found is not None
    assert found.published_at == expected


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ('<meta name="author" content="Jane Doe">', ("Jane Doe",)),
        ('<meta property="article:author" content="https://social.example/jane">', ()),
        (LD.format('{"@type": "NewsArticle", "author": {"name": "Jane Doe"}}'), ("Jane Doe",)),
        (LD.format('{"@type": "NewsArticle", "author": ["Jane Doe", {"name": "Ali Can"}, 5, null]}'), ("Jane Doe", "Ali Can")),
    ],
)
def test_authors_are_those_that_the_page_states(head: str, expected: tuple[str, ...]) -> None:
    found = extract(URL, page(head))
    assert found is not None
    assert found.authors == expected


def test_a_page_in_another_encoding_is_read() -> None:
    body = page().replace(b"charset='utf-8'", b"charset='windows-1251'").replace(b"Geneva", "Женева".encode("cp1251"))
    found = extract(URL, body, None)
    assert found is not None
    assert "met in Женева for talks" in found.text


def test_what_was_extracted_before_changes_nothing() -> None:
    first = extract(URL, page())
    for _ in range(5):
        assert extract(URL, page()) == first


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"\x00" * 1000, bytes(range(256)) * 200, b"<html></html>", b"%PDF-1.7 \xff\xfe", b"{}", b"<div>" * 50_000,
     b"<b>" * 20_000 + b"t", b"<ul><li>" * 20_000, b"<table><tr><td>" * 10_000, b"<!--" * 100_000, b"<p>&#0;&#xd800;</p>"],
    ids=range(13),
)  # fmt: skip
def test_a_page_without_an_article_gives_none(body: bytes) -> None:
    assert extract(URL, body) is None
