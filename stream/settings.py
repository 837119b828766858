"""Settings from ``DATELINE_…`` variables, ``…_FILE`` secrets and an optional ``dateline.toml``; nothing else reads the environment."""

from __future__ import annotations

import os
import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from stream.errors import ConfigError

PREFIX = "DATELINE_"
CONFIG_FILE = "dateline.toml"
MAX_INT = 2**31 - 1  # of a database's integer column


def _default_data_dir() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "dateline"


class Settings(BaseSettings):
    """What is in force. A variable wins over its ``…_FILE`` twin, that over ``dateline.toml``, that over the default."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", toml_file=CONFIG_FILE)

    data_dir: Path = Field(default_factory=_default_data_dir, description="Where the embedded broker and database live.")
    broker_url: SecretStr = Field(default=SecretStr(""), description="kafka://host:9092,… or sqlite:///path; default: a file in data_dir.")
    database_url: SecretStr = Field(
        default=SecretStr(""), description="postgresql://user@host/name or sqlite:///path; default: a file in data_dir."
    )
    database_password: SecretStr | None = Field(default=None, description="Password for database_url, kept apart from it.")
    topic_prefix: str = Field(default="dateline", pattern=r"^[a-zA-Z0-9._-]{1,100}$", description="Prefix of topics and consumer groups.")
    topic_partitions: int = Field(default=12, ge=1, le=1000, description="Partitions of a topic that is made.")
    topic_retention_days: float = Field(default=7.0, gt=0, description="How long records are kept.")
    session_timeout: float | None = Field(
        default=None, ge=1, description="Seconds after which a silent group member loses its partitions; default 45 on Kafka, 10 embedded."
    )
    kafka_options: dict[str, Any] = Field(
        default_factory=dict, description="Further kafka-python options, JSON: security_protocol, ssl_cafile, sasl_mechanism …"
    )
    kafka_password: SecretStr | None = Field(default=None, description="sasl_plain_password, kept apart from kafka_options.")

    pipeline: str = Field(default="", description="Any installed spaCy pipeline, by name or path; empty: the bundled one.")
    language_pipelines: dict[Annotated[str, Field(pattern="^[a-z]{2,3}$")], Annotated[str, Field(min_length=1)]] = Field(
        default_factory=dict,
        description='Pipelines of further languages, JSON: {"de": "de_core_news_sm"}. Other languages are stored without annotation.',
    )
    run: int = Field(default=1, ge=1, le=MAX_INT, description="Number of the annotation run; a higher one replaces rows of a lower one.")
    batch_records: int = Field(default=200, ge=1, le=10_000, description="Most records that a stage takes at a time.")
    batch_chars: int = Field(default=300_000, ge=1, description="Most characters of text that a stage takes at a time.")
    failures_in_row: int = Field(
        default=20, ge=0, description="More failures in a row than this stop a stage: a bad upgrade must not drain a topic."
    )
    annotate_timeout: float = Field(default=300.0, gt=0, description="Seconds that one batch may take to annotate.")

    annotate_memory: float = Field(
        default=8.0,
        ge=0,
        description="GiB of address space of the process that annotates; 0: no limit. A text that needs more is dead-lettered.",
    )

    store_text: bool = Field(
        default=True, description="Store the texts of articles; false: only titles, metadata, and what was found, with its offsets."
    )

    allow_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        default=(), description="Networks that are not public but may be fetched, comma separated: 10.0.0.0/8,127.0.0.1/32."
    )
    http_proxy: SecretStr = Field(
        default=SecretStr(""),
        description="Proxy for feeds and pages, http://user:password@host:port. It resolves names, so it has to refuse private addresses.",
    )
    contact: str = Field(default="", description="Address or URL put into the User-Agent, so that publishers can reach you.")
    fetch_concurrency: int = Field(default=32, ge=1, le=1000, description="Fetches under way at once in one ingest worker.")
    feed_lease: float = Field(
        default=300.0, ge=1, description="Seconds after which a feed leased by a worker that died may be fetched by another."
    )
    host_connections: int = Field(default=2, ge=1, description="Fetches under way at once from one host and port.")
    host_pause: float = Field(default=1.0, ge=0, description="Seconds from the start of one fetch to the next from the same host and port.")
    fetch_timeout: float = Field(default=30.0, gt=0, description="Seconds for a whole request.")
    fetch_max_bytes: int = Field(default=15 * 1024 * 1024, ge=1024, description="Largest body, after decompression.")
    min_interval: float = Field(default=300.0, gt=0, description="Shortest seconds between two fetches of a feed.")
    max_interval: float = Field(default=86_400.0, gt=0, validate_default=True, description="Longest seconds between two fetches of a feed.")
    entries_per_fetch: float = Field(
        default=1.0,
        gt=0,
        description="New entries that a fetch is to find in a busy feed; with more, feeds are asked less and news is later.",
    )
    page_wait: float = Field(default=600.0, ge=0, description="Seconds after which an entry goes out with what its feed gave.")
    page_pause: float = Field(default=1.0, ge=0, description="Seconds between two pages asked of one registrable domain.")

    websub_callback_url: str = Field(
        default="",
        description="Public URL that leads hubs to websub_port: https://news.example.org/websub; empty: no hub is asked to tell of news.",
    )
    websub_host: str = Field(default="127.0.0.1", min_length=1, description="Address that websub_port listens on.")
    websub_port: int = Field(
        default=8090, ge=0, le=65_535, description="Port on which hubs tell of news; 0: another ingest worker listens for this one."
    )
    websub_interval: float = Field(
        default=14_400.0, ge=0, description="Shortest seconds between two fetches of a feed of which a hub tells the news."
    )

    metrics_port: int = Field(
        default=0,
        ge=0,
        le=65_535,
        description="Port of /metrics, /livez and /readyz; 0: none. `dateline run` takes this one and the next two.",
    )
    metrics_host: str = Field(default="127.0.0.1", min_length=1, description="Address that metrics_port listens on.")
    stall_after: float = Field(
        default=900.0,
        gt=0,
        description="Seconds without a finished batch, though records wait, after which /livez says so; longer than any batch may take.",
    )

    log_format: Literal["auto", "console", "json"] = Field(default="auto", description="auto: readable on a terminal, JSON elsewhere.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level that is logged.")

    @field_validator("allow_networks", mode="before")
    @classmethod
    def _split_networks(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("max_interval")
    @classmethod
    def _check_interval(cls, value: float, info: ValidationInfo) -> float:
        if value < info.data.get("min_interval", value):
            raise ValueError("shorter than DATELINE_MIN_INTERVAL: raise it, or lower that one")
        return value

    @field_validator("http_proxy")
    @classmethod
    def _check_proxy(cls, value: SecretStr) -> SecretStr:
        if value and not re.fullmatch(r"https?://[^\s/]+/?", value.get_secret_value()):
            raise ValueError("not the URL of a proxy: write http://host:port")
        return value

    @field_validator("websub_callback_url")
    @classmethod
    def _check_callback(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s?#]+", value):
            raise ValueError("not an URL that hubs can reach: write https://host/path")
        return value.rstrip("/")

    @property
    def broker(self) -> str:
        """The broker's URL with the embedded default filled in."""
        return self.broker_url.get_secret_value() or f"sqlite:///{self.data_dir.expanduser().resolve() / 'broker.db'}"

    @property
    def database(self) -> str:
        """The database's URL with the embedded default filled in; the password is apart."""
        return self.database_url.get_secret_value() or f"sqlite:///{self.data_dir.expanduser().resolve() / 'dateline.db'}"

    @property
    def articles_topic(self) -> str:
        """Articles as ingest publishes them."""
        return f"{self.topic_prefix}.articles"

    @property
    def replay_topic(self) -> str:
        """Stored articles that are to be annotated anew, while nothing else is to be done."""
        return f"{self.topic_prefix}.articles.replay"

    @property
    def annotated_topic(self) -> str:
        """Articles with their annotations."""
        return f"{self.topic_prefix}.annotated"

    @property
    def dead_letters_topic(self) -> str:
        """Records that no stage could handle."""
        return f"{self.topic_prefix}.dead-letters"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Name the sources in the order in which they win."""
        return init_settings, env_settings, _SecretFiles(settings_cls), TomlConfigSettingsSource(settings_cls)


class _SecretFiles(PydanticBaseSettingsSource):
    """``DATELINE_X_FILE=/run/secrets/x`` gives the first line of that file as setting x."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE")
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").split("\n", 1)[0].strip(), field_name, False
        except OSError as e:
            raise ConfigError(f"{PREFIX}{field_name.upper()}_FILE: {path} cannot be read ({e.strerror})") from e

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


def load_settings(**overrides: Any) -> Settings:
    """Return the settings in force; *overrides* win over every source.

    Raises ConfigError that names the variable, also for a ``DATELINE_`` variable that is no setting.
    """
    known = {f"{PREFIX}{name.upper()}{suffix}" for name in Settings.model_fields for suffix in ("", "_FILE")}
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            raise ConfigError(f"{name} is no setting; `dateline config` lists them all")
    try:
        return Settings(**overrides)
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False, include_context=False)[0]
        raise ConfigError(f"{_named(str(first['loc'][0]) if first['loc'] else '')}: {first['msg']}") from e
    except SettingsError as e:  # a value that should be JSON
        field = re.search(r'field "(\w+)"', str(e))
        raise ConfigError(f"{_named(field[1] if field else '')}: not JSON ({e.__cause__})") from e
    except ValueError as e:
        raise ConfigError(f"{CONFIG_FILE} cannot be read: {e}") from e


def _named(setting: str) -> str:
    return f"{PREFIX}{setting.upper()} (or {setting} in {CONFIG_FILE})"
