"""Alive, ready, behind: what is decided from what was seen of a worker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dateline.health import STALE, Look, Progress, Watch, lag_seconds, not_alive, not_ready

NOW, PATIENCE = 10_000.0, 900.0
ALL_WELL = Look(NOW - 5, {"broker": None, "database": None})
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOON - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("polled", "done", "assigned", "waiting", "reasons"),
    [
        pytest.param(1, 1, 4, 0, (), id="nothing to do"),
        pytest.param(1, 100, 4, 50, (), id="a batch takes its time"),
        pytest.param(1, 901, 4, 50, ("s: 50 wait and nothing was done for 901 s",), id="polls and gets nothing done"),
        pytest.param(901, 901, 4, 50, ("s: 50 wait and nothing was done for 901 s",), id="hangs in a batch"),
        pytest.param(899, 899, 4, 50, (), id="not yet"),
        pytest.param(1, 5_000, 4, 0, (), id="idle for long"),
        pytest.param(1, 5_000, 0, 50, (), id="more members than partitions"),
        pytest.param(1, 5_000, 4, None, (), id="how much waits is not known"),
        pytest.param(901, 901, 0, None, ("s: asked for no work for 901 s",), id="never came to poll"),
        pytest.param(901, 10, 4, 50, (), id="one poll, many batches"),
    ],
)
def test_a_worker_is_dead_when_it_could_work_and_does_not(
    polled: float, done: float, assigned: int, waiting: int | None, reasons: tuple[str, ...]
) -> None:
    seen = Progress("s", NOW - polled, NOW - done, assigned, waiting)
    assert not_alive([seen], ALL_WELL, NOW, PATIENCE) == reasons


@pytest.mark.parametrize(
    "look", [Look(NOW - 5, {"broker": None, "database": "the server is away"}), Look(NOW - STALE - 1, {"broker": None})]
)
def test_a_worker_is_not_blamed_for_what_is_away(look: Look) -> None:
    hanging = Progress("s", NOW - 2_000, NOW - 2_000, 4, 50)
    assert not_alive([hanging], look, NOW, PATIENCE) == ()


@pytest.mark.parametrize(
    ("look", "reasons"),
    [
        (ALL_WELL, ()),
        (Look(NOW, {"broker": "it is away", "database": None}), ("broker: it is away",)),
        (Look(NOW - 61, {"broker": None, "database": None}), ("no answer for 61 s from broker and database",)),
    ],
)
def test_a_worker_is_ready_when_all_that_it_needs_answered_a_moment_ago(look: Look, reasons: tuple[str, ...]) -> None:
    assert not_ready(look, NOW) == reasons


@pytest.mark.parametrize(
    ("lag", "newest", "caught_up", "seconds"),
    [
        pytest.param(0, ago(500), ago(900), 0.0, id="caught up"),
        pytest.param(7, ago(3600), None, 3600.0, id="far behind since before the start"),
        pytest.param(7, ago(3600), ago(20), 20.0, id="a quiet topic, and then records"),
        pytest.param(7, ago(5), ago(3600), 5.0, id="busy and close behind"),
        pytest.param(7, None, None, 100.0, id="just started"),
        pytest.param(7, ago(-5), None, 0.0, id="the broker's clock is ahead"),
    ],
)
def test_the_oldest_unread_record_waits_since_the_last_moment_that_is_known(
    lag: int, newest: datetime | None, caught_up: datetime | None, seconds: float
) -> None:
    assert lag_seconds(NOON, lag, ago(100), newest, caught_up) == seconds


def test_other_partitions_count_as_progress_and_the_same_ones_do_not() -> None:
    watch = Watch(["s"], ["broker"], 0.0)
    watch.looked(Look(1_000.0, {"broker": None}))
    watch.polled("s", 4, 50.0, moved=True)
    watch.waiting("s", 9, 60.0)
    watch.polled("s", 4, 990.0)
    assert watch.alive(1_000.0, 940.0) == ("s: 9 wait and nothing was done for 950 s",)
    watch.polled("s", 3, 995.0, moved=True)
    assert watch.alive(1_000.0, 940.0) == ()


def test_the_time_while_something_was_away_is_not_held_against_a_worker() -> None:
    watch = Watch(["s"], ["broker"], 0.0)
    watch.polled("s", 4, 10.0, moved=True)
    watch.looked(Look(5_000.0, {"broker": "it is away"}))
    watch.looked(Look(5_015.0, {"broker": None}))
    watch.waiting("s", 9, 5_015.0)
    assert watch.alive(5_020.0, 900.0) == ()
    watch.looked(Look(5_910.0, {"broker": None}))
    assert watch.alive(5_910.0, 900.0) == ("s: 9 wait and nothing was done for 910 s",)


def test_a_watch_is_not_ready_before_the_first_look() -> None:
    assert Watch(["s"], ["broker", "database"], 0.0).ready(1.0) == ("broker: not asked yet", "database: not asked yet")
