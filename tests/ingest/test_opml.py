"""Feed lists in and out."""

from __future__ import annotations

import pytest

from ingest.opml import OpmlFeed, read_list, read_opml, write_opml
from stream.errors import ConfigError

NESTED = b"""<?xml version="1.0"?>
<opml version="2.0"><head><title>Mine</title></head><body>
  <outline text="World"><outline text="Europe">
    <outline type="rss" text="Example Europe" xmlUrl="https://example.org/europe.rss" language="en-gb"/>
  </outline></outline>
  <outline TEXT="Plain" XMLURL=" https://example.org/plain.xml "/>
  <outline text="https://example.org/untitled" xmlurl="https://example.org/untitled"/>
  <outline title="Twice" text="ignored" xmlUrl="https://example.org/plain.xml"/>
  <outline text="A page, no feed" url="https://example.org/page.html"/>
</body></opml>"""


def test_nested_lists_are_read_in_order_each_feed_once() -> None:
    assert read_opml(NESTED, "list.opml") == (
        OpmlFeed("https://example.org/europe.rss", "Example Europe", "en-gb"),
        OpmlFeed("https://example.org/plain.xml", "Plain"),
        OpmlFeed("https://example.org/untitled"),
    )


@pytest.mark.parametrize(
    "outline",
    [
        b'<outline text="A & B" xmlUrl="https://example.org/feed?a=1&b=2"/>',
        b'<outline text="A &amp; B" xmlUrl="https://example.org/feed?a=1&amp;b=2"></outline>',
        b'<outline text="A&nbsp;&eacute; B" xmlUrl="https://example.org/feed?a=1&#38;b=2"/>',
        b'<o:outline xmlns:o="urn:x" text="A &amp; B" xmlUrl="https://example.org/feed?a=1&amp;b=2"/>',
    ],
)
def test_small_damage_is_repaired(outline: bytes) -> None:
    (feed,) = read_opml(b"<opml><body>" + outline + b"</body></opml>", "list.opml")
    assert feed.url == "https://example.org/feed?a=1&b=2"


@pytest.mark.parametrize(
    ("outline", "url"),
    [
        ('<outline type="rss" text="Örtlich" url="https://example.org/feed"/>', "https://example.org/feed"),
        ('<outline type="link" text="Page" url="https://example.org/page"/><outline text="Örtlich" xmlUrl="https://example.org/feed"/>', "https://example.org/feed"),
        ('<outline text="&amp;Ouml;rtlich" xmlUrl="feed:https://example.org/feed"/>', "https://example.org/feed"),
        ('<outline text="Örtlich" xmlUrl="feed://example.org/feed?a=1&amp;amp;b=2"/>', "https://example.org/feed?a=1&b=2"),
    ],
)  # fmt: skip
def test_a_feed_is_found_however_it_is_written(outline: str, url: str) -> None:
    assert read_opml(f"<opml><body>{outline}</body></opml>".encode(), "list.opml") == (OpmlFeed(url, "Örtlich"),)


@pytest.mark.parametrize(
    ("encoding", "declared"), [("utf-16", "utf-16"), ("utf-16-le", "utf-8"), ("windows-1252", "windows-1252"), ("windows-1252", "utf-8")]
)
def test_a_list_in_any_encoding_is_read(encoding: str, declared: str) -> None:
    text = f'<?xml version="1.0" encoding="{declared}"?><opml><body><outline text="A &amp; Ö" xmlUrl="https://example.org/feed"/></body></opml>'
    assert read_list(text.encode(encoding), "list.opml") == (OpmlFeed("https://example.org/feed", "A & Ö"),)
    assert read_list(f"Warning: in line 3\n{text}".encode(), "list.opml") == (OpmlFeed("https://example.org/feed", "A & Ö"),)


def test_a_list_that_breaks_off_gives_what_it_has() -> None:
    assert [feed.title for feed in read_opml(NESTED[: NESTED.index(b'<outline text="https')], "list.opml")] == ["Example Europe", "Plain"]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "not XML"),
        (b"feeds: none", "not XML"),
        (b"\x00\x01\x02", "not XML"),
        (b"<rss version='2.0'><channel/></rss>", "not OPML: the outermost element is <rss>"),
        (b"<opml><body><outline text='empty'/></body></opml>", "no feeds"),
    ],
)
def test_what_is_no_list_is_refused_with_its_name_and_the_problem(data: bytes, problem: str) -> None:
    with pytest.raises(ConfigError, match=f"^list.opml: {problem}"):
        read_opml(data, "list.opml")


def test_entities_are_not_expanded_and_files_are_not_read() -> None:
    bomb = b"<!DOCTYPE opml [<!ENTITY a 'aaaaaaaaaa'>" + b"".join(
        f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>".encode() for n in range(9)
    )
    outlines = b"]><opml><body>&j;<outline text='&j;' xmlUrl='https://example.org/feed'/></body></opml>"
    file = b"<!DOCTYPE opml [<!ENTITY j SYSTEM 'file:///etc/hostname'>"
    for data in (bomb + outlines, file + outlines):
        assert read_opml(data, "list.opml") == (OpmlFeed("https://example.org/feed", "&j;"),)


def test_what_is_written_reads_back_the_same() -> None:
    feeds = (
        OpmlFeed("https://example.org/feed?a=1&b=<2>", 'Ünïcödé & "quotes" <tags>', "de"),
        OpmlFeed("https://example.org/untitled"),
        OpmlFeed("https://example.org/control", "bell \x07 and half \ud800 a pair"),
    )
    back = read_opml(write_opml(feeds), "list.opml")
    assert feeds[:2] == back[:2]
    assert back[2].title == "bell \ufffd and half \ufffd a pair"


def test_a_list_is_opml_or_text_with_an_address_a_line() -> None:
    assert read_list(b"\xef\xbb\xbf\n" + NESTED, "x") == read_opml(NESTED, "x")
    text = b"\xef\xbb\xbf# mine\r\nhttps://example.org/a  World\n\nhttps://example.org/b\nhttps://example.org/a\n"
    assert read_list(text, "x") == (OpmlFeed("https://example.org/a"), OpmlFeed("https://example.org/b"))
    table = '"https://example.org/a,1.rss","World"\r<https://example.org/b>;\r'.encode("utf-16")
    assert read_list(table, "x") == (OpmlFeed("https://example.org/a,1.rss"), OpmlFeed("https://example.org/b"))
    with pytest.raises(ConfigError, match=r"^x: no addresses in it$"):
        read_list(b"# nothing\n", "x")
