"""Bytes become text as they were meant, whatever was declared."""

from __future__ import annotations

import codecs
from encodings.aliases import aliases

import pytest

from ingest.charset import decode

EURO = "Café — 20 € naïve"
RUSSIAN = "Переговоры начались в Женеве"
JAPANESE = "首相は協議を始めた"
CHINESE = "总理开始会谈"


def declared(encoding: str, text: str) -> str:
    return f'<?xml version="1.0" encoding="{encoding}"?><rss>{text}</rss>'


@pytest.mark.parametrize(
    ("body", "charset", "text"),
    [
        (b"plain", None, "plain"),
        (b"", "utf-8", ""),
        (EURO.encode(), None, EURO),
        (EURO.encode(), "utf-8", EURO),
        (EURO.encode(), "iso-8859-1", EURO),
        (EURO.encode(), "nonsense", EURO),
        (RUSSIAN.encode(), "windows-1251", RUSSIAN),
        (codecs.BOM_UTF8 + EURO.encode(), "iso-8859-1", EURO),
        (codecs.BOM_UTF16_LE + EURO.encode("utf-16-le"), "utf-8", EURO),
        (codecs.BOM_UTF16_BE + EURO.encode("utf-16-be"), None, EURO),
        (codecs.BOM_UTF32_LE + EURO.encode("utf-32-le"), None, EURO),
        ("<a>ü".encode("utf-16-le"), None, "<a>ü"),
        ("<a>ü".encode("utf-16-be"), "utf-16", "<a>ü"),
        ("<a>ü".encode("utf-32-be"), None, "<a>ü"),
        (b"<a>plain</a>", "utf-16", "<a>plain</a>"),
        (EURO.encode("cp1252"), None, EURO),
        (EURO.encode("cp1252"), "iso-8859-1", EURO),
        (EURO.encode("cp1252"), "utf-8", EURO),
        (EURO.encode("cp1252"), "us-ascii", EURO),
        (RUSSIAN.encode("koi8-r"), "koi8-r", RUSSIAN),
        (RUSSIAN.encode("cp1251"), "windows-1251", RUSSIAN),
        (JAPANESE.encode("shift_jis"), "shift_jis", JAPANESE),
        (JAPANESE.encode("euc_jp"), "euc-jp", JAPANESE),
        (JAPANESE.encode("iso2022_jp"), "iso-2022-jp", JAPANESE),
        (JAPANESE.encode("iso2022_jp"), None, JAPANESE),
        (JAPANESE.encode("iso2022_jp"), "utf-8", JAPANESE),
        (CHINESE.encode("gb18030"), "gb2312", CHINESE),
        ("總理開始會談".encode("big5"), "big5", "總理開始會談"),
        (declared("gbk", CHINESE).encode("gbk"), None, declared("gbk", CHINESE)),
        (declared("utf-8", RUSSIAN).encode(), "windows-1252", declared("utf-8", RUSSIAN)),
        (declared("windows-1251", RUSSIAN).encode("cp1251"), "utf-8", declared("windows-1251", RUSSIAN)),
        (declared("iso-8859-1", RUSSIAN).encode(), None, declared("iso-8859-1", RUSSIAN)),
        (declared("x' bad", EURO).encode(), None, declared("x' bad", EURO)),
        (f'<meta charset="windows-1251"><p>{RUSSIAN}'.encode("cp1251"), None, f'<meta charset="windows-1251"><p>{RUSSIAN}'),
    ],
    ids=range(34),
)
def test_text_is_read_as_it_was_meant(body: bytes, charset: str | None, text: str) -> None:
    assert decode(body, charset).text == text


@pytest.mark.parametrize("charset", [None, "utf-8", "iso-8859-1", "windows-1252", "us-ascii"])
@pytest.mark.parametrize("stray", [b"\xff", b"\x92", b"\xe9", b"\xc3", b"\x80"])
def test_a_stray_byte_does_not_turn_utf8_into_windows_1252(stray: bytes, charset: str | None) -> None:
    decoded = decode(b"caf\xc3\xa9 " + stray + b" \xe2\x82\xac", charset)
    assert decoded.text == "café \ufffd €"
    assert (decoded.encoding, decoded.strays) == ("utf-8", 1)


@pytest.mark.parametrize(("encoding", "text"), [("gb18030", CHINESE), ("euc_kr", "회담이 시작되었다"), ("euc_jp", JAPANESE)])
def test_a_stray_byte_does_not_spoil_a_declared_encoding(encoding: str, text: str) -> None:
    decoded = decode(text.encode(encoding) * 3 + b"\xff." + text.encode(encoding), encoding)
    assert decoded.text.startswith(text * 3)
    assert decoded.text.endswith(text)
    assert decoded.strays == 1


@pytest.mark.parametrize(
    "charset",
    ["punycode", "idna", "hex", "zlib", "rot13", "unicode_escape", "raw_unicode_escape", "undefined", "utf-7", "a\0b", "x" * 9999],
)
def test_a_charset_that_is_none_for_documents_is_ignored(charset: str) -> None:
    assert decode("<a>Ünïcode \\u0041 +AGE-".encode(), charset).text == "<a>Ünïcode \\u0041 +AGE-"


def test_any_bytes_are_read() -> None:
    for charset in (None, "utf-8", "gb18030", "shift_jis", "utf-16", "iso-2022-kr", "cp037"):
        assert isinstance(decode(bytes(range(256)) * 8, charset).text, str)


@pytest.mark.parametrize(
    "charset",
    ["raw_unicode_escape", "raw-unicode-escape", "unicode_escape", "unicode-escape", "utf-7", "utf-16", "rot13", "idna", "punycode"],
)
@pytest.mark.parametrize("body", [b"\\ud800 caf\xe9", b"\\ud800 caf\\u0041"])
def test_no_declared_encoding_gives_what_is_not_in_the_bytes(charset: str, body: bytes) -> None:
    text = decode(body, charset).text
    assert text == body.decode("cp1252")
    text.encode()


def test_no_encoding_that_python_knows_gives_lone_surrogates() -> None:
    body = bytes(range(256)) * 2 + b"\\ud800\\udfff +2AA- \xed\xa0\x80"
    for name in sorted({*aliases.values(), "cp65001", "raw_unicode_escape"}):
        decode(body, name).text.encode()
        decode(body[:128], name).text.encode()
