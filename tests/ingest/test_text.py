"""HTML and loose plain text become clean text."""

from __future__ import annotations

import pytest

from ingest.text import html_to_text, one_line, plain_text


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("", ""),
        ("   ", ""),
        ("plain", "plain"),
        ("<p>one</p><p>two <b>bold</b>, <i>ok</i></p>", "one\n\ntwo bold, ok"),
        ("<div><div><p>x</p></div></div>\n<p>y", "x\n\ny"),
        ("one<p>two<p>three", "one\n\ntwo\n\nthree"),
        ("a<br>b<br/><br />c", "a\nb\n\nc"),
        ("<ul><li>a</li><li>b</li></ul>x", "a\nb\n\nx"),
        ("<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>", "1 2\n3"),
        ("<h1>Title</h1>Text\n  goes   on", "Title\n\nText goes on"),
        ("<a href='x'>li</a>nk", "link"),
        ("A &amp; B &lt;tag&gt; &quot;q&quot; &eacute; &hellip; &#8217; &#x2019;", 'A & B <tag> "q" é … ’ ’'),
        ("<b>&amp;amp; stays &amp;</b>", "&amp; stays &"),
        ("&apos;It&apos;s <b>so</b>&apos;", "'It's so'"),
        ("&#150; is windows-1252", "– is windows-1252"),
        ("a&nbsp;b <i>c</i>\u2003d", "a b c d"),
        ("AT&T & Co, 1 < 2", "AT&T & Co, 1 < 2"),
        ("&unknown; &#xffffffff; &#99999999999999999999999999;", "&unknown; \ufffd \ufffd"),
        ("x<script>alert('y')</script><style>p{}</style><!-- no -->z", "xz"),
        ("<svg><title>icon</title><text>t</text></svg>after", "after"),
        ("<html><head><title>T</title></head><body>B</body></html>", "B"),
        ("Caf&#233; \ufeffx\u200by\u00adz", "Café xyz"),
        ("نمی\u200cخواهم <b>x</b>", "نمی\u200cخواهم x"),
        ("one\n\ntwo &amp;\nthree", "one\n\ntwo &\nthree".replace("\nthree", " three")),
        ("<p>one\n\ntwo</p>", "one two"),
        ("<p", ""),
        ("text <![CDATA[ cd ]]> more", "text more"),
        ("<p>a</p><hr><p></p><p> </p><p>b</p>", "a\n\nb"),
    ],
)
def test_markup_becomes_text(markup: str, expected: str) -> None:
    assert html_to_text(markup) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nb\r\n\r\n\r\nc", "a b\n\nc"),
        ("  a  \t b ", "a b"),
        ("<b>not markup</b> &amp;", "<b>not markup</b> &amp;"),
        ("a\u2029b\u2028c", "a\n\nb c"),
        ("\x00a\x01b\x02c\x7f\x9fd\ud800e", "abcde"),
    ],
)
def test_plain_text_is_settled(text: str, expected: str) -> None:
    assert plain_text(text) == expected


@pytest.mark.parametrize("n", [0, 1, 2, 3, 8, 0x1B, 0x7F, 0x80, 0x9F, 0xAD, 0x200B, 0x202E, 0xFEFF, 0xFFFE, 0xD800])
@pytest.mark.parametrize("form", ["{}", "<p>{}", "&#{:d};", "<p>&#x{:x};"])
def test_no_control_character_comes_through_in_any_spelling(n: int, form: str) -> None:
    text = html_to_text("a" + (form.format(n) if "#" in form else form.format(chr(n))) + "b")
    assert text.startswith("a")
    assert text.endswith("b")
    assert all(c == "\n" or c.isprintable() for c in text), ascii(text)


def test_a_title_is_one_line() -> None:
    assert one_line(html_to_text("<p>one</p>\n<p>two</p>")) == "one two"


@pytest.mark.parametrize(
    "markup",
    [
        "<div>" * 100_000 + "deep" + "</div>" * 100_000,
        "<b>" * 200_000 + "deep",
        "<table><tr><td>" * 60_000,
        "<!--" * 300_000,
        "<" * 1_000_000,
        "<a href='" * 200_000,
        "&" * 1_000_000,
        "&#" * 500_000,
        "</" * 500_000,
        "<p>" * 300_000,
        "<br> " * 200_000,
        "<br>" * 1_000_000,
        " \n" * 1_000_000,
        "\n \t" * 700_000 + "&",
        " " * 3_000_000,
        "<p>" + "word " * 1_000_000,
        "&amp;" * 500_000,
        "<script>" * 200_000,
        "\x02 \x01" * 500_000,
    ],
    ids=lambda markup: markup[:9],
)
def test_hostile_markup_ends(markup: str) -> None:
    text = html_to_text(markup)
    assert len(text) <= len(markup)


def test_a_deep_nest_keeps_its_text() -> None:
    assert html_to_text("<div>" * 100_000 + "deep" + "</div>" * 100_000 + "after") == "deep\n\nafter"
