"""A Kafka broker for the tests, started once a session and only if a test asks for it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from scripts.kafka import KafkaServer, kafka_server, missing


@pytest.fixture(scope="session", name="kafka_server")
def _kafka_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A running broker: ``bootstrap``, ``url``, ``kill9()``, ``restart()``. Topics and groups of a test have names of their own."""
    if reason := missing():
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail(f"Kafka is required: {reason}")
        pytest.skip(f"no Kafka here: {reason}")
    with kafka_server(tmp_path_factory.mktemp("kafka")) as server:
        yield server
