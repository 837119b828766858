"""The pages that entries wait for: one at a time per host, with its text or, where it cannot be had, without."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from functools import partial

from sqlalchemy import Engine

from ingest import robots
from ingest.article import decide_page
from ingest.fetch import fetch_page
from ingest.fulltext import PageText, extract
from ingest.model import Failed, Fetched
from ingest.outcome import Outcome, dropped_note, fault, notes
from ingest.rim import LOOK_EVERY
from ingest.tools import Tools
from storage import pages
from storage.outbox import OutboxRow
from storage.pages import PageLease
from storage.upkeep import count_waiting
from stream.errors import NOT_THE_INPUT, ChildLost, StageStopped, TransientError

PAGES_AT_ONCE = 16  # hosts asked for a page at once by one worker
PAGE_LEASE = 120.0  # seconds; a page takes fetch_timeout, PARSE_TIMEOUT and a moment
PAGE_TRIES = 3
PAGE_RETRY = 60.0  # seconds before the second try, doubled for the third
MAX_HOST_PAUSE = 600.0  # seconds that a host's Retry-After keeps its pages waiting; entries do not wait longer either
HOLD = 3600.0  # seconds that an entry stays in the queue when releasing it failed for a reason that is not the page's
BUSY_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
BUSY_KINDS = frozenset({"dns", "connect", "broken", "proxy", "timeout", "paused"})

log = logging.getLogger("dateline.ingest")


class PageQueue:
    """The queue of pages; see ``ingest.pump.Queue``. With *once*, no page is tried a second time."""

    def __init__(self, tools: Tools, poll: float, *, once: bool) -> None:
        self._tools = tools
        self._once = once
        self.room = PAGES_AT_ONCE
        self.poll = min(poll, max(tools.settings.page_pause, LOOK_EVERY))

    async def claim(self, room: int) -> Sequence[PageLease]:
        """Lease a page of each of up to *room* hosts, after what waited too long has gone out without its page."""
        await self._send_overdue()
        return await self._tools.rim.db(pages.claim_pages, room, PAGE_LEASE)

    async def nothing_left(self) -> bool:
        """Tell whether no entry waits for its page."""
        return (await self._tools.rim.db(count_waiting))[0] == 0

    def give_back(self, engine: Engine, left: Sequence[PageLease]) -> None:
        """Have the hosts be free at once."""
        for lease in left:
            pages.free_host(engine, lease, 0.0)

    async def work(self, lease: PageLease) -> None:
        """Ask for one page, and let its entry go out or wait for another try."""
        try:
            self._tools.report(await self._ask(lease))
        except NOT_THE_INPUT:
            raise
        except Exception:  # the entry goes out at its deadline, or is held there; its host is free when the lease runs out
            log.exception("a page cannot be worked on", extra={"article_id": lease.article_id, "page_url": lease.url})

    async def _ask(self, lease: PageLease) -> Outcome:
        tools, started, dropped = self._tools, time.monotonic(), 0
        page = await self._text(lease.url)
        wait = None if self._once else retry_in(page, lease.attempts)
        if wait is not None:
            await tools.rim.db(pages.delay_page, lease.article_id, wait)
        else:
            dropped = await tools.publisher.publish(await self._release(lease.article_id, page))
        asked = page.retry_after if isinstance(page, Failed) else await robots.crawl_delay(tools.session, lease.url)
        await tools.rim.db(pages.free_host, lease, max(tools.settings.page_pause, min(asked or 0.0, MAX_HOST_PAUSE)))
        return outcome_of(lease, page, dropped, time.monotonic() - started)

    async def _text(self, url: str) -> PageText | Failed:
        """Return the article on the page at *url*, or why there is none."""
        session = self._tools.session
        try:
            if not await robots.allowed(session, url):
                return Failed("robots", f"the robots.txt of its host keeps Dateline from {url}, or cannot be read")
            result = await fetch_page(session, url, partial(robots.allowed, session))
            if isinstance(result, Failed):
                return result
            if not isinstance(result, Fetched):
                return Failed("http", f"HTTP 410 from {url}", 410)
            page = await self._tools.children.run(extract, result.url, result.body, result.charset)
        except NOT_THE_INPUT:
            raise
        except ChildLost as e:
            return Failed("parse", f"reading the page had to be given up: {e}")
        except Exception as e:
            log.exception("a fault in Dateline, not in the page", extra={"page_url": url})
            return fault(e)
        return page or Failed("parse", f"no article was found on {url}")

    async def _release(self, article_id: str, page: PageText | Failed | None) -> tuple[OutboxRow, ...]:
        """Return the message that a waiting entry becomes, if any; an entry that cannot be released is held for later."""
        text = None if isinstance(page, Failed) else page
        try:
            row = await self._tools.rim.db(pages.release_page, article_id, partial(decide_page, text))
        except (TransientError, StageStopped):
            raise
        except Exception:
            log.exception("a waiting entry cannot be released", extra={"article_id": article_id, "held": HOLD})
            await self._tools.rim.db(pages.hold_page, article_id, HOLD)
            return ()
        return (row,) if row else ()

    async def _send_overdue(self) -> None:
        rim = self._tools.rim
        while not rim.stopping and (waiting := await rim.db(pages.overdue_pages)):
            rows = [row for article_id in waiting for row in await self._release(article_id, None)]
            await self._tools.publisher.publish(rows)


def retry_in(page: PageText | Failed, attempts: int) -> float | None:
    """Return in how many seconds to ask for *page* again, after *attempts* earlier tries; None where its entry goes out as it is."""
    if not isinstance(page, Failed) or attempts + 1 >= PAGE_TRIES:
        return None
    return PAGE_RETRY * 2**attempts if page.kind in BUSY_KINDS or page.status in BUSY_STATUS else None


def outcome_of(lease: PageLease, page: PageText | Failed, dropped: int, duration: float) -> Outcome:
    """Return what is logged and shown of one try; *duration* in seconds."""
    outcome, status, message = (page.kind, page.status, page.message) if isinstance(page, Failed) else ("fetched", 200, None)
    return Outcome(
        kind="page",
        url=lease.url,
        outcome=outcome,
        duration=duration,
        article_id=lease.article_id,
        status=status,
        dropped=dropped,
        message=notes(message, dropped_note(dropped)),
    )
