"""What a log line looks like: whole as JSON, and to be read on a terminal."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from dateline.logs import configure_logging
from stream.settings import load_settings

IDS = [f"a{number}" for number in range(5)]


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)


def line(log_format: str, capsys: pytest.CaptureFixture[str]) -> str:
    configure_logging(load_settings(log_format=log_format), "store")
    logging.getLogger("dateline.test").info("articles stored", extra={"articles": 5, "article_ids": IDS})
    return capsys.readouterr().err


def test_json_has_every_id(capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(line("json", capsys))
    assert (told["event"], told["level"], told["worker"], told["articles"], told["article_ids"]) == (
        "articles stored",
        "info",
        "store",
        5,
        IDS,
    )


def test_a_terminal_shows_the_first_and_how_many_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    told = line("console", capsys)
    assert "a0, a1, a2 … 5 in all" in told
    assert "a3" not in told
