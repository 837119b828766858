"""What feeds in the wild do, one small feed each, and what has to come of it.

Each row of CASES is a name, the body as it is served, and the fields expected of the first entry; a key that begins with
``feed.`` is a field of the feed, and ``entries`` the number of entries.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from ingest.model import ParsedFeed
from ingest.parse import parse
from stream.messages import Enclosure

URL = "https://news.example/feeds/world.xml"
TEN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
DAY = datetime(2026, 3, 2, tzinfo=UTC)

NAMESPACES = (
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:dcterms="http://purl.org/dc/terms/" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/" '
    'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0" '
    'xmlns:xhtml="http://www.w3.org/1999/xhtml" xmlns:slash="http://purl.org/rss/1.0/modules/slash/"'
)
ATOM = 'xmlns="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/" xmlns:thr="http://purl.org/syndication/thread/1.0"'


class Case(NamedTuple):
    """A feed as it is served, and what has to come of it."""

    name: str
    body: bytes
    expected: Mapping[str, object]
    charset: str | None = None


def file(url: str, media_type: str | None = None, length: int | None = None) -> Enclosure:
    return Enclosure(url=url, media_type=media_type, length=length)


def rss(name: str, inside: str, /, head: str = "", **expected: object) -> Case:
    """An RSS 2.0 feed with every namespace declared and one item."""
    body = f'<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0" {NAMESPACES}><channel><title>World</title>{head}<item>{inside}</item></channel></rss>'
    return Case(name, body.encode(), expected)


def atom(name: str, inside: str, /, head: str = "", **expected: object) -> Case:
    """An Atom 1.0 feed with one entry."""
    return Case(name, f"<feed {ATOM}><title>World</title>{head}<entry>{inside}</entry></feed>".encode(), expected)


def json_feed(name: str, item: object, /, feed: Mapping[str, object] | None = None, **expected: object) -> Case:
    """A JSON Feed with one item."""
    document = {"version": "https://jsonfeed.org/version/1.1", "title": "World", "items": [item], **(feed or {})}
    return Case(name, json.dumps(document).encode(), expected)


def whole(name: str, body: str | bytes, charset: str | None = None, /, **expected: object) -> Case:
    """A feed as it stands."""
    return Case(
        name,
        body.encode() if isinstance(body, str) else body,
        {key.replace("feed_", "feed."): value for key, value in expected.items()},
        charset,
    )


RSS = '<rss version="2.0"><channel><title>World</title>'
END = "</channel></rss>"
ONE = "<item><title>One</title><link>https://news.example/1</link><guid>https://news.example/1</guid></item>"
TWO = "<item><title>Two</title><link>https://news.example/2</link><guid>https://news.example/2</guid></item>"

CASES = (
    # links
    rss("link with spaces round it", "<link>\n https://news.example/1 \n</link>", link="https://news.example/1"),
    rss("link in CDATA", "<link><![CDATA[https://news.example/1?a=1&b=2]]></link>", link="https://news.example/1?a=1&b=2"),
    rss("guid is the link", "<guid>https://news.example/1</guid>", link="https://news.example/1", guid="https://news.example/1"),
    rss("guid is no link", '<guid isPermaLink="false">https://news.example/1</guid>', link=None, guid="https://news.example/1"),
    rss("atom:link alternate in RSS", '<atom:link href="https://news.example/1" rel="alternate"/>', link="https://news.example/1"),
    rss("atom:link self is not the page", '<atom:link href="https://news.example/1.xml" rel="self"/><link>https://news.example/1</link>', link="https://news.example/1"),
    rss("atom:link before the link", '<atom:link href="https://news.example/x" rel="related"/><link>https://news.example/1</link>', link="https://news.example/1"),
    rss("atom:link enclosure in RSS", '<link>https://news.example/1</link><atom:link rel="enclosure" type="audio/mpeg" href="/1.mp3" length="5"/>',
        link="https://news.example/1", enclosures=(file("https://news.example/1.mp3", "audio/mpeg", 5),)),
    rss("feedburner keeps the publisher's link", "<link>https://feeds.example/~r/1</link><feedburner:origLink>https://news.example/1</feedburner:origLink>",
        link="https://news.example/1"),
    rss("xml:base on the item", '<link xml:base="https://base.example/x/">y</link>', link="https://base.example/x/y"),
    rss("relative to the feed", "<link>../1</link>", link="https://news.example/1"),
    rss("no scheme", "<link>//news.example/1</link>", link="https://news.example/1"),
    rss("link escaped twice", "<link>https://news.example/?a=1&amp;amp;b=2&amp;#038;c=3</link>", link="https://news.example/?a=1&b=2&c=3"),
    rss("link in CDATA, escaped as well", "<link><![CDATA[https://news.example/?a=1&amp;copy=2]]></link>", link="https://news.example/?a=1&copy=2"),
    rss("link without its scheme", "<link>www.news.example/1</link>", link="http://www.news.example/1"),
    rss("link wrapped over lines", "<link>https://news.example/\r\n    world/1</link>", link="https://news.example/world/1"),
    rss("link to a mail address", "<link>mailto:a@news.example</link><title>t</title>", link=None),
    rss("link of the channel stays there", "<title>t</title>", head="<link>https://news.example/</link>", link=None, **{"feed.link": "https://news.example/"}),
    rss("self link of the channel is not its page", "<title>t</title>", head='<link>https://news.example/</link><atom:link rel="self" href="https://news.example/rss"/>',
        **{"feed.link": "https://news.example/"}),
    rss("self link first", "<title>t</title>", head='<atom:link rel="self" type="application/rss+xml" href="https://news.example/rss"/><link>https://news.example/</link>',
        **{"feed.link": "https://news.example/"}),
    rss("image has a link of its own", "<title>t</title>",
        head="<link>https://news.example/</link><image><title>Logo</title><url>l.png</url><link>https://logo.example/</link></image>",
        **{"feed.link": "https://news.example/", "feed.title": "World"}),
    atom("alternate among others", '<link rel="self" href="/s"/><link rel="edit" href="/e"/><link rel="alternate" type="text/html" href="/1"/>', link="https://news.example/1"),
    atom("link without rel", '<link href="/1"/>', link="https://news.example/1"),
    atom("two alternates: the HTML one", '<link rel="alternate" type="application/json" href="/1.json"/><link rel="alternate" type="text/html" href="/1"/>',
         link="https://news.example/1"),
    atom("alternates in several languages: the first", '<link rel="alternate" type="text/html" href="/1"/><link rel="alternate" type="text/html" hreflang="fr" href="/fr/1"/>',
         link="https://news.example/1"),
    rss("two links: the first", "<link>https://news.example/1</link><link>https://news.example/2</link>", link="https://news.example/1"),
    atom("only a related link is no page", '<link rel="replies" href="/1/comments"/><id>tag:x,1</id>', link=None),
    atom("xml:base of feed and entry", '<link href="1"/>', head="", link="https://news.example/feeds/1"),
    whole("xml:base of the feed", f'<feed {ATOM} xml:base="https://base.example/a/"><title>W</title><entry xml:base="b/"><link href="1"/></entry></feed>',
          link="https://base.example/a/b/1"),
    atom("id that is a URL is no link", "<id>https://news.example/1</id>", guid="https://news.example/1", link="https://news.example/1"),
    atom("id as a urn", "<id>urn:uuid:1225c695-cfb8-4ebb-aaaa-80da344efa6a</id>", guid="urn:uuid:1225c695-cfb8-4ebb-aaaa-80da344efa6a", link=None),
    atom("link of the source stays there", '<source><link href="/other"/><title>Other</title><id>o</id></source><link href="/1"/><title>Own</title><id>own</id>',
         link="https://news.example/1", title="Own", guid="own"),
    atom("xml:lang of the entry", '<title xml:lang="fr">Bonjour</title>', title="Bonjour", language="fr"),
    # guids
    rss("guid with spaces", "<guid>\n 17 \n</guid>", guid="17"),
    rss("guid with an ampersand", "<guid>https://news.example/?p=1&amp;q=2</guid>", guid="https://news.example/?p=1&q=2"),
    rss("permalink in capitals", '<guid isPermaLink="FALSE">https://news.example/1</guid>', guid="https://news.example/1", link=None),
    rss("guid and link", "<guid>g</guid><link>https://news.example/1</link>", guid="g", link="https://news.example/1"),
    whole("rdf:about is the guid", '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
          '<channel rdf:about="https://news.example/"><title>W</title></channel><item rdf:about="https://news.example/1"><title>One</title>'
          "<link>https://news.example/1</link></item></rdf:RDF>", guid="https://news.example/1", link="https://news.example/1", title="One", feed_format="rss10"),
    # titles
    rss("entities twice encoded", "<title>AT&amp;amp;T &amp;lt;b&amp;gt;</title>", title="AT&T <b>"),
    rss("markup encoded", "<title>A &lt;em&gt;bold&lt;/em&gt; claim</title>", title="A bold claim"),
    rss("markup in CDATA", "<title><![CDATA[A <em>bold</em> claim &amp; more]]></title>", title="A bold claim & more"),
    rss("less than", "<title>Growth &lt; 2% and &gt; 1%</title>", title="Growth < 2% and > 1%"),
    rss("numeric references", "<title>Caf&#233; &#8212; &#x20AC;5</title>", title="Café — €5"),
    rss("references to surrogates", "<title>Go &#55357;&#56960; &#xD83D;&#xde80; &#55357; on</title>", title="Go 🚀 🚀 on"),
    rss("references of Windows-1252", "<title>It&#146;s &#150; over</title>", title="It’s – over"),
    rss("named entities undeclared", "<title>Caf&eacute;&nbsp;&mdash; na&iuml;ve</title>", title="Café — naïve"),
    rss("title of the media is no title", "<title>Own</title><media:content url='/1.jpg'><media:title>Photo</media:title></media:content>", title="Own"),
    rss("title of the media first", "<media:content url='/1.jpg'><media:title>Photo</media:title></media:content><title>Own</title>", title="Own"),
    rss("title of the entry's picture", "<title>Own</title><image><url>/1.jpg</url><title>Photo</title><link>/photo</link></image>", title="Own", link=None),
    rss("title of the entry's picture first", "<image><title>Photo</title></image><title>Own</title>", title="Own"),
    rss("itunes:title", "<itunes:title>Episode 1</itunes:title>", title="Episode 1"),
    rss("title and itunes:title", "<title>1: Episode</title><itunes:title>Episode</itunes:title>", title="1: Episode"),
    rss("dc:title", "<dc:title>Named</dc:title>", title="Named"),
    rss("no title", "<description>Only this.</description>", title="", summary="Only this."),
    atom("title of type text", "<title>1 &lt; 2 &amp;amp; 3</title>", title="1 < 2 &amp; 3"),
    atom("title of type html", '<title type="html">1 &amp;lt; 2 &lt;b&gt;or&lt;/b&gt; 3</title>', title="1 < 2 or 3"),
    atom("title of type xhtml", '<title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">1 &lt; 2 <b>or</b> 3</div></title>', title="1 < 2 or 3"),
    atom("title of type text/html", '<title type="text/html">A &lt;b&gt;b&lt;/b&gt;</title>', title="A b"),
    atom("title in CDATA, type html", '<title type="html"><![CDATA[A <b>b</b> &amp; c]]></title>', title="A b & c"),
    # text
    rss("content beside description", "<description>Short.</description><content:encoded>&lt;p&gt;Long.&lt;/p&gt;</content:encoded>", summary="Short.", content="Long."),
    rss("content before description", "<content:encoded>&lt;p&gt;Long.&lt;/p&gt;</content:encoded><description>Short.</description>", summary="Short.", content="Long."),
    rss("content alone", "<content:encoded>&lt;p&gt;Long.&lt;/p&gt;</content:encoded>", summary="", content="Long."),
    rss("xhtml:body", "<description>Short.</description><xhtml:body><xhtml:p>Long.</xhtml:p></xhtml:body>", summary="Short.", content="Long."),
    rss("description with paragraphs", "<description>&lt;p&gt;One.&lt;/p&gt;&lt;p&gt;Two.&lt;br&gt;Three.&lt;/p&gt;</description>", summary="One.\n\nTwo.\nThree."),
    rss("description in CDATA", "<description><![CDATA[<p>Fish & chips &amp; peas</p>]]></description>", summary="Fish & chips & peas"),
    rss("CDATA in two parts", "<description><![CDATA[a ]]>and<![CDATA[ b]]></description>", summary="a and b"),
    rss("plain text with a less-than sign", "<description>5 &lt; 7 is true.</description>", summary="5 < 7 is true."),
    rss("scripts and styles go", "<description><![CDATA[<style>p{}</style><p>Text.</p><script>alert(1)</script>]]></description>", summary="Text."),
    rss("an image alone is no text", "<description><![CDATA[<img src='/1.jpg' alt='x'>]]></description>", summary=""),
    rss("marks of CDATA escaped as well", "<title>&lt;![CDATA[Talks]]&gt;</title><description>&lt;![CDATA[&lt;p&gt;Text.&lt;/p&gt;]]&gt;</description>", title="Talks", summary="Text."),
    rss("the text that aggregators are given", '<description>Short.</description><yandex:full-text xmlns:yandex="http://news.yandex.ru">Long &lt; whole.</yandex:full-text>',
        summary="Short.", content="Long < whole."),
    rss("markup escaped twice", "<description>&amp;lt;p&amp;gt;One.&amp;lt;/p&amp;gt; &amp;lt;p&amp;gt;Two.&amp;lt;/p&amp;gt;</description>", summary="One.\n\nTwo."),
    rss("markup in CDATA, escaped as well", "<description><![CDATA[&lt;div&gt;Fish &amp;amp; chips&lt;/div&gt;]]></description>", summary="Fish & chips"),
    rss("tags that a text speaks of", "<description><![CDATA[The tag &lt;b&gt; makes &lt;b&gt;bold&lt;/b&gt; text.]]></description>", summary="The tag <b> makes <b>bold</b> text."),
    rss("a style, then elements of HTML 5", "<description><![CDATA[<style>p{}</style><figure><figcaption>A market.</figcaption></figure><p>Text.</p>]]></description>",
        summary="A market.\n\nText."),
    rss("itunes:summary", "<itunes:summary>About it.</itunes:summary>", summary="About it."),
    rss("description and itunes:summary", "<description>First.</description><itunes:summary>Second, and longer.</itunes:summary>", summary="First."),
    rss("dc:description", "<dc:description>About it.</dc:description>", summary="About it."),
    rss("media:description is a last resort", "<media:group><media:description>About it.</media:description></media:group>", summary="About it."),
    rss("media:description does not take the summary's place", "<media:content url='/1.jpg'><media:description>The photo.</media:description></media:content><description>The news.</description>",
        summary="The news."),
    rss("summary first, then media:description", "<description>The news.</description><media:content url='/1.jpg'><media:description>The photo, at length.</media:description></media:content>",
        summary="The news.", content=""),
    atom("summary and content", '<summary>Short.</summary><content type="html">&lt;p&gt;Long.&lt;/p&gt;</content>', summary="Short.", content="Long."),
    atom("content of type xhtml", '<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>One.</p><p>Two &amp; three.</p></div></content>', content="One.\n\nTwo & three."),
    atom("xhtml with a prefix", '<content type="xhtml"><h:div xmlns:h="http://www.w3.org/1999/xhtml"><h:p>One.</h:p><h:p>Two.</h:p></h:div></content>', content="One.\n\nTwo."),
    atom("content elsewhere", '<content src="https://news.example/1" type="text/html"/><summary>Short.</summary>', summary="Short.", content=""),
    atom("content in base64", '<content type="application/octet-stream">PHA+TG9uZy48L3A+</content>', content="Long."),
    atom("content that is an image", '<content type="image/png">iVBORw0KGgo=</content>', content=""),
    atom("several contents: the longest", '<content type="text">No.</content><content type="html">&lt;p&gt;Long enough.&lt;/p&gt;</content>', content="Long enough."),
    atom("media group of a video", '<title>Clip</title><media:group><media:title>Clip</media:title><media:content url="https://v.example/1" type="application/x-shockwave-flash"/>'
         '<media:thumbnail url="https://v.example/1.jpg"/><media:description>About the clip.</media:description></media:group>',
         title="Clip", summary="About the clip.",
         enclosures=(file("https://v.example/1", "application/x-shockwave-flash"), file("https://v.example/1.jpg", "image/*"))),
    # authors
    rss("mail address and name", "<author>jane@news.example (Jane Doe)</author>", authors=("Jane Doe",)),
    rss("name and mail address", "<author>Jane Doe &lt;jane@news.example&gt;</author>", authors=("Jane Doe",)),
    rss("name alone", "<author>Jane Doe</author>", authors=("Jane Doe",)),
    rss("dc:creator twice", "<dc:creator>Jane Doe</dc:creator><dc:creator>John Roe</dc:creator>", authors=("Jane Doe", "John Roe")),
    rss("dc:creator in CDATA", "<dc:creator><![CDATA[Jane Doe]]></dc:creator>", authors=("Jane Doe",)),
    rss("itunes:author", "<itunes:author>Jane Doe</itunes:author>", authors=("Jane Doe",)),
    rss("author and dc:creator", "<author>jane@news.example (Jane Doe)</author><dc:creator>Jane Doe</dc:creator>", authors=("Jane Doe",)),
    rss("a link as author", "<dc:creator>&lt;a href='/jane'&gt;Jane Doe&lt;/a&gt;</dc:creator>", authors=("Jane Doe",)),
    rss("mail address alone", "<author>jane@news.example</author>", authors=()),
    rss("managing editor writes no items", "<title>t</title>", head="<managingEditor>ed@news.example (Ed)</managingEditor>", authors=()),
    atom("authors", "<author><name>Jane Doe</name><email>j@x.example</email></author><author><name>John Roe</name></author>", authors=("Jane Doe", "John Roe")),
    atom("author of the feed (RFC 4287 §4.2.1)", "<title>t</title>", head="<author><name>Jane Doe</name></author>", authors=("Jane Doe",)),
    atom("author of the source", "<source><author><name>Jane Doe</name></author></source><title>t</title>", head="<author><name>Feed</name></author>", authors=("Jane Doe",)),
    atom("contributors are no authors", "<author><name>Jane Doe</name></author><contributor><name>John Roe</name></contributor>", authors=("Jane Doe",)),
    # categories
    rss("categories", "<category>A</category><category domain='x'>B</category><category>A</category><category/>", categories=("A", "B")),
    rss("category twice encoded", "<category>R&amp;amp;D</category>", categories=("R&D",)),
    rss("dc:subject", "<dc:subject>A</dc:subject>", categories=("A",)),
    rss("media:keywords", "<media:keywords>a, b</media:keywords>", categories=("a", "b")),
    rss("itunes:keywords", "<itunes:keywords>a, b</itunes:keywords>", categories=("a", "b")),
    atom("terms and labels", '<category term="a"/><category term="b" label="B"/>', categories=("a", "B")),
    # dates
    rss("pubDate", "<pubDate>Mon, 02 Mar 2026 10:00:00 GMT</pubDate>", published_at=TEN, published_at_source="published"),
    rss("pubdate in lower case", "<pubdate>Mon, 02 Mar 2026 10:00:00 GMT</pubdate>", published_at=TEN),
    rss("dc:date", "<dc:date>2026-03-02T10:00:00Z</dc:date>", published_at=TEN, published_at_source="updated"),
    rss("dcterms:issued before dcterms:modified", "<dcterms:modified>2026-03-05T10:00:00Z</dcterms:modified><dcterms:issued>2026-03-02T10:00:00Z</dcterms:issued>",
        published_at=TEN, published_at_source="published"),
    rss("atom:published in RSS", "<atom:published>2026-03-02T10:00:00Z</atom:published>", published_at=TEN, published_at_source="published"),
    rss("atom:updated in RSS", "<atom:updated>2026-03-02T10:00:00Z</atom:updated>", published_at=TEN, published_at_source="updated"),
    rss("pubDate of the channel is not the item's", "<title>t</title>", head="<pubDate>Mon, 02 Mar 2026 10:00:00 GMT</pubDate>", published_at=None),
    rss("empty pubDate", "<pubDate/><dc:date>2026-03-02T10:00:00Z</dc:date>", published_at=TEN),
    rss("pubDate in CDATA", "<pubDate><![CDATA[Mon, 02 Mar 2026 10:00:00 GMT]]></pubDate>", published_at=TEN),
    atom("published before updated", "<updated>2026-03-05T10:00:00Z</updated><published>2026-03-02T10:00:00Z</published>", published_at=TEN, published_at_source="published"),
    atom("updated alone", "<updated>2026-03-02T10:00:00Z</updated>", published_at=TEN, published_at_source="updated"),
    atom("updated of the source is not the entry's", "<source><updated>2020-01-01T00:00:00Z</updated></source><updated>2026-03-02T10:00:00Z</updated>", published_at=TEN),
    # enclosures and media
    rss("enclosure", '<enclosure url="https://a.example/1.mp3" length="123" type="audio/mpeg"/>', enclosures=(file("https://a.example/1.mp3", "audio/mpeg", 123),)),
    rss("two enclosures", '<enclosure url="/1.mp3"/><enclosure url="/2.mp3" length="many" type="Audio/MPEG"/>',
        enclosures=(file("https://news.example/1.mp3"), file("https://news.example/2.mp3", "audio/mpeg"))),
    rss("the same file twice", '<enclosure url="/1.jpg" type="image/jpeg" length="9"/><media:content url="/1.jpg" type="image/jpeg"/>',
        enclosures=(file("https://news.example/1.jpg", "image/jpeg", 9),)),
    rss("enclosure without a URL", '<enclosure url="" type="audio/mpeg"/>', enclosures=()),
    rss("media:content", '<media:content url="/1.jpg" medium="image" fileSize="77"/>', enclosures=(file("https://news.example/1.jpg", "image/*", 77),)),
    rss("media:group", '<media:group><media:content url="/1.mp4" type="video/mp4"/><media:content url="/1.webm" type="video/webm"/></media:group>',
        enclosures=(file("https://news.example/1.mp4", "video/mp4"), file("https://news.example/1.webm", "video/webm"))),
    rss("itunes:image", '<itunes:image href="/1.jpg"/>', enclosures=(file("https://news.example/1.jpg", "image/*"),)),
    rss("picture of the entry", "<image><url>/1.jpg</url><title>Photo</title></image><title>Own</title>", title="Own", enclosures=(file("https://news.example/1.jpg", "image/*"),)),
    rss("picture of the feed is none of the entry", "<title>t</title>", head="<image><url>/l.png</url></image><itunes:image href='/i.png'/>", enclosures=()),
    rss("media:thumbnail", '<media:thumbnail url="/1.jpg" width="75"/>', enclosures=(file("https://news.example/1.jpg", "image/*"),)),
    atom("enclosure", '<link rel="enclosure" type="audio/mpeg" length="9" href="/1.mp3"/>', enclosures=(file("https://news.example/1.mp3", "audio/mpeg", 9),)),
    # JSON Feed
    json_feed("JSON 1.1", {"id": "1", "url": "/1", "title": "T", "content_html": "<p>A</p>", "authors": [{"name": "Jane"}], "date_published": "2026-03-02T10:00:00Z"},
              guid="1", link="https://news.example/1", title="T", content="A", authors=("Jane",), published_at=TEN, published_at_source="date_published"),
    json_feed("JSON 1.0", {"id": "1", "author": {"name": "Jane"}}, {"version": "https://jsonfeed.org/version/1"}, authors=("Jane",), **{"feed.format": "json10"}),
    json_feed("author of a JSON feed", {"id": "1"}, {"authors": [{"name": "Jane"}]}, authors=("Jane",)),
    json_feed("id that is a number", {"id": 17}, guid="17"),
    json_feed("id that is no number", {"id": float("nan"), "title": "T"}, guid=None, title="T"),
    json_feed("text alone", {"id": "1", "content_text": "a < b & c"}, content="a < b & c"),
    json_feed("date_modified alone", {"id": "1", "date_modified": "2026-03-02T11:00:00+01:00"}, published_at=TEN, published_at_source="date_modified"),
    json_feed("external_url where there is no url", {"id": "1", "external_url": "https://o.example/1"}, link="https://o.example/1"),
    json_feed("images", {"id": "1", "image": "/1.jpg", "banner_image": "/2.jpg"},
              enclosures=(file("https://news.example/1.jpg", "image/*"), file("https://news.example/2.jpg", "image/*"))),
    json_feed("id that is a URL", {"id": "https://news.example/1"}, guid="https://news.example/1", link="https://news.example/1"),
    json_feed("language", {"id": "1"}, {"language": "en-US"}, **{"feed.language": "en-US"}),
    json_feed("single things where lists belong", {"id": "1", "authors": {"name": "Jane"}, "tags": "a", "attachments": {"url": "/1.mp3", "size_in_bytes": "123"}},
              authors=("Jane",), categories=("a",), enclosures=(file("https://news.example/1.mp3", None, 123),)),
    json_feed("names instead of authors", {"id": "1", "authors": ["Jane", "John"]}, authors=("Jane", "John")),
    json_feed("numbers for texts", {"id": 1.5, "title": 7, "date_published": 1772445600}, guid="1.5", title="7", published_at=TEN),
    json_feed("no items (null)", {}, {"items": None}, entries=0),
    json_feed("a list that PHP made an object", {}, {"items": {"0": {"id": "1", "title": "One"}, "2": {"id": "2"}}}, title="One", entries=2),
    whole("JSON that breaks off", b'{"version": "https://jsonfeed.org/version/1.1", "title": "W", "items": [{"id": "1", "title": "One"}, {"id": "2", "ti',
          title="One", entries=1, feed_title="W", feed_note="it breaks off or is damaged; the items that were whole are kept"),
    whole("JSON with a comma too many", b'{"version": "https://jsonfeed.org/version/1.1", "title": "W", "items": [{"id": "1"}, {"id": "2"},]}', entries=2, feed_format="json11"),
    whole("JSON with control characters in a string", b'{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", "title": "One\ttwo\nthree"}]}', title="One two three"),
    whole("JSON behind a guard against scripts", b')]}\',\n{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", "title": "One"}]}', title="One"),
    whole("JSON behind a warning", b'<br />\n<b>Notice</b>: x in <b>/y.php</b>\n{"version":"https:\\/\\/jsonfeed.org\\/version\\/1","items":[{"id":"1","title":"One"}]}', title="One"),
    json_feed("entities in a title", {"id": "1", "title": "Fish &amp; chips &#8211; 5 < 7 &copy=1", "tags": ["R&amp;D"]}, title="Fish & chips – 5 < 7 &copy=1", categories=("R&D",)),
    whole("JSON in a callback", b'/**/feed.show({"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", "title": "One"}]});', title="One"),
    whole("JSON behind a comment", b'// cached\n{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", "title": "One"}]}', title="One"),
    # old formats
    whole("RSS 0.91 with Netscape's document type", '<?xml version="1.0"?><!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" '
          f'"http://my.netscape.com/publish/formats/rss-0.91.dtd"><rss version="0.91"><channel><title>W</title>{ONE}</channel></rss>', title="One", feed_format="rss091n"),
    whole("RSS 0.92", f'<rss version="0.92"><channel><title>W</title>{ONE}</channel></rss>', title="One", feed_format="rss092"),
    whole("RSS 0.90", '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://my.netscape.com/rdf/simple/0.9/"><channel><title>W</title></channel>'
          "<item><title>One</title><link>https://news.example/1</link></item></rdf:RDF>", title="One", feed_format="rss090", feed_title="W"),
    whole("RSS 1.0 with content and dc", f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" {NAMESPACES}><channel><title>W</title></channel>'
          "<item><title>One</title><dc:creator>Jane</dc:creator><dc:date>2026-03-02T10:00:00Z</dc:date><content:encoded><![CDATA[<p>A</p>]]></content:encoded></item></rdf:RDF>",
          title="One", authors=("Jane",), content="A", published_at=TEN),
    whole("Atom 0.3", '<feed version="0.3" xmlns="http://purl.org/atom/ns#"><title>W</title><entry><title mode="escaped" type="text/html">A &lt;b&gt;b&lt;/b&gt;</title>'
          '<link rel="alternate" type="text/html" href="/1"/><id>tag:1</id><issued>2026-03-02T10:00:00Z</issued><modified>2026-03-05T10:00:00Z</modified>'
          '<content type="text/html" mode="escaped">&lt;p&gt;C&lt;/p&gt;</content></entry></feed>',
          title="A b", link="https://news.example/1", guid="tag:1", published_at=TEN, content="C", feed_format="atom03"),
    whole("CDF", '<CHANNEL HREF="https://news.example/"><TITLE>W</TITLE><ITEM HREF="https://news.example/1" LASTMOD="2026-03-02T10:00Z"><TITLE>One</TITLE><ABSTRACT>Short.</ABSTRACT></ITEM></CHANNEL>',
          title="One", link="https://news.example/1", summary="Short.", published_at=TEN, feed_format="cdf"),
    whole("Atom with a prefix", '<a:feed xmlns:a="http://www.w3.org/2005/Atom"><a:title>W</a:title><a:entry><a:title>One</a:title><a:link href="/1"/><a:id>x</a:id></a:entry></a:feed>',
          title="One", link="https://news.example/1", guid="x", feed_title="W"),
    whole("RSS without a version", f"<rss><channel><title>W</title>{ONE}</channel></rss>", title="One"),
    whole("RSS 2.0 in a namespace", f'<rss version="2.0" xmlns="http://backend.userland.com/rss2"><channel><title>W</title>{ONE}</channel></rss>', title="One"),
    whole("items beside the channel", f'<rss version="2.0"><channel><title>W</title></channel>{ONE}</rss>', title="One", feed_title="W"),
    whole("namespaces with https or without a slash, under other prefixes", '<rss version="2.0"><channel><item xmlns:c="http://purl.org/rss/1.0/modules/content" xmlns:d="https://purl.org/dc/elements/1.1/">'
          "<title>One</title><c:encoded>&lt;p&gt;Long.&lt;/p&gt;</c:encoded><d:creator>Jane</d:creator></item></channel></rss>", title="One", content="Long.", authors=("Jane",)),
    whole("capitals", '<RSS VERSION="2.0"><CHANNEL><TITLE>W</TITLE><ITEM><TITLE>One</TITLE><LINK>https://news.example/1</LINK></ITEM></CHANNEL></RSS>',
          title="One", link="https://news.example/1"),
    # encodings
    whole("UTF-8 with a mark", b"\xef\xbb\xbf" + f"{RSS}<item><title>Café</title></item>{END}".encode(), "iso-8859-1", title="Café"),
    whole("two marks", b"\xef\xbb\xbf\xef\xbb\xbf" + f"{RSS}<item><title>Café</title></item>{END}".encode(), title="Café"),
    whole("UTF-16 declared as UTF-8", f'<?xml version="1.0" encoding="utf-8"?>{RSS}<item><title>Café</title></item>{END}'.encode("utf-16"), "utf-8", title="Café"),
    whole("UTF-16 without a mark", f'<?xml version="1.0" encoding="utf-8"?>{RSS}<item><title>Café</title></item>{END}'.encode("utf-16-le"), "utf-8", title="Café"),
    whole("UTF-16 with white space first", f"\n{RSS}<item><title>Café</title></item>{END}".encode("utf-16-le"), "utf-8", title="Café"),
    whole("UTF-8 declared as UTF-16", f'<?xml version="1.0" encoding="utf-16"?>{RSS}<item><title>Café</title></item>{END}', "utf-16", title="Café"),
    whole("Latin-1 declared as UTF-8", f'<?xml version="1.0" encoding="utf-8"?>{RSS}<item><title>Café</title></item>{END}'.encode("latin-1"), "utf-8", title="Café"),
    whole("Windows-1251 declared in XML, UTF-8 in HTTP", f'<?xml version="1.0" encoding="windows-1251"?>{RSS}<item><title>Переговоры начались</title></item>{END}'.encode("cp1251"), "utf-8",
          title="Переговоры начались"),
    whole("Windows-1251 without a declaration", f"{RSS}<language>ru</language><item><title>Переговоры начались в Женеве сегодня утром</title></item>{END}".encode("cp1251"),
          title="Переговоры начались в Женеве сегодня утром"),
    whole("Windows-1251 declared as UTF-8", f'<?xml version="1.0" encoding="utf-8"?>{RSS}<item><title>Переговоры начались в Женеве сегодня утром</title></item>{END}'.encode("cp1251"), "utf-8",
          title="Переговоры начались в Женеве сегодня утром"),
    whole("Shift JIS without a declaration", f"{RSS}<language>ja</language><item><title>首相は協議を始めた。会談は東京で行われる予定だ。</title></item>{END}".encode("shift_jis"),
          title="首相は協議を始めた。会談は東京で行われる予定だ。"),
    whole("EUC-JP", f'<?xml version="1.0" encoding="euc-jp"?>{RSS}<item><title>首相は協議を始めた</title></item>{END}'.encode("euc-jp"), title="首相は協議を始めた"),
    whole("Big5", f'<?xml version="1.0" encoding="Big5"?>{RSS}<item><title>總理開始會談</title></item>{END}'.encode("big5"), title="總理開始會談"),
    whole("Greek without a declaration", f"{RSS}<language>el</language><item><title>Οι συνομιλίες άρχισαν σήμερα στην Αθήνα</title></item>{END}".encode("cp1253"),
          title="Οι συνομιλίες άρχισαν σήμερα στην Αθήνα"),
    whole("Polish without a declaration", f"{RSS}<language>pl</language><item><title>Rząd rozpoczął dziś rozmowy ze związkami, środa będzie ważna</title></item>{END}".encode("cp1250"),
          title="Rząd rozpoczął dziś rozmowy ze związkami, środa będzie ważna"),
    whole("one stray byte", f"{RSS}<item><title>Café € ".encode() + b"\xff" + f"</title></item>{END}".encode(), title="Café € \ufffd"),
    whole("in gzip", gzip.compress(f"{RSS}{ONE}{END}".encode()), title="One"),
    whole("Shift JIS under a name of browsers", f'<?xml version="1.0" encoding="x-sjis"?>{RSS}<item><title>首相は協議</title></item>{END}'.encode("shift_jis"), title="首相は協議"),
    whole("GBK under a name of browsers", f'<?xml version="1.0" encoding="x-gbk"?>{RSS}<item><title>会谈开始</title></item>{END}'.encode("gbk"), title="会谈开始"),
    whole("Hebrew in logical order", f'<?xml version="1.0" encoding="iso-8859-8-i"?>{RSS}<item><title>שיחות</title></item>{END}'.encode("iso-8859-8"), title="שיחות"),
    whole("Latin-1 without dashes", f'<?xml version="1.0" encoding="iso88591"?>{RSS}<item><title>Café</title></item>{END}'.encode("latin-1"), title="Café"),
    whole("emoji in surrogates", f"{RSS}<item><title>A ".encode() + b"\xed\xa0\xbd\xed\xba\x80" + f" B é</title></item>{END}".encode(), title="A 🚀 B é"),
    # damage
    whole("behind the document type of a page", f'<!DOCTYPE html>\n<?xml version="1.0"?>{RSS}{ONE}{END}', title="One"),
    whole("inside a page", f"<html><body><pre>{RSS}{ONE}{END}</pre></body></html>", title="One", entries=1),
    rss("a line break in a title", "<title>One&lt;br/&gt;two</title>", title="One two"),
    rss("no tag in a title", "<title>Profits &lt; 5 % say &lt;insiders&gt;</title>", title="Profits < 5 % say <insiders>"),
    whole("white space before the declaration", f'\n\n <?xml version="1.0" encoding="utf-8"?>{RSS}{ONE}{END}', title="One", feed_note=None),
    whole("a warning before the declaration", f'<br />\n<b>Warning</b>: fopen() failed in <b>/x.php</b> on line 3<br />\n<?xml version="1.0"?>{RSS}{ONE}{END}', title="One"),
    whole("text before the declaration", f'Notice: undefined index\n<?xml version="1.0"?>{RSS}{ONE}{END}', title="One"),
    whole("a comment before the declaration", f'<!-- cached -->\n<?xml version="1.0"?>{RSS}{ONE}{END}', title="One"),
    whole("no declaration", f"{RSS}{ONE}{END}", title="One"),
    whole("a style sheet", f'<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="x.xsl"?>{RSS}{ONE}{END}', title="One"),
    whole("a script after the end", f"{RSS}{ONE}{END}\n<script>track()</script>", title="One", entries=1),
    whole("a comment after the end", f"{RSS}{ONE}{END}<!-- 0.2 s -->", title="One", feed_note=None),
    whole("bare ampersands", f"{RSS}<item><title>Fish & chips</title><link>https://news.example/?a=1&b=2</link></item>{END}", title="Fish & chips", link="https://news.example/?a=1&b=2"),
    whole("bare ampersands and CDATA", f"{RSS}<item><title>A & B</title><description><![CDATA[<p>C & D &amp; E</p>]]></description></item>{END}", title="A & B", summary="C & D & E"),
    whole("control characters", f"{RSS}<item><title>One\x0b\x1f two &#11; three</title></item>{END}", title="One two three"),
    whole("numbers of characters as in Windows-1252", f"{RSS}<item><title>It&#146;s &#x93;fine&#148;&#133;</title></item>{END}", title="It’s “fine”…"),
    whole("a title left open", f"{RSS}<item><title>One<link>https://news.example/1</link></item>{TWO}{END}", title="One", link="https://news.example/1", entries=2),
    whole("ends of texts forgotten", f"{RSS}<item><title>One<link>https://news.example/1<guid>g1</item>{TWO}{END}", title="One", link="https://news.example/1", guid="g1", entries=2),
    whole("CDATA that is never closed", f"{RSS}<item><title><![CDATA[One</title><link>https://news.example/1</link></item>{TWO}{END}", title="One", entries=2),
    whole("CDATA that the next one closes", f"{RSS}<item><title><![CDATA[One</title></item><item><title><![CDATA[Two & two]]></title></item>{END}", title="One", entries=2),
    whole("CDATA in CDATA", f"{RSS}<item><title>One</title><description><![CDATA[a <![CDATA[b]]> c]]></description></item>{TWO}{END}", title="One", entries=2),
    whole("an undeclared namespace", f"{RSS}<item><title>One</title><foo:bar>x</foo:bar><dc:creator>Jane</dc:creator></item>{END}", title="One", authors=("Jane",)),
    whole("content:encoded undeclared", f"{RSS}<item><title>One</title><content:encoded><![CDATA[<p>Long.</p>]]></content:encoded></item>{END}", title="One", content="Long."),
    whole("unquoted attribute", f'<rss version=2.0><channel><title>W</title>{ONE}</channel></rss>', title="One"),
    whole("markup that was not escaped", f"{RSS}<item><title>One</title><description><p>Text <b>bold</b> &amp; more.</p></description></item>{END}", title="One", summary="Text bold & more."),
    whole("a tag left open in a description", f"{RSS}<item><title>One</title><description>Text<br>more</description></item>{TWO}{END}", title="One", entries=2),
    whole("cut in the middle of an item", f"{RSS}{ONE}{TWO}<item><title>Thr", title="One", entries=2),
    whole("cut in the middle of CDATA", f"{RSS}{ONE}<item><title>Two</title><link>https://news.example/2</link><description><![CDATA[<p>It was", title="One", entries=1),
    whole("cut between items", f"{RSS}{ONE}{TWO}", title="One", entries=2),
    whole("cut in a link", f"{RSS}{ONE}<item><title>Two</title><link>https://news.exa", title="One", entries=1),
    whole("cut Atom", f'<feed {ATOM}><title>W</title><entry><title>One</title><id>1</id></entry><entry><title>Tw', title="One", entries=1),
    whole("own entities", f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY agency "Example Press">]>{RSS}<item><title>&agency; says</title></item>{END}', title="Example Press says"),
    whole("own and HTML's entities", f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY agency "Example Press">]>{RSS}<item><title>&agency; caf&eacute;</title></item>{END}', title="Example Press café"),
    whole("empty elements", f"{RSS}<item><title/><link/><guid/><description/><pubDate/></item>{ONE}{END}", title="", link=None, guid=None),
    whole("items nested by a forgotten end", f"{RSS}<item><title>One</title><item><title>Two</title></item>{END}", title="One", entries=2),
    whole("an end tag too many", f"{RSS}{ONE}</item>{TWO}{END}", title="One", entries=2),
    whole("a byte order mark in the middle", f'\ufeff<?xml version="1.0"?>\ufeff{RSS}{ONE}{END}', title="One"),
    # elements that feedparser keeps things of its own under, or does not expect where they stand
    rss("an element named links", "<links>x</links><title>One</title><link>https://news.example/1</link>", title="One"),
    rss("an element named authors", '<authors a="b">x</authors><title>One</title><author>Jane</author>', title="One"),
    rss("an element named contributors", "<contributors>x</contributors><contributor><name>Jane</name></contributor><title>One</title>", title="One"),
    rss("an element named tags", "<tags>x</tags><category>A</category><title>One</title>", title="One"),
    rss("an element named title_detail", "<title_detail>x</title_detail><title>One</title>", title="One"),
    rss("media under other names", '<media_content>x</media_content><media:content url="/1.jpg"/><title>One</title>', title="One"),
    rss("a position without a place", '<gml:pos xmlns:gml="http://www.opengis.net/gml">1 2</gml:pos><title>One</title>', title="One"),
    rss("a licence without an address", '<c:license xmlns:c="http://backend.userland.com/creativeCommonsRssModule"/><title>One</title>', title="One"),
    whole("two declarations", f'<?xml version="1.0"?><?xml version="1.0" encoding="gbk"?>{RSS}{ONE}{END}', title="One"),
    whole("NUL bytes", f"{RSS}<item><title>O\0ne</title></item>{END}\0\0", title="One"),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_feed_gives_what_it_says(case: Case) -> None:
    feed = parse(URL, case.body, None, case.charset)
    assert {key: value_of(feed, key) for key in case.expected} == dict(case.expected), feed.note


def value_of(feed: ParsedFeed, key: str) -> object:
    if key == "entries":
        return len(feed.entries)
    owner, _, name = key.rpartition(".")
    return getattr(feed if owner else feed.entries[0], name)
