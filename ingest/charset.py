"""Bytes of a feed or page → text, decoded once, whatever was declared.

What the bytes prove wins over what is declared: a byte order mark, the pattern of UTF-16, valid UTF-8 beyond ASCII. Then
come the declarations, the HTTP header's before the document's (RFC 7303 §3), each only if the bytes fit. One stray byte
never decides: text that is mostly valid UTF-8 stays UTF-8 and the strays become U+FFFD. Last of all the encoding is guessed, from
the language that the document names and from what the text would be.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from charset_normalizer import from_bytes

from ingest.data import read_table

REPLACEMENT = "\ufffd"

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_PATTERNS = tuple(  # how a document starts, as XML 1.0 appendix F lists it; white space and JSON have the same patterns
    (re.compile(pattern, re.DOTALL), encoding)
    for pattern, encoding in (
        (rb"[<{\[\s]\0\0\0", "utf-32-le"),
        (rb"\0\0\0[<{\[\s]", "utf-32-be"),
        (rb"[<{\[\s]\0", "utf-16-le"),
        (rb"\0[<{\[\s]", "utf-16-be"),
        (rb"\x4c\x6f\xa7\x94", "cp037"),
    )
)
# A declared name stands for the larger set that publishers mean by it, as in the WHATWG Encoding Standard §4.2.
_MEANT = {
    "ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874", "tis-620": "cp874",
    "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949", "big5": "big5hkscs",
}  # fmt: skip
# No encodings of documents, slow on purpose, or refuted by the absence of the byte patterns above.
_NEVER = re.compile(r"utf-?(?:7|16|32)|punycode|idna|unicode|raw|.*escape|rot|undefined|mbcs|oem|charmap")
_PAIR = re.compile(rb"\xed[\xa0-\xaf][\x80-\xbf]\xed[\xb0-\xbf][\x80-\xbf]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_ISO_2022_JP = re.compile(rb"\x1b\$[@B]")  # "Japanese from here on" (RFC 1468); no text has that otherwise
_SEVEN_BIT = re.compile(r"hz$|iso2022")
_LOOSE = frozenset({"utf-8", "cp1252"})  # says nothing: the first is proved elsewhere, the second takes any bytes
_DECLARED = re.compile(rb"""^\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*["']\s*([A-Za-z0-9._:+-]{1,40})""")
_LANGUAGE = re.compile(rb"""(?:<language>|<dc:language>|\blang=["']|"language"\s*:\s*")\s*([A-Za-z]{2})\b""")
_BETWEEN_WORDS = re.compile(rb"[<>\n]+")
_SAMPLE = 64 * 1024  # bytes from which an encoding is guessed
_META = re.compile(rb"""<meta\s[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9._:+-]{1,40})""", re.IGNORECASE)


class Decoded(NamedTuple):
    """Text without a byte order mark, the encoding that it was read in, and how many stray bytes became U+FFFD."""

    text: str
    encoding: str
    strays: int


def decode(body: bytes, charset: str | None) -> Decoded:
    """Return the text in *body*; *charset* is what the Content-Type header says."""
    proved = _proved(body)
    if proved:
        mark, encoding = proved
        return _replaced(body[len(mark) :], encoding)
    declared = _known(
        [charset, *(found[1].decode("ascii") for found in (_DECLARED.search(body[:400]), _META.search(body[:2048])) if found)]
    )
    if body.isascii():
        unsaid = "iso2022_jp" if _ISO_2022_JP.search(body) else "utf-8"
        shifted = next((name for name in declared if _SEVEN_BIT.match(name)), unsaid)
        return _replaced(body, shifted)
    body = _joined(body)
    for encoding in ("utf-8", *(name for name in declared if name not in _LOOSE)):
        text = _strict(body, encoding)
        if text is not None:
            return Decoded(text, encoding, 0)
    readings = [_replaced(body, name) for name in (*(n for n in declared if n not in _LOOSE), "utf-8")]
    sound = [reading for reading in readings if not _fails(reading)]
    return min(sound, key=lambda reading: reading.strays) if sound else _replaced(body, guess(body))


def _proved(body: bytes) -> tuple[bytes, str] | None:
    """Return the byte order mark, empty where there is none, and the encoding that the first bytes prove."""
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return mark, encoding
    return next(((b"", encoding) for pattern, encoding in _PATTERNS if pattern.match(body)), None)


def _known(names: Iterable[str | None]) -> list[str]:
    """Return the encodings that *names* mean, those that are known and usable, in order."""
    known = []
    for name in names:
        try:
            encoding = codecs.lookup(_labels().get((name or "").lower(), name or "")).name
        except (LookupError, ValueError):
            continue
        encoding = _MEANT.get(encoding, encoding)
        if not _NEVER.match(encoding) and encoding not in known and _is_text(encoding):
            known.append(encoding)
    return known


def _is_text(encoding: str) -> bool:
    try:
        return isinstance(b"a".decode(encoding, "replace"), str)  # of no bytes at all Python asks no codec
    except (LookupError, ValueError):  # hex, zlib, base64 and the like turn bytes into bytes
        return False


def _strict(body: bytes, encoding: str) -> str | None:
    try:
        text = body.decode(encoding)
    except ValueError:
        return None
    return None if not text.isascii() and _SURROGATES.search(text) else text  # no codec of text gives them, and nothing can hold them


def _joined(body: bytes) -> bytes:
    """Return *body* with the surrogates of CESU-8, as Java and MySQL write emoji, made UTF-8 where all of it is UTF-8 then."""
    if b"\xed" not in body:
        return body
    joined = _PAIR.sub(
        lambda pair: pair[0].decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass").decode("utf-16").encode(), body
    )
    return joined if joined != body and _strict(joined, "utf-8") is not None else body


def _replaced(body: bytes, encoding: str) -> Decoded:
    text = body.decode(encoding, "replace")
    text = text if text.isascii() else _SURROGATES.sub(REPLACEMENT, text)
    return Decoded(text, encoding, text.count(REPLACEMENT))


def _fails(decoded: Decoded) -> bool:
    """Tell whether fewer characters beyond ASCII came out right than wrong.

    Valid multi-byte sequences are rare by accident, so one of them makes up for one stray byte.
    """
    right = len(decoded.text) - len(decoded.text.encode("ascii", "ignore")) - decoded.strays
    return right < decoded.strays


def guess(body: bytes) -> str:
    """Return the encoding that *body*, which is no UTF-8, is likely to be in.

    A language that the document names and that has encodings of its own narrows the choice to these. Else only a text
    most of whose letters are beyond ASCII is looked at: languages of Western Europe, written in Windows-1252, have few.
    """
    words = b"\n".join(words for words in _BETWEEN_WORDS.split(body) if not words.isascii())[:_SAMPLE]
    named = _LANGUAGE.search(body[:_SAMPLE])
    choice = _legacy().get(named[1].decode().lower(), ()) if named else ()
    if not choice and not _is_dense(words):
        return "cp1252"
    best = from_bytes(words, cp_isolation=list(choice or _every_legacy())).best()
    return best.encoding if best else next(iter(choice), "cp1252")


def _is_dense(words: bytes) -> bool:
    beyond = sum(byte > 0x7F for byte in words)
    return beyond > sum(byte < 0x80 and chr(byte).isalpha() for byte in words)


@cache
def _labels() -> dict[str, str]:
    return dict(row for row in read_table("encoding_labels.tsv"))


@cache
def _legacy() -> dict[str, tuple[str, ...]]:
    return {language: tuple(encodings.split(",")) for language, encodings in read_table("legacy_encodings.tsv")}


@cache
def _every_legacy() -> tuple[str, ...]:
    return tuple(dict.fromkeys(encoding for encodings in _legacy().values() for encoding in encodings))
