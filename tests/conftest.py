"""Fixtures for every test folder; each real service has a file of its own in ``tests/services``."""

pytest_plugins = ["tests.services.kafka", "tests.services.postgres"]
