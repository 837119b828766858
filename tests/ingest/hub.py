"""A hub on loopback, as WebSub (https://www.w3.org/TR/websub/) has them, and workers that subscribe to it."""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode

from ingest.worker import run_ingest
from tests.ingest.working import QUICK, Ingest

CHALLENGE = "a challenge that nobody guesses"
Answer = tuple[int, bytes]


class Hub:
    """Accepts every subscription and verifies it at once; *lease* in seconds, *denies* with a reason instead, *accepts* with a status."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/hub"
        self.lease = 86_400.0
        self.denies = ""
        self.accepts = 202
        self.asked: list[Mapping[str, str]] = []
        self.verified: list[Answer] = []

    @property
    def form(self) -> Mapping[str, str]:
        """What it was asked last."""
        return self.asked[-1]

    def ask(self, form: Mapping[str, str]) -> int:
        self.asked.append(form)
        if self.accepts == 202:
            threading.Thread(target=self._verify, args=(form,), daemon=True).start()
        return self.accepts

    def _verify(self, form: Mapping[str, str]) -> None:
        told = {"hub.mode": "denied", "hub.topic": form["hub.topic"], "hub.reason": self.denies}
        self.verified.append(self.verify(**(told if self.denies else {})))

    def verify(self, callback: str = "", **changes: str) -> Answer:
        """Ask whether the last subscription was meant, with *changes*, at another *callback* where one is given."""
        query = {
            "hub.mode": "subscribe",
            "hub.topic": self.form["hub.topic"],
            "hub.challenge": CHALLENGE,
            "hub.lease_seconds": f"{self.lease:.0f}",
            **changes,
        }
        return answer(f"{callback or self.form['hub.callback']}?{urlencode(query)}")

    def deliver(self, body: bytes, method: str = "sha256", signature: str | None = None, callback: str = "") -> Answer:
        """Tell of news, signed by *method* unless another *signature* is given."""
        digest = hmac.new(self.form["hub.secret"].encode(), body, getattr(hashlib, method)).hexdigest()
        signed = f"{method}={digest}" if signature is None else signature
        headers = {"Content-Type": "application/rss+xml", **({"X-Hub-Signature": signed} if signed else {})}
        return answer(urllib.request.Request(callback or self.form["hub.callback"], body, headers))


def answer(request: urllib.request.Request | str) -> Answer:
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as e:
        return e.code, e.read()


@contextmanager
def hubbing() -> Iterator[Hub]:
    """Run a hub."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            self.send_response(hub.ask(form))
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub = Hub(server.server_address[1])
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def subscribing(ingest: Ingest, port: int, *others: int, **settings: object) -> Iterator[None]:
    """Run a worker that hubs reach at *port*, and one beside it for each of *others*, which listen there."""
    stop = threading.Event()
    base = {"websub_callback_url": f"http://127.0.0.1:{port}/websub", **settings}

    def work(listens: int) -> None:
        chosen = ingest.settings.model_copy(update={**base, "websub_port": listens})
        run_ingest(chosen, ingest.engine, ingest.broker, stop, on_outcome=ingest.outcomes.append, timing=QUICK)

    workers = [threading.Thread(target=work, args=(one,), daemon=True) for one in (port, *others)]
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        stop.set()
        for worker in workers:
            worker.join(30)


def until(happens: Callable[[], bool]) -> bool:
    """Wait for something that has to happen, half a minute at most; return whether it has."""
    deadline = time.monotonic() + 30
    while not happens() and time.monotonic() < deadline:
        time.sleep(0.02)
    return happens()
