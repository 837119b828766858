"""The formats that feeds come in; ``ingest.parse.FORMATS`` lists them. What they share is here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urljoin, urlsplit

from stream.errors import PermanentError
from stream.messages import Enclosure

MAX_URL_CHARS = 4096
MAX_ENCLOSURES = 20  # of one entry
IMAGE = "image/*"  # the media type of a picture whose format is not said
MAX_TAGS = 50  # authors or categories of one entry


class ParseError(PermanentError):
    """A body that is no feed; one line says what it is."""


_WRAPPED = re.compile(r"[ \t]*[\r\n]+[ \t]*")
_AMPERSAND = re.compile(r"&(?:amp|#0{0,4}38|#[xX]0{0,4}26);")
_SUBSCRIBE = re.compile(r"feed:(?://)?(?=https?:)|feed:(?=//)", re.IGNORECASE)  # how browsers were told that it is a feed


def absolute_url(base: str, url: object) -> str | None:
    """Return *url*, as a feed or page gives it, resolved against *base*; None for anything but http and https."""
    url = meant_url(url) if isinstance(url, str) else ""
    if not url or len(url) > MAX_URL_CHARS:
        return None
    try:
        absolute = urljoin(base, url)
        parts = urlsplit(absolute)
        return parts.scheme + absolute[len(parts.scheme) :] if parts.scheme in ("http", "https") and parts.hostname else None
    except ValueError:
        return None


def meant_url(url: str) -> str:
    """Return *url* as it was meant where it is wrapped over lines, escaped twice, a ``feed:`` one, or begins with ``www.``.

    >>> meant_url("feed://news.example/rss?a=1&amp;b=2")
    '//news.example/rss?a=1&b=2'
    """
    url = _AMPERSAND.sub("&", _WRAPPED.sub("", url.strip()))
    scheme = _SUBSCRIBE.match(url)
    url = url[scheme.end() :] if scheme else url
    return f"http://{url}" if url[:4].lower() == "www." else url


def address_of(text: str) -> str:
    """Return the address that *text* means where it stands in no page: ``https`` where it leaves the scheme to one.

    >>> address_of("feed://news.example/rss")
    'https://news.example/rss'
    """
    url = meant_url(text)
    return f"https:{url}" if url.startswith("//") else url


def distinct(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the non-empty ones of *texts*, each once, in order, MAX_TAGS at most."""
    return tuple(dict.fromkeys(text for text in texts if text))[:MAX_TAGS]


def distinct_enclosures(enclosures: Iterable[Enclosure]) -> tuple[Enclosure, ...]:
    """Return *enclosures*, each URL once with what all of its namings say, in order, MAX_ENCLOSURES at most."""
    found: dict[str, Enclosure] = {}
    for other in enclosures:
        known = found.setdefault(other.url, other)
        length = other.length if known.length is None else known.length
        found[other.url] = Enclosure(url=known.url, media_type=known.media_type or other.media_type, length=length)
    return tuple(found.values())[:MAX_ENCLOSURES]
