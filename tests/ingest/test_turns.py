"""How politely hosts are asked, against real servers on loopback."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest

from ingest.fetch import Session, fetch
from ingest.model import Failed, Fetched, FetchResult
from tests.ingest.conftest import Handler, Loopback, with_session


class Watch:
    """Answers late, and keeps when each request came and how many were under way at once."""

    def __init__(self, takes: float) -> None:
        self._takes = takes
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0
        self.starts: list[float] = []

    def __call__(self, handler: Handler) -> None:
        with self._lock:
            self.starts.append(time.monotonic())
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(self._takes)
        with self._lock:
            self._now -= 1
        handler.answer(200, b"feed")


def get_all(urls: Sequence[str], **settings: object) -> list[FetchResult]:
    async def all_at_once(session: Session) -> list[FetchResult]:
        return await asyncio.gather(*(fetch(session, url) for url in urls))

    return with_session(all_at_once, **settings)


@pytest.mark.parametrize(("setting", "most"), [({}, 2), ({"host_connections": 1}, 1), ({"host_connections": 5}, 5)])
def test_no_more_than_so_many_fetches_of_one_host_are_under_way(setting: dict[str, int], most: int, loopback: Loopback) -> None:
    watch = Watch(0.1)
    get_all([loopback.route(f"/{n}", watch) for n in range(6)], **setting)
    assert (len(watch.starts), watch.most) == (6, most)


def test_fetches_of_one_host_start_apart_also_one_after_another(loopback: Loopback) -> None:
    watch = Watch(0.0)

    async def in_turn(session: Session) -> None:
        for _ in range(3):
            await fetch(session, loopback.route("/feed", watch))

    with_session(in_turn, host_pause=0.2)
    get_all([loopback.route(f"/{n}", watch) for n in range(3)], host_pause=0.2)
    gaps = [later - earlier for earlier, later in zip(watch.starts, watch.starts[1:], strict=False)]
    assert all(gap > 0.15 for gap in (*gaps[:2], *gaps[3:]))


def test_another_port_is_another_host(loopback: Loopback, other: Loopback) -> None:
    watch = Watch(0.2)
    get_all([at.route("/feed", watch) for at in (loopback, other)], host_connections=1, host_pause=5.0, fetch_timeout=2.0)
    assert watch.most == 2


def test_a_redirect_takes_the_turn_of_the_host_that_it_leads_to(loopback: Loopback, other: Loopback) -> None:
    watch = Watch(0.1)
    target = other.route("/feed", watch)
    get_all([loopback.serve(f"/{n}", status=302, Location=target) for n in range(4)], host_connections=1)
    assert (len(watch.starts), watch.most) == (4, 1)


def test_a_redirect_within_a_host_waits_for_another_turn(loopback: Loopback) -> None:
    watch = Watch(0.0)
    moved = loopback.serve("/old", status=301, Location=loopback.route("/new", watch))
    began = time.monotonic()
    (result,) = get_all([moved], host_pause=0.3)
    assert isinstance(result, Fetched)
    assert watch.starts[0] - began > 0.25


def test_nothing_starts_at_a_host_that_is_held_nor_does_what_waits_there(loopback: Loopback, other: Loopback) -> None:
    watch = Watch(0.0)

    async def hold_while_waiting(session: Session) -> list[FetchResult]:
        fetches = [asyncio.ensure_future(fetch(session, loopback.route(f"/{n}", watch))) for n in range(3)]
        elsewhere = other.serve("/feed", status=302, Location=loopback.url("/0"))
        await fetches[0]
        session.turns.hold(f"127.0.0.1:{loopback.port}", 60.0)
        return [*await asyncio.gather(*fetches[1:]), await fetch(session, elsewhere)]

    results = with_session(hold_while_waiting, host_pause=0.5)
    assert len(watch.starts) == 1
    for result in results:
        assert isinstance(result, Failed)
        assert (result.kind, result.place) == ("paused", f"127.0.0.1:{loopback.port}")
        assert 50.0 < (result.retry_after or 0.0) <= 60.0
