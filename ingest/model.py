"""What passes between fetching, parsing and writing down: frozen values, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from ingest.skipping import NO_SKIP, Skip
from stream.messages import Enclosure

FailureKind = Literal[
    "dns", "connect", "broken", "proxy", "timeout", "tls", "address", "redirects", "http", "too-large", "decoding", "parse", "robots",
    "paused",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Validators:
    """What makes the next request conditional; each is sent back exactly as it came (RFC 9110 §13.1)."""

    etag: str | None = None
    last_modified: str | None = None


NO_VALIDATORS = Validators()


@dataclass(frozen=True, slots=True)
class Hub:
    """Where a publisher says that news of a feed is told, and what the feed is called there; both are needed (WebSub §4)."""

    url: str | None = None
    topic: str | None = None


NO_HUB = Hub()


@dataclass(frozen=True, slots=True)
class Fetched:
    """A 200 with its decompressed body. *url* is where it came from after redirects."""

    url: str
    body: bytes
    media_type: str | None  # lower case, without parameters
    charset: str | None  # of the Content-Type header
    validators: Validators
    max_age: float | None = None  # seconds that the server calls it fresh
    permanent_url: str | None = None  # where an unbroken chain of 301/308 led
    hub: Hub = NO_HUB  # of the Link header


@dataclass(frozen=True, slots=True)
class NotModified:
    """A 304; validators that the response did not repeat are those that were sent."""

    validators: Validators
    max_age: float | None = None
    permanent_url: str | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """A 410: the publisher says that the feed ended."""

    url: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Anything else; *message* is one line for people, *place* the host and port that were asked, after redirects."""

    kind: FailureKind
    message: str
    status: int | None = None
    retry_after: float | None = None  # seconds
    place: str | None = None


FetchResult = Fetched | NotModified | Gone | Failed


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One entry of a feed. URLs are absolute; *title*, *summary* and *content* are plain text, paragraphs a blank line apart."""

    guid: str | None = None
    link: str | None = None
    title: str = ""
    summary: str = ""
    content: str = ""
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    language: str | None = None  # as the feed says it
    published_at: datetime | None = None  # aware UTC
    published_at_source: str | None = None  # the element it was read from: published, updated, created …
    enclosures: tuple[Enclosure, ...] = ()


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """A feed with its entries in document order. *note* says in one line what had to be repaired.

    *parts* are the URLs of the feeds that an index names instead of entries, the newest first.
    """

    format: str  # rss20, atom10, json11, sitemap …
    title: str = ""
    link: str | None = None
    language: str | None = None
    ttl: timedelta | None = None  # how often the feed says it may change (ttl, sy:updatePeriod)
    entries: tuple[FeedEntry, ...] = ()
    parts: tuple[str, ...] = ()
    note: str | None = None
    skip: Skip = NO_SKIP  # when the feed asks not to be fetched
    hub: Hub = NO_HUB
