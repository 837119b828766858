"""The simulation of polling, with few feeds."""

from __future__ import annotations

import random
from itertools import islice

import pytest

from benchmarks.pollers import Look, entry_frequency, visits
from benchmarks.pollers import media_cloud as rss_fetcher
from benchmarks.polling import DATELINE, FIXED, KINDS, MEDIA_CLOUD, MINIFLUX, POLICIES, RARE, compare, figures
from benchmarks.publishers import MIXES, WEEK, publications

HOUR, DAY = 3600.0, 86_400.0


def test_dateline_asks_less_than_an_hourly_poll_than_miniflux_and_than_media_cloud_and_sees_entries_sooner() -> None:
    scores = compare(150)
    found = {policy: figures(scores[policy, kind] for kind in KINDS) for policy in POLICIES}
    ours, fixed, miniflux, rare, media_cloud = (found[policy] for policy in (DATELINE, FIXED, MINIFLUX, RARE, MEDIA_CLOUD))
    assert (ours.requests < fixed.requests, ours.median < fixed.median, ours.mean < fixed.mean) == (True, True, True)
    assert (ours.requests < miniflux.requests, ours.mean < miniflux.mean, ours.late < miniflux.late) == (True, True, True)
    assert (rare.requests < media_cloud.requests, rare.mean < media_cloud.mean, rare.late < media_cloud.late) == (True, True, True)
    assert ours.missed == 0.0


@pytest.mark.parametrize("mix", MIXES)
def test_the_feeds_of_a_mix_are_all_there_and_publish_in_order(mix: str) -> None:
    assert sum(kind.share for kind in MIXES[mix]) == pytest.approx(1.0)
    for kind in MIXES[mix]:
        published = publications(kind, random.Random(1))
        assert published == sorted(published)
        assert published[-1] < WEEK


def test_a_visit_finds_what_is_shown_and_misses_what_is_no_longer() -> None:
    first, second = islice(visits(lambda look: 10.0, [1.0, 2.0, 3.0, 11.0, 12.0, 13.0], 2, 5.0), 2)
    assert (first.found, first.missed) == ([2.0, 3.0], [])
    assert (second.now, second.found, second.missed) == (15.0, [12.0, 13.0], [11.0])


def test_miniflux_waits_the_mean_gap_of_last_week_a_day_where_there_is_none() -> None:
    wait = entry_frequency(random.Random(1))
    assert wait(Look(30 * DAY, 1, 0, [29 * DAY])) == DAY
    assert wait(Look(30 * DAY, 3, 1, [29 * DAY, 29 * DAY + 2 * HOUR, 29 * DAY + 4 * HOUR, 29 * DAY + 6 * HOUR])) == 2 * HOUR


def test_media_cloud_waits_longer_where_most_is_known_and_shorter_where_little_is() -> None:
    wait = rss_fetcher(random.Random(1))
    assert [wait(Look(n * HOUR, new, 10 - new, [0.0] * 10)) / HOUR for n, new in enumerate((10, 10, 5, 0, 3))] == pytest.approx(
        [6.0, 5.0, 5.0, 5 + 1 / 6, 5 + 2 / 6]
    )
