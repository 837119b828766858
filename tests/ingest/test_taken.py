"""What a fetch makes of its feed's row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ingest.model import Failed, Fetched, FetchResult, Gone, NotModified, ParsedFeed, Validators
from ingest.schedule import Limits
from ingest.taken import Taken, may_have_missed, outcome_of, plan_of, record_of, update_of, without_body
from storage.feeds import Feed
from storage.leases import FeedLease
from storage.sightings import Written

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
URL = "https://example.org/feed"
FEED = Feed(
    "f0123456789abcdef", URL, "Example", None, None, None, "auto", "active", None, NOW,
    '"old"', "Sun", "hash", 1800.0, 0, None, None, None, NOW, None, 0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("result", "validators", "error"),
    [
        (NotModified(Validators('"new"', "Mon")), ('"new"', "Mon"), None),
        (Failed("http", "HTTP 503", 503), ('"old"', "Sun"), "HTTP 503"),
        (Gone(URL), ('"old"', "Sun"), f"410 Gone: the publisher ended the feed at {URL}"),
    ],
)
def test_after_a_failure_the_validators_stay_those_of_the_body_that_was_read(
    result: FetchResult, validators: tuple[str, str], error: str | None
) -> None:
    taken = without_body(FEED, result)
    update = update_of(FEED, taken, plan_of(FeedLease(FEED, "token", NOW), taken, NOW, 0.0, Limits()))
    assert ((update.etag, update.last_modified), update.error, update.body_hash) == (validators, error, "hash")


def test_what_was_repaired_left_out_and_dropped_is_told_in_one_line_by_row_and_log() -> None:
    fetched = Fetched(URL, b"body", "text/xml", None, Validators())
    taken = Taken(fetched, "fetched", "h", 4, ParsedFeed("rss20", note="repaired"), Written(2, 1, (), 0), dropped=3, left_out=4)
    record, outcome = record_of(FEED, taken, NOW, 0.5), outcome_of(FEED, taken, 0.5)
    assert record.message == outcome.message
    assert record.message == (
        "repaired; 4 entries that cannot be written down were left out; 3 messages that the broker never takes were dropped"
    )
    assert (record.status, record.bytes, record.new, record.changed) == (200, 4, 2, 1)
    assert (outcome.status, outcome.dropped, outcome.new, outcome.changed) == (200, 3, 2, 1)


@pytest.mark.parametrize(
    ("read_before", "new", "known", "missed"),
    [(True, 5, 0, True), (True, 5, 1, False), (True, 0, 5, False), (True, 0, 0, False), (False, 5, 0, False)],
)
def test_a_fetch_that_shares_no_entry_with_those_before_may_have_missed_some(read_before: bool, new: int, known: int, missed: bool) -> None:
    feed = replace(FEED, last_success_at=NOW if read_before else None)
    assert may_have_missed(feed, Written(new, 0, (), 0, known)) is missed
