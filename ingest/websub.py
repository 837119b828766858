"""The subscriber of WebSub (https://www.w3.org/TR/websub/): hubs are asked to tell of news, and what they tell makes a feed due.

What a hub delivers is not read but for its signature: the feed itself is fetched instead, as ever, at once
(``docs/decisions/0018-a-hub-rings-the-bell.md``). Any worker may ask, and any may listen: all they know is in the database.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from aiohttp import web
from sqlalchemy import Engine

from ingest.fetch import post_form
from ingest.model import Failed, Fetched, FetchResult
from ingest.outcome import Outcome, brief
from ingest.pump import pump
from ingest.tools import Tools
from storage import subscriptions
from storage.subscriptions import Subscription
from stream.errors import ConfigError, DatelineError

POLLS = 10  # looks for feeds to be fetched to one for hubs to be asked
ASKED_AT_ONCE = 4  # hubs, by one worker
ANSWER_WITHIN = 10.0  # seconds that a hub waits for an answer
WISHED_LEASE = 7 * 86_400.0  # seconds
DEFAULT_LEASE = 86_400.0  # seconds, of a hub that does not say for how long it promises
MAX_CHALLENGE = 4096  # characters

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_METHODS = frozenset({"sha1", "sha256", "sha384", "sha512"})  # WebSub §7

log = logging.getLogger("dateline.ingest")


class HubQueue:
    """The queue of hubs that are to be asked; see ``ingest.pump.Queue``."""

    def __init__(self, tools: Tools, poll: float) -> None:
        self._tools = tools
        self.room = ASKED_AT_ONCE
        self.poll = poll

    async def claim(self, room: int) -> Sequence[Subscription]:
        """Take up to *room* subscriptions that are to be asked for."""
        return await self._tools.rim.db(subscriptions.claim_due, self._tools.settings.websub_callback_url, room)

    async def nothing_left(self) -> bool:
        """Tell that nothing more is to be asked for now."""
        return True

    def give_back(self, engine: Engine, left: Sequence[Subscription]) -> None:
        """Leave them: they are asked for again when their time comes."""

    async def work(self, lease: Subscription) -> None:
        """Ask the hub; it answers with a verification on another connection, before or after this one ends."""
        started = time.monotonic()
        result = await post_form(self._tools.session, lease.hub, request_form(lease))
        kind, status, problem = _answer_of(result)
        if problem:
            await self._tools.rim.db(subscriptions.failed, lease, problem)
        self._tools.report(_outcome(lease, kind, status, problem, duration=time.monotonic() - started))


class Listener:
    """Answers hubs. Who does not know a subscription's own address gets nothing but a 404 or 410."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen during the block, where a port is set; raises ConfigError where it cannot be had."""
        settings = self._tools.settings
        app = web.Application(client_max_size=settings.fetch_max_bytes, middlewares=[_in_time])
        app.add_routes([web.get("/{path:.*}", self._verify, allow_head=False), web.post("/{path:.*}", self._deliver)])
        runner = web.AppRunner(app, access_log=None, auto_decompress=False, shutdown_timeout=1.0)  # the body is signed as it came
        await runner.setup()
        try:
            if settings.websub_port:
                await _listen(runner, settings.websub_host, settings.websub_port)
            yield
        finally:
            await runner.cleanup()

    async def _verify(self, request: web.Request) -> web.Response:
        """Answer whether we mean it (WebSub §5.3), or take note of a refusal (§5.2)."""
        known, asked = await self._find(request), request.query
        if known is None or asked.get("hub.topic") != known.topic:
            return web.Response(status=404)
        challenge = asked.get("hub.challenge", "")
        if asked.get("hub.mode") == "subscribe" and 0 < len(challenge) <= MAX_CHALLENGE:
            await self._tools.rim.db(subscriptions.agreed, known, lease_seconds(asked.get("hub.lease_seconds", "")))
            self._tools.report(_outcome(known, "agreed"))
            return web.Response(text=challenge)
        if asked.get("hub.mode") == "denied":
            why = brief(asked.get("hub.reason", "")) or "the hub does not say why"
            await self._tools.rim.db(subscriptions.refused, known, why)
            self._tools.report(_outcome(known, "refused", message=why))
            return web.Response()
        return web.Response(status=404)

    async def _deliver(self, request: web.Request) -> web.Response:
        """Take a delivery (WebSub §7); one that is not signed as agreed gets the same answer and is ignored (§7.1)."""
        known = await self._find(request)
        if known is None:
            return web.Response(status=410)
        if is_signed(known.secret, await request.read(), request.headers.get("X-Hub-Signature", "")):
            await self._tools.rim.db(subscriptions.told, known)
            self._tools.report(_outcome(known, "told"))
        else:
            self._tools.report(_outcome(known, "forged", message="not signed with the secret that the hub was given"))
        return web.Response(status=202)

    async def _find(self, request: web.Request) -> Subscription | None:
        callback = f"{self._tools.settings.websub_callback_url}/{request.path.rpartition('/')[2]}"
        return await self._tools.rim.db(subscriptions.find, callback)


async def subscribe(tools: Tools, poll: float, grace: float) -> None:
    """Ask hubs and answer them until told to stop; return at once where there is no address under which they could reach us."""
    if tools.settings.websub_callback_url:
        async with Listener(tools).listening():
            await pump(HubQueue(tools, poll * POLLS), tools.rim, once=False, grace=grace)


def request_form(subscription: Subscription) -> dict[str, str]:
    """Return what a hub is asked (WebSub §5.1)."""
    return {
        "hub.mode": "subscribe",
        "hub.topic": subscription.topic,
        "hub.callback": subscription.callback,
        "hub.secret": subscription.secret,
        "hub.lease_seconds": f"{WISHED_LEASE:.0f}",
    }


def is_signed(secret: str, body: bytes, signature: str) -> bool:
    """Tell whether *signature*, an X-Hub-Signature header, is that of *body* with *secret* (WebSub §7.1).

    >>> is_signed("secret", b"news", "md5=00"), is_signed("secret", b"news", "sha1=00"), is_signed("secret", b"news", "")
    (False, False, False)
    """
    method, _, digest = signature.strip().partition("=")
    if method.lower() not in _METHODS:
        return False
    right = hmac.new(secret.encode(), body, method.lower()).hexdigest()
    return hmac.compare_digest(right.encode(), digest.lower().encode("utf-8", "replace"))


def lease_seconds(text: str) -> float:
    """Return for how long a hub promises to tell of news; a day where it does not say so.

    >>> lease_seconds("864000"), lease_seconds("for ever")
    (864000.0, 86400.0)
    """
    return float(text) if text.isascii() and text.isdigit() and int(text[:12]) > 0 else DEFAULT_LEASE


@web.middleware
async def _in_time(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer soon, whatever is away: the hub tries again."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            return await handler(request)
    except (TimeoutError, DatelineError) as e:
        log.warning("a hub was not answered: %s", e or "not in time")
        return web.Response(status=503)


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as e:
        raise ConfigError(f"nothing can listen on {host}:{port} ({e.strerror}): set DATELINE_WEBSUB_PORT to another port, or to 0") from e


def _answer_of(result: FetchResult) -> tuple[str, int | None, str | None]:
    """Return outcome, status and problem of asking a hub."""
    match result:
        case Fetched():
            return "asked", None, None
        case Failed():
            return result.kind, result.status, result.message
        case _:
            return "gone", 410, "the hub is gone (HTTP 410)"


def _outcome(one: Subscription, outcome: str, status: int | None = None, message: str | None = None, *, duration: float = 0.0) -> Outcome:
    return Outcome("hub", one.hub, outcome, duration, feed_id=one.feed_id, status=status, message=message)
