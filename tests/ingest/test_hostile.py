"""Servers that mean harm, or are broken as if they did: each is one clear row, and a good feed beside them is read.

What each does alone to a fetch or to a parser: ``test_fetch.py``, ``test_guard.py``, ``test_parse.py``.
"""

from __future__ import annotations

import asyncio
import gzip
import re
import resource
import ssl
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import brotli
import pytest
import trustme
from aiohttp.abc import AbstractResolver, ResolveResult
from backports import zstd
from sqlalchemy import select

from ingest.failures import failure_of
from ingest.fetch import fetch
from ingest.guard import GuardedSockets
from ingest.model import Fetched
from storage import feeds
from storage.schema_feeds import feeds as feeds_table
from storage.schema_feeds import fetches
from tests.ingest.conftest import Handler, Loopback, serving, with_session
from tests.ingest.working import LONG, Ingest, rss

DOCS = Path(__file__).parent.parent.parent / "docs"
MIB = 1024 * 1024
LIMIT = 4 * MIB  # bytes of a body
TIMEOUT = 6.0  # seconds of a fetch
MEMORY = 256 * MIB  # that the worker may grow by, with all of them at once
TOO_LARGE = f"larger than {LIMIT:,} bytes"
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
ITEM = b"<item><guid>g1</guid><title>One</title></item>"

Serve = Callable[[Handler], None]


def bomb(wbits: int, layers: int = 1) -> bytes:
    """Return 200 MiB of zeros, compressed, and that as often again as *layers* say."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    packed = b"".join(packer.compress(bytes(MIB)) for _ in range(200)) + packer.flush()
    for _ in range(layers - 1):
        packed = gzip.compress(packed)
    return packed


def encoded(encoding: str, body: bytes) -> Serve:
    return lambda handler: handler.answer(200, body, {"Content-Encoding": encoding})


def said(answer: bytes) -> Serve:
    return lambda handler: handler.raw(answer)


def served(body: bytes) -> Serve:
    return lambda handler: handler.answer(200, body)


def moved(target: str) -> Serve:
    return lambda handler: handler.answer(302, b"", {"Location": target})


def drip(start: bytes) -> Serve:
    """Say *start*, and then a byte every tenth of a second, for as long as anybody listens."""

    def answer(handler: Handler) -> None:
        handler.raw(start)
        for _ in range(round(10 * TIMEOUT * 3)):
            time.sleep(0.1)
            handler.wfile.write(b"x")

    return answer


def gigabyte(handler: Handler) -> None:
    handler.raw(OK + b"Content-Length: 1073741824\r\n\r\n")
    for _ in range(1024):
        handler.wfile.write(bytes(MIB))


def channel(inside: bytes, before: bytes = b"") -> bytes:
    return before + b"<rss version='2.0'><channel><title>Example</title>" + inside + b"</channel></rss>"


def silent(handler: Handler) -> None:
    time.sleep(TIMEOUT * 2)


def without_end(start: bytes, part: bytes) -> Serve:
    """Say *start*, and then *part* a hundred times a second for as long as anybody listens."""

    def answer(handler: Handler) -> None:
        handler.raw(start)
        until = time.monotonic() + TIMEOUT * 3
        while time.monotonic() < until:
            handler.wfile.write(part)
            time.sleep(0.01)  # the client is in this process too

    return answer


LAUGHS = b"<!DOCTYPE rss [<!ENTITY a '" + b"ha" * 400 + b"'>" + b"".join(
    b"<!ENTITY %c '%s'>" % (name, b"&%c;" % (name - 1) * 10) for name in b"bcdefghij"
) + b"]>"  # fmt: skip

HOSTILE: dict[str, tuple[Serve, str, str]] = {
    "gzip bomb": (encoded("gzip", bomb(31)), "too-large", TOO_LARGE),
    "deflate bomb": (encoded("deflate", bomb(15)), "too-large", TOO_LARGE),
    "brotli bomb": (encoded("br", brotli.compress(bytes(50 * MIB))), "too-large", TOO_LARGE),
    "zstd bomb": (encoded("zstd", zstd.compress(bytes(200 * MIB))), "too-large", TOO_LARGE),
    "an encoding that is not what it says": (encoded("br", channel(ITEM)), "decoding", "no br stream"),
    "an encoding that was not asked for": (encoded("compress", b"\x1f\x9d\x90"), "decoding", "'compress', which was not asked for"),
    "bomb in a gzip file": (encoded("gzip", bomb(31, layers=2)), "parse", "empty"),
    "slow drip": (drip(OK + b"Content-Length: 100000\r\n\r\n<rss>"), "timeout", "within 6 s"),
    "slow head": (drip(b"HTTP/1.1 200 OK\r\nX-Slow: "), "timeout", "within 6 s"),
    "redirects without end": (lambda handler: handler.answer(302, b"", {"Location": handler.path + "?x"}), "redirects", "more than 5"),
    "redirect inside": (moved("http://10.0.0.1/feed"), "address", "10.0.0.1 is not a public address"),
    "redirect to the cloud's metadata": (moved("http://169.254.169.254/latest/"), "address", "not a public address"),
    "redirect to a file": (moved("file:///etc/passwd"), "redirects", "not an http or https URL"),
    "silence": (silent, "timeout", "within 6 s"),
    "headers without end": (without_end(b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"x" * 8000 + b"\r\n"), "http", "does not answer in HTTP"),
    "a header of a gigabyte": (without_end(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 65536), "http", "does not answer in HTTP"),
    "interim answers without end": (without_end(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 10), "timeout", "within 6 s"),
    "members of gzip without end": (without_end(OK + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(b"") * 50), "decoding", "members"),
    "chunked garbage": (said(CHUNKED + b"zz\r\n<rss>\r\n"), "http", "does not answer in HTTP"),
    "chunk that never ends": (said(CHUNKED + b"ffffffff\r\n<rss>"), "broken", "broke off"),
    "Content-Length too long": (said(OK + b"Content-Length: 5000\r\n\r\n" + channel(ITEM)), "broken", "broke off"),
    "Content-Length below zero": (said(OK + b"Content-Length: -1\r\n\r\n" + channel(ITEM)), "http", "does not answer in HTTP"),
    "Content-Length too short": (said(OK + b"Content-Length: 60\r\n\r\n" + channel(ITEM)), "http", "does not answer in HTTP"),
    "a gigabyte": (gigabyte, "too-large", TOO_LARGE),
    "flood of comments": (served(channel(ITEM, b"<!-- x -->" * 150_000)), "fetched", ""),
    "flood of comments inside": (served(channel(b"<!-- x -->" * 150_000 + ITEM)), "fetched", ""),
    "entity bomb": (served(channel(ITEM + b"<item><guid>g2</guid><title>&j;</title></item>", LAUGHS)), "fetched", ""),
    "100,000 entries": (served(channel(b"<item><title>x</title></item>" * 100_000)), "fetched", "more than 10,000 entries"),
    "title of a megabyte": (served(channel(b"<item><guid>g1</guid><title>" + b"long " * 200_000 + b"</title></item>")), "fetched", ""),
}


AUTHORITY = trustme.CA()
TLS: dict[str, tuple[trustme.LeafCert, str]] = {
    "certificate that ran out": (AUTHORITY.issue_cert("127.0.0.1", not_after=datetime(2024, 1, 1, tzinfo=UTC)), "certificate has expired"),
    "certificate of another host": (AUTHORITY.issue_cert("news.example"), "not valid for '127.0.0.1'"),
    "certificate that nobody vouches for": (trustme.CA().issue_cert("127.0.0.1"), "unable to get local issuer certificate"),
}
NO_TLS = "no TLS where it is asked for"
REBINDING = "name that changes its address between look-up and connection"

EXPECTED = (
    {name: case[1:] for name, case in HOSTILE.items()} | {name: ("tls", words) for name, (_, words) in TLS.items()} | {NO_TLS: ("tls", "")}
)


@pytest.fixture
def hostile(loopback: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The names of hostile servers, all of them running, by the URL of the feed that each gives."""
    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    urls = {loopback.route(f"/{number}", case[0]): name for number, (name, case) in enumerate(HOSTILE.items())}
    urls[loopback.url("/0").replace("http:", "https:")] = NO_TLS
    with ExitStack() as servers:
        for name, (certificate, _) in TLS.items():
            server = servers.enter_context(serving(speaking(certificate)))
            urls[server.serve("/feed", channel(ITEM)).replace("http:", "https:")] = name
        yield urls


def speaking(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return context


def test_every_hostile_server_is_one_clear_row(ingest: Ingest, loopback: Loopback, hostile: dict[str, str]) -> None:
    urls = hostile | {loopback.serve("/good", rss(("good", loopback.url("/page"), LONG))): "good"}
    for url in urls:
        feeds.add_feed(ingest.engine, url)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    ingest.once(fetch_max_bytes=LIMIT, fetch_timeout=TIMEOUT, host_connections=len(urls))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before < MEMORY
    with ingest.engine.connect() as connection:
        joined = select(feeds_table.c.url, fetches.c.outcome, fetches.c.message).join(
            feeds_table, feeds_table.c.feed_id == fetches.c.feed_id
        )
        rows = {urls[url]: (outcome, message or "") for url, outcome, message in connection.execute(joined)}
    assert {name: outcome for name, (outcome, _) in rows.items()} == {name: kind for name, (kind, _) in EXPECTED.items()} | {
        "good": "fetched"
    }
    for name, (_, words) in EXPECTED.items():
        assert words in rows[name][1]
        assert "\n" not in rows[name][1]
        assert len(rows[name][1]) < 1000
    assert max(len(article.title) for article in ingest.published()) <= 1000


def test_a_server_whose_certificate_is_vouched_for_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    with serving(speaking(AUTHORITY.issue_cert("127.0.0.1"))) as server:
        url = server.serve("/feed", channel(ITEM)).replace("http:", "https:")
        assert isinstance(with_session(lambda session: fetch(session, url)), Fetched)


def test_the_page_on_polling_lists_every_hostile_server_with_its_outcome() -> None:
    table = (DOCS / "polling.md").read_text(encoding="utf-8").partition("## Hostile servers")[2]
    rows = re.findall(r"^\| ([^|]+) \| `([a-z-]+)` \|", table, re.MULTILINE)
    assert dict(rows) == {name: kind for name, (kind, _) in EXPECTED.items()} | {REBINDING: "address"}
    assert len(rows) == len(EXPECTED) + 1


class Rebinding(AbstractResolver):
    """Gives a public address to whoever asks first, and loopback after that, as the name of an attacker would."""

    def __init__(self) -> None:
        self.answers = iter(("93.184.215.14", "127.0.0.1"))

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:  # type: ignore[override]
        return [ResolveResult(hostname=host, host=next(self.answers), port=port, family=2, proto=6, flags=0)]

    async def close(self) -> None:
        """Nothing is open."""


def test_a_name_that_changes_its_address_between_look_up_and_connection_is_refused(loopback: Loopback) -> None:
    async def ask() -> None:
        resolver = Rebinding()
        await resolver.resolve("rebinding.example")
        connector = aiohttp.TCPConnector(resolver=resolver, socket_factory=GuardedSockets(()))
        async with aiohttp.ClientSession(connector=connector) as client:
            await client.get(loopback.url("/", "rebinding.example"))

    with pytest.raises(aiohttp.ClientConnectorError) as caught:
        asyncio.run(ask())
    refused = failure_of(caught.value, "http://rebinding.example/")
    assert refused.kind == "address"
    assert refused.message.startswith("127.0.0.1 is not a public address")
    assert loopback.requests == []
