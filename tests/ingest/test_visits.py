"""Politeness over all workers: two workers beside each other on both databases, against real servers on loopback."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from itertools import pairwise

import pytest
from sqlalchemy import Engine

from ingest.rim import Rim
from ingest.turns import Held
from ingest.visits import PATIENCE, Visits
from ingest.worker import run_ingest
from storage import feeds, hosts
from storage.hosts import HostLimits
from tests.ingest.conftest import Loopback
from tests.ingest.working import LONG, QUICK, Ingest, page, rss

PAUSE = 0.4  # seconds


def work_together(ingest: Ingest) -> list[str]:
    """Run two workers once; return what came of their fetches."""
    settings, outcomes = ingest.settings.model_copy(update={"host_pause": PAUSE}), len(ingest.outcomes)
    arguments = (settings, ingest.engine, ingest.broker, threading.Event())
    options = {"once": True, "on_outcome": ingest.outcomes.append, "timing": QUICK}
    workers = [threading.Thread(target=run_ingest, args=arguments, kwargs=options) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return [outcome.outcome for outcome in ingest.outcomes[outcomes:]]


def apart(server: Loopback) -> bool:
    """Tell whether no request came sooner after another than is polite, but for the jitter of two threads."""
    times = [request.at for request in server.requests]
    return all(later - earlier > PAUSE * 0.75 for earlier, later in pairwise(times))


def test_feeds_of_many_hosts_that_are_redirected_to_one_take_turns_there(ingest: Ingest, loopback: Loopback, other: Loopback) -> None:
    for n in range(4):
        target = other.serve(f"/{n}", rss((f"g{n}", "https://example.org/", LONG)))
        start = loopback.serve(f"/{n}", status=302, Location=target)
        feeds.add_feed(ingest.engine, start.replace("127.0.0.1", "localhost") if n % 2 else start)
    assert work_together(ingest) == ["fetched"] * 4
    assert len(other.requests) == 4
    assert apart(other)


def test_pages_robots_txt_and_redirects_take_turns_with_the_feeds_of_their_host(ingest: Ingest, loopback: Loopback) -> None:
    for n in range(3):
        link = loopback.serve(f"/news/{n}", page(f"Title g{n}", LONG), Content_Type="text/html")
        loopback.serve(f"/feed/{n}", rss((f"g{n}", link, "Ministers met.")))
        feeds.add_feed(ingest.engine, loopback.serve(f"/old/{n}", status=302, Location=f"/feed/{n}"))
    assert work_together(ingest) == ["fetched"] * 6
    assert {request.path for request in loopback.requests} >= {"/robots.txt", "/feed/0", "/old/0", "/news/0"}
    assert apart(loopback)


def test_a_host_with_room_for_one_serves_feeds_that_are_redirected_within_it(ingest: Ingest, loopback: Loopback) -> None:
    loopback.serve("/feed", rss(("g1", "https://example.org/1", LONG)))
    feeds.add_feed(ingest.engine, loopback.serve("/old", status=302, Location="/feed"))
    assert ingest.once(host_connections=1) == ["fetched"]


@pytest.mark.parametrize(("settings", "seconds"), [({"pause": 60.0}, 59.0), ({"connections": 1}, PATIENCE)])
def test_a_turn_that_does_not_come_is_not_waited_for_for_ever(engine: Engine, settings: dict[str, float], seconds: float) -> None:
    limits = replace(HostLimits(2, 0.0), **settings)
    hosts.visit(engine, "a.example", "other", 60.0, limits)

    async def ask() -> float:
        rim = Rim(engine, threading.Event())
        visits = Visits(rim, limits, timeout=5.0, patience=0.8)
        try:
            async with visits.at("a.example", leased=False):
                return 0.0
        except Held as held:
            return held.seconds
        finally:
            rim.close()

    assert asyncio.run(ask()) >= seconds
