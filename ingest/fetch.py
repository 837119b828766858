"""One GET of a feed or a page, with everything that the network does turned into a value.

``fetch`` and ``fetch_page`` follow redirects themselves, so that every hop is checked and an unbroken chain of permanent
ones is known. Limits hold for the whole of it: one deadline, one count of redirects, one size after decompression.
"""

from __future__ import annotations

import asyncio
import email.utils
import re
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from importlib.metadata import version
from types import TracebackType
from typing import Any, Protocol, Self
from weakref import WeakValueDictionary

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from ingest.guard import AddressRefused, GuardedResolver, GuardedSockets, Network, literal_address
from ingest.model import Failed, FailureKind, Fetched, FetchResult, Gone, NotModified, Validators
from stream.messages import clean_text

MAX_REDIRECTS = 5
PER_HOST = 4  # fetches from one host at once
MAX_MEMBERS = 1000  # of one gzip stream; each holds 64 KiB and more where several are meant
MAX_SECONDS = 10 * 365 * 86_400.0  # a server's longer wish is cut to this

ACCEPT_FEED = "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, */*;q=0.1"  # fmt: skip  # noqa: E501
ACCEPT_PAGE = "text/html, application/xhtml+xml;q=0.9, */*;q=0.1"
ACCEPT_ANY = "*/*"

Allow = Callable[[str], Awaitable[bool]]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT = frozenset({301, 308})
_GZIP = b"\x1f\x8b"
_CHUNK = 64 * 1024  # bytes


class FetchSettings(Protocol):
    """What a session needs of the settings; ``stream.settings.Settings`` has it."""

    @property
    def contact(self) -> str: ...
    @property
    def allow_networks(self) -> tuple[Network, ...]: ...
    @property
    def fetch_concurrency(self) -> int: ...
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
    """The connections of one worker. At most *concurrency* fetches are under way, PER_HOST of them from one host.

    Waiting for a turn is not timed: a slow host fails its own fetches, never those that queue behind it.
    Belongs to the event loop in which it was made; close it, or use it as an async context manager.
    """

    def __init__(self, client: aiohttp.ClientSession, limits: Limits, concurrency: int) -> None:
        self.client = client
        self.limits = limits
        self._turns = asyncio.Semaphore(concurrency)
        self._host_turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Wait until a fetch from *host* may start."""
        host_turn = self._host_turns.setdefault(host, asyncio.Semaphore(PER_HOST))
        async with host_turn, self._turns:
            yield

    async def close(self) -> None:
        """Close every connection. May be called twice."""
        await self.client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()


def make_session(settings: FetchSettings) -> Session:
    """Return a session that reaches public addresses and *settings.allow_networks* only; call it inside a running event loop."""
    connector = aiohttp.TCPConnector(
        resolver=GuardedResolver(settings.allow_networks),
        socket_factory=GuardedSockets(settings.allow_networks),
        limit=0,  # the session's turns bound it
    )
    client = aiohttp.ClientSession(
        connector=connector,
        auto_decompress=False,  # done here, never past the limit
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": user_agent(settings.contact), "Accept-Encoding": "gzip, deflate"},
        timeout=aiohttp.ClientTimeout(total=None),  # the deadline is one for all redirects
        trust_env=False,
    )
    return Session(client, Limits(settings.fetch_timeout, settings.fetch_max_bytes), settings.fetch_concurrency)


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
    headers = _request_headers(accept, validators)
    async with session.turn(_host(url)):
        try:
            async with asyncio.timeout(limits.timeout) as deadline:
                return _cleaned(await _follow(session.client, url, headers, limits, validators, cut, by_hop))
        except _Onward as onward:
            onward.left = max(0.0, (deadline.when() or 0.0) - asyncio.get_running_loop().time())
            raise
        except TimeoutError:
            return _cleaned(Failed("timeout", f"no complete answer from {_host(url)} within {limits.timeout:g} s"))
        except _Refused as refused:
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
    raise _Refused("redirects", _too_many(limits, url))


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
    moved = str(permanent) if permanent else None
    if response.status == 304 and sent != Validators():
        return NotModified(_validators(response.headers, sent), max_age(response.headers), moved)
    if response.status == 410:
        return Gone(str(url))
    if response.status not in (200, 203):
        reason = f"HTTP {response.status} {response.reason or ''}".strip()
        return Failed("http", f"{reason} from {url}", response.status, retry_after(response.headers, datetime.now(UTC)))
    body = await _read(response, limits.max_bytes, cut)
    media_type, charset = content_type(response.headers.get("Content-Type", ""))
    return Fetched(str(url), body, media_type, charset, _validators(response.headers, Validators()), max_age(response.headers), moved)


async def _read(response: aiohttp.ClientResponse, max_bytes: int, cut: bool) -> bytes:
    """Return the body, decompressed; never holds more than *max_bytes* of it and a chunk, and reads no more than that either."""
    decoder = _Decoder(response.headers.get("Content-Encoding", ""))
    body, came = bytearray(), 0
    async for chunk in response.content.iter_chunked(_CHUNK):
        came += len(chunk)
        body += decoder.feed(chunk, max_bytes + 1 - len(body))
        if max(len(body), came) > max_bytes and not decoder.ended:
            if cut:
                return bytes(body[:max_bytes])
            raise _Refused("too-large", f"the body is larger than {max_bytes:,} bytes")
        if decoder.ended:
            break  # what follows the end of a stream is no part of it
    decoder.finish()
    return bytes(body)


class _Decoder:
    """Undoes one Content-Encoding as bytes come in (RFC 9110 §8.4.1), several gzip members in a row too."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding.strip().lower().removeprefix("x-")
        if self._encoding not in ("", "identity", "gzip", "deflate"):
            raise _Refused("decoding", f"the body is encoded as {self._encoding[:40]!r}, which was not asked for")
        self._plain = self._encoding in ("", "identity")
        self._inflater: zlib._Decompress | None = None
        self._members = 0
        self._held = b""  # what may be the first half of the mark of another gzip member
        self.ended = False

    def feed(self, chunk: bytes, room: int) -> bytes:
        """Return what *chunk* decodes to, at most *room* bytes of it; nothing once *ended*."""
        if self._plain:
            return chunk
        out = bytearray()
        chunk, self._held = self._held + chunk, b""
        try:
            while chunk and len(out) < room and not self.ended:
                if self._inflater is None or self._inflater.eof:
                    self._begin(chunk)
                    if self.ended or self._held:
                        break
                assert self._inflater is not None
                out += self._inflater.decompress(chunk, room - len(out))
                chunk = self._inflater.unused_data
        except zlib.error as e:
            raise _Refused("decoding", f"the body is no {self._encoding} stream ({e})") from e
        return bytes(out)

    def _begin(self, chunk: bytes) -> None:
        """Make ready for the stream that starts with *chunk*; servers pad the end of one, and that is its end."""
        if self._inflater is not None and chunk == _GZIP[:1] and self._encoding == "gzip":
            self._held = chunk
        elif self._inflater is not None and not (self._encoding == "gzip" and chunk.startswith(_GZIP)):
            self.ended = True
        elif self._members == MAX_MEMBERS:
            raise _Refused("decoding", f"the body is in more than {MAX_MEMBERS:,} gzip members")
        else:
            self._members += 1
            self._inflater = self._make(chunk)

    def finish(self) -> None:
        """Refuse a stream that ended too early."""
        if self._inflater is not None and not self._inflater.eof:
            raise _Refused("decoding", f"the {self._encoding} stream ends too early")

    def _make(self, chunk: bytes) -> zlib._Decompress:
        if self._encoding == "gzip":
            return zlib.decompressobj(wbits=31)
        # "deflate" means zlib; some servers send it raw, without the zlib header whose low nibble is 8
        return zlib.decompressobj(wbits=15 if chunk[0] & 0x0F == 8 else -15)


class _Onward(Exception):
    """A redirect to *url*, with *left* seconds of the time for the whole."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url
        self.left = 0.0


class _Refused(Exception):
    """Carries a failure out of the loop over redirects."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.failure = Failed(kind, message)


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
        raise _Refused("redirects", f"{base} redirects to {location[:200]!r}, which is not an http or https URL") from e


def failure_of(error: Exception, url: str) -> Failed:
    """Return the failure that *error*, raised while *url* was asked for, stands for."""
    host = _host(url)
    refused = _refusal(error)
    if refused:
        return Failed("address", str(refused))
    match error:
        case aiohttp.ClientConnectorDNSError():
            return Failed("dns", f"the name {error.host} does not resolve ({_reason(error.os_error)})")
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return Failed("tls", f"no trusted TLS connection with {host} ({_reason(error)})")
        case aiohttp.ClientConnectorError():
            return Failed("connect", f"{error.host} port {error.port} cannot be reached ({_reason(error.os_error)})")
        case aiohttp.InvalidURL():
            return Failed("address", f"{url[:200]!r} is not a URL that can be fetched")
        case aiohttp.ClientPayloadError():
            return Failed("connect", f"{host} broke off in the middle of the body ({_reason(error)})")
        case HttpProcessingError() | aiohttp.ClientResponseError():
            return Failed("http", f"{host} does not answer in HTTP ({_reason(error)})")
        case aiohttp.ClientError() | OSError():
            return Failed("connect", f"the connection with {host} broke ({_reason(error)})")
        case _:
            return Failed("address", str(error))


def _refusal(error: BaseException) -> AddressRefused | None:
    inner = getattr(error, "os_error", None)
    return next((found for found in (error, inner, error.__cause__) if isinstance(found, AddressRefused)), None)


def _reason(error: BaseException) -> str:
    """Return *error* in one short line."""
    if isinstance(error, socket.gaierror | OSError) and error.strerror:
        return str(error.strerror)
    return " ".join(str(error).split())[:200] or type(error).__name__


def _host(url: str) -> str:
    try:
        return URL(url).host or url[:100]
    except ValueError:
        return url[:100]


def _request_headers(accept: str, validators: Validators) -> dict[str, str]:
    headers = {"Accept": accept}
    if validators.etag:
        headers["If-None-Match"] = validators.etag
    if validators.last_modified:
        headers["If-Modified-Since"] = validators.last_modified
    return headers


def _validators(headers: Mapping[str, str], sent: Validators) -> Validators:
    return Validators(_repeatable(headers.get("ETag")) or sent.etag, _repeatable(headers.get("Last-Modified")) or sent.last_modified)


def _repeatable(value: str | None) -> str | None:
    """Return *value* if it can be stored and sent back as it came: bytes that are not UTF-8 cannot."""
    return value if value and value.isprintable() and len(value) <= 2000 else None


def content_type(value: str) -> tuple[str | None, str | None]:
    """Return the media type and the charset of a Content-Type header, lower case, each None where absent.

    >>> content_type('Text/XML; Charset="UTF-8"')
    ('text/xml', 'utf-8')
    """
    media_type, *parameters = value.lower().split(";")
    named = dict(part.partition("=")[::2] for part in (parameter.strip() for parameter in parameters))
    return media_type.strip() or None, named.get("charset", "").strip(" \"'") or None


def max_age(headers: Mapping[str, str]) -> float | None:
    """Return the seconds for which a response stays fresh: Cache-Control max-age less Age (RFC 9111 §4.2), None where unsaid."""
    control = headers.get("Cache-Control", "").lower()
    found = re.search(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,12})", control)
    if not found or re.search(r"(?:^|[\s,])no-(?:cache|store)\b", control):
        return None
    age = headers.get("Age", "").strip()
    spent = int(age) if age.isascii() and age.isdigit() and len(age) <= 12 else 0
    return min(MAX_SECONDS, max(0.0, float(int(found[1]) - spent)))


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds that Retry-After asks for, given as seconds or as an HTTP-date (RFC 9110 §10.2.3); None where unsaid."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(MAX_SECONDS, float(value[:15]))
    try:
        until = email.utils.parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError):
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)  # HTTP-dates are GMT
    return min(MAX_SECONDS, max(0.0, (until - now).total_seconds()))
