"""The simulation of polling, with few feeds."""

from __future__ import annotations

from benchmarks.polling import KINDS, compare


def test_dateline_sees_entries_sooner_than_an_hourly_poll_and_asks_less() -> None:
    scores = compare(75)
    requests, median, late = {}, {}, {}
    for name in ("Dateline", "fixed, 60 min (Miniflux round robin)"):
        of_kinds = [scores[name, kind.name] for kind in KINDS]
        delays = sorted(delay for score in of_kinds for delay in score.delays)
        requests[name], median[name], late[name] = (
            sum(score.requests for score in of_kinds),
            delays[len(delays) // 2],
            delays[len(delays) * 95 // 100],
        )
    for measured in (requests, median, late):
        dateline, fixed = measured.values()
        assert dateline < fixed
