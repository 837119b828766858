"""A real HTTP server on loopback, sessions that may reach it, and workers that fetch from it."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Engine

from ingest.fetch import Session, make_session
from stream.settings import Settings
from tests.ingest.working import Ingest

T = TypeVar("T")
Responder = Callable[["Handler"], None]


@dataclass(frozen=True)
class Request:
    """What the server was asked, and when: path with query, and headers by lower-case name."""

    path: str
    headers: Mapping[str, str]
    at: float = field(default_factory=time.monotonic)


class Handler(BaseHTTPRequestHandler):
    """Answers by the route of the path, 404 where there is none."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self.server.requests.append(Request(self.path, {name.lower(): value for name, value in self.headers.items()}))
        responder = self.server.routes.get(self.path.partition("?")[0])
        if responder:
            responder(self)
        else:
            self.answer(404, b"nothing here")

    def answer(self, status: int = 200, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        """Send a whole response; Content-Length is set where *headers* do not."""
        self.send_response_only(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def raw(self, data: bytes) -> None:
        """Send *data* as it is and close the connection."""
        self.close_connection = True
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.routes: dict[str, Responder] = {}
        self.requests: list[Request] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is what many tests are about."""


class Loopback:
    """The server as a test uses it."""

    def __init__(self, server: _Server) -> None:
        self._server = server

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def requests(self) -> list[Request]:
        """Every request so far, in order."""
        return self._server.requests

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def route(self, path: str, responder: Responder) -> str:
        """Answer *path* by *responder*; return its URL."""
        self._server.routes[path] = responder
        return self.url(path)

    def serve(self, path: str, body: bytes = b"", status: int = 200, **headers: str) -> str:
        """Answer *path* with *body*; header names are given with underscores for hyphens. Return its URL."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.route(path, lambda handler: handler.answer(status, body, named))


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Loopback]:
    """Run a server without routes; with *tls* it speaks that, also where a test calls its URLs http."""
    server = _Server()
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield Loopback(server)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    """A server without routes."""
    with serving() as server:
        yield server


@pytest.fixture
def other() -> Iterator[Loopback]:
    """A second server, at another port."""
    with serving() as server:
        yield server


@pytest.fixture
def ingest(engine: Engine, tmp_path: Path) -> Iterator[Ingest]:
    ingest = Ingest(engine, tmp_path)
    yield ingest
    ingest.close()


def with_session(work: Callable[[Session], Awaitable[T]], **settings: object) -> T:
    """Return what *work* makes of a session that may reach loopback."""

    async def run() -> T:
        async with make_session(Settings(**{"allow_networks": "127.0.0.0/8", "host_pause": 0.0, **settings})) as session:
            return await work(session)

    return asyncio.run(run())
