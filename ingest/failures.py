"""What goes wrong with one request, as a value that says so in one line."""

from __future__ import annotations

import os
import socket
import ssl

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from ingest.guard import AddressRefused
from ingest.model import Failed, FailureKind

CONNECT_TIMEOUT = 10.0  # seconds


class Refused(Exception):
    """Carries a failure out of the loop over redirects."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.failure = Failed(kind, message)


def failure_of(error: Exception, url: str) -> Failed:
    """Return the failure that *error*, raised while *url* was asked for, stands for."""
    host = host_of(url)
    refused = _refusal(error)
    if refused:
        return Failed("address", str(refused))
    match error:
        case aiohttp.ClientConnectorDNSError():
            return Failed("dns", f"the name {error.host} does not resolve ({_reason(error.os_error)})")
        case aiohttp.ClientProxyConnectionError():
            return Failed("proxy", f"the proxy {error.host} port {error.port} cannot be reached ({_reason(error.os_error)})")
        case aiohttp.ClientHttpProxyError():
            return refused_by_proxy(host, error.status, error.message)
        case aiohttp.ConnectionTimeoutError():
            return Failed("connect", f"{host} takes no connection within {CONNECT_TIMEOUT:g} s")
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return Failed("tls", f"no trusted TLS connection with {host} ({_reason(error)})")
        case aiohttp.ClientConnectorError():
            return Failed("connect", f"{error.host} port {error.port} cannot be reached ({_reason(error.os_error)})")
        case aiohttp.InvalidURL():
            return Failed("address", f"{url[:200]!r} is not a URL that can be fetched")
        case aiohttp.ClientPayloadError():
            return Failed("broken", f"{host} broke off in the middle of the body ({_reason(error)})")
        case HttpProcessingError() | aiohttp.ClientResponseError():
            return Failed("http", f"{host} does not answer in HTTP ({_reason(error)})")
        case aiohttp.ClientError() | OSError():
            return Failed("broken", f"the connection with {host} broke ({_reason(error)})")
        case _:
            return Failed("address", str(error))


def refused_by_proxy(host: str, status: int, reason: str) -> Failed:
    """Return the failure that the proxy's own answer stands for; 407 is none but a proxy's (RFC 9110, 15.5.8)."""
    if status == 407:
        return Failed("proxy", "the proxy asks for another name and password than DATELINE_HTTP_PROXY gives (HTTP 407)")
    return Failed("proxy", f"the proxy does not lead to {host} (HTTP {status} {reason})")


def host_of(url: str) -> str:
    """Return the host of *url*, or as much of *url* as a message should hold."""
    try:
        return URL(url).host or url[:100]
    except ValueError:
        return url[:100]


def _refusal(error: BaseException) -> AddressRefused | None:
    inner = getattr(error, "os_error", None)
    return next((found for found in (error, inner, error.__cause__) if isinstance(found, AddressRefused)), None)


def _reason(error: BaseException | None) -> str:
    """Return *error* in a few words for people, without what libraries write for themselves."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return _reason(error.certificate_error)
        case aiohttp.ClientConnectorSSLError():
            return _reason(error.os_error)
        case ssl.SSLCertVerificationError():
            words = str(error.verify_message)
        case ssl.SSLError():
            words = (error.reason or "").replace("_", " ").lower()
        case socket.gaierror():
            words = str(error.strerror)
        case OSError() if error.errno:
            words = os.strerror(error.errno)  # asyncio's own repeats the address
        case aiohttp.ServerDisconnectedError():
            words = "it was closed before a whole answer"
        case aiohttp.ClientPayloadError() if error.__cause__ is not None:
            return _reason(error.__cause__)
        case HttpProcessingError() | aiohttp.ClientResponseError():
            words = error.message
        case _:
            words = str(error)
    return " ".join(words.split())[:200].rstrip(" ^.") or type(error).__name__
