"""Hours and days that feeds ask to be left alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ingest.parse import parse
from ingest.skipping import Skip, read_skip, skip_of, text_of

FEED = "<rss version='2.0'><channel><title>Example</title>{}<item><title>One</title></item></channel></rss>"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("", Skip()),
        ("<skipHours><hour>0</hour><hour> 23 </hour></skipHours>", Skip(frozenset({0, 23}))),
        ("<skipHours><hour>24</hour></skipHours>", Skip(frozenset({0}))),
        ("<skipDays><day>Saturday</day><day>SUNDAY</day></skipDays>", Skip(days=frozenset({5, 6}))),
        ("<skipHours><hour>25</hour><hour>noon</hour><hour>-1</hour></skipHours><skipDays><day>Someday</day></skipDays>", Skip()),
        ("<skipHours>" + "".join(f"<hour>{n}</hour>" for n in range(24)) + "</skipHours>", Skip()),
        ("<skipHours><hour>1</hour>", Skip()),
    ],
)
def test_what_a_feed_asks_for_is_read_and_what_cannot_be_meant_is_not_believed(asked: str, expected: Skip) -> None:
    assert read_skip(FEED.format(asked)) == expected == parse("https://example.org/feed", FEED.format(asked).encode()).skip


@pytest.mark.parametrize("skip", [Skip(), Skip(frozenset({3, 0})), Skip(frozenset({12}), frozenset({6, 0}))])
def test_what_is_stored_reads_back(skip: Skip) -> None:
    assert skip_of(text_of(skip)) == skip


def test_a_wait_ends_with_the_first_hour_that_is_free() -> None:
    skip = Skip(frozenset({22, 23, 0}))
    assert skip.wait(datetime(2026, 3, 2, 21, 59, 59, tzinfo=UTC)) == 0.0
    assert skip.wait(datetime(2026, 3, 2, 22, 30, tzinfo=UTC)) == 2.5 * 3600
