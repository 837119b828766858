"""What a host's robots.txt lets Dateline fetch (RFC 9309), asked for once a day.

Pages are asked about, feeds are not: a feed was given to us by its address and is published to be polled.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from protego import Protego
from yarl import URL

from ingest.charset import decode
from ingest.fetch import Session, fetch_start
from ingest.model import Failed, Fetched, FetchResult, Gone
from stream.errors import NOT_THE_INPUT

NAME = "Dateline"  # the product token that rules are matched against
MAX_BYTES = 500 * 1024  # as much as RFC 9309 §2.5 wants to be read; the rest is ignored
KEPT = 24 * 3600.0  # seconds
KEPT_UNREACHABLE = 600.0  # seconds until a host that gave no answer is asked again
MAX_HOSTS = 10_000

log = logging.getLogger("dateline.ingest")


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one host for Dateline; *parsed* is None where everything is allowed, or where *closed* nothing is."""

    parsed: Protego | None = None
    closed: bool = False
    kept: float = KEPT  # seconds that this answer holds

    def allow(self, url: str) -> bool:
        """Return whether *url*, one of this host, may be fetched; what the rules cannot be asked about may not."""
        try:
            return not self.closed and (self.parsed is None or bool(self.parsed.can_fetch(url, NAME)))
        except Exception as e:
            log.warning("the rules of a host cannot be asked: %s: %s", type(e).__name__, e, extra={"page_url": url})
            return False

    def crawl_delay(self) -> float | None:
        """Return the seconds that the host wants between two fetches, where it says so."""
        delay = self.parsed.crawl_delay(NAME) if self.parsed else None
        return float(delay) if delay is not None else None


def rules_of(result: FetchResult) -> Rules:
    """Return the rules that *result*, an answer to /robots.txt, stands for.

    No file means no rules (4xx, RFC 9309 §2.3.1.3); a host that cannot answer is not fetched from for now (§2.3.1.4).
    """
    match result:
        case Fetched():
            return Rules(Protego.parse(decode(result.body, result.charset or "utf-8").text))
        case Gone():
            return Rules()
        case Failed(status=int(status)) if 400 <= status < 500:
            return Rules()
        case Failed(kind="redirects"):
            return Rules()  # §2.3.1.2: beyond five redirects it counts as missing
        case Failed(kind="paused", retry_after=seconds):
            return Rules(closed=True, kept=min(seconds or 0.0, KEPT_UNREACHABLE))
        case _:
            return Rules(closed=True, kept=KEPT_UNREACHABLE)


class RobotsRules:
    """The rules of the *max_hosts* hosts visited last. *clock* gives seconds and never runs back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, max_hosts: int = MAX_HOSTS) -> None:
        self._clock = clock
        self._max_hosts = max_hosts
        self._known: OrderedDict[str, tuple[float, asyncio.Future[Rules]]] = OrderedDict()

    async def allowed(self, session: Session, url: str) -> bool:
        """Return whether *url* may be fetched."""
        return (await self.rules(session, url)).allow(url)

    async def rules(self, session: Session, url: str) -> Rules:
        """Return the rules of the host of *url*, fetched at most once while they hold, also when many ask at once."""
        try:
            origin = str(URL(url).origin())
        except ValueError:
            return Rules(closed=True)
        asked_at, answer = self._known.get(origin, (0.0, None))
        if answer is None or answer.cancelled() or (answer.done() and self._clock() >= asked_at + answer.result().kept):
            answer = asyncio.ensure_future(_ask(session, origin))
            self._known[origin] = (self._clock(), answer)
        self._known.move_to_end(origin)
        while len(self._known) > self._max_hosts:
            self._known.popitem(last=False)
        return await asyncio.shield(answer)


async def _ask(session: Session, origin: str) -> Rules:
    """Return the rules at *origin*; whatever goes wrong with them closes it for now."""
    try:
        return rules_of(await fetch_start(session, f"{origin}/robots.txt", MAX_BYTES))
    except NOT_THE_INPUT as e:
        log.warning("robots.txt was not asked for: %s", e, extra={"page_url": f"{origin}/robots.txt"})
        return Rules(closed=True, kept=0.0)
    except Exception as e:
        log.warning("robots.txt cannot be read: %s: %s", type(e).__name__, e, extra={"page_url": f"{origin}/robots.txt"})
        return Rules(closed=True, kept=KEPT_UNREACHABLE)


_OF_SESSION: WeakKeyDictionary[Session, RobotsRules] = WeakKeyDictionary()


async def allowed(session: Session, url: str) -> bool:
    """Return whether the robots.txt of the host lets *url* be fetched; what is known is kept as long as *session*."""
    return await _OF_SESSION.setdefault(session, RobotsRules()).allowed(session, url)


async def crawl_delay(session: Session, url: str) -> float | None:
    """Return the seconds that the host of *url* wants between two fetches, None where it does not say."""
    return (await _OF_SESSION.setdefault(session, RobotsRules()).rules(session, url)).crawl_delay()
