"""``dateline doctor``: every check says how it is and what to do; ``dateline health`` asks a worker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dateline import compose
from dateline.doctor import CHECKS, Finding, Patient, State, examine, failed, judge_clock, judge_disk, judge_topics
from dateline.monitor import Monitor, serving
from scripts.system import free_ports
from storage.dead_letters import record_gaps
from storage.engine import transaction
from stream.settings import load_settings
from tests.dateline.running import run
from tests.services.postgres import fresh_database


@pytest.fixture
def empty_postgres_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with fresh_database(request, "postgres", tmp_path, migrated=False) as url:
        yield url


def states(**settings: object) -> dict[str, State]:
    return {finding.check: finding.state for finding in findings(**settings)}


def findings(**settings: object) -> tuple[Finding, ...]:
    found = load_settings(**settings)
    return examine(Patient(found, compose.open_broker(found), compose.open_engine(found)))


@pytest.mark.parametrize(
    ("free", "state"), [(50, State.ok), (20, State.ok), (19, State.warning), (10, State.warning), (9, State.failed), (0, State.failed)]
)
def test_a_disk_that_fills_up_warns_and_then_fails(free: int, state: State) -> None:
    finding = judge_disk(free * 10**9, 100 * 10**9, Path("/var/lib/dateline"))
    assert finding.state is state
    assert bool(finding.remedy) == (state is not State.ok)


@pytest.mark.parametrize(
    ("skew", "state", "says"),
    [(0.2, State.ok, "0.2 s from"), (-4.9, State.ok, "4.9 s from"), (30.0, State.failed, "behind"), (-30.0, State.failed, "ahead of")],
)
def test_clocks_that_differ_are_told_which_way(skew: float, state: State, says: str) -> None:
    finding = judge_clock(skew)
    assert finding.state is state
    assert says in finding.detail


@pytest.mark.parametrize(
    ("url", "partitions", "state"),
    [
        ("kafka://k", {"a": 12, "b": 24}, State.ok),
        ("kafka://k", {"a": 12, "b": 0}, State.failed),
        ("sqlite:///f", {"a": 12, "b": 0}, State.warning),
        ("kafka://k", {"a": 12, "b": 3}, State.warning),
    ],
)
def test_missing_topics_fail_where_nobody_else_makes_them(url: str, partitions: dict[str, int], state: State) -> None:
    assert judge_topics(load_settings(broker_url=url), partitions).state is state


def test_nothing_fails_on_a_fresh_machine(tmp_path: Path) -> None:
    found = findings(data_dir=tmp_path)
    assert [finding.check for finding in found] == list(CHECKS)
    assert not failed(finding for finding in found if finding.check != "disk")


def test_what_leans_on_something_that_is_away_is_unknown(tmp_path: Path) -> None:
    found = states(data_dir=tmp_path, broker_url="kafka://127.0.0.1:1", database_url="postgresql://u@127.0.0.1:1/d")
    assert (found["broker"], found["topics"]) == (State.failed, State.unknown)
    assert (found["database"], found["migrations"], found["clock"]) == (State.failed, State.unknown, State.unknown)


def test_a_database_of_another_version_fails_with_the_remedy(empty_postgres_url: str, tmp_path: Path) -> None:
    found = {one.check: one for one in findings(data_dir=tmp_path, database_url=empty_postgres_url)}
    assert (found["migrations"].state, found["migrations"].remedy) == (State.failed, "dateline db upgrade")
    assert found["clock"].state is State.ok


def test_a_stage_that_stands_before_a_gap_is_named(database_url: str, tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path, database_url=database_url)
    engine = compose.open_engine(settings)
    with transaction(engine) as conn:
        record_gaps(conn, "dateline.store", {("dateline.annotated", 0): (3, 9)})
    [gap] = [one for one in examine(Patient(settings, compose.open_broker(settings), engine)) if one.check == "gaps"]
    assert (gap.state, gap.remedy) == (State.failed, "dateline gaps list")
    assert "dateline.store" in gap.detail
    engine.dispose()


def test_doctor_ends_with_1_where_something_fails(env: dict[str, str]) -> None:
    done = run(env, "doctor", "--json", DATELINE_PIPELINE="no_such_pipeline")
    assert done.returncode == 1
    [pipeline] = [one for one in json.loads(done.stdout) if one["check"] == "pipeline"]
    assert (pipeline["state"], "no_such_pipeline" in pipeline["detail"]) == ("failed", True)


def test_health_ends_with_0_or_1_as_the_worker_answers(env: dict[str, str], tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path)
    (port,) = free_ports(1)
    assert run(env, "health", "--metrics-port", str(port)).returncode == 1
    with serving(Monitor("test", ("g",), {"g": "nowhere"}, compose.open_broker(settings), None, 900.0), "127.0.0.1", port):
        assert run(env, "health", DATELINE_METRICS_PORT=str(port), HTTP_PROXY="http://127.0.0.1:1").stdout == b"alive\n"
        not_ready = run(env, "health", "--ready", "--metrics-port", str(port))
    assert (not_ready.returncode, b"broker: " in not_ready.stderr) == (1, True)


def test_health_needs_a_port(env: dict[str, str]) -> None:
    assert run(env, "health").returncode == 2
