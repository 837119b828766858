"""What one fetch of a feed brought, and what its row, its record and its log line become. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ingest.article import MAX_TITLE_CHARS
from ingest.model import Failed, Fetched, FetchResult, Gone, Hub, NotModified, ParsedFeed, Validators
from ingest.outcome import Outcome, dropped_note, notes
from ingest.rhythm import rhythm_of
from ingest.rhythm import text_of as rhythm_text
from ingest.schedule import FeedState, Limits, Plan, Published, Push, next_fetch
from ingest.skipping import skip_of, text_of
from storage.feeds import Feed, Rung
from storage.hosts import place_of
from storage.leases import FeedLease, FeedUpdate, FetchRecord
from storage.sightings import Written
from stream.settings import Settings


@dataclass(frozen=True, slots=True)
class Taken:
    """What one fetch of a feed brought; *parsed* and *written* are None where the body was not looked at."""

    result: FetchResult
    outcome: str
    body_hash: str | None
    size: int = 0
    parsed: ParsedFeed | None = None
    written: Written | None = None
    dropped: int = 0
    left_out: int = 0
    rung: Rung | None = None

    @property
    def message(self) -> str | None:
        """One line for people: the problem, or what had to be repaired or left out."""
        if isinstance(self.result, Failed):
            return self.result.message
        left_out = f"{self.left_out} entries that cannot be written down were left out" if self.left_out else None
        return notes(self.parsed.note if self.parsed else None, left_out, dropped_note(self.dropped))

    @property
    def status(self) -> int | None:
        """The HTTP status, where there was an answer."""
        if isinstance(self.result, Failed):
            return self.result.status
        return {Fetched: 200, NotModified: 304, Gone: 410}[type(self.result)]


def without_body(feed: Feed, result: FetchResult) -> Taken:
    """Return what a fetch brought that gave no body, or none that could be read."""
    outcome = result.kind if isinstance(result, Failed) else "gone" if isinstance(result, Gone) else "not-modified"
    return Taken(result, outcome, feed.body_hash)


def limits_of(settings: Settings) -> Limits:
    """Return what the settings say of the time between two fetches."""
    told = settings.websub_interval if settings.websub_callback_url else 0.0
    return Limits(settings.min_interval, settings.max_interval, told, settings.entries_per_fetch)


def plan_of(lease: FeedLease, taken: Taken, now: datetime, jitter: float, limits: Limits) -> Plan:
    """Return when the leased feed is fetched next; *jitter* in [0, 1)."""
    feed = lease.feed
    state = FeedState(
        url=feed.url,
        interval=feed.interval_seconds,
        failures=feed.failures,
        moved_to=feed.moved_to,
        moved_sightings=feed.moved_sightings,
        skip=skip_of(feed.skip),
        rhythm=rhythm_of(feed.rhythm),
        ttl=feed.ttl_seconds,
        push=_push_of(feed, now),
        host_failures=lease.host_failures if _host_of(feed, taken) == place_of(feed.url) else 0,
    )
    published = None
    if taken.parsed is not None and taken.written is not None:
        dates = tuple(entry.published_at for entry in taken.parsed.entries if entry.published_at)
        published = Published(taken.written.new, dates, taken.parsed.ttl, taken.written.known, taken.parsed.skip)
    return next_fetch(state, taken.result, published, now, jitter, limits)


def update_of(feed: Feed, taken: Taken, plan: Plan) -> FeedUpdate:
    """Return what *feed*'s row becomes. After a failure the validators stay: they belong to the last body that was read."""
    hub = _hub_of(feed, taken)
    kept = taken.result.validators if isinstance(taken.result, Fetched | NotModified) else Validators(feed.etag, feed.last_modified)
    return FeedUpdate(
        url=plan.url,
        delay=plan.delay,
        why=plan.why,
        interval_seconds=plan.interval,
        failures=plan.failures,
        state=plan.state,
        reason=plan.reason,
        etag=kept.etag,
        last_modified=kept.last_modified,
        body_hash=taken.body_hash,
        moved_to=plan.moved_to,
        moved_sightings=plan.moved_sightings,
        skip=text_of(plan.skip),
        rhythm=rhythm_text(plan.rhythm),
        ttl_seconds=plan.ttl,
        hub=hub.url,
        topic=hub.topic,
        hub_trusted=plan.hub_trusted,
        host=_host_of(feed, taken),
        host_pause=plan.host_pause,
        host_failures=plan.host_failures,
        title=taken.parsed.title[:MAX_TITLE_CHARS] if taken.parsed else "",
        rung=taken.rung,
        error=plan.reason or (taken.message if isinstance(taken.result, Failed) else None),
    )


def _push_of(feed: Feed, now: datetime) -> Push:
    told = feed.told_at is not None and (feed.last_fetch_at is None or feed.told_at >= feed.last_fetch_at)
    return Push(feed.hub_until is not None and feed.hub_until > now, told, feed.hub_trusted)


def _hub_of(feed: Feed, taken: Taken) -> Hub:
    """Return the hub that the answer names, in its header or else in the feed (WebSub §4); the known one where no body was read."""
    if not isinstance(taken.result, Fetched) or taken.parsed is None:
        return Hub(feed.hub, feed.topic)
    header, inside = taken.result.hub, taken.parsed.hub
    return Hub(header.url or inside.url, header.topic or inside.topic)


def _host_of(feed: Feed, taken: Taken) -> str:
    """Return the host that the fetch ended at: where it failed, that of a redirect."""
    return (taken.result.place if isinstance(taken.result, Failed) else None) or place_of(feed.url)


def record_of(feed: Feed, taken: Taken, started_at: datetime, duration: float) -> FetchRecord:
    """Return the row of ``fetches``; *duration* in seconds."""
    new, changed = (taken.written.new, taken.written.changed) if taken.written else (0, 0)
    entries = len(taken.parsed.entries) if taken.parsed else 0
    gap = may_have_missed(feed, taken.written)
    return FetchRecord(started_at, duration, taken.outcome, taken.status, taken.size, entries, new, changed, taken.message, gap)


def may_have_missed(feed: Feed, written: Written | None) -> bool:
    """Tell whether entries may have come and gone unseen: the fetch shares none with those before it, of which there were some."""
    return written is not None and feed.last_success_at is not None and written.new > 0 and written.known == 0


def outcome_of(feed: Feed, taken: Taken, duration: float) -> Outcome:
    """Return what is logged and shown; *duration* in seconds."""
    return Outcome(
        kind="feed",
        url=feed.url,
        outcome=taken.outcome,
        duration=duration,
        feed_id=feed.feed_id,
        status=taken.status,
        entries=len(taken.parsed.entries) if taken.parsed else 0,
        new=taken.written.new if taken.written else 0,
        changed=taken.written.changed if taken.written else 0,
        dropped=taken.dropped,
        message=taken.message,
    )
