"""A site of generated feeds, and the real worker processes, to be killed at will."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from xml.sax.saxutils import escape

from scripts.clock import Clock
from scripts.system import with_parent

QUICK = {  # settings with which what a killed worker held passes on soon, and feeds are asked again and again
    "DATELINE_ALLOW_NETWORKS": "127.0.0.1/32",
    "DATELINE_FETCH_CONCURRENCY": "4",
    "DATELINE_HOST_PAUSE": "0",
    "DATELINE_MIN_INTERVAL": "1",
    "DATELINE_MAX_INTERVAL": "1",
    "DATELINE_SESSION_TIMEOUT": "3",
    "DATELINE_FEED_LEASE": "5",
    "DATELINE_BATCH_RECORDS": "10",
    "DATELINE_TOPIC_PARTITIONS": "4",
    "DATELINE_LOG_FORMAT": "json",
}
COUNTRIES = ("France", "Germany", "Turkey", "Japan", "Brazil", "Kenya", "India", "Canada", "Poland", "Egypt")
ACTS = (
    "The president of {a} met the foreign minister of {b} on Monday for talks about trade.",
    "{a} accused {b} of breaking the agreement.",
    "Police in {a} arrested {n} protesters near the parliament.",
    "{a} imposed sanctions on {b} after the attack.",
    "Soldiers of {a} attacked a village in {b}, killing at least {n} people.",
    "{a} plans to send food and medicine to {b} next week.",
    "{a} denied that its troops had entered {b}.",
)


@dataclass(frozen=True, slots=True)
class Story:
    """One entry of a generated feed."""

    guid: str
    title: str
    body: str


def stories(feeds: int, each: int) -> dict[str, list[Story]]:
    """Return generated stories by feed path; every one has a text of its own."""
    chance = random.Random(7)
    found: dict[str, list[Story]] = {}
    for feed in range(feeds):
        entries = []
        for number in range(each):
            a, b = chance.sample(COUNTRIES, 2)
            acts = [act.format(a=a, b=b, n=chance.randint(2, 90)) for act in chance.sample(ACTS, 3)]
            entries.append(Story(f"tag:test,2025:{feed}-{number}", f"{a} and {b}, report {feed}-{number}", " ".join(acts)))
        found[f"/feed{feed}.xml"] = entries
    return found


def rss(title: str, base: str, entries: Iterable[Story]) -> bytes:
    """Return *entries* as RSS 2.0 with full content."""
    items = "".join(
        f"<item><guid isPermaLink='false'>{escape(story.guid)}</guid><title>{escape(story.title)}</title>"
        f"<link>{base}/news/{escape(story.guid)}</link><pubDate>Mon, 12 May 2025 08:00:00 GMT</pubDate>"
        f"<description>{escape(_paragraphs(story.body))}</description></item>"
        for story in entries
    )
    channel = f"<title>{escape(title)}</title><link>{base}/</link>{items}"
    return f"<?xml version='1.0'?><rss version='2.0'><channel>{channel}</channel></rss>".encode()


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(paragraph)}</p>" for paragraph in text.split("\n\n"))


class Site:
    """Serves feeds on 127.0.0.1, each answer after *delay* seconds, so that a kill finds fetches under way.

    Only *released* stories are shown, all where that is None: the first of each feed, then the second of each, and so on.
    """

    def __init__(self, feeds: Mapping[str, list[Story]], delay: float = 0.0, released: int | None = None) -> None:
        site = self
        turns = {path: turn for turn, path in enumerate(feeds)}
        self.released = sum(map(len, feeds.values())) if released is None else released

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                time.sleep(delay)
                entries = feeds.get(self.path)
                body = b"" if entries is None else rss(self.path, site.url, entries[: site._shown(turns[self.path], len(feeds))])
                self.send_response(404 if entries is None else 200)
                self.send_header("Content-Type", "application/rss+xml")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # the worker that asked was killed
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.feed_urls = tuple(self.url + path for path in feeds)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def release(self, stories: int) -> None:
        """Show so many stories from now on."""
        self.released = stories

    def _shown(self, turn: int, feeds: int) -> int:
        """How many stories the feed at *turn* of so many *feeds* shows."""
        return max(0, -(-(self.released - turn) // feeds))

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class Workers:
    """Worker processes by name; ``kill`` is SIGKILL, and what was killed is started again at once.

    Each has a clock of its own that can be moved where *clocks* names a folder for them.
    """

    def __init__(self, names: Iterable[str], env: Mapping[str, str], log: Path, clocks: Path | None = None) -> None:
        self._env = {**os.environ, **env}
        self._log = log.open("ab")
        names = tuple(names)
        self._clocks = {} if clocks is None else {name: Clock(clocks / f"{name}.clock") for name in names}
        self._processes = {name: self._start(name) for name in names}
        self.kills: dict[str, int] = dict.fromkeys(self._processes, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()
        self._log.close()

    def kill(self, name: str) -> None:
        """Kill one worker with SIGKILL and start it again."""
        process = self._processes[name]
        assert process.poll() is None, f"{name} ended by itself with exit code {process.returncode}"
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.kills[name] += 1
        self._processes[name] = self._start(name)

    @property
    def names(self) -> tuple[str, ...]:
        """The workers' names."""
        return tuple(self._processes)

    @contextlib.contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """Stop one worker with SIGSTOP during the block."""
        process = self._processes[name]
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def no_byte_more(self, name: str) -> Iterator[None]:
        """Let no write of one worker to a file succeed during the block."""
        pid = self._processes[name].pid
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
        try:
            yield
        finally:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)

    def clock_moved(self, name: str, seconds: int) -> contextlib.AbstractContextManager[None]:
        """Let the clock of one worker jump by *seconds* for the block."""
        return self._clocks[name].moved(seconds)

    def stop(self) -> dict[str, int]:
        """Ask all workers to stop with SIGTERM; return their exit codes."""
        for process in self._processes.values():
            process.terminate()
        return {name: process.wait(40) for name, process in self._processes.items()}

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        command = name.partition("#")[0]  # process#2 is a second process worker
        env = {**self._env, **(self._clocks[name].environment if name in self._clocks else {})}
        arguments = [*with_parent(), sys.executable, "-m", "dateline", command]
        return subprocess.Popen(arguments, env=env, stdin=subprocess.DEVNULL, stderr=self._log)


def run_dateline(env: Mapping[str, str], *arguments: str) -> str:
    """Run a command to its end and return its standard output; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "dateline", *arguments], env={**os.environ, **env}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
