"""``docker-compose.yml`` as data, for tests that check it and for tests that run its processes without Docker."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yml"
OWN_IMAGE = "dateline:"

Service = Mapping[str, Any]

_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")


def load(variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the compose file with ``${NAME:-default}`` filled in from *variables*; raises KeyError for one without either."""
    filled: dict[str, Any] = _fill(yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8")), variables or {})
    return filled


def services() -> dict[str, Service]:
    """Return every service by name."""
    services: dict[str, Service] = load()["services"]
    return services


def own_services() -> dict[str, Service]:
    """Return the services that run the project's own image."""
    return {name: service for name, service in services().items() if service["image"].startswith(OWN_IMAGE)}


def command(service: str) -> list[str]:
    """Return the arguments that *service* gives to ``dateline``."""
    return list(services()[service]["command"])


def environment(service: str, *, replace: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of *service*; in its values each key of *replace* becomes its value.

    ``environment("store", replace={"postgres:5432": "127.0.0.1:4711"})`` is what a process needs that runs outside of Docker.
    """
    found = {name: str(value) for name, value in services()[service].get("environment", {}).items()}
    for old, new in (replace or {}).items():
        found = {name: value.replace(old, new) for name, value in found.items()}
    return found


def _fill(node: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _fill(value, variables) for key, value in node.items()}
    if isinstance(node, list):
        return [_fill(value, variables) for value in node]
    return _VARIABLE.sub(lambda match: _value(match, variables), node) if isinstance(node, str) else node


def _value(match: re.Match[str], variables: Mapping[str, str]) -> str:
    value = variables.get(match["name"]) or match["default"]
    if value is None:
        raise KeyError(match["name"])
    return value
