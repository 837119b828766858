"""One GET of a feed or a page, with everything that the network does turned into a value.

``fetch`` and ``fetch_page`` follow redirects themselves, so that every hop is checked and an unbroken chain of permanent
ones is known. Limits hold for the whole of it: one deadline, one count of redirects, one size after decompression.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from importlib.metadata import version
from types import TracebackType
from typing import Any, Protocol, Self

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import SecretStr
from yarl import URL

from ingest.decoding import Decoder
from ingest.failures import Refused, failure_of, host_of, place_of
from ingest.guard import GuardedResolver, GuardedSockets, Lookups, Network, check_spelled, literal_address
from ingest.headers import content_type, max_age, request_headers, retry_after, validators_of
from ingest.model import Failed, Fetched, FetchResult, Gone, NotModified, Validators
from ingest.turns import Turns
from stream.messages import clean_text

MAX_REDIRECTS = 5

ACCEPT_FEED = "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, */*;q=0.1"  # fmt: skip  # noqa: E501
ACCEPT_PAGE = "text/html, application/xhtml+xml;q=0.9, */*;q=0.1"
ACCEPT_ANY = "*/*"

Allow = Callable[[str], Awaitable[bool]]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT = frozenset({301, 308})
_CHUNK = 64 * 1024  # bytes


class FetchSettings(Protocol):
    """What a session needs of the settings; ``stream.settings.Settings`` has it."""

    @property
    def contact(self) -> str: ...
    @property
    def allow_networks(self) -> tuple[Network, ...]: ...
    @property
    def http_proxy(self) -> SecretStr: ...
    @property
    def fetch_concurrency(self) -> int: ...
    @property
    def host_connections(self) -> int: ...
    @property
    def host_pause(self) -> float: ...
    @property
    def fetch_timeout(self) -> float: ...
    @property
    def fetch_max_bytes(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one fetch: seconds and redirects for the whole of it, bytes before and after decompression."""

    timeout: float
    max_bytes: int
    max_redirects: int = MAX_REDIRECTS


class Session:
    """The connections of one worker, and the turns in which they are used.

    Belongs to the event loop in which it was made; close it, or use it as an async context manager.
    """

    def __init__(self, client: aiohttp.ClientSession, limits: Limits, turns: Turns) -> None:
        self.client = client
        self.limits = limits
        self.turns = turns

    async def close(self) -> None:
        """Close every connection. May be called twice."""
        await self.client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()


def make_session(settings: FetchSettings) -> Session:
    """Return a session that reaches public addresses and *settings.allow_networks* only; call it inside a running event loop.

    Through a proxy what can be checked is less: see ``ingest.guard``.
    """
    networks, proxy = settings.allow_networks, settings.http_proxy.get_secret_value() or None
    connector = aiohttp.TCPConnector(
        resolver=Lookups() if proxy else GuardedResolver(networks),
        socket_factory=None if proxy else GuardedSockets(networks),
        limit=0,  # the turns bound it
    )
    client = aiohttp.ClientSession(
        connector=connector,
        proxy=proxy,
        middlewares=(_spelled_guard(networks),) if proxy else (),
        auto_decompress=False,  # done here, never past the limit
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": user_agent(settings.contact), "Accept-Encoding": "gzip, deflate"},
        timeout=aiohttp.ClientTimeout(total=None),  # the deadline is one for all redirects
        trust_env=False,
    )
    turns = Turns(settings.fetch_concurrency, settings.host_connections, settings.host_pause)
    return Session(client, Limits(settings.fetch_timeout, settings.fetch_max_bytes), turns)


def _spelled_guard(networks: Sequence[Network]) -> aiohttp.ClientMiddlewareType:
    async def check(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        check_spelled(request.url.host or "", networks)
        return await handler(request)

    return check


def user_agent(contact: str = "") -> str:
    """Return the name that Dateline goes by, with *contact* so that a publisher can write."""
    contact = re.sub(r"[^\x21-\x7e]+", " ", contact).strip()
    return f"Dateline/{version('dateline')}" + (f" (+{contact})" if contact else "")


async def fetch(session: Session, url: str, validators: Validators | None = None) -> FetchResult:
    """Return what came of asking for the feed at *url*, conditionally where *validators* are given. Never raises for the network."""
    return await _get(session, url, ACCEPT_FEED, session.limits, validators or Validators())


async def fetch_page(session: Session, url: str, allow: Allow | None = None) -> FetchResult:
    """Return what came of asking for the article page at *url*. Never raises for the network.

    *allow* is asked about every URL that a redirect leads to. That takes no turn and no time of the page's: it may fetch itself.
    """
    limits, hop = session.limits, url
    if allow is None:
        return await _get(session, url, ACCEPT_PAGE, limits, Validators())
    for _ in range(limits.max_redirects + 1):
        try:
            return await _get(session, hop, ACCEPT_PAGE, limits, Validators(), by_hop=True)
        except _Onward as onward:
            hop, limits = onward.url, replace(limits, timeout=onward.left)
        if not await allow(hop):
            return _cleaned(Failed("robots", f"a redirect leads to {hop}, and the robots.txt of that host keeps Dateline from it"))
    return _cleaned(Failed("redirects", _too_many(limits, url)))


async def fetch_start(session: Session, url: str, max_bytes: int) -> FetchResult:
    """Return the first *max_bytes* of whatever is at *url*; a longer body is cut, not refused. Never raises for the network."""
    limits = Limits(session.limits.timeout, max_bytes, session.limits.max_redirects)
    return await _get(session, url, ACCEPT_ANY, limits, Validators(), cut=True)


async def _get(
    session: Session, url: str, accept: str, limits: Limits, validators: Validators, *, cut: bool = False, by_hop: bool = False
) -> FetchResult:
    """Return what came of asking for *url*; with *by_hop*, raise _Onward for a redirect instead of following it."""
    headers = request_headers(accept, validators)
    async with session.turns.take(place_of(url)):
        try:
            async with asyncio.timeout(limits.timeout) as deadline:
                return _cleaned(await _follow(session.client, url, headers, limits, validators, cut, by_hop))
        except _Onward as onward:
            onward.left = max(0.0, (deadline.when() or 0.0) - asyncio.get_running_loop().time())
            raise
        except TimeoutError:
            return _cleaned(Failed("timeout", f"no complete answer from {host_of(url)} within {limits.timeout:g} s"))
        except Refused as refused:
            return _cleaned(refused.failure)
        except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as error:
            return _cleaned(failure_of(error, url))


def _cleaned(result: FetchResult) -> FetchResult:
    """Return *result* with nothing in it that cannot be stored: header bytes that are not UTF-8 come in as lone surrogates."""
    cleaned: dict[str, Any] = {}
    for item in fields(result):
        value = getattr(result, item.name)
        cleaned[item.name] = clean_text(value) if isinstance(value, str) else value
    return replace(result, **cleaned)


async def _follow(
    client: aiohttp.ClientSession, url: str, headers: Mapping[str, str], limits: Limits, sent: Validators, cut: bool, by_hop: bool
) -> FetchResult:
    target = http_url(url)
    permanent: URL | None = None
    only_permanent = True
    for _ in range(limits.max_redirects + 1):
        async with _response(client, target, headers) as response:
            location = response.headers.get("Location")
            if response.status not in _REDIRECTS or not location:
                return await _result(response, target, permanent, limits, sent, cut)
            only_permanent = only_permanent and response.status in _PERMANENT
            target = redirect_target(target, location)
            if by_hop:
                raise _Onward(str(target))
            permanent = target if only_permanent else permanent
    raise Refused("redirects", _too_many(limits, url))


def _too_many(limits: Limits, url: str) -> str:
    return f"more than {limits.max_redirects} redirects from {url}"


@asynccontextmanager
async def _response(client: aiohttp.ClientSession, url: URL, headers: Mapping[str, str]) -> AsyncIterator[aiohttp.ClientResponse]:
    async with client.get(url, headers=headers, allow_redirects=False) as response:
        try:
            yield response
        finally:
            if not response.content.at_eof():
                response.close()  # an unread body must not be read for the sake of the connection


async def _result(
    response: aiohttp.ClientResponse, url: URL, permanent: URL | None, limits: Limits, sent: Validators, cut: bool
) -> FetchResult:
    now, moved = datetime.now(UTC), str(permanent) if permanent else None
    if response.status == 304 and sent != Validators():
        return NotModified(validators_of(response.headers, sent), max_age(response.headers, now), moved)
    if response.status == 410:
        return Gone(str(url))
    if response.status not in (200, 203):
        reason = f"HTTP {response.status} {response.reason or ''}".strip()
        return Failed("http", f"{reason} from {url}", response.status, retry_after(response.headers, now))
    body = await _read(response, limits.max_bytes, cut)
    media_type, charset = content_type(response.headers.get("Content-Type", ""))
    fresh = max_age(response.headers, now)
    return Fetched(str(url), body, media_type, charset, validators_of(response.headers, Validators()), fresh, moved)


async def _read(response: aiohttp.ClientResponse, max_bytes: int, cut: bool) -> bytes:
    """Return the body, decompressed; never holds more than *max_bytes* of it and a chunk, and reads no more than that either."""
    decoder = Decoder(response.headers.get("Content-Encoding", ""))
    body, came = bytearray(), 0
    async for chunk in response.content.iter_chunked(_CHUNK):
        came += len(chunk)
        body += decoder.feed(chunk, max_bytes + 1 - len(body))
        if max(len(body), came) > max_bytes and not decoder.ended:
            if cut:
                return bytes(body[:max_bytes])
            raise Refused("too-large", f"the body is larger than {max_bytes:,} bytes")
        if decoder.ended:
            break  # what follows the end of a stream is no part of it
    decoder.finish()
    return bytes(body)


class _Onward(Exception):
    """A redirect to *url*, with *left* seconds of the time for the whole."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url
        self.left = 0.0


def http_url(url: str) -> URL:
    """Return *url* ready to be asked for: http or https, no fragment, a host of digits spelled out. Raises ValueError."""
    parsed = URL(url.strip())
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError(f"{url[:200]!r} is not an http or https URL")
    address = literal_address(parsed.host)
    return (parsed.with_host(str(address)) if address and str(address) != parsed.host else parsed).with_fragment(None)


def redirect_target(base: URL, location: str) -> URL:
    """Return where *location* leads from *base*; raises a refusal for anything but http and https."""
    try:
        return http_url(str(base.join(URL(location))))
    except ValueError as e:
        raise Refused("redirects", f"{base} redirects to {location[:200]!r}, which is not an http or https URL") from e
