"""``docs/monitoring``: what alerts and dashboard ask for is what workers export, and where the compose file says they do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from dateline.monitor import Monitor
from ingest.outcome import Outcome
from storage.engine import connect_database
from stream.broker import TopicPartition, TopicSpec
from stream.connect import connect_broker
from stream.stage import Batch, Poll
from tests.deploy import compose

FOLDER = compose.ROOT / "docs/monitoring"
PROMETHEUS_OWN = {"up": {"job", "instance"}}
SCRAPED = {"job", "instance"}  # labels that Prometheus adds

ALERTS = [rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
EXPRESSIONS = [rule["expr"] for rule in ALERTS] + [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> dict[str, set[str]]:
    """The labels of every sample that workers export once they have done something, by name."""
    broker = connect_broker(f"sqlite:///{tmp_path_factory.mktemp('broker') / 'broker.db'}")
    broker.ensure_topics([TopicSpec("in", 1)])
    engine = connect_database(f"sqlite:///{migrated_sqlite}")
    stage = Monitor("store", ("g",), {"g": "in"}, broker, engine, 900.0)
    stage.on_poll(Poll("g", 1, frozenset({TopicPartition("in", 0)})))
    stage.on_batch(Batch("g", 1, ("ValueError",), 0.1, datetime.now(UTC)))
    fetching = Monitor("ingest", (), {"g": "in"}, broker, engine, 900.0)
    fetching.on_outcome(Outcome("feed", "https://example.org/", "fetched", 0.1, new=1))
    found: dict[str, set[str]] = {}
    for monitor in (stage, fetching):
        monitor.look()
        for family in text_string_to_metric_families(monitor.answer("/metrics")[2].decode()):
            for sample in family.samples:
                found.setdefault(sample.name, set()).update(sample.labels)
    broker.close()
    engine.dispose()
    return found


def asked(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Yield each metric of *expression* with the labels that its selector names."""
    for match in re.finditer(r"\b((?:dateline|process)_\w+|up\b)(?:\{([^}]*)\})?", re.sub(r"\b(by|on)\s*\([^)]*\)", "", expression)):
        yield match[1], set(re.findall(r"(\w+)\s*[=!]~?", match[2] or ""))


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_asks_for_metrics_and_labels_that_are_exported(expression: str, exported: dict[str, set[str]]) -> None:
    metrics = dict(asked(expression))
    assert metrics
    known = exported | PROMETHEUS_OWN
    for name, labels in metrics.items():
        assert name in known
        assert labels <= known[name] | SCRAPED
    grouped = {label.strip() for part in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", expression) for label in part.split(",")}
    assert grouped <= SCRAPED.union(*(known[name] for name in metrics))


def test_a_metric_that_nobody_exports_would_be_noticed(exported: dict[str, set[str]]) -> None:
    assert dict(asked('rate(dateline_recrods_total{stgae="s"}[5m]) > 0')) == {"dateline_recrods_total": {"stgae"}}
    assert "dateline_recrods_total" not in exported


@pytest.mark.parametrize("rule", ALERTS, ids=[rule["alert"] for rule in ALERTS])
def test_an_alert_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert set(rule["annotations"]) == {"summary", "remedy"}


def test_the_operators_page_names_every_metric(exported: dict[str, set[str]]) -> None:
    page = (compose.ROOT / "docs/operations.md").read_text()
    own = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exported if name.startswith("dateline_") and not name.endswith("_created")}
    assert {name for name in own if f"`{name}`" not in page} == set()


def test_prometheus_reads_the_workers_where_they_answer() -> None:
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    jobs = {job["job_name"]: job["dns_sd_configs"][0] for job in config["scrape_configs"]}
    assert set(jobs) == {"ingest", "process", "store"}
    for name, how in jobs.items():
        assert how["names"] == [name]
        assert str(how["port"]) == compose.environment(name)["DATELINE_METRICS_PORT"]


def test_every_file_is_where_prometheus_and_grafana_look_for_it() -> None:
    configs, services = compose.load()["configs"], compose.services()
    mounted = {
        config["target"]: configs[config["source"]]["file"] for name in ("prometheus", "grafana") for config in services[name]["configs"]
    }
    assert all((compose.ROOT / file).is_file() for file in mounted.values())
    rules = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["rule_files"]
    (provider,) = yaml.safe_load((FOLDER / "grafana-dashboards.yml").read_text())["providers"]
    assert set(rules) <= set(mounted)
    assert any(target.startswith(provider["options"]["path"] + "/") for target in mounted)
    assert compose.environment("grafana")["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] in mounted


def test_the_dashboard_asks_the_data_source_that_is_provisioned() -> None:
    (source,) = yaml.safe_load((FOLDER / "grafana-datasource.yml").read_text())["datasources"]
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == {source["uid"]}
    assert source["url"] == "http://prometheus:9090"
