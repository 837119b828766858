"""Feeds, leases and entries as the ingest side writes them, for the tests of its tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Engine

from storage import feeds, leases, sightings
from storage.feeds import Feed
from storage.hosts import HostLimits
from storage.leases import FeedLease, FeedUpdate, FetchRecord
from storage.pages import PageRequest
from storage.revisions import Known, Publication, Sighting
from storage.sightings import EntryKeys, Write

URL = "https://example.org/feed"
FREELY = HostLimits(connections=1000, pause=0.0)
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
RECORD = FetchRecord(NOW, 0.5, "fetched", 200, 1234, 10, 1, 0, None)


def update(feed: Feed, **changes: object) -> FeedUpdate:
    return replace(FeedUpdate(feed.url, 3600.0, 1800.0, 0, title="Title"), **changes)  # type: ignore[arg-type]


def leased(engine: Engine, url: str = URL) -> FeedLease:
    """Return a lease on the feed at *url*, added if it is not there."""
    feed, _ = feeds.add_feed(engine, url)
    held = {lease.feed.feed_id: lease for lease in leases.claim_due(engine, 100, 60.0, FREELY)}
    return held[feed.feed_id]


def keys(*names: str, linked: bool = True) -> list[EntryKeys]:
    return [EntryKeys(name, f"url:{name}" if linked else None, f"id:{name}") for name in names]


def publish(text: str, index: int, known: Known) -> Write:
    """Publish *text* wherever it differs from what is out."""
    seen = known.sighting
    sighting = Sighting(2, text, seen.changes + 1 if seen and seen.text_hash != text else 0)
    if known.text_hash == text:
        return Write(sighting)
    return Write(sighting, publish=Publication(known.revision + 1, 2, text, f"{known.article_id} {text}".encode()))


def enqueue(host: str, wait: float, index: int, known: Known) -> Write:
    return Write(Sighting(4, "t"), page=PageRequest(f"https://{host}/{index}", host, f"draft {index}", wait))


def write(engine: Engine, lease: FeedLease, entries: list[EntryKeys], text: str = "text") -> sightings.Written:
    return sightings.write_entries(engine, lease, entries, lambda index, known: publish(text, index, known))


def queue(engine: Engine, names: Iterable[str], host: str = "example.org", wait: float = 600.0) -> None:
    lease = leased(engine, f"https://{host}/feed")
    sightings.write_entries(engine, lease, keys(*names), lambda index, known: enqueue(host, wait, index, known))


def as_publication(payload: str, known: Known) -> Publication:
    return Publication(known.revision + 1, 4, payload, payload.encode())
