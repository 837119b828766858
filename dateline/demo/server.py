"""The sample feeds on loopback: real HTTP with validators, so that a second run is answered with 304 and adds nothing."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import sha256
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from itertools import chain
from socketserver import TCPServer, ThreadingMixIn
from types import TracebackType
from typing import Any, NamedTuple, Self

from dateline.demo.content import load_outlets
from dateline.demo.render import DIALECTS, feed_path, page_path, render_feed, render_home, render_page
from stream.errors import ConfigError

HOST = "127.0.0.1"
DEMO_PORT = 18573  # below the ranges from which systems take ports for outgoing connections
PORT_TRIES = 20
ROBOTS = b"User-agent: *\nAllow: /\n"


class ServedFeed(NamedTuple):
    """A feed as it is registered; *full_text* says that its text is on the pages behind the links."""

    name: str
    url: str
    outlet: str
    country: str
    full_text: bool


@dataclass(frozen=True, slots=True)
class Resource:
    """What stands under one path."""

    body: bytes
    media_type: str
    modified: datetime  # aware UTC, whole seconds

    @property
    def etag(self) -> str:
        """A strong validator: the same bytes have the same one (RFC 9110 §8.8.3)."""
        return f'"{sha256(self.body).hexdigest()[:32]}"'


class DemoServer:
    """Serves the sample feeds on 127.0.0.1 between ``with DemoServer() as server`` and the end of the block.

    *port* is taken if it is free, else the next free one above it; 0 takes any. Links and feed URLs contain the port,
    entry ids do not: a run on another port adds nothing either where the feeds keep their ``feed_id`` and are given
    their new URL. Raises ConfigError where no port is free.
    """

    def __init__(self, port: int = DEMO_PORT) -> None:
        self._server = _listen(port)
        self.port: int = self._server.server_address[1]
        self.url = f"http://{HOST}:{self.port}"
        self._server.resources = resources(self.url)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="demo-server", daemon=True)

    @property
    def feeds(self) -> tuple[ServedFeed, ...]:
        """The feeds that are served, always in the same order."""
        return tuple(ServedFeed(o.name, self.url + feed_path(o), o.outlet, o.country, o.summaries) for o in load_outlets())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def resources(base: str) -> Mapping[str, Resource]:
    """Return everything that is served below *base*, by path."""
    outlets = load_outlets()
    served = {"/robots.txt": Resource(ROBOTS, "text/plain", max(outlet.reports[0].date for outlet in outlets))}
    for outlet in outlets:
        newest = outlet.reports[0].date
        served[feed_path(outlet)] = Resource(render_feed(outlet, base), DIALECTS[outlet.format].media_type, newest)
        served[f"/{outlet.name}/"] = Resource(render_home(outlet), "text/html", newest)
    for outlet, report in chain.from_iterable(((outlet, report) for report in outlet.reports) for outlet in outlets):
        served[page_path(report)] = Resource(render_page(outlet, report), "text/html", report.date)
    return served


def unchanged(request: Message, resource: Resource) -> bool:
    """Return whether the client has *resource* already; If-None-Match wins over If-Modified-Since (RFC 9110 §13.2.2)."""
    if tags := request.get("If-None-Match"):
        return "*" in tags or resource.etag in tags
    try:
        return resource.modified <= parsedate_to_datetime(request.get("If-Modified-Since", "")).astimezone(UTC)
    except ValueError:
        return False


class _Server(ThreadingMixIn, TCPServer):
    """Not ``HTTPServer``, which asks the resolver for a name of its own address before it listens."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64
    resources: Mapping[str, Resource]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing when a client hangs up, as it does at Ctrl-C."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 30.0  # seconds that an idle connection is kept

    def do_GET(self) -> None:
        resource = self.server.resources.get(self.path.split("?", 1)[0])
        if resource is None:
            self.send_error(HTTPStatus.NOT_FOUND)
        elif unchanged(self.headers, resource):
            self._head(HTTPStatus.NOT_MODIFIED, resource)
        else:
            self._head(HTTPStatus.OK, resource)
            if self.command != "HEAD":
                self.wfile.write(resource.body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _head(self, status: HTTPStatus, resource: Resource) -> None:
        self.send_response(status)
        self.send_header("ETag", resource.etag)
        self.send_header("Last-Modified", format_datetime(resource.modified, usegmt=True))
        if status is HTTPStatus.OK:
            self.send_header("Content-Type", f"{resource.media_type}; charset=utf-8")
            self.send_header("Content-Length", str(len(resource.body)))
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the terminal for the demo."""


def _listen(port: int) -> _Server:
    ports = range(port, port + PORT_TRIES) if port else range(1)
    for candidate in ports:
        try:
            return _Server((HOST, candidate), _Handler)
        except OSError:
            continue
    raise ConfigError(f"the ports {ports[0]} to {ports[-1]} on {HOST} are all in use; free one of them and try again")
