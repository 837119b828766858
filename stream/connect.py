"""From a broker URL to a broker: the scheme chooses the implementation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stream.broker import Broker
from stream.errors import ConfigError

SQLITE = "sqlite:///"
KAFKA = "kafka://"
REMEDY = "DATELINE_BROKER_URL is kafka://host:9092,host:9092 or sqlite:///relative/path or sqlite:////absolute/path"


def connect_broker(url: str, *, options: Mapping[str, Any] | None = None, session_timeout: float | None = None) -> Broker:
    """Return the broker that *url* names; nothing is opened before its first use.

    *options* are further kafka-python options (TLS, SASL); the embedded broker has none and ignores them. *session_timeout*
    is how many seconds a silent group member keeps its partitions (default: 45 for Kafka, 10 for the embedded broker).
    Raises ConfigError for a URL that names no broker.
    """
    if url.startswith(SQLITE):
        from stream.sqlite_broker import LEASE, SqliteBroker

        return SqliteBroker(sqlite_path(url), lease=session_timeout or LEASE)
    if url.startswith(KAFKA):
        from stream.kafka_broker import SESSION_TIMEOUT, KafkaBroker

        return KafkaBroker(kafka_servers(url), options=options or {}, session_timeout=session_timeout or SESSION_TIMEOUT)
    raise ConfigError(f"the broker URL {shown(url)!r} has no scheme that is known: {REMEDY}")


def shown(url: str) -> str:
    """Return *url*, of a broker or a database, with what may be a password hidden."""
    url = re.sub(r"^((?:.*?://)?[^/:@]*):(?!//).*@", r"\1:********@", url)
    return re.sub(r"(?i)((?:password|passfile|token|secret)[^=&]*=)[^&]*", r"\1********", url)


def sqlite_path(url: str) -> Path:
    """Return the file that a ``sqlite:///`` URL names, in SQLAlchemy's convention: what follows the third slash."""
    path = url.removeprefix(SQLITE)
    if not path or path == ":memory:":
        raise ConfigError(f"the broker URL {url!r} names no file, and several processes have to share it: {REMEDY}")
    return Path(path)


def kafka_servers(url: str) -> tuple[str, ...]:
    """Return ``host:port`` for each server of a ``kafka://`` URL; the port is 9092 where none is given."""
    servers = tuple(part.strip() for part in url.removeprefix(KAFKA).rstrip("/").split(","))
    if not all(servers) or any(mark in server for server in servers for mark in "/@? "):
        raise ConfigError(f"the broker URL {shown(url)!r} is no list of servers (credentials belong into kafka_options): {REMEDY}")
    return tuple(server if _has_port(server) else f"{server}:9092" for server in servers)


def _has_port(server: str) -> bool:
    host, colon, port = server.rpartition(":")
    return bool(colon and port.isdigit() and (":" not in host or host.endswith("]")))
