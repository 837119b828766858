"""Entries that are hard to write down, on both databases, with a real HTTP server, a real broker, and real children that parse."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import Connection, event

from ingest.minhash import minhash_of
from storage import feeds
from tests.ingest.conftest import Loopback
from tests.ingest.working import LONG, Ingest, rss


def test_a_feed_with_an_endless_title_is_read_like_any_other(ingest: Ingest, loopback: Loopback) -> None:
    body = rss(("g1", loopback.url("/1"), LONG), ("g2", loopback.url("/2"), LONG)).replace(b"Title g1", b"word " * 1_800_000)
    feeds.add_feed(ingest.engine, loopback.serve("/feed", body))
    assert ingest.once() == ["fetched"]
    assert sorted(len(article.title) for article in ingest.published()) == [8, 999]


def test_an_entry_with_an_endless_host_goes_out_with_what_its_feed_gave(ingest: Ingest, loopback: Loopback) -> None:
    host = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=4000))
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(("g1", loopback.url("/1"), LONG), ("g2", f"http://{host}/x", "Short."))))
    assert ingest.once() == ["fetched"]
    assert sorted(article.entry_key or "" for article in ingest.published()) == ["g1", "g2"]


def test_every_article_goes_out_with_the_signature_of_its_own_text(ingest: Ingest, loopback: Loopback) -> None:
    def serve(**texts: str) -> str:
        return loopback.serve("/feed", rss(*((guid, loopback.url(f"/{guid}"), f"{text} {LONG}") for guid, text in texts.items())))

    feeds.add_feed(ingest.engine, serve(g1="One.", g2="Two.", g3="Three."))
    ingest.once()
    serve(g4="Four.", g1="One.", g2="Two, corrected.", g3="Three.")
    ingest.again()
    articles = ingest.published()
    assert [article.entry_key for article in articles[3:]] == ["g4", "g2"]
    assert [article.minhash for article in articles] == [minhash_of(article.text) for article in articles]
    assert len({article.minhash for article in articles}) == 5


def test_an_entry_that_cannot_be_written_down_keeps_none_of_the_others_back(
    ingest: Ingest, loopback: Loopback, caplog: pytest.LogCaptureFixture
) -> None:
    items = [(f"g{n}", loopback.url(f"/{n}"), LONG) for n in range(9)]
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(*items)))

    @event.listens_for(ingest.engine, "before_cursor_execute")
    def refuse(connection: Connection, cursor: object, statement: str, parameters: object, *rest: object) -> None:
        if statement.startswith("INSERT INTO sightings") and "'g5'" in repr(parameters):
            raise UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed")

    assert ingest.once() == ["fetched"]
    assert sorted(article.entry_key or "" for article in ingest.published()) == [f"g{n}" for n in range(9) if n != 5]
    assert "1 entries that cannot be written down" in (ingest.outcomes[0].message or "")
    assert [record.__dict__["entry_key"] for record in caplog.records if "cannot be written" in record.message] == ["g5"]
