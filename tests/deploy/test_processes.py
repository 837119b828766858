"""The services of docker-compose.yml as plain processes with the same commands and environment, on a real Kafka and Postgres."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.engine import make_url

from scripts.kafka import KafkaServer
from scripts.system import free_ports
from tests.dateline.running import until
from tests.deploy.compose import ROOT, command, environment, own_services
from tests.services.postgres import fresh_database
from tests.system.harness import Site, Story, Workers, run_dateline, stories

WORKERS = ("ingest", "process", "store")
DEADLINE = 90.0  # seconds


def generated() -> dict[str, list[Story]]:
    return stories(feeds=2, each=5)


def wire_reports() -> dict[str, list[Story]]:
    """The shared news articles as one feed."""
    folder = Path(os.environ.get("EVAL_DATA", ROOT.parent / "shared")) / "articles"
    files = sorted(folder.glob("*.txt"))
    if not files:
        pytest.skip(f"no articles in {folder.name}/ of the shared data")
    found = []
    for file in files:
        title, _, body = file.read_text(encoding="utf-8").partition("\n\n")
        found.append(Story(f"tag:test,2025:{file.stem}", title, body))
    return {"/wire.xml": found}


@pytest.fixture
def empty_postgres_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with fresh_database(request, "postgres", tmp_path, migrated=False) as url:
        yield url


@pytest.mark.parametrize("source", [generated, wire_reports])
def test_composed_processes_carry_feeds_to_postgres(
    source: object, kafka_server: KafkaServer, empty_postgres_url: str, tmp_path: Path
) -> None:
    feeds = source()  # type: ignore[operator]
    wanted = {story.title for entries in feeds.values() for story in entries}
    workers = [(name, number) for name in WORKERS for number in range(own_services()[name].get("deploy", {}).get("replicas", 1))]
    ports = dict(zip(workers, free_ports(len(workers)), strict=True))
    env = {name: _environment(name, kafka_server, empty_postgres_url, tmp_path) for name in own_services()}

    with Site(feeds) as site, ExitStack() as running:
        for job in ("migrate", "topics"):
            run_dateline(env[job], *command(job))
        run_dateline(env["ingest"], "feeds", "add", *site.feed_urls)
        for (name, number), port in ports.items():
            assert command(name) == [name]
            own = {**env[name], "DATELINE_METRICS_PORT": str(port)}  # each container has a network of its own, and the same port in it
            running.enter_context(Workers([f"{name}#{number}"], own, tmp_path / f"{name}.log"))
        rows = _wait_for_articles(env["store"], len(wanted))
        for port in ports.values():
            until(lambda port=port: _page(port, "readyz") == "ready\n")  # it may have been asked before Kafka answered
            assert (_page(port, "livez"), _page(port, "readyz")) == ("alive\n", "ready\n")
        pages = {worker: _page(port, "metrics") for worker, port in ports.items()}

    assert {row["title"] for row in rows} == wanted
    assert sum(row["events"] for row in rows) > 0
    assert json.loads(run_dateline(env["store"], "query", "events", "--json"))
    status = json.loads(run_dateline(env["store"], "status", "--json"))
    assert set(status["lag"].values()) == {0}
    assert status["rows"]["dead_letters"] == 0
    done = [_number(page, "dateline_records_total", stage="process") for (name, _), page in pages.items() if name == "process"]
    assert sum(done) >= len(wanted)
    assert _number(pages["ingest", 0], "dateline_fetches_total", outcome="fetched") == len(feeds)


def _environment(service: str, kafka: KafkaServer, database: str, tmp_path: Path) -> dict[str, str]:
    """The service's own environment, with the places that only exist between containers replaced."""
    (tmp_path / "password").write_text("not asked for on loopback\n")
    url = make_url(database).set(drivername="postgresql").render_as_string(hide_password=False)
    found = environment(
        service,
        replace={
            "postgresql://dateline@postgres:5432/dateline": url,
            "kafka:9092": kafka.bootstrap,
            "/run/secrets/database_password": str(tmp_path / "password"),
        },
    )
    found["HOME"] = "/nonexistent"  # the image's user has none, and its file system is read-only
    return {
        **found,
        "DATELINE_ALLOW_NETWORKS": "127.0.0.1/32",
        "DATELINE_HOST_PAUSE": "0",
        "DATELINE_TOPIC_PREFIX": f"compose-{tmp_path.name}",
    }


def _wait_for_articles(env: dict[str, str], number: int) -> list[dict[str, object]]:
    deadline = time.monotonic() + DEADLINE
    rows: list[dict[str, object]] = []
    while len(rows) < number and time.monotonic() < deadline:
        time.sleep(1.0)
        rows = json.loads(run_dateline(env, "query", "articles", "--json", "--limit", "1000"))
    return rows


def _page(port: int, path: str) -> str:
    """Return the page of a worker, whatever its status."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=10) as answer:
            body: bytes = answer.read()
    except urllib.error.HTTPError as e:
        body = e.read()
    return body.decode()


def _number(page: str, name: str, **labels: str) -> float:
    """Return the sum of a metric's samples of which each of *labels* ends as given."""
    samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples if sample.name == name]
    return sum(one.value for one in samples if all(one.labels[label].endswith(value) for label, value in labels.items()))
