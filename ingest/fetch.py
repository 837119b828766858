"""One GET of a feed or a page, with everything that the network does turned into a value.

``fetch`` and ``fetch_page`` follow redirects themselves, so that every hop is checked and an unbroken chain of permanent
ones is known. Limits hold for the whole of it: one deadline, one count of redirects, one size after decompression.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
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

from ingest.decoding import ACCEPTED, Decoder
from ingest.failures import CONNECT_TIMEOUT, Refused, failure_of, host_of, refused_by_proxy
from ingest.formats import absolute_url
from ingest.guard import GuardedResolver, GuardedSockets, Lookups, Network, check_spelled, literal_address
from ingest.headers import content_type, linked, max_age, request_headers, retry_after, validators_of
from ingest.model import NO_VALIDATORS, Failed, Fetched, FetchResult, Gone, Hub, NotModified, Validators
from ingest.text import one_line, plain_text
from ingest.turns import ALONE, Held, Leased, Shared, Turns
from storage.hosts import place_of
from stream.messages import clean_text

MAX_REDIRECTS = 5
MAX_REPLY = 4096  # bytes that are read of the answer to a form

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
    """The connections of one worker, and the turns in which they are used, for the sake of *lease* where there is one.

    Belongs to the event loop in which it was made; close it, or use it as an async context manager.
    """

    def __init__(self, client: aiohttp.ClientSession, limits: Limits, turns: Turns, lease: Leased | None = None) -> None:
        self.client = client
        self.limits = limits
        self.turns = turns
        self.lease = lease

    def for_lease(self, url: str) -> Session:
        """Return this session for what is asked for the sake of a lease on the feed at *url*."""
        return Session(self.client, self.limits, self.turns, Leased(place_of(url)))

    async def close(self) -> None:
        """Close every connection. May be called twice."""
        await self.client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()


def make_session(settings: FetchSettings, shared: Shared = ALONE) -> Session:
    """Return a session that reaches public addresses and *settings.allow_networks* only; call it inside a running event loop.

    Turns are taken with all who take them of *shared*. Through a proxy what can be checked is less: see ``ingest.guard``.
    """
    networks, proxy = settings.allow_networks, settings.http_proxy.get_secret_value() or None
    connector = aiohttp.TCPConnector(
        resolver=Lookups() if proxy else GuardedResolver(networks),
        socket_factory=None if proxy else GuardedSockets(networks),
        limit=0,  # the turns bound it
        ssl=_trusted(),
    )
    client = aiohttp.ClientSession(
        connector=connector,
        proxy=proxy,
        middlewares=(_spelled_guard(networks),) if proxy else (),
        auto_decompress=False,  # done here, never past the limit
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": user_agent(settings.contact), "Accept-Encoding": ACCEPTED},
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),  # the deadline is one for all redirects
        trust_env=False,
    )
    turns = Turns(settings.fetch_concurrency, settings.host_connections, settings.host_pause, shared)
    return Session(client, Limits(settings.fetch_timeout, settings.fetch_max_bytes), turns)


def _trusted() -> ssl.SSLContext:
    """Return what TLS is checked against: the certificates of the system, or those that SSL_CERT_FILE and SSL_CERT_DIR name now."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


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
    return await _get(session, url, _Request(ACCEPT_FEED, session.limits, validators or NO_VALIDATORS))


async def fetch_page(session: Session, url: str, allow: Allow | None = None) -> FetchResult:
    """Return what came of asking for the article page at *url*. Never raises for the network.

    *allow* is asked about every URL that a redirect leads to. That takes no turn and no time of the page's: it may fetch itself.
    """
    return await _get(session, url, _Request(ACCEPT_PAGE, session.limits), allow)


async def fetch_start(session: Session, url: str, max_bytes: int) -> FetchResult:
    """Return the first *max_bytes* of whatever is at *url*; a longer body is cut, not refused. Never raises for the network."""
    return await _get(session, url, _Request(ACCEPT_ANY, replace(session.limits, max_bytes=max_bytes), cut=True))


async def post_form(session: Session, url: str, form: Mapping[str, str]) -> FetchResult:
    """Return what came of sending *form* to *url*, and to where that redirects; Fetched for any 2xx. Never raises for the network."""
    limits = replace(session.limits, max_bytes=MAX_REPLY)
    return await _get(session, url, _Request(ACCEPT_ANY, limits, cut=True, form=form, accepted=range(200, 300)))


@dataclass(frozen=True, slots=True)
class _Request:
    """What is asked of every host on the way, and how much of the answer is taken."""

    accept: str
    limits: Limits
    validators: Validators = NO_VALIDATORS
    cut: bool = False
    form: Mapping[str, str] | None = None  # sent by POST; None: GET
    accepted: Collection[int] = (200, 203)


@dataclass(frozen=True, slots=True)
class _Onward:
    """A redirect to *url*."""

    url: str
    permanent: bool


async def _get(session: Session, url: str, request: _Request, allow: Allow | None = None) -> FetchResult:
    """Return what came of asking for *url* and following where it leads.

    Each hop waits for a turn at its own host; the time of the whole is what the requests take, not what they wait for.
    """
    hop, permanent, left = url, url, request.limits.timeout
    for _ in range(request.limits.max_redirects + 1):
        answer, left = await _in_turn(session, hop, request, left)
        if not isinstance(answer, _Onward):
            return _cleaned(_placed(answer, hop, permanent if permanent != url else None))
        permanent = answer.url if answer.permanent and permanent == hop else permanent
        hop = answer.url
        if allow is not None and not await allow(hop):
            return _cleaned(Failed("robots", f"a redirect leads to {hop}, and the robots.txt of that host keeps Dateline from it"))
    return _cleaned(Failed("redirects", f"more than {request.limits.max_redirects} redirects from {url}"))


async def _in_turn(session: Session, url: str, request: _Request, left: float) -> tuple[FetchResult | _Onward, float]:
    """Return what one request brought, and how much of the *left* seconds are left after it."""
    loop = asyncio.get_running_loop()
    try:
        async with session.turns.take(place_of(url), session.lease):
            started = loop.time()
            answer = await _ask(session.client, url, request, left)
            return answer, max(0.0, left - (loop.time() - started))
    except Held as held:
        return Failed("paused", str(held), retry_after=held.seconds), left


async def _ask(client: aiohttp.ClientSession, url: str, request: _Request, left: float) -> FetchResult | _Onward:
    """Return what *url* answers within *left* seconds, everything that can go wrong included."""
    try:
        async with asyncio.timeout(left):
            target = http_url(url)
            async with _response(client, target, request) as response:
                location = response.headers.get("Location")
                if response.status in _REDIRECTS and location:
                    return _Onward(str(redirect_target(target, location)), response.status in _PERMANENT)
                return await _result(response, target, request)
    except aiohttp.ConnectionTimeoutError as error:
        return failure_of(error, url)
    except TimeoutError:
        return Failed("timeout", f"no complete answer from {host_of(url)} within {request.limits.timeout:g} s")
    except Refused as refused:
        return refused.failure
    except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as error:
        return failure_of(error, url)


def _placed(result: FetchResult, url: str, permanent: str | None) -> FetchResult:
    """Return *result* with where it came from: the host that failed, or where an unbroken chain of permanent redirects led."""
    if isinstance(result, Failed):
        return replace(result, place=place_of(url))
    return result if isinstance(result, Gone) else replace(result, permanent_url=permanent)


def _cleaned(result: FetchResult) -> FetchResult:
    """Return *result* with nothing in it that cannot be stored: header bytes that are not UTF-8 come in as lone surrogates.

    What a failure says is printed as well: on one line, and without control characters, which a terminal would obey.
    """
    cleaned: dict[str, Any] = {}
    for item in fields(result):
        value = getattr(result, item.name)
        cleaned[item.name] = clean_text(value) if isinstance(value, str) else value
    if isinstance(result, Failed):
        cleaned["message"] = one_line(plain_text(cleaned["message"]))
    return replace(result, **cleaned)


@asynccontextmanager
async def _response(client: aiohttp.ClientSession, url: URL, request: _Request) -> AsyncIterator[aiohttp.ClientResponse]:
    headers, method = request_headers(request.accept, request.validators), "GET" if request.form is None else "POST"
    async with client.request(method, url, headers=headers, data=request.form, allow_redirects=False) as response:
        try:
            yield response
        finally:
            if not response.content.at_eof():
                response.close()  # an unread body must not be read for the sake of the connection


async def _result(response: aiohttp.ClientResponse, url: URL, request: _Request) -> FetchResult:
    now = datetime.now(UTC)
    if response.status == 304 and request.validators != NO_VALIDATORS:
        return NotModified(validators_of(response.headers, request.validators), max_age(response.headers, now))
    if response.status == 410:
        return Gone(str(url))
    if response.status == 407:
        return refused_by_proxy(url.host or "", response.status, response.reason or "")
    if response.status in _REDIRECTS:
        return Failed("redirects", f"{url} redirects without saying where to (HTTP {response.status})", response.status)
    if response.status not in request.accepted:
        reason = f"HTTP {response.status} {response.reason or ''}".strip()
        return Failed("http", f"{reason} from {url}", response.status, retry_after(response.headers, now))
    body = await _read(response, request.limits.max_bytes, request.cut)
    media_type, charset = content_type(response.headers.get("Content-Type", ""))
    fresh = max_age(response.headers, now)
    return Fetched(str(url), body, media_type, charset, validators_of(response.headers, NO_VALIDATORS), fresh, hub=_hub(response, str(url)))


def _hub(response: aiohttp.ClientResponse, url: str) -> Hub:
    links = ", ".join(response.headers.getall("Link", ()))
    return Hub(*(absolute_url(url, linked(links, relation)) for relation in ("hub", "self")))


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
