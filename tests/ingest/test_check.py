"""Looking at one feed."""

from __future__ import annotations

from ingest.check import check_feed
from stream.settings import Settings
from tests.ingest.conftest import Loopback
from tests.ingest.working import LONG, rss


def test_check_tells_step_by_step_and_writes_nothing(loopback: Loopback) -> None:
    settings = Settings.model_validate({"allow_networks": "127.0.0.0/8", "host_pause": 0.0})
    good = check_feed(
        settings, loopback.serve("/feed", rss(("g1", loopback.url("/1"), "Short."), ("g2", loopback.url("/2"), LONG)), ETag='"1"')
    )
    assert (good.ok, good.entries, good.problem) == (True, 2, None)
    told = "\n".join(good.steps)
    for words in ("by ETag", "rss20, 'Example', 2 entries", "language: en", "2026-03-02 12:00 UTC", "1 of 2 entries give under 400"):
        assert words in told
    bad = check_feed(settings, loopback.serve("/page", b"<html><body>No feed</body></html>"))
    assert (bad.ok, bad.entries) == (False, 0)
    assert "web page" in (bad.problem or "")
    refused = check_feed(Settings(), loopback.url("/feed"))
    assert "DATELINE_ALLOW_NETWORKS" in (refused.problem or "")
    assert good.as_row()["ok"] is True


def test_dates_are_read_as_those_of_the_country(loopback: Loopback) -> None:
    settings = Settings.model_validate({"allow_networks": "127.0.0.0/8", "host_pause": 0.0})
    body = rss(("g1", loopback.url("/1"), LONG)).replace(b"12:00:00 GMT", b"12:00:00 IST")
    url = loopback.serve("/feed", body)
    told = {
        country: next(step for step in check_feed(settings, url, country).steps if step.startswith("dates")) for country in ("IND", None)
    }
    assert told == {"IND": "dates: 1 of 1 entries, the newest 2026-03-02 06:30 UTC", None: "dates: 0 of 1 entries"}
