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
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine

from ingest.children import Children
from ingest.fetch import make_session
from ingest.outcome import Outcome, log_outcome
from ingest.pages import PageQueue
from ingest.publish import Publisher
from ingest.pump import pump
from ingest.rim import Overdue, Rim, beside
from ingest.rounds import FeedRounds
from ingest.tools import Tools
from ingest.visits import Visits
from ingest.websub import subscribe
from storage import upkeep
from storage.hosts import HostLimits
from stream.broker import Broker
from stream.errors import TransientError
from stream.settings import Settings

PARSERS = 2  # children
PRUNE_EVERY = 3600.0  # seconds

log = logging.getLogger("dateline.ingest")


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds; tests use shorter ones. A message that is *lease* old and still in the outbox was left there by a crash."""

    lease: float = 300.0  # of a feed
    poll: float = 1.0  # between two looks for work
    grace: float = 15.0  # that work under way may still take once the worker was told to stop
    last: float = 20.0  # after which a worker told to stop waits for nothing more; others go on when its leases run out


def run_ingest(
    settings: Settings,
    engine: Engine,
    broker: Broker,
    stop: threading.Event,
    *,
    once: bool = False,
    brake: Callable[[], str | None] = lambda: None,
    on_outcome: Callable[[Outcome], None] = lambda outcome: None,
    timing: Timing = Timing(),
) -> None:
    """Run until *stop* is set; with *once*, until every due feed was fetched and nothing waits for a page or to be sent.

    While *brake*, which is asked on threads and may look at the broker, gives a reason to wait, no feed is leased.
    *on_outcome* is called on this thread after each fetch. Raises StageStopped or ConfigError where an operator has to act; bad
    feeds and pages, and a database or a broker that is away, never end it.
    """

    def report(outcome: Outcome) -> None:
        log_outcome(outcome)
        on_outcome(outcome)

    asyncio.run(_run(settings, Rim(engine, stop), broker, report, brake, timing, once=once))


async def _run(
    settings: Settings,
    rim: Rim,
    broker: Broker,
    report: Callable[[Outcome], None],
    brake: Callable[[], str | None],
    timing: Timing,
    *,
    once: bool,
) -> None:
    children = Children(PARSERS)
    publisher = Publisher(broker, settings.articles_topic, rim)
    try:
        visits = Visits(rim, HostLimits(settings.host_connections, settings.host_pause), settings.fetch_timeout)
        async with make_session(settings, visits) as session:
            tools = Tools(settings, rim, session, children, publisher, report, brake)
            work = _all_once(tools, timing) if once else _always(tools, timing)
            await beside(rim.overdue(timing.last), beside(publisher.run(), work))
    except Overdue:
        log.warning("stopped with work under way; another worker, or the next start, goes on with it")
    except TransientError as e:
        if not rim.stopping:
            raise
        log.warning("stopped while something was away; another worker, or the next start, goes on: %s", e)
    finally:
        publisher.close()
        children.close()
        rim.close()


async def _always(tools: Tools, timing: Timing) -> None:
    feeds, pages = FeedRounds(tools, timing.lease, timing.poll), PageQueue(tools, timing.poll, once=False)
    await tools.publisher.catch_up(0.0)  # of any age, and before any work: this may be the start after a crash
    await beside(
        _sweep(tools, timing.lease),
        pump(feeds, tools.rim, once=False, grace=timing.grace),
        pump(pages, tools.rim, once=False, grace=timing.grace),
        subscribe(tools, timing.poll, timing.grace),
    )


async def _all_once(tools: Tools, timing: Timing) -> None:
    await _follow_clock(tools, timing.lease)
    await pump(FeedRounds(tools, timing.lease, timing.poll), tools.rim, once=True, grace=timing.grace)
    await pump(PageQueue(tools, timing.poll, once=True), tools.rim, once=True, grace=timing.grace)
    await tools.publisher.catch_up(0.0)


async def _sweep(tools: Tools, lease: float) -> None:
    """Send what crashed workers left, forget old fetches, and follow a clock that was set back, again and again."""
    pruned = float("-inf")
    while not tools.rim.stopping:
        await _follow_clock(tools, lease)
        if time.monotonic() - pruned > PRUNE_EVERY:
            await tools.rim.db(upkeep.prune)
            pruned = time.monotonic()
        await tools.rim.pause(lease / 2)
        await tools.publisher.catch_up(lease)


async def _follow_clock(tools: Tools, lease: float) -> None:
    if moved := await tools.rim.db(upkeep.follow_clock, lease):
        log.warning("the clock was set back: what was planned by it is brought back", extra={"rows": moved})
