"""Sitemaps are feeds whose entries may have no text."""

from __future__ import annotations

import gzip
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from ingest.formats.sitemap import MAX_PAGES
from ingest.model import FeedEntry, ParsedFeed
from ingest.parse import ParseError, parse
from stream.messages import Enclosure

URL = "https://news.example/sitemap.xml"
TEN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
NAMESPACES = (
    'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:news="http://www.google.com/schemas/sitemap-news/0.9" '
    'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"'
)
NEWS = (
    "<url><loc>https://news.example/1</loc><lastmod>2026-03-05</lastmod><news:news><news:publication><news:name>Example</news:name>"
    "<news:language>en</news:language></news:publication><news:publication_date>2026-03-02T10:00:00Z</news:publication_date>"
    "<news:title>Talks &amp; hopes</news:title><news:keywords>Geneva, talks</news:keywords></news:news>"
    "<image:image><image:loc>/1.jpg</image:loc><image:title>Not the title</image:title></image:image></url>"
)


def urlset(inside: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset {NAMESPACES}>{inside}</urlset>\n'.encode()


def index(inside: str) -> bytes:
    return f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{inside}</sitemapindex>'.encode()


def pages(body: bytes) -> list[str | None]:
    return [entry.link for entry in parse(URL, body).entries]


@pytest.mark.parametrize("packed", [False, True])
def test_a_news_sitemap_is_read_whole(packed: bool) -> None:
    body = urlset(NEWS)
    entry = FeedEntry(
        link="https://news.example/1",
        title="Talks & hopes",
        categories=("Geneva", "talks"),
        language="en",
        published_at=TEN,
        published_at_source="publication_date",
        enclosures=(Enclosure(url="https://news.example/1.jpg", media_type="image/*"),),
    )
    assert parse(URL, gzip.compress(body) if packed else body) == ParsedFeed("sitemap", entries=(entry,))


def test_a_plain_sitemap_gives_pages_and_when_they_changed_the_newest_first() -> None:
    feed = parse(URL, urlset("".join(f"<url><loc>/{day}</loc><lastmod>2026-03-0{day}</lastmod></url>" for day in (1, 3, 2))))
    assert [(entry.link, entry.published_at_source) for entry in feed.entries] == [
        (f"https://news.example/{day}", "lastmod") for day in (3, 2, 1)
    ]


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("<url><loc>\n https://news.example/a \n</loc></url>", ["https://news.example/a"]),
        ("<url><loc>https://news.example/?a=1&b=2</loc></url>", ["https://news.example/?a=1&b=2"]),
        ("<url><loc><![CDATA[https://news.example/?a=1&b=2]]></loc></url>", ["https://news.example/?a=1&b=2"]),
        ("<url><loc>mailto:a@news.example</loc></url><url/><url><loc/></url>", []),
        ("<url><loc>/b</loc></url><url><loc>/a</loc></url>", ["https://news.example/b", "https://news.example/a"]),
        ("<url><loc>/a</loc><foo:bar>x</foo:bar></url>", ["https://news.example/a"]),
        ("", []),
    ],
)
def test_a_page_is_where_its_sitemap_says(inside: str, expected: list[str]) -> None:
    assert pages(urlset(inside)) == expected


def test_without_a_namespace_and_with_a_prefix() -> None:
    assert pages(b"<urlset><url><loc>/a</loc></url></urlset>") == ["https://news.example/a"]
    body = b'<s:urlset xmlns:s="http://www.sitemaps.org/schemas/sitemap/0.9"><s:url><s:loc>/a</s:loc></s:url></s:urlset>'
    assert pages(body) == ["https://news.example/a"]


def test_a_sitemap_that_breaks_off_gives_its_whole_pages() -> None:
    body = urlset("<url><loc>/a</loc></url><url><loc>https://news.example/b").partition(b"</urlset>")[0]
    feed = parse(URL, body)
    assert [entry.link for entry in feed.entries] == ["https://news.example/a"]
    assert feed.note == "it breaks off; what was whole is kept"


def test_of_a_long_sitemap_the_newest_pages_are_kept() -> None:
    body = urlset("".join(f"<url><loc>/{n}</loc><lastmod>{2000 + n // 12 % 25}-{n % 12 + 1:02}-01</lastmod></url>" for n in range(2000)))
    feed = parse(URL, body)
    assert len(feed.entries) == MAX_PAGES
    assert feed.note == "2,000 pages, the newest 1,000 kept"
    assert feed.entries[0].published_at == datetime(2024, 12, 1, tzinfo=UTC)


def test_an_index_names_its_parts_the_newest_first_then_those_of_news() -> None:
    listed = "<sitemap><loc>/a.xml</loc></sitemap><sitemap><loc>/news.xml.gz</loc></sitemap>" + "".join(
        f"<sitemap><loc>/{day}.xml</loc><lastmod>2026-03-0{day}T00:00:00Z</lastmod></sitemap>" for day in (1, 2)
    )
    expected = tuple(f"https://news.example/{name}" for name in ("2.xml", "1.xml", "news.xml.gz", "a.xml"))
    assert parse(URL, index(listed)) == ParsedFeed("sitemapindex", parts=expected)


@pytest.mark.parametrize("before", ["", "<br />\n<b>Warning</b>: x in <b>/y.php</b><br />\n", "<!-- by a plug-in -->"])
@pytest.mark.parametrize("encoding", ["windows-1251", "koi8-r", "utf-16", "utf-8"])
def test_a_sitemap_in_any_encoding_is_read_whatever_stands_before_it(before: str, encoding: str) -> None:
    title = "Переговоры начались в Женеве"
    text = urlset(NEWS.replace("Talks &amp; hopes", title)).decode().replace("UTF-8", encoding)
    assert parse(URL, (before + text).encode(encoding)).entries[0].title == title


def test_titles_that_were_escaped_twice_are_text() -> None:
    body = urlset(
        NEWS.replace("Talks &amp; hopes", "<![CDATA[Talks &amp; hopes&#039; end &lt;b&gt;]]>").replace(
            "/1</loc>", "/?a=1&amp;amp;b=2</loc>"
        )
    )
    (entry,) = parse(URL, body).entries
    assert (entry.title, entry.link) == ("Talks & hopes' end <b>", "https://news.example/?a=1&b=2")


def test_names_of_elements_are_read_in_any_case() -> None:
    feed = parse(URL, b"<SitemapIndex><Sitemap><Loc>/a.xml</Loc></Sitemap></SitemapIndex>")
    assert (feed.parts, feed.note) == (("https://news.example/a.xml",), None)


BOMB = '<!DOCTYPE a [<!ENTITY a0 "aaaaaaaaaa">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12)) + "]>"


@pytest.mark.parametrize(
    "body",
    [
        (BOMB + urlset("<url><loc>/a</loc><lastmod>&a11;</lastmod></url>").decode().partition("\n")[2]).encode(),
        urlset("<url>" * 50_000),
        urlset("<url><loc>" + "x" * 1_000_000 + "</loc></url>"),
        urlset("<a>" * 100_000),
        b"<urlset",
        b"<urlset>" + b"<" * 500_000,
    ],
    ids=range(6),
)
def test_hostile_sitemaps_end(body: bytes) -> None:
    with suppress(ParseError):
        assert len(parse(URL, body).entries) <= 1
