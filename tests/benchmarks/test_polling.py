"""The simulation of polling, with few feeds."""

from __future__ import annotations

from benchmarks.polling import DATELINE, FIXED, KINDS, MINIFLUX, compare, figures


def test_dateline_asks_less_than_an_hourly_poll_and_than_miniflux_and_sees_entries_sooner() -> None:
    scores = compare(150)
    ours, fixed, miniflux = (figures(scores[name, kind.name] for kind in KINDS) for name in (DATELINE, FIXED, MINIFLUX))
    assert (ours.requests < fixed.requests, ours.median < fixed.median, ours.mean < fixed.mean) == (True, True, True)
    assert (ours.requests < miniflux.requests, ours.mean < miniflux.mean, ours.late < miniflux.late) == (True, True, True)
    assert ours.missed == 0.0
