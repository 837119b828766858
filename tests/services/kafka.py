"""A Kafka broker for the tests, started once a session and only if a test asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scripts.kafka import KafkaServer, kafka_server, missing
from tests.services.needed import need


@pytest.fixture(scope="session", name="kafka_server")
def _kafka_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A running broker: ``bootstrap``, ``url``, ``kill9()``, ``restart()``. Topics and groups of a test have names of their own."""
    reason = missing()
    need(f"no Kafka: {reason}" if reason else None)
    with kafka_server(tmp_path_factory.mktemp("kafka")) as server:
        yield server
