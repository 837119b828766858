"""Made-up feeds served on loopback by a process of its own: as many hosts as there are feeds, each an address of 127.0.0.0/8.

The server answers as fast as it can, or after a delay, and knows of conditional requests, so that what is measured is who asks.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from multiprocessing.connection import Connection
from typing import NamedTuple

TEXT = """the ministers of both countries met in capital on Monday and spoke about trade for hours while protesters marched past parliament
against higher prices officials said that a new agreement would be signed next week according to spokesman who declined comment"""
WORDS = TEXT.split()
START = 1_772_409_600  # 2 March 2026, 00:00 UTC, in seconds since 1970


class Length(NamedTuple):
    """Words of an entry's text, least and most, each article's its own."""

    least: int
    most: int


WHOLE_ARTICLES = Length(300, 900)
SUMMARIES = Length(60, 140)


class Answer(NamedTuple):
    """What the server says of one feed: the body, and the validator by which it knows that a client has it."""

    body: bytes
    etag: str
    media_type: str = "application/rss+xml; charset=utf-8"


Answers = Callable[[int], Answer]
"""Gives what feed number n is at this moment."""


def feed_url(number: int, port: int) -> str:
    """Return where feed *number* is served: every feed has a host of its own."""
    return f"http://127.{1 + number // 62_500}.{number // 250 % 250}.{1 + number % 250}:{port}/feed/{number}"


@contextmanager
def serving(answers: Answers, delay: float = 0.0) -> Iterator[int]:
    """Serve *answers*, which is called in another process, each *delay* seconds after it was asked for, and give the port."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(answers, delay, there), daemon=True)
    server.start()
    try:
        yield here.recv()
    finally:
        server.terminate()
        server.join()


def _serve(answers: Answers, delay: float, told: Connection) -> None:
    asyncio.run(_serve_until_killed(answers, delay, told))


async def _serve_until_killed(answers: Answers, delay: float, told: Connection) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(partial(_Client, answers, delay, loop), "0.0.0.0", 0, backlog=4096)
    told.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


class _Client(asyncio.Protocol):
    """One connection, from this machine; requests have no bodies and come one after the other."""

    def __init__(self, answers: Answers, delay: float, loop: asyncio.AbstractEventLoop) -> None:
        self._answers = answers
        self._delay = delay
        self._loop = loop
        self._came = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if not str(transport.get_extra_info("peername")[0]).startswith("127."):
            transport.abort()

    def data_received(self, data: bytes) -> None:
        self._came += data
        while b"\r\n\r\n" in self._came:
            head, _, self._came = self._came.partition(b"\r\n\r\n")
            self._loop.call_later(self._delay, self._transport.write, _answer(head.decode("latin-1"), self._answers))


def _answer(head: str, answers: Answers) -> bytes:
    answer = answers(int(head.split(" ", 2)[1].rpartition("/")[2]))
    if f"if-none-match: {answer.etag.lower()}" in head.lower():
        return f"HTTP/1.1 304 Not Modified\r\nETag: {answer.etag}\r\n\r\n".encode()
    named = f"ETag: {answer.etag}\r\nContent-Type: {answer.media_type}\r\nContent-Length: {len(answer.body)}"
    return f"HTTP/1.1 200 OK\r\n{named}\r\n\r\n".encode() + answer.body


def made_up_feed(number: int, entries: int, length: Length = WHOLE_ARTICLES, newest: int = 0) -> Answer:
    """Return feed *number* with its *entries* newest articles up to that of number *newest*, an hour apart; RSS and Atom by turns."""
    form = _RSS if number % 2 else _ATOM
    items = (form.item.format(**_item(number, entry, length)) for entry in range(newest, newest - entries, -1))
    return Answer(form.feed.format(number=number, items="".join(items)).encode(), f'"{number}-{newest}"')


def _item(number: int, entry: int, length: Length) -> dict[str, str]:
    rng, moment = random.Random(f"{number} {entry}"), datetime.fromtimestamp(START + entry * 3600, UTC)
    return {
        "link": f"https://outlet{number}.example/news/{moment:%Y/%m/%d}/{entry}-{_words(rng, 4, '-')}.html?utm_source=rss",
        "title": _words(rng, 9).capitalize(),
        "summary": _words(rng, 30).capitalize(),
        "author": _words(rng, 2).title(),
        "rfc822": format_datetime(moment),
        "iso": moment.isoformat(),
        "content": "".join(map(_paragraph, _paragraphs(rng, length))),
    }


def _paragraphs(rng: random.Random, length: Length) -> Iterator[str]:
    left = rng.randint(*length)
    while left > 0:
        words = rng.randint(30, 70)
        left -= words
        yield _words(rng, words).capitalize()


def _paragraph(text: str) -> str:
    first, _, rest = text.partition(" ")
    link = f'<a href="/tag/{first}" rel="tag">{rest[:12]}</a>'
    return f"<p>{first} {link}<strong>{rest[12:20]}</strong>{rest[20:]}&nbsp;&ldquo;&amp;c.&rdquo;</p>\n"


def _words(rng: random.Random, count: int, between: str = " ") -> str:
    return between.join(rng.choices(WORDS, k=count))


class _Form(NamedTuple):
    feed: str
    item: str


_RSS = _Form(
    '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Outlet {number}</title><link>https://outlet{number}.example/</link>'
    "<description>News</description><language>en-gb</language>{items}</channel></rss>\n",
    '<item><title>{title}</title><link>{link}</link><guid isPermaLink="false">{link}</guid><dc:creator>{author}</dc:creator>'
    "<pubDate>{rfc822}</pubDate><category>News</category><description><![CDATA[<p>{summary}</p>]]></description>"
    "<content:encoded><![CDATA[{content}]]></content:encoded></item>\n",
)
_ATOM = _Form(
    '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom"><title>Outlet {number}</title>'
    '<id>urn:outlet:{number}</id><link href="https://outlet{number}.example/"/><updated>2026-03-02T00:00:00Z</updated>{items}</feed>\n',
    '<entry><title>{title}</title><link href="{link}"/><id>{link}</id><author><name>{author}</name></author><published>{iso}</published>'
    '<updated>{iso}</updated><category term="News"/><summary type="html"><![CDATA[<p>{summary}</p>]]></summary>'
    '<content type="html"><![CDATA[{content}]]></content></entry>\n',
)
