"""``docker-compose.yml`` against the compose specification, the real command line and the real settings."""

from __future__ import annotations

import json
import os
import re
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema
import pytest
from sqlalchemy import text

from scripts.postgres import MIN_MAJOR, PostgresServer
from storage.engine import connect_database, reading
from stream.settings import PREFIX, Settings, load_settings
from tests.deploy import compose
from tests.deploy.commands import parse
from tests.deploy.compose import Service

SERVICES = compose.services()
OWN = compose.own_services()
LONG_RUNNING = ("kafka", "postgres", "ingest", "process", "store", "prometheus", "grafana")
JOBS = ("migrate", "topics")
WORKERS = ("ingest", "process", "store")
MONITORING = ("prometheus", "grafana")
STOP_WITHIN = 30  # seconds; what the workers promise


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    return monkeypatch


def test_the_file_follows_the_compose_specification() -> None:
    vendored = files("check_jsonschema.builtin_schemas.vendor").joinpath("compose-spec.json")
    jsonschema.Draft202012Validator(json.loads(vendored.read_text(encoding="utf-8"))).validate(compose.load())


def test_the_specification_refuses_a_misspelt_key() -> None:
    vendored = files("check_jsonschema.builtin_schemas.vendor").joinpath("compose-spec.json")
    broken = compose.load()
    broken["services"]["kafka"]["heathcheck"] = broken["services"]["kafka"].pop("healthcheck")
    with pytest.raises(jsonschema.ValidationError, match="heathcheck"):
        jsonschema.Draft202012Validator(json.loads(vendored.read_text(encoding="utf-8"))).validate(broken)


def test_every_part_of_the_system_is_there() -> None:
    assert set(SERVICES) == {*LONG_RUNNING, *JOBS}
    assert set(OWN) == {*JOBS, *WORKERS}
    assert SERVICES["process"]["deploy"]["replicas"] == 2


@pytest.mark.parametrize("name", OWN)
def test_the_real_command_line_understands_the_command(name: str) -> None:
    parse(compose.command(name))


@pytest.mark.parametrize("arguments", [["stoer"], ["topics", "make"], ["ingest", "--fast"], ["db", "upgrade", "twice"]])
def test_a_command_that_does_not_exist_would_be_noticed(arguments: list[str]) -> None:
    with pytest.raises(Exception, match=r"No such|unexpected"):
        parse(arguments)


@pytest.mark.parametrize("name", OWN)
def test_every_variable_is_a_setting_and_has_its_value(name: str, environ: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "database_password").write_text("s3cret\n")
    for variable, value in compose.environment(name, replace={"/run/secrets": str(tmp_path)}).items():
        environ.setenv(variable, value)
    settings = load_settings()
    assert settings.broker == "kafka://kafka:9092"
    assert settings.database == "postgresql://dateline@postgres:5432/dateline"
    assert settings.database_password is not None
    assert settings.database_password.get_secret_value() == "s3cret"
    assert (settings.run, settings.log_format, settings.pipeline) == (1, "json", "")


def test_variables_of_the_host_reach_the_settings(environ: pytest.MonkeyPatch) -> None:
    filled = compose.load({"DATELINE_RUN": "7", "DATELINE_CONTACT": "news@example.org", "DATELINE_ALLOW_NETWORKS": "10.0.0.0/8"})
    for variable, value in filled["services"]["ingest"]["environment"].items():
        if not variable.endswith("_FILE"):
            environ.setenv(variable, value)
    settings = load_settings()
    assert (settings.run, settings.contact, str(settings.allow_networks[0])) == (7, "news@example.org", "10.0.0.0/8")


@pytest.mark.parametrize("name", SERVICES)
def test_every_secret_volume_network_and_dependency_is_declared(name: str) -> None:
    document, service = compose.load(), SERVICES[name]
    assert set(service.get("secrets", ())) <= set(document["secrets"])
    assert {volume.split(":")[0] for volume in service.get("volumes", ())} <= set(document["volumes"])
    assert set(service["networks"]) <= set(document["networks"])
    assert {config["source"] for config in service.get("configs", ())} <= set(document["configs"])
    assert set(service.get("depends_on", ())) <= set(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_every_secret_file_that_a_variable_names_is_mounted(name: str) -> None:
    named = {value.rpartition("/")[2] for value in compose.environment(name).values() if value.startswith("/run/secrets/")}
    assert named == set(SERVICES[name].get("secrets", ()))


@pytest.mark.parametrize("name", SERVICES)
def test_a_dependency_is_waited_for_in_a_way_that_it_can_fulfil(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        if other in JOBS:
            assert how["condition"] == "service_completed_successfully"
        else:
            assert how["condition"] == "service_healthy"
            assert "healthcheck" in SERVICES[other]


def test_nothing_that_works_starts_before_migrations_and_topics_are_done() -> None:
    assert [set(SERVICES[name]["depends_on"]) for name in WORKERS] == [set(JOBS)] * 3


def test_jobs_end_and_workers_come_back() -> None:
    assert {name: SERVICES[name]["restart"] for name in JOBS} == dict.fromkeys(JOBS, "on-failure")
    assert {name: SERVICES[name]["restart"] for name in LONG_RUNNING} == dict.fromkeys(LONG_RUNNING, "unless-stopped")


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_a_service_is_given_longer_to_stop_than_it_needs(name: str) -> None:
    seconds = re.fullmatch(r"(\d+)s", SERVICES[name]["stop_grace_period"])
    assert seconds is not None
    assert int(seconds[1]) > STOP_WITHIN


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_pinned_to_a_version(name: str) -> None:
    assert re.fullmatch(r"[a-z/]+:v?\d[\w.-]*", SERVICES[name]["image"])


@pytest.mark.parametrize("name", OWN)
def test_a_worker_runs_with_as_few_rights_as_it_can(name: str) -> None:
    service: Service = OWN[name]
    assert (service["read_only"], service["cap_drop"], service["security_opt"]) == (True, ["ALL"], ["no-new-privileges:true"])


def test_only_ingest_has_a_way_out_and_only_grafana_is_published_to_this_host_alone() -> None:
    networks = compose.load()["networks"]
    assert networks["backend"] == {"internal": True}
    beyond = {name: set(service["networks"]) - {"backend"} for name, service in SERVICES.items() if service["networks"] != ["backend"]}
    assert beyond == {"ingest": {"internet"}, "grafana": {"desk"}}
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {"grafana": ["127.0.0.1:3000:3000"]}


def test_monitoring_runs_only_where_it_is_asked_for() -> None:
    assert {name for name, service in SERVICES.items() if service.get("profiles") == ["monitoring"]} == set(MONITORING)
    assert {name for name, service in SERVICES.items() if "profiles" in service} == set(MONITORING)


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_a_service_has_limits_and_a_health_check(name: str) -> None:
    assert set(SERVICES[name]["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_is_asked_where_it_answers(name: str) -> None:
    program, *arguments = SERVICES[name]["healthcheck"]["test"][1:]
    assert program == "dateline"
    parse(arguments)
    assert compose.environment(name)["DATELINE_METRICS_PORT"] == "9100"
    assert compose.environment(name)["DATELINE_METRICS_HOST"] == "0.0.0.0"


def test_addresses_in_the_settings_are_those_of_the_services() -> None:
    settings = compose.environment("store")
    broker, database = urlsplit(settings["DATELINE_BROKER_URL"]), urlsplit(settings["DATELINE_DATABASE_URL"])
    postgres, kafka = compose.environment("postgres"), compose.environment("kafka")
    assert kafka["KAFKA_ADVERTISED_LISTENERS"] == f"PLAINTEXT://{broker.netloc}"
    assert (database.username, database.path) == (postgres["POSTGRES_USER"], f"/{postgres['POSTGRES_DB']}")
    assert {broker.hostname, database.hostname} <= set(SERVICES)


def test_data_lies_in_volumes_where_the_images_keep_it() -> None:
    assert SERVICES["kafka"]["volumes"] == [f"kafka-data:{compose.environment('kafka')['KAFKA_LOG_DIRS']}"]
    assert SERVICES["postgres"]["volumes"] == ["postgres-data:/var/lib/postgresql/data"]


def test_no_secret_is_written_in_the_file_or_may_be_committed() -> None:
    assert "PASSWORD:" not in compose.COMPOSE_FILE.read_text()
    ignored = (compose.ROOT / ".gitignore").read_text().splitlines()
    files = {secret["file"] for secret in compose.load()["secrets"].values()}
    assert files == {"./secrets/database_password", "./secrets/grafana_password"}
    assert "/secrets/" in ignored


def test_partitions_bound_the_replicas() -> None:
    assert SERVICES["process"]["deploy"]["replicas"] <= Settings.model_fields["topic_partitions"].default


def test_postgres_is_the_one_that_the_tests_run_on(postgres_server: PostgresServer) -> None:
    engine = connect_database(postgres_server.url())
    with reading(engine) as conn:
        major = int(conn.execute(text("SHOW server_version_num")).scalar_one()) // 10_000
    engine.dispose()
    if major != MIN_MAJOR:
        pytest.skip(f"this machine has Postgres {major}; the compose file has the oldest that is supported, {MIN_MAJOR}")
    assert SERVICES["postgres"]["image"].startswith(f"postgres:{major}-")


def test_kafka_is_the_one_that_the_tests_run_on() -> None:
    pom = (compose.ROOT / "scripts/kafka/pom.xml").read_text()
    version = re.search(r"<kafka.version>(.*)</kafka.version>", pom)
    assert version is not None
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{version[1]}"
