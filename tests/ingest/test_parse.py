"""Bytes of a feed become entries, or one clear line says why not."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ingest.model import FeedEntry, ParsedFeed
from ingest.parse import MAX_ENTRIES, ParseError, parse
from stream.messages import Enclosure

URL = "https://news.example/feeds/world.xml"
TEN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def rss(items: str = "", head: str = "", namespaces: str = "") -> bytes:
    channel = f"<channel><title>World</title>{head}{items}</channel>"
    return f'<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0" {namespaces}>{channel}</rss>'.encode()


def atom(entries: str = "", head: str = "") -> bytes:
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>World</title>{head}{entries}</feed>'.encode()


def json_feed(*items: object, **fields: object) -> bytes:
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "World", "items": items, **fields}).encode()


def entry_of(body: bytes) -> FeedEntry:
    (entry,) = parse(URL, body).entries
    return entry


def item(inside: str, namespaces: str = "") -> FeedEntry:
    return entry_of(rss(f"<item>{inside}</item>", namespaces=namespaces))


FULL = FeedEntry(
    guid="tag:news.example,2026:1",
    link="https://news.example/1",
    title="Talks & hopes",
    summary="A short one.",
    content="One.\n\nTwo.",
    authors=("Jane Doe",),
    categories=("Politics", "Geneva"),
    language=None,
    published_at=TEN,
    published_at_source="published",
    enclosures=(Enclosure(url="https://news.example/1.mp3", media_type="audio/mpeg", length=1234),),
)


def test_an_rss_item_is_read_whole() -> None:
    body = rss(
        '<item><guid isPermaLink="false">tag:news.example,2026:1</guid><link>/1</link><title>Talks &amp; hopes</title>'
        "<description>A &lt;b&gt;short&lt;/b&gt; one.</description><content:encoded><![CDATA[<p>One.</p><p>Two.</p>]]></content:encoded>"
        "<dc:creator>Jane Doe</dc:creator><category>Politics</category><category>Geneva</category><category>Politics</category>"
        '<pubDate>Mon, 02 Mar 2026 11:00:00 +0100</pubDate><enclosure url="/1.mp3" type="audio/mpeg" length="1234"/></item>',
        "<link>https://news.example/</link><language>en-gb</language><ttl>30</ttl>",
        'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"',
    )
    assert parse(URL, body) == ParsedFeed("rss20", "World", "https://news.example/", "en-gb", timedelta(minutes=30), (FULL,))


def test_an_atom_entry_is_read_whole() -> None:
    body = atom(
        '<entry><id>tag:news.example,2026:1</id><link href="/1"/><link rel="enclosure" type="audio/mpeg" length="1234" href="/1.mp3"/>'
        '<title type="html">Talks &amp;amp; hopes</title><summary>A short one.</summary>'
        '<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>One.</p><p>Two.</p></div></content>'
        '<author><name>Jane Doe</name></author><category term="Politics"/><category term="g" label="Geneva"/>'
        "<published>2026-03-02T10:00:00Z</published><updated>2026-03-05T10:00:00Z</updated></entry>"
    )
    assert parse(URL, body) == ParsedFeed("atom10", "World", entries=(FULL,))


def test_a_json_item_is_read_whole() -> None:
    body = json_feed(
        {
            "id": "tag:news.example,2026:1", "url": "/1", "title": "Talks & hopes", "summary": "A short one.",
            "content_html": "<p>One.</p><p>Two.</p>", "authors": [{"name": "Jane Doe"}], "tags": ["Politics", "Geneva"],
            "date_published": "2026-03-02T10:00:00Z", "date_modified": "2026-03-05T10:00:00Z", "language": "en",
            "attachments": [{"url": "/1.mp3", "mime_type": "audio/mpeg", "size_in_bytes": 1234}],
        },
        home_page_url="/", language="en",
    )  # fmt: skip
    entries = (replace(FULL, language="en", published_at_source="date_published"),)
    assert parse(URL, body) == ParsedFeed("json11", "World", "https://news.example/", "en", entries=entries)


def test_what_is_parsed_can_cross_to_another_process() -> None:
    feed = parse(URL, rss("<item><title>x</title></item>"))
    assert pickle.loads(pickle.dumps(feed)) == feed
    with pytest.raises(ParseError) as refused:
        parse(URL, b"nothing")
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("<link>https://other.example/a?x=1&amp;y=2</link>", "https://other.example/a?x=1&y=2"),
        ("<link>/a</link>", "https://news.example/a"),
        ("<link>a</link>", "https://news.example/feeds/a"),
        ("<link>//cdn.example/a</link>", "https://cdn.example/a"),
        ("<link>\n  https://news.example/a \n</link>", "https://news.example/a"),
        ("<link>HTTP://news.example/a</link>", "http://news.example/a"),
        ("<link xml:base='http://base.example/x/'>y</link>", "http://base.example/x/y"),
        ("<link>javascript:alert(1)</link>", None),
        ("<link>file:///etc/passwd</link>", None),
        ("<link>mailto:a@example.org</link>", None),
        ("<link>http://[broken/</link>", None),
        ("<link></link>", None),
        ("<guid>https://news.example/g</guid>", "https://news.example/g"),
        ("<guid>12345</guid>", None),
        ("<guid isPermaLink='false'>https://news.example/g</guid>", None),
        ("<guid>https://news.example/g</guid><link>https://news.example/l</link>", "https://news.example/l"),
        (f"<link>https://news.example/{'x' * 3000}</link>", f"https://news.example/{'x' * 3000}"),
        (f"<link>https://news.example/{'x' * 5000}</link>", None),
    ],
)
def test_a_link_is_absolute_and_of_the_web_or_absent(link: str, expected: str | None) -> None:
    assert item(f"<title>t</title>{link}").link == expected


def test_a_guid_does_not_depend_on_where_the_feed_lies() -> None:
    body = rss("<item><guid>12345</guid></item>")
    assert [parse(url, body).entries[0].guid for url in ("http://a.example/feed", "https://b.example/x/feed")] == ["12345", "12345"]


def test_atom_links_are_resolved_against_xml_base_and_the_alternate_wins() -> None:
    entry = '<entry xml:base="sub/"><link rel="self" href="s"/><link rel="alternate" href="a"/><link rel="related" href="r"/></entry>'
    assert entry_of(atom(entry)).link == "https://news.example/feeds/sub/a"


def test_the_publishers_link_wins_over_that_of_feedburner() -> None:
    burner = 'xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0"'
    links = "<link>http://feeds.example/~r/1</link><feedburner:origLink>https://news.example/1</feedburner:origLink>"
    assert item(links, burner).link == "https://news.example/1"


@pytest.mark.parametrize(
    ("dates", "expected", "source"),
    [
        ("<pubDate>Mon, 02 Mar 2026 10:00:00 GMT</pubDate>", TEN, "published"),
        ("<pubDate>Mon, 02 Mar 2026 12:00:00 CEST</pubDate>", TEN, "published"),
        ("<pubDate>1772445600</pubDate>", TEN, "published"),
        ("<pubDate>2026/03/02</pubDate>", datetime(2026, 3, 2, tzinfo=UTC), "published"),
        ("<pubDate>02/03/2026 10:00 GMT</pubDate>", None, None),
        ("<pubDate>2026-03-02T10:00:00</pubDate>", None, None),
        ("<dc:date>2026-03-02T10:00:00Z</dc:date>", TEN, "updated"),
        ("<pubDate>soon</pubDate><dc:date>2026-03-02T10:00:00Z</dc:date>", TEN, "updated"),
        ("<pubDate>Mon, 02 Mar 2026 10:00:00 GMT</pubDate><dc:date>2026-03-05T10:00:00Z</dc:date>", TEN, "published"),
        ("", None, None),
    ],
)
def test_a_date_is_right_or_absent(dates: str, expected: datetime | None, source: str | None) -> None:
    entry = item("<title>t</title>" + dates, 'xmlns:dc="http://purl.org/dc/elements/1.1/"')
    assert (entry.published_at, entry.published_at_source) == (expected, source)


def test_a_summary_that_feedparser_made_of_the_content_is_not_one() -> None:
    entry = item("<content:encoded>&lt;p&gt;Body.&lt;/p&gt;</content:encoded>", 'xmlns:content="http://purl.org/rss/1.0/modules/content/"')
    assert (entry.summary, entry.content) == ("", "Body.")


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("<title>AT&amp;T &amp;amp; Co</title>", "AT&T & Co"),
        ("<title><![CDATA[A <b>bold</b> claim]]></title>", "A bold claim"),
        ("<title>1 &lt; 2</title>", "1 < 2"),
        ("<title>two\n   lines</title>", "two lines"),
        ("<title>Caf&eacute; &mdash; caf&#233;</title>", "Café — café"),
        ("<title>nul \x00 &#0; &#x1f; bell \x07</title>", "nul bell"),
        ("<title>a & b</title>", "a & b"),
        ("<title>L’été</title>", "L’été"),
        (f"<title>{'x' * 5000}</title>", "x" * 5000),
    ],
)
def test_a_title_is_clean_text_on_one_line(title: str, expected: str) -> None:
    assert item(title).title == expected


def test_one_invalid_byte_does_not_change_the_encoding_of_a_feed() -> None:
    feed = parse(URL, rss("<item><title>Café € STRAY</title></item>").replace(b"STRAY", b"\xff"), "text/xml", None)
    assert feed.entries[0].title == "Café € \ufffd"
    assert feed.note == "1 bytes that are not utf-8 were replaced"


@pytest.mark.parametrize("wrong", ["iso-8859-1", "us-ascii", "utf-16", "nonsense"])
def test_a_wrong_declaration_is_survived(wrong: str) -> None:
    body = rss("<item><title>Café €</title></item>").replace(b'"utf-8"', f'"{wrong}"'.encode())
    assert entry_of(body).title == "Café €"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("<ttl>60</ttl>", timedelta(hours=1)),
        ("<ttl>0</ttl>", None),
        ("<ttl>-5</ttl>", None),
        ("<ttl>soon</ttl>", None),
        ("<ttl>99999999999</ttl>", timedelta(days=366)),
        ("<ttl>" + "9" * 5000 + "</ttl>", None),
        ("<sy:updatePeriod>hourly</sy:updatePeriod>", timedelta(hours=1)),
        ("<sy:updatePeriod> daily </sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>", timedelta(hours=6)),
        ("<sy:updatePeriod>often</sy:updatePeriod>", None),
        ("", None),
    ],
    ids=range(10),
)
def test_the_feed_says_how_often_it_changes(head: str, expected: timedelta | None) -> None:
    assert parse(URL, rss(head=head, namespaces='xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"')).ttl == expected


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the answer is empty"),
        (b" \n\t\0", "the answer is empty"),
        (b"just text", "neither XML nor JSON: no feed"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "neither XML nor JSON: no feed"),
        (b"<!DOCTYPE html><html><body>Hello</body></html>", "this is a web page, not a feed"),
        (b'<!DOCTYPE html><script>{"version": "https://jsonfeed.org/version/1", "items": []}</script>', "this is a web page, not a feed"),
        (b"<!-- x --><HTML><p>Hello", "this is a web page, not a feed"),
        (
            b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C"><html xmlns="http://www.w3.org/1999/xhtml"></html>',
            "this is a web page, not a feed",
        ),
        (
            b"<html><head><link rel='alternate' type='application/rss+xml' href='/rss?a=1'></head></html>",
            "this is a web page, not a feed; its feed may be https://news.example/rss?a=1",
        ),
        (b"<opml version='2.0'><body/></opml>", "XML, but neither RSS nor Atom: its root is opml"),
        (b"[]", "JSON, but no JSON Feed: the top is no object"),
        (b"{}", "JSON, but no JSON Feed: it has no version of jsonfeed.org and no list of items"),
        (b'{"error": "not found"}', "JSON, but no JSON Feed: it has no version of jsonfeed.org and no list of items"),
        (b"{" + b'"a":{' * 100_000, "this starts like JSON but is none"),
        (b"{broken", "this starts like JSON but is none"),
    ],
    ids=range(15),
)
def test_what_is_no_feed_is_refused_in_one_clear_line(body: bytes, message: str) -> None:
    with pytest.raises(ParseError) as refused:
        parse(URL, body)
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "body",
    [rss(), atom(), json_feed(), b"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'/>"],
)
def test_a_feed_without_entries_is_a_feed(body: bytes) -> None:
    assert parse(URL, body).entries == ()


@pytest.mark.parametrize("media_type", [None, "text/html", "text/plain", "application/octet-stream", "application/json"])
def test_a_feed_is_a_feed_whatever_it_is_served_as(media_type: str | None) -> None:
    assert parse(URL, b"\n\n  " + rss(), media_type, None).format == "rss20"


@pytest.mark.parametrize(
    ("bad", "kept"),
    [
        ({}, 0),
        ("text", 0),
        (None, 0),
        ({"id": ""}, 0),
        ({"id": True}, 0),
        ({"id": 5}, 1),
        ({"id": "x", "title": 5, "tags": "no list", "authors": [5, {"name": 6}], "attachments": [5, {}], "date_published": 7}, 1),
        ({"url": "/x"}, 1),
        ({"content_text": "x"}, 1),
    ],
)
def test_a_bad_json_item_is_left_out_and_noted(bad: object, kept: int) -> None:
    feed = parse(URL, json_feed({"id": "good"}, bad))
    assert len(feed.entries) == 1 + kept
    assert feed.note == (None if kept else "1 items without id, link and text were left out")


def test_json_feed_1_0_with_its_author_and_an_undeclared_version_are_read() -> None:
    old = json_feed({"id": "1", "author": {"name": "Jane"}}, version="https://jsonfeed.org/version/1")
    assert parse(URL, old).format == "json10"
    assert parse(URL, old).entries[0].authors == ("Jane",)
    assert parse(URL, json_feed({"id": "1"}, version=None)).note == "no known version of JSON Feed is declared"


def test_a_broken_feed_gives_what_can_be_read_and_a_note() -> None:
    feed = parse(URL, rss("<item><title>one</title></item><item><title>two</item>"))
    assert feed.entries[0].title == "one"
    assert feed.note is not None
    assert feed.note.startswith("not well-formed (")


@pytest.mark.parametrize("count", [MAX_ENTRIES, MAX_ENTRIES + 1, 100_000])
def test_too_many_entries_are_cut_with_a_note(count: int) -> None:
    feed = parse(URL, rss("<item><title>t</title></item>" * count))
    assert len(feed.entries) == min(count, MAX_ENTRIES)
    assert feed.note == (None if count <= MAX_ENTRIES else "more than 10,000 entries, cut there")


def test_too_many_json_items_are_cut_with_a_note() -> None:
    feed = parse(URL, json_feed(*({"id": n} for n in range(MAX_ENTRIES + 1))))
    assert len(feed.entries) == MAX_ENTRIES
    assert feed.note == "10,001 items, cut at 10,000"


BOMB = '<!DOCTYPE a [<!ENTITY a0 "aaaaaaaaaa">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12)) + "]>"
OUTSIDE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    "body",
    [
        (BOMB + rss("<item><title>&a11;</title></item>").decode().partition("\n")[2]).encode(),
        (OUTSIDE + rss("<item><title>&x;</title></item>").decode().partition("\n")[2]).encode(),
        rss(f"<item><title>{'x' * 1_000_000}</title></item>"),
        rss(f"<item><title>{'word ' * 200_000}</title></item>"),
        rss(f"<item><author>{'x' * 1_000_000}</author></item>"),
        rss(f"<item><author>a@{'a.' * 500_000}</author></item>"),
        rss(f"<item><pubDate>{'2' * 1_000_000}</pubDate></item>"),
        rss("<item>" + "<a>" * 50_000 + "</a>" * 50_000 + "</item>"),
        rss("<item>" + "<a>" * 20_000),
        rss("<item>" * 12_000),
        rss("<item><title>" + "<" * 500_000 + "</title></item>"),
        rss("<item><title>" + "&a" * 200_000 + "</title></item>"),
        rss("<item><title>" + "<![CDATA[" * 100_000 + "</title></item>"),
        rss("<item><title>" + "<!--" * 100_000 + "</title></item>"),
        rss("<item>" + "<link>http://e.example/</link>" * 20_000 + "</item>"),
        rss("<item>" + "".join(f"<category>{n}</category>" for n in range(50_000)) + "</item>"),
        rss("<item><enclosure " + " ".join(f"a{n}='x'" for n in range(100_000)) + "/></item>"),
        rss("<item>" + "".join(f'<n{n}:x xmlns:n{n}="urn:{n}">' for n in range(20_000))),
        rss("<item><author>" + "x" * 1_000_000 + "</author></item>").replace(b"utf-8", b"x") + b"\xe9",
        b"<?xml " * 100_000 + rss(),
        b"<!DOCTYPE " + b"<!ENTITY x " * 100_000 + rss(),
        atom("<entry><content type='xhtml'>" + "\n&#32;" * 100_000 + "</content></entry>"),
        json_feed(*[[[[]]]] * 100_000),
        b"<" * 1_000_000,
    ],
    ids=range(24),
)
def test_hostile_feeds_end(body: bytes) -> None:
    try:
        entries = parse(URL, body).entries
    except ParseError:
        entries = ()
    assert all("root:" not in entry.title and len(entry.title) <= 1_000_000 for entry in entries)
