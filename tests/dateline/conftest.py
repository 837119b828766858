"""A fresh machine for the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ingest.conftest import loopback as loopback


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"DATELINE_DATA_DIR": str(tmp_path), "COLUMNS": "200"}
