from __future__ import annotations

from pathlib import Path

import pytest

from stream.connect import connect_broker, kafka_servers, shown, sqlite_path
from stream.errors import ConfigError
from stream.kafka_broker import KafkaBroker
from stream.sqlite_broker import SqliteBroker


@pytest.mark.parametrize(
    ("url", "path"),
    [("sqlite:////var/lib/dateline/broker.db", "/var/lib/dateline/broker.db"), ("sqlite:///var/broker.db", "var/broker.db")],
)
def test_what_follows_the_third_slash_is_the_path(url: str, path: str) -> None:
    assert sqlite_path(url) == Path(path)


@pytest.mark.parametrize(
    ("url", "servers"),
    [
        ("kafka://one:9092", ("one:9092",)),
        ("kafka://one:9092,two:9093/", ("one:9092", "two:9093")),
        ("kafka://one, two", ("one:9092", "two:9092")),
        ("kafka://[::1]:9094,[fe80::1]", ("[::1]:9094", "[fe80::1]:9092")),
    ],
)
def test_servers_are_separated_by_commas_and_have_a_default_port(url: str, servers: tuple[str, ...]) -> None:
    assert kafka_servers(url) == servers


@pytest.mark.parametrize(
    "url",
    [
        "",
        "broker.db",
        "redis://host",
        "http://user:secret@host",
        "kafka://",
        "kafka://one,,two",
        "kafka://user:secret@host",
        "kafka://host/path",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
    ],
)
def test_a_url_that_names_no_broker_is_refused_with_the_form_that_is_right(url: str) -> None:
    with pytest.raises(ConfigError, match=r"DATELINE_BROKER_URL is kafka://host:9092") as caught:
        connect_broker(url)
    assert "secret" not in str(caught.value)


def test_the_scheme_chooses_the_broker_and_nothing_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "broker.db"
    assert isinstance(connect_broker(f"sqlite:///{path}"), SqliteBroker)
    assert not path.parent.exists()
    assert isinstance(connect_broker("kafka://nowhere.invalid:9092", options={"security_protocol": "SSL"}), KafkaBroker)


def test_an_option_that_kafka_python_does_not_know_is_refused() -> None:
    with pytest.raises(ConfigError, match="sasl_pasword"):
        connect_broker("kafka://host", options={"sasl_pasword": "x"})


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hunter2@h/d",
        "postgresql://u:a@hunter2@h/d",
        "postgresql://h/d?user=u&password=hunter2&sslmode=require",
        "u:hunter2@h:9092",
    ],
)
def test_no_form_of_a_password_is_shown(url: str) -> None:
    assert "hunter2" not in shown(url)


@pytest.mark.parametrize("url", ["sqlite:////var/lib/dateline.db", "kafka://one:9092,two:9093", "postgresql://user@host:5432/name"])
def test_a_url_without_a_password_is_shown_as_it_is(url: str) -> None:
    assert shown(url) == url
