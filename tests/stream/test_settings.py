"""Settings: where they come from, who wins, and what a mistake says."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from stream.errors import ConfigError
from stream.settings import load_settings


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_defaults_are_files_in_the_data_folder(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path)
    assert (settings.broker, settings.database) == (f"sqlite:///{tmp_path}/broker.db", f"sqlite:///{tmp_path}/dateline.db")


def test_variable_wins_over_its_file_and_that_over_the_toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("from-file\nignored\n")
    (tmp_path / "dateline.toml").write_text('contact = "from-toml"\npipeline = "from-toml"\nrun = 7\n')
    monkeypatch.setenv("DATELINE_CONTACT_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("DATELINE_PIPELINE_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("DATELINE_PIPELINE", "from-variable")
    settings = load_settings()
    assert (settings.pipeline, settings.contact, settings.run) == ("from-variable", "from-file", 7)


def test_networks_are_a_comma_separated_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATELINE_ALLOW_NETWORKS", "10.0.0.0/8, ::1/128")
    assert load_settings().allow_networks == (ip_network("10.0.0.0/8"), ip_network("::1/128"))


def test_pipelines_of_languages_are_json_or_a_table_of_the_toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dateline.toml").write_text('[language_pipelines]\nfr = "fr_core_news_sm"\n')
    assert load_settings().language_pipelines == {"fr": "fr_core_news_sm"}
    monkeypatch.setenv("DATELINE_LANGUAGE_PIPELINES", '{"de": "de_core_news_sm"}')
    assert load_settings().language_pipelines["de"] == "de_core_news_sm"


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATELINE_DATABASE_URL", "postgresql://u:hunter2@h/d")
    monkeypatch.setenv("DATELINE_DATABASE_PASSWORD", "hunter2")
    assert "hunter2" not in repr(load_settings())


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("DATELINE_PIPLINE", "en", "DATELINE_PIPLINE is no setting"),
        ("DATELINE_RUN", "0", "DATELINE_RUN"),
        ("DATELINE_RUN", "many", "DATELINE_RUN"),
        ("DATELINE_ALLOW_NETWORKS", "10.0.0.0/8,nonsense", "DATELINE_ALLOW_NETWORKS"),
        ("DATELINE_KAFKA_OPTIONS", "{", "DATELINE_KAFKA_OPTIONS .*not JSON"),
        ("DATELINE_LANGUAGE_PIPELINES", "de_core_news_sm", "DATELINE_LANGUAGE_PIPELINES .*not JSON"),
        ("DATELINE_LANGUAGE_PIPELINES", '{"German": "de_core_news_sm"}', "DATELINE_LANGUAGE_PIPELINES"),
        ("DATELINE_CONTACT_FILE", "missing", "DATELINE_CONTACT_FILE: missing cannot be read"),
        ("DATELINE_TOPIC_PREFIX", "a b", "DATELINE_TOPIC_PREFIX"),
        ("DATELINE_MIN_INTERVAL", "100000", "DATELINE_MAX_INTERVAL .*shorter than DATELINE_MIN_INTERVAL"),
        ("DATELINE_MAX_INTERVAL", "60", "DATELINE_MAX_INTERVAL .*shorter than DATELINE_MIN_INTERVAL"),
    ],
)
def test_mistake_is_one_error_that_names_the_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=says):
        load_settings()


@pytest.mark.parametrize("text", ["runs = 3", "run = ", "run = 'x'", "\udcff"])
def test_bad_toml_is_one_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "dateline.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError, match=r"dateline\.toml"):
        load_settings()
