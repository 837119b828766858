"""The ingest worker: leases due feeds and waiting pages, fetches them, writes down what is new, and publishes it.

One event loop does the waiting. The database is asked on threads, bytes from outside are parsed in isolated children, and the
producer lives on a thread of its own. The order of one feed's fetch (``storage.sightings`` says why nothing is lost or doubled):

1. lease, fetch, parse;
2. write down sightings, revisions, and what waits for its page, in one transaction;
3. send, flush, mark sent;
4. record the outcome, which ends the lease.

Where the database or the broker is away, the step is tried again in place with growing pauses. A worker told to stop takes on
nothing more, ends what it has begun within a time of grace, and gives back the leases of the rest. At last it ends, whatever hangs.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import logging
import random
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

from sqlalchemy import Engine

from ingest import robots
from ingest.article import (
    MAX_TITLE_CHARS,
    SHORT_TEXT,
    Draft,
    Identified,
    Rendered,
    decide_entry,
    decide_page,
    draft_of,
    identify,
    language_code,
    render,
    wants_page,
)
from ingest.fetch import Session, fetch, fetch_page, make_session
from ingest.fulltext import PageText, extract
from ingest.model import Failed, Fetched, FetchResult, Gone, NotModified, ParsedFeed, Validators
from ingest.parse import ParseError, parse
from ingest.schedule import FeedState, Limits, Plan, Published, next_fetch
from storage import leases, outbox, pages, sightings, upkeep
from storage.feeds import Feed
from storage.leases import FeedLease, FeedUpdate, FetchRecord
from storage.outbox import OutboxRow
from storage.pages import PageLease
from storage.revisions import Known
from storage.sightings import Write, Written
from stream.backoff import pause
from stream.broker import Broker, Producer
from stream.errors import ChildLost, ConfigError, DatelineError, Fenced, PermanentError, StageStopped, TransientError
from stream.isolation import IsolatedPool
from stream.messages import clean_text
from stream.settings import Settings
from stream.threads import Threads

CLOSING = 2.0  # seconds that a call of the database, and of the broker, may still take at the very end
DB_THREADS = 8  # calls of the database at once
LOOK_EVERY = 0.1  # seconds between two looks at whether to stop
PARSERS = 2  # children
PARSE_TIMEOUT = 60.0  # seconds for one body in its child
PARSE_MEMORY = 2 * 1024**3  # bytes of address space of a child, most of it libraries that are mapped and never touched
PAGES_AT_ONCE = 16  # hosts asked for a page at once by one worker
PAGE_LEASE = 120.0  # seconds; a page takes fetch_timeout, PARSE_TIMEOUT and a moment
PAGE_TRIES = 3
PAGE_RETRY = 60.0  # seconds before the second try, doubled for the third
MAX_HOST_PAUSE = 600.0  # seconds that a host's Retry-After keeps its pages waiting; entries do not wait longer either
HOLD = 3600.0  # seconds that an entry stays in the queue when releasing it failed for a reason that is not the page's
BUSY_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
OUTBOX_BATCH = 500  # messages sent before a flush when catching up
PRUNE_EVERY = 3600.0  # seconds
MAX_LEFT_OUT = 100  # entries of one fetch; with more it is not the entries
MAX_MESSAGE_CHARS = 1000  # of a line about a fault

log = logging.getLogger("dateline.ingest")

P = ParamSpec("P")
T = TypeVar("T")
L = TypeVar("L", FeedLease, PageLease)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds; tests use shorter ones. A message that is *lease* old and still in the outbox was left there by a crash."""

    lease: float = 300.0  # of a feed
    poll: float = 1.0  # between two looks for work
    grace: float = 15.0  # that work under way may still take once the worker was told to stop
    last: float = 20.0  # after which a worker told to stop waits for nothing more; others go on when its leases run out


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one fetch; *duration* in seconds.

    *outcome* is fetched, unchanged, not-modified, gone, or the kind of failure, of which *message* says more. *new* and *changed*
    count entries, *dropped* messages that the broker will never take.
    """

    kind: Literal["feed", "page"]
    url: str
    outcome: str
    duration: float
    feed_id: str | None = None
    article_id: str | None = None
    status: int | None = None
    entries: int = 0
    new: int = 0
    changed: int = 0
    dropped: int = 0
    message: str | None = None


def run_ingest(
    settings: Settings,
    engine: Engine,
    broker: Broker,
    stop: threading.Event,
    *,
    once: bool = False,
    on_outcome: Callable[[Outcome], None] | None = None,
    timing: Timing = Timing(),
) -> None:
    """Run until *stop* is set; with *once*, until every due feed was fetched and nothing waits for a page or to be sent.

    *on_outcome* is called on this thread after each fetch. Raises StageStopped or ConfigError where an operator has to act; bad
    feeds and pages, and a database or a broker that is away, never end it.
    """
    asyncio.run(_run(settings, _Rim(engine, stop), broker, once, on_outcome or (lambda outcome: None), timing))


async def _run(settings: Settings, rim: _Rim, broker: Broker, once: bool, on_outcome: Callable[[Outcome], None], timing: Timing) -> None:
    pool = IsolatedPool(PARSERS, memory_bytes=PARSE_MEMORY)
    publisher = _Publisher(broker, settings.articles_topic, rim)
    try:
        async with make_session(settings) as session:
            worker = _Worker(settings, rim, session, pool, publisher, on_outcome, timing, once)
            await _beside(rim.overdue(timing.last), _beside(publisher.run(), worker.work()))
    except _Overdue:
        log.warning("stopped with work under way; another worker, or the next start, goes on with it")
    except TransientError as e:
        if not rim.stopping:
            raise
        log.warning("stopped while something was away; another worker, or the next start, goes on: %s", e)
    finally:
        publisher.close()
        pool.close()
        rim.close()


# Feeds


@dataclass(frozen=True, slots=True)
class _Taken:
    """What one fetch of a feed brought; *parsed* and *written* are None where the body was not looked at."""

    result: FetchResult
    outcome: str
    body_hash: str | None
    size: int = 0
    parsed: ParsedFeed | None = None
    written: Written | None = None
    dropped: int = 0
    left_out: int = 0

    @property
    def message(self) -> str | None:
        """One line for people: the problem, or what had to be repaired or left out."""
        if isinstance(self.result, Failed):
            return self.result.message
        left_out = f"{self.left_out} entries that cannot be written down were left out" if self.left_out else None
        notes = (self.parsed.note if self.parsed else None, left_out, _dropped(self.dropped))
        return "; ".join(filter(None, notes)) or None

    @property
    def status(self) -> int | None:
        """The HTTP status, where there was an answer."""
        if isinstance(self.result, Failed):
            return self.result.status
        return {Fetched: 200, NotModified: 304, Gone: 410}[type(self.result)]


class _Worker:
    """One worker's two queues: due feeds, and pages that entries wait for."""

    def __init__(
        self,
        settings: Settings,
        rim: _Rim,
        session: Session,
        pool: IsolatedPool,
        publisher: _Publisher,
        on_outcome: Callable[[Outcome], None],
        timing: Timing,
        once: bool,
    ) -> None:
        self._settings = settings
        self._rim = rim
        self._session = session
        self._pool = pool
        self._publisher = publisher
        self._on_outcome = on_outcome
        self._timing = timing
        self._once = once
        self._limits = Limits(settings.min_interval, settings.max_interval)

    def work(self) -> Coroutine[Any, Any, None]:
        """Return what is to be awaited: until told to stop or, in a worker that runs once, until all is done."""
        return self._all_once() if self._once else self._always()

    async def _always(self) -> None:
        await self._send_leftovers(0.0)  # of any age, and before any work: this may be the start after a crash
        await _beside(self._sweep(), self._feeds(), self._pages())

    async def _all_once(self) -> None:
        await self._feeds()
        await self._pages()
        await self._send_leftovers(0.0)

    async def _feeds(self) -> None:
        async def claim(room: int) -> Sequence[FeedLease]:
            return await self._rim.db(leases.claim_due, room, self._timing.lease)

        async def nothing_left() -> bool:
            return True  # what is due was claimed, and what was claimed is done

        await self._pump(claim, self._feed, leases.release_feeds, self._settings.fetch_concurrency, nothing_left, self._timing.poll)

    async def _feed(self, lease: FeedLease) -> None:
        started_at, started = datetime.now(UTC), time.monotonic()
        told = {"feed_id": lease.feed.feed_id, "feed_url": lease.feed.url}
        try:
            taken = await self._take(lease)
            try:
                await self._record(lease, taken, started_at, time.monotonic() - started)
            except (TransientError, StageStopped, ConfigError):
                raise
            except Exception as e:  # what a feed makes go wrong here must not end the worker either
                log.exception("what came of a feed cannot be recorded", extra=told)
                taken = _Taken(_fault(e), "parse", lease.feed.body_hash)
                await self._record(lease, taken, started_at, time.monotonic() - started)
        except Fenced as e:
            log.warning("%s", e, extra={**told, "outcome": "fenced"})
        except (TransientError, StageStopped, ConfigError):
            raise
        except Exception:
            log.exception("not even the failure of a feed can be recorded; its lease runs out", extra=told)
        else:
            self._report(_feed_outcome(lease.feed, taken, time.monotonic() - started))

    async def _record(self, lease: FeedLease, taken: _Taken, started_at: datetime, duration: float) -> None:
        plan = self._plan(lease.feed, taken)
        await self._rim.db(leases.record_outcome, lease, _update(lease.feed, taken, plan), _record(taken, started_at, duration))

    async def _take(self, lease: FeedLease) -> _Taken:
        """Fetch, parse, write down and publish; whatever a feed makes go wrong becomes a failure of that feed."""
        feed = lease.feed
        try:
            result = await fetch(self._session, feed.url, Validators(feed.etag, feed.last_modified))
            if isinstance(result, Fetched):
                return await self._read(lease, result)
        except (TransientError, StageStopped, ConfigError):
            raise
        except ParseError as e:
            result = Failed("parse", clean_text(str(e)))
        except ChildLost as e:
            result = Failed("parse", f"parsing it had to be given up: {e}")
        except Exception as e:
            log.exception("a fault in Dateline, not in the feed", extra={"feed_id": feed.feed_id, "feed_url": feed.url})
            result = _fault(e)
        outcome = result.kind if isinstance(result, Failed) else "gone" if isinstance(result, Gone) else "not-modified"
        return _Taken(result, outcome, feed.body_hash)

    async def _read(self, lease: FeedLease, result: Fetched) -> _Taken:
        digest = hashlib.sha256(result.body).hexdigest()
        if digest == lease.feed.body_hash:
            return _Taken(result, "unchanged", digest, len(result.body))
        parsed = await self._isolated(parse, result.url, result.body, result.media_type, result.charset)
        wrote = await self._rim.db(_write_down, lease, parsed, self._settings.page_wait)
        dropped = await self._publisher.publish(wrote.written.outbox)
        return _Taken(result, "fetched", digest, len(result.body), parsed, wrote.written, dropped, wrote.left_out)

    def _plan(self, feed: Feed, taken: _Taken) -> Plan:
        state = FeedState(feed.url, feed.interval_seconds, feed.failures, feed.moved_to, feed.moved_sightings)
        published = None
        if taken.parsed is not None and taken.written is not None:
            dates = tuple(entry.published_at for entry in taken.parsed.entries if entry.published_at)
            published = Published(taken.written.new, dates, taken.parsed.ttl)
        return next_fetch(state, taken.result, published, datetime.now(UTC), random.random(), self._limits)  # noqa: S311

    # Pages

    async def _pages(self) -> None:
        async def claim(room: int) -> Sequence[PageLease]:
            await self._send_overdue()
            return await self._rim.db(pages.claim_pages, room, PAGE_LEASE)

        async def nothing_left() -> bool:
            return (await self._rim.db(upkeep.count_waiting))[0] == 0

        poll = min(self._timing.poll, max(self._settings.page_pause, LOOK_EVERY))
        await self._pump(claim, self._page, _free_hosts, PAGES_AT_ONCE, nothing_left, poll)

    async def _page(self, lease: PageLease) -> None:
        try:
            await self._fetch_page(lease)
        except (TransientError, StageStopped, ConfigError):
            raise
        except Exception:  # the entry goes out at its deadline, or is held there; its host is free when the lease runs out
            log.exception("a page cannot be worked on", extra={"article_id": lease.article_id, "page_url": lease.url})

    async def _fetch_page(self, lease: PageLease) -> None:
        started = time.monotonic()
        page = await self._page_text(lease.url)
        failed, dropped = page if isinstance(page, Failed) else None, 0
        if failed is not None and _worth_another_try(failed) and lease.attempts + 1 < PAGE_TRIES and not self._once:
            await self._rim.db(pages.delay_page, lease.article_id, PAGE_RETRY * 2**lease.attempts)
        else:
            dropped = await self._publisher.publish(await self._release(lease.article_id, None if isinstance(page, Failed) else page))
        asked = failed.retry_after if failed else await robots.crawl_delay(self._session, lease.url)
        await self._rim.db(pages.free_host, lease, max(self._settings.page_pause, min(asked or 0.0, MAX_HOST_PAUSE)))
        outcome, status, message = (failed.kind, failed.status, failed.message) if failed else ("fetched", 200, None)
        message = "; ".join(filter(None, (message, _dropped(dropped)))) or None
        made = Outcome("page", lease.url, outcome, time.monotonic() - started, article_id=lease.article_id, status=status, message=message)
        self._report(replace(made, dropped=dropped))

    async def _page_text(self, url: str) -> PageText | Failed:
        """Return the article on the page at *url*, or why there is none."""
        try:
            if not await robots.allowed(self._session, url):
                return Failed("robots", f"the robots.txt of its host keeps Dateline from {url}, or cannot be read")
            result = await fetch_page(self._session, url, partial(robots.allowed, self._session))
            if isinstance(result, Failed):
                return result
            if not isinstance(result, Fetched):
                return Failed("http", f"HTTP 410 from {url}", 410)
            page = await self._isolated(extract, result.url, result.body, result.charset)
        except ChildLost as e:
            return Failed("parse", f"reading the page had to be given up: {e}")
        except Exception as e:
            log.exception("a fault in Dateline, not in the page", extra={"page_url": url})
            return _fault(e)
        return page or Failed("parse", f"no article was found on {url}")

    async def _release(self, article_id: str, page: PageText | None) -> tuple[OutboxRow, ...]:
        """Return the message that a waiting entry becomes, if any; an entry that cannot be released is held for later."""
        try:
            row = await self._rim.db(pages.release_page, article_id, partial(decide_page, page))
        except (TransientError, StageStopped):
            raise
        except Exception:
            log.exception("a waiting entry cannot be released", extra={"article_id": article_id, "held": HOLD})
            await self._rim.db(pages.hold_page, article_id, HOLD)
            return ()
        return (row,) if row else ()

    async def _send_overdue(self) -> None:
        while not self._rim.stopping and (waiting := await self._rim.db(pages.overdue_pages)):
            rows = [row for article_id in waiting for row in await self._release(article_id, None)]
            await self._publisher.publish(rows)

    # Both

    async def _sweep(self) -> None:
        """Send what crashed workers left, and forget old fetches, again and again."""
        pruned = float("-inf")
        while not self._rim.stopping:
            if time.monotonic() - pruned > PRUNE_EVERY:
                await self._rim.db(upkeep.prune)
                pruned = time.monotonic()
            await self._rim.pause(self._timing.lease / 2)
            await self._send_leftovers(self._timing.lease)

    async def _send_leftovers(self, older_than: float) -> None:
        while not self._rim.stopping and (rows := await self._rim.db(_leftovers, older_than)):
            await self._publisher.publish(rows)

    async def _pump(
        self,
        claim: Callable[[int], Awaitable[Sequence[L]]],
        work: Callable[[L], Coroutine[Any, Any, None]],
        give_back: Callable[[Engine, Sequence[L]], None],
        room: int,
        nothing_left: Callable[[], Awaitable[bool]],
        poll: float,
    ) -> None:
        """Keep up to *room* leases being worked on until told to stop; in a worker that runs once, until nothing is left."""
        running: dict[asyncio.Task[None], L] = {}
        try:
            while not self._rim.stopping:
                leases = await claim(room - len(running)) if len(running) < room else ()
                running |= {asyncio.create_task(work(lease)): lease for lease in leases}
                if running:
                    await asyncio.wait(running, timeout=poll, return_when=asyncio.FIRST_COMPLETED)
                elif self._once and await nothing_left():
                    return
                else:
                    await self._rim.pause(poll)
                _reap(running)
            if running:
                await asyncio.wait(running, timeout=self._timing.grace)
                _reap(running)
        finally:
            left = tuple(running.values())
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            if left:  # where an operator has to act first, the feeds are due at once when that is done
                with suppress(DatelineError):
                    await self._rim.threads.run(give_back, self._rim.engine, left)

    async def _isolated(self, function: Callable[..., T], *args: Any) -> T:
        return await asyncio.wrap_future(self._pool.submit(function, *args, timeout=PARSE_TIMEOUT))

    def _report(self, outcome: Outcome) -> None:
        level = logging.INFO if outcome.outcome in {"fetched", "unchanged", "not-modified"} else logging.WARNING
        told = {item.name: getattr(outcome, item.name) for item in fields(outcome)}
        extra = {("detail" if name == "message" else name): value for name, value in told.items() if value is not None}
        counts = f", {outcome.new} new, {outcome.changed} changed of {outcome.entries}" if outcome.entries else ""
        log.log(level, "%s %s: %s%s%s", outcome.kind, outcome.url, outcome.outcome, counts, _after(outcome.message), extra=extra)
        self._on_outcome(outcome)


def _write_down(engine: Engine, lease: FeedLease, parsed: ParsedFeed, page_wait: float) -> _Wrote:
    """Write the entries of *parsed* down; drafts and decisions are made here, on the database's thread.

    An entry that cannot be drafted or written is logged and left out, and keeps none of the others from going out.
    """
    fetched_at = datetime.now(UTC)
    drafted, faults = [], []
    for item in identify(lease.feed.feed_id, parsed.link, parsed.entries):
        try:
            draft = draft_of(lease.feed, parsed, item, fetched_at)
            drafted.append(_Drafted(item, draft, render(draft), wants_page(lease.feed, item, draft)))  # so that the transaction is short
        except Exception as e:
            faults.append(e)
            _leave_out(lease, item, e)
    written = _write_entries(engine, lease, drafted, page_wait, faults)
    return _Wrote(written, len(faults))


@dataclass(frozen=True, slots=True)
class _Drafted:
    item: Identified
    draft: Draft
    rendered: Rendered
    page_wanted: bool


@dataclass(frozen=True, slots=True)
class _Wrote:
    """What was written of a fetch, and how many entries had to be left out."""

    written: Written
    left_out: int


def _write_entries(engine: Engine, lease: FeedLease, part: Sequence[_Drafted], page_wait: float, faults: list[Exception]) -> Written:
    """Write *part* in one transaction; where that fails for good, its halves, until what is to blame is alone and joins *faults*."""

    def decide(index: int, known: Known) -> Write:
        one = part[index]
        return decide_entry(one.draft, one.rendered, known, page_wanted=one.page_wanted, page_wait=page_wait)

    try:
        return sightings.write_entries(engine, lease, [one.item.keys for one in part], decide)
    except (TransientError, StageStopped, ConfigError):
        raise
    except Exception as e:
        if len(faults) >= MAX_LEFT_OUT or not part:
            raise  # it is not the entries
        if len(part) == 1:
            faults.append(e)
            _leave_out(lease, part[0].item, e)
            return Written(0, 0, (), 0)
    middle = len(part) // 2
    first, second = (_write_entries(engine, lease, half, page_wait, faults) for half in (part[:middle], part[middle:]))
    return Written(first.new + second.new, first.changed + second.changed, first.outbox + second.outbox, first.pages + second.pages)


def _leave_out(lease: FeedLease, item: Identified, error: Exception) -> None:
    told = {"feed_id": lease.feed.feed_id, "feed_url": lease.feed.url, "entry_key": item.keys.entry_key}
    log.error("an entry cannot be written down: %s: %s", type(error).__name__, clean_text(str(error))[:MAX_MESSAGE_CHARS], extra=told)


def _update(feed: Feed, taken: _Taken, plan: Plan) -> FeedUpdate:
    """Return what *feed*'s row becomes. After a failure the validators stay: they belong to the last body that was read."""
    kept = taken.result.validators if isinstance(taken.result, Fetched | NotModified) else Validators(feed.etag, feed.last_modified)
    return FeedUpdate(
        url=plan.url,
        delay=plan.delay,
        interval_seconds=plan.interval,
        failures=plan.failures,
        state=plan.state,
        reason=plan.reason,
        etag=kept.etag,
        last_modified=kept.last_modified,
        body_hash=taken.body_hash,
        moved_to=plan.moved_to,
        moved_sightings=plan.moved_sightings,
        title=taken.parsed.title[:MAX_TITLE_CHARS] if taken.parsed else "",
        error=plan.reason or (taken.message if isinstance(taken.result, Failed) else None),
    )


def _record(taken: _Taken, started_at: datetime, duration: float) -> FetchRecord:
    new, changed = (taken.written.new, taken.written.changed) if taken.written else (0, 0)
    entries = len(taken.parsed.entries) if taken.parsed else 0
    return FetchRecord(started_at, duration, taken.outcome, taken.status, taken.size, entries, new, changed, taken.message)


def _feed_outcome(feed: Feed, taken: _Taken, duration: float) -> Outcome:
    record = _record(taken, datetime.now(UTC), duration)
    return Outcome(
        kind="feed",
        url=feed.url,
        outcome=taken.outcome,
        duration=duration,
        feed_id=feed.feed_id,
        status=record.status,
        entries=record.entries,
        new=record.new,
        changed=record.changed,
        dropped=taken.dropped,
        message=record.message,
    )


def _worth_another_try(failed: Failed) -> bool:
    return failed.kind in {"dns", "connect", "timeout"} or failed.status in BUSY_STATUS


def _free_hosts(engine: Engine, leases: Sequence[PageLease]) -> None:
    for lease in leases:
        pages.free_host(engine, lease, 0.0)


def _leftovers(engine: Engine, older_than: float) -> tuple[OutboxRow, ...]:
    return outbox.pending_outbox(engine, older_than=older_than, limit=OUTBOX_BATCH)


def _fault(error: Exception) -> Failed:
    return Failed("parse", clean_text(f"a fault in Dateline: {type(error).__name__}: {error}")[:MAX_MESSAGE_CHARS])


def _dropped(count: int) -> str | None:
    return f"{count} messages that the broker never takes were dropped" if count else None


def _after(message: str | None) -> str:
    return f" ({message})" if message else ""


def _reap(running: dict[asyncio.Task[None], L]) -> None:
    """Take the tasks that are done out of *running*; raises what one of them raised.

    Not TransientError: it comes out of a task only when the worker was told to stop, and then its lease runs out by itself.
    """
    for task in [task for task in running if task.done()]:
        del running[task]
        with suppress(TransientError):
            task.result()


# The rim: database, broker, stopping


class _Overdue(Exception):
    """The worker was told to stop long ago."""


class _Rim:
    """The database as the event loop sees it, and how long to wait for what is away."""

    def __init__(self, engine: Engine, stop: threading.Event) -> None:
        self.engine = engine
        self.threads = Threads(DB_THREADS, "database")
        self._stop = stop

    async def overdue(self, seconds: float) -> None:
        """Raise _Overdue *seconds* after the worker was told to stop."""
        while not self.stopping:
            await asyncio.sleep(LOOK_EVERY)
        await asyncio.sleep(seconds)
        raise _Overdue

    def close(self) -> None:
        """End the threads; a call that hangs is left to itself."""
        self.threads.close(CLOSING)

    @property
    def stopping(self) -> bool:
        """Whether the worker was told to stop."""
        return self._stop.is_set()

    async def pause(self, seconds: float) -> None:
        """Wait *seconds*, or until told to stop."""
        end = time.monotonic() + seconds
        while not self.stopping and (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(left, LOOK_EVERY))

    async def db(self, function: Callable[Concatenate[Engine, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return ``function(engine, …)`` as it ran on a thread, tried again while the database is away."""
        return await self.retry(lambda: self.threads.run(function, self.engine, *args, **kwargs))

    async def retry(self, call: Callable[[], Awaitable[T]]) -> T:
        """Return what *call* gives; while it raises TransientError it is tried again, until told to stop. Fenced is final."""
        for attempt in itertools.count():
            try:
                return await call()
            except Fenced:
                raise
            except TransientError as e:
                if self.stopping:
                    raise
                wait = pause(attempt, random.random(), e.retry_after)  # noqa: S311
                log.warning("trying again in %.1f s: %s", wait, e)
                await self.pause(wait)
        raise AssertionError("itertools.count ended")


class _Publisher:
    """One producer on a thread of its own. What comes in while a flush is under way goes out together with the next one."""

    def __init__(self, broker: Broker, topic: str, rim: _Rim) -> None:
        self._broker = broker
        self._topic = topic
        self._rim = rim
        self._producer: Producer | None = None
        self._thread = Threads(1, "publisher")
        self._queue: asyncio.Queue[tuple[Sequence[OutboxRow], asyncio.Future[int]]] = asyncio.Queue()

    async def publish(self, rows: Sequence[OutboxRow]) -> int:
        """Return when *rows* are durable in the broker and gone from the outbox; raises TransientError if told to stop before.

        A row that the broker will never take is logged and dropped, and holds up no other; what is returned is how many were.
        """
        if not rows:
            return 0
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((rows, done))
        return await done

    async def run(self) -> None:
        """Publish what comes in, until cancelled."""
        while True:
            batch = [await self._queue.get()]
            while not self._queue.empty():
                batch.append(self._queue.get_nowait())
            rows = [row for part, _ in batch for row in part]
            try:
                refused = await self._rim.retry(partial(self._thread.run, self._deliver, rows))
                await self._rim.db(outbox.mark_sent, [row.outbox_id for row in rows])
            except TransientError as e:  # only when stopping: the rows stay in the outbox
                _settle(batch, e)
            else:
                _settle(batch, refused)

    def close(self) -> None:
        """End the thread, and the producer on it; a flush that hangs is left to itself."""
        self._thread.submit(self._drop)
        self._thread.close(CLOSING)

    def _deliver(self, rows: Sequence[OutboxRow]) -> frozenset[int]:
        """Send *rows* and return the ids of those that the broker will never take."""
        try:
            self._send(rows)
        except PermanentError as e:
            if len(rows) > 1:  # one by one, so that only the offender is dropped
                return frozenset().union(*(self._deliver([row]) for row in rows))
            (row,) = rows
            told = {"article_id": row.article_id, "revision": row.revision, "bytes": len(row.payload)}
            log.error("dropped revision %d of article %s, which the broker never takes: %s", row.revision, row.article_id, e, extra=told)
            return frozenset({row.outbox_id})
        return frozenset()

    def _send(self, rows: Sequence[OutboxRow]) -> None:
        try:
            self._producer = self._producer or self._broker.producer()
            for row in rows:
                self._producer.send(self._topic, key=row.article_id.encode(), value=row.payload)
            self._producer.flush()
        except BaseException:
            self._drop()  # with whatever it still holds; all rows are sent again by a new one
            raise

    def _drop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close()


def _settle(batch: Sequence[tuple[Sequence[OutboxRow], asyncio.Future[int]]], result: Exception | frozenset[int]) -> None:
    for rows, done in batch:
        if done.done():
            continue  # whoever waited was cancelled
        if isinstance(result, Exception):
            done.set_exception(result)
        else:
            done.set_result(sum(row.outbox_id in result for row in rows))


async def _beside(helper: Coroutine[Any, Any, None], *work: Coroutine[Any, Any, None]) -> None:
    """Run *work* side by side, with *helper*, whose end is not waited for, until all of it is done; raise the first failure."""
    pending = {asyncio.create_task(one) for one in work}
    tasks = {asyncio.create_task(helper), *pending}
    try:
        while pending:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            pending, tasks = pending - done, tasks - done
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


# Looking at one feed


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What ``dateline feeds check`` found: one line a step; *problem* is None where the feed can be read."""

    url: str
    steps: tuple[str, ...]
    problem: str | None = None
    entries: int = 0

    @property
    def ok(self) -> bool:
        """Whether the feed can be read."""
        return self.problem is None

    def as_row(self) -> dict[str, Any]:
        """Return the report as a flat mapping."""
        return {**asdict(self), "ok": self.ok}


def check_feed(settings: Settings, url: str) -> CheckReport:
    """Return what fetching and reading the feed at *url* gives, step by step; writes nothing."""
    return asyncio.run(_check(settings, url))


async def _check(settings: Settings, url: str) -> CheckReport:
    async with make_session(settings) as session:
        result = await fetch(session, url)
    if isinstance(result, Failed):
        return CheckReport(url, (f"fetch: failed ({result.kind})",), result.message)
    if not isinstance(result, Fetched):
        return CheckReport(url, ("fetch: gone",), "410 Gone: the publisher ended this feed")
    steps = _fetch_steps(url, result)
    pool = IsolatedPool(1, memory_bytes=PARSE_MEMORY)
    try:
        future = pool.submit(parse, result.url, result.body, result.media_type, result.charset, timeout=PARSE_TIMEOUT)
        parsed = await asyncio.wrap_future(future)
    except (ParseError, ChildLost) as e:
        return CheckReport(url, (*steps, "parse: failed"), str(e))
    finally:
        pool.close()
    limits = Limits(settings.min_interval, settings.max_interval)
    return CheckReport(url, (*steps, *_parse_steps(url, parsed, result, limits)), None, len(parsed.entries))


def _fetch_steps(url: str, result: Fetched) -> tuple[str, ...]:
    steps = [f"fetch: {len(result.body):,} bytes of {result.media_type or 'no named type'}"]
    if result.url != url:
        steps.append(f"redirect: {'for good' if result.permanent_url == result.url else 'for now'}, to {result.url}")
    known = [name for name, value in (("ETag", result.validators.etag), ("Last-Modified", result.validators.last_modified)) if value]
    steps.append(f"unchanged answers: {'by ' + ' and '.join(known) if known else 'not announced; the body is compared'}")
    return tuple(steps)


def _parse_steps(url: str, parsed: ParsedFeed, result: Fetched, limits: Limits) -> tuple[str, ...]:
    now = datetime.now(UTC)
    items = identify("", parsed.link, parsed.entries)
    dates = tuple(entry.published_at for entry in parsed.entries if entry.published_at)
    short = sum(item.own_page and max(len(item.entry.summary), len(item.entry.content)) < SHORT_TEXT for item in items)
    plan = next_fetch(FeedState(url), result, Published(len(items), dates, parsed.ttl), now, 0.0, limits)
    return (
        f"parse: {parsed.format}, {parsed.title!r}, {len(parsed.entries)} entries" + _after(parsed.note),
        f"language: {language_code(parsed.language) or 'not said'}",
        f"dates: {len(dates)} of {len(parsed.entries)} entries" + (f", the newest {max(dates):%Y-%m-%d %H:%M} UTC" if dates else ""),
        f"text: {short} of {len(items)} entries give under {SHORT_TEXT} characters, so that their pages would be fetched",
        f"schedule: it would be fetched again after {plan.delay / 60:.0f} minutes",
    )
