"""The round of one feed: lease, fetch, parse, write down, publish, record. Nothing that a feed makes go wrong ends the worker."""

from __future__ import annotations

import hashlib
import logging
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Engine

from ingest.entries import draft, write_down
from ingest.fetch import Session, fetch
from ingest.indexes import with_parts
from ingest.minhash import sign
from ingest.model import Failed, Fetched, ParsedFeed, Validators
from ingest.outcome import Outcome, fault
from ingest.parse import ParseError, parse
from ingest.taken import Taken, limits_of, outcome_of, plan_of, record_of, update_of, without_body
from ingest.tools import Tools
from storage import leases
from storage.feeds import Feed
from storage.hosts import HostLimits
from storage.leases import FeedLease
from stream.errors import NOT_THE_INPUT, ChildLost, Fenced
from stream.messages import clean_text

log = logging.getLogger("dateline.ingest")


class _PutOff(Exception):
    """The feed was not asked for: a host on its way is left alone, for *seconds* more."""

    def __init__(self, why: str, seconds: float) -> None:
        super().__init__(why)
        self.seconds = seconds


class FeedRounds:
    """The queue of feeds that are due; see ``ingest.pump.Queue``. A feed is leased for *lease* seconds."""

    def __init__(self, tools: Tools, lease: float, poll: float) -> None:
        self._tools = tools
        self._lease = lease
        self._limits = limits_of(tools.settings)
        self._hosts = HostLimits(tools.settings.host_connections, tools.settings.host_pause)
        self.room = tools.settings.fetch_concurrency
        self.poll = poll
        self._waits_for: str | None = None

    async def claim(self, room: int) -> Sequence[FeedLease]:
        """Lease up to *room* feeds that are due, none while there is a reason to wait."""
        reason = await self._tools.rim.aside(self._tools.brake)
        self._tell(reason)
        if reason:
            return ()
        return await self._tools.rim.db(leases.claim_due, room, self._lease, self._hosts)

    def _tell(self, reason: str | None) -> None:
        """Log once when feeds begin to wait, and once when that is over."""
        if reason and reason != self._waits_for:
            log.warning("no feed is fetched: %s", reason)
        elif self._waits_for and not reason:
            log.info("feeds are fetched again")
        self._waits_for = reason

    async def nothing_left(self) -> bool:
        """Tell whether nothing is due but at hosts that are left alone, or nothing is to be fetched at all."""
        return self._waits_for is not None or not await self._tools.rim.db(leases.anything_left, self._hosts)

    def give_back(self, engine: Engine, left: Sequence[FeedLease]) -> None:
        """Have the feeds be due at once."""
        leases.release_feeds(engine, left)

    async def work(self, lease: FeedLease) -> None:
        """Fetch one feed and record what came of it."""
        try:
            outcome = await self._round(lease)
        except _PutOff as off:
            await self._tools.rim.db(leases.put_feed_off, lease, off.seconds, str(off))
        except Fenced as e:
            log.warning("%s", e, extra={**_named(lease.feed), "outcome": "fenced"})
        except NOT_THE_INPUT:
            raise
        except Exception:
            log.exception("not even the failure of a feed can be recorded; its lease runs out", extra=_named(lease.feed))
        else:
            self._tools.report(outcome)

    async def _round(self, lease: FeedLease) -> Outcome:
        started_at, started = datetime.now(UTC), time.monotonic()
        taken = await self._take(lease)
        try:
            await self._record(lease, taken, started_at, time.monotonic() - started)
        except NOT_THE_INPUT:
            raise
        except Exception as e:  # what a feed makes go wrong here must not end the worker either
            log.exception("what came of a feed cannot be recorded", extra=_named(lease.feed))
            taken = without_body(lease.feed, fault(e))
            await self._record(lease, taken, started_at, time.monotonic() - started)
        return outcome_of(lease.feed, taken, time.monotonic() - started)

    async def _take(self, lease: FeedLease) -> Taken:
        """Fetch, parse, write down and publish; whatever a feed makes go wrong becomes a failure of that feed."""
        feed = lease.feed
        try:
            session = self._tools.session.for_lease(feed.url)
            result = await fetch(session, feed.url, Validators(feed.etag, feed.last_modified))
            if isinstance(result, Fetched):
                return await self._read(lease, session, result)
            if isinstance(result, Failed) and result.kind == "paused":
                raise _PutOff(result.message, result.retry_after or 0.0)
        except _PutOff:
            raise
        except NOT_THE_INPUT:
            raise
        except ParseError as e:
            result = Failed("parse", clean_text(str(e)))
        except ChildLost as e:
            result = Failed("parse", f"parsing it had to be given up: {e}")
        except Exception as e:
            log.exception("a fault in Dateline, not in the feed", extra=_named(feed))
            result = fault(e)
        return without_body(feed, result)

    async def _read(self, lease: FeedLease, session: Session, result: Fetched) -> Taken:
        tools, country = self._tools, lease.feed.country
        digest = hashlib.sha256(result.body).hexdigest()
        if digest == lease.feed.body_hash:
            return Taken(result, "unchanged", digest, len(result.body))
        parsed = await tools.children.run(parse, result.url, result.body, result.media_type, result.charset, country)
        if not parsed.parts:
            return await self._write(lease, result, digest, parsed)
        # Parts change without their index: no later fetch may be content with that being the same.
        whole = await with_parts(session, tools.children, parsed, country)
        return await self._write(lease, replace(result, validators=Validators()), None, whole)

    async def _write(self, lease: FeedLease, result: Fetched, digest: str | None, parsed: ParsedFeed) -> Taken:
        tools = self._tools
        drafts = await tools.rim.db(draft, lease, parsed, datetime.now(UTC))
        if drafts.texts:
            drafts = drafts.signed(await tools.children.run(sign, drafts.texts))
        written, left_out, rung = await tools.rim.db(write_down, lease, drafts, tools.settings.page_wait)
        dropped = await tools.publisher.publish(written.outbox)
        return Taken(result, "fetched", digest, len(result.body), parsed, written, dropped, left_out, rung)

    async def _record(self, lease: FeedLease, taken: Taken, started_at: datetime, duration: float) -> None:
        plan = plan_of(lease, taken, datetime.now(UTC), random.random(), self._limits)  # noqa: S311
        record, change = record_of(lease.feed, taken, started_at, duration), update_of(lease.feed, taken, plan)
        if change.host_pause:
            self._tools.session.turns.hold(change.host, change.host_pause)
        await self._tools.rim.db(leases.record_outcome, lease, change, record)


def _named(feed: Feed) -> dict[str, str]:
    return {"feed_id": feed.feed_id, "feed_url": feed.url}
