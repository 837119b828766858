"""How soon entries are seen against how often feeds are asked: Dateline's rules beside others, on a simulated week.

    python -m benchmarks polling      writes docs/polling.md; FEEDS=1000 for a shorter run

Publishers are those of ``benchmarks/publishers.py``, the rules those of ``benchmarks/pollers.py``; the seed is fixed. Each policy is
followed for days before the week that counts. An entry that fell out of its feed's window between two fetches was missed. The network is
perfect: what is compared is when each would ask.
"""

from __future__ import annotations

import os
import random
import statistics
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from benchmarks import polling_year
from benchmarks.pollers import Policy, Visit, dateline, entry_frequency, every_hour, media_cloud, visits
from benchmarks.publishers import KINDS, MINUTE, MIXES, WEEK, Kind, publications
from benchmarks.report import Occasion, Section, at_most, show, write
from ingest.schedule import DAY, HOUR

FEEDS = int(os.environ.get("FEEDS", "10000"))
FEEDS_OF_A_MIX = FEEDS // 100
SEED = 20_260_302

DOCUMENT = Path(__file__).parents[1] / "docs" / "polling.md"
ABOUT = (
    "4 % of the feeds are agencies (150 to 500 entries a day), 36 % news sites (8 to 60) and 15 % sections (1 to 8) with office hours and "
    "weekends, 30 % blogs and 15 % dead; the week follows on two days of warming up, for Media Cloud, which moves by ten minutes a fetch, "
    "on ninety. Delay is from publication to sight, missed is what left the feed's window unseen."
)
ABOUT_KINDS = "The same feeds; half of all entries come from the agencies."
ABOUT_MIXES = (
    f"{FEEDS_OF_A_MIX} feeds of each mix (`benchmarks/publishers.py` describes them). Dateline has as many entries to find in a fetch as "
    "make it ask about as often as the other; each figure is its share of the other's."
)
HEAD = ("requests/day", "entries seen", "median delay", "mean", "p95", "missed")
HEAD_OF_MIXES = ("", "beside", "entries a fetch", "requests", "median", "mean", "p95")

RARELY = 25.0  # entries to be found in a fetch with which Dateline asks about as rarely as Media Cloud
DATELINE = Policy("Dateline", dateline)
FIXED = Policy("fixed, 60 min (Miniflux round robin)", every_hour)
MINIFLUX = Policy("Miniflux entry frequency", entry_frequency)
MEDIA_CLOUD = Policy("Media Cloud", media_cloud, since=-90 * DAY)
RARE = Policy(f"Dateline, {RARELY:g} entries a fetch", partial(dateline, entries=RARELY))
POLICIES = (DATELINE, FIXED, MINIFLUX, MEDIA_CLOUD, RARE)


@dataclass
class Score:
    """What a policy came to in the week: requests, entries that it missed, seconds from publication to sight."""

    requests: int = 0
    missed: int = 0
    delays: array[float] = field(default_factory=lambda: array("f"))

    def add(self, visit: Visit) -> None:
        """Count *visit* in."""
        self.requests += 1
        self.missed += sum(at >= 0 for at in visit.missed)
        self.delays.extend(visit.now - at for at in visit.found if at >= 0)


Scores = dict[tuple[Policy, Kind], Score]


class Figures(NamedTuple):
    """Requests a day, entries seen, minutes from publication to sight, and the share of entries that were missed."""

    requests: float
    seen: int
    median: float
    mean: float
    late: float  # the 95th percentile
    missed: float

    def cells(self) -> tuple[str, ...]:
        """Return them for people."""
        delays = (f"{value:.1f} min" for value in (self.median, self.mean, self.late))
        return (f"{self.requests:,.0f}", f"{self.seen:,}", *(delays if self.seen else ("", "", "")), f"{self.missed:.2%}")


def main() -> None:
    """Compare, print the tables and write them into the document."""
    occasion, scores = Occasion(), compare(FEEDS)
    for section in (_overall(scores), _by_kind(scores), _by_mix(), polling_year.section()):
        show(section)
        write(section, occasion, DOCUMENT)


def _overall(scores: Scores) -> Section:
    found = {policy: figures(scores[policy, kind] for kind in KINDS) for policy in POLICIES}
    pairs = ((DATELINE, FIXED), (DATELINE, MINIFLUX), (RARE, MEDIA_CLOUD))
    targets = (
        at_most(f"{ours.name}: {what}, of {theirs.name},", 1.0, getattr(found[ours], name) / getattr(found[theirs], name))
        for ours, theirs in pairs
        for what, name in (("requests", "requests"), ("median", "median"), ("95th percentile", "late"))
    )
    rows = tuple((policy.name, *one.cells()) for policy, one in found.items())
    return Section("polling", f"{FEEDS:,} feeds, a simulated week", ABOUT, ("", *HEAD), rows, tuple(targets))


def _by_kind(scores: Scores) -> Section:
    rows = ((kind.name, one.name, *figures([scores[one, kind]]).cells()) for kind in KINDS for one in (DATELINE, MINIFLUX, FIXED))
    return Section("polling by kind", "By kind of feed", ABOUT_KINDS, ("", "", *HEAD), tuple(rows))


def _by_mix() -> Section:
    rows = tuple(_beside(mix, policy) for mix in MIXES for policy in (FIXED, MINIFLUX, MEDIA_CLOUD))
    return Section("polling by mix", "Other publishers", ABOUT_MIXES, HEAD_OF_MIXES, rows)


def _beside(mix: str, policy: Policy) -> tuple[str, ...]:
    theirs = _figures_of(policy, MIXES[mix])
    entries, ours = _as_often(theirs.requests, MIXES[mix], RARELY if policy is MEDIA_CLOUD else 1.0)
    shares = (getattr(ours, name) / getattr(theirs, name) for name in ("requests", "median", "mean", "late"))
    return (mix, policy.name, f"{entries:.2f}", *(f"{share:.2f}" for share in shares))


def _as_often(requests: float, kinds: Sequence[Kind], entries: float) -> tuple[float, Figures]:
    """Return with how many entries a fetch, *entries* or what trying leads to, Dateline makes about so many *requests*, and its figures."""
    for _ in range(5):
        found = _figures_of(Policy("", partial(dateline, entries=entries)), kinds)
        share = found.requests / requests
        if 0.97 <= share <= 1.0:
            break
        entries *= (share / 0.985) ** 1.5
    return entries, found


def _figures_of(policy: Policy, kinds: Sequence[Kind]) -> Figures:
    return figures(compare(FEEDS_OF_A_MIX, kinds, (policy,)).values())


def compare(count: int, kinds: Sequence[Kind] = KINDS, policies: Sequence[Policy] = POLICIES) -> Scores:
    """Return what each of *policies* came to with *count* feeds of *kinds*."""
    scores = {(policy, kind): Score() for policy in policies for kind in kinds}
    for kind in kinds:
        for number in range(round(count * kind.share)):
            rng = random.Random(f"{SEED} {kind.name} {number}")
            published = publications(kind, rng)
            for policy in policies:
                start = rng.uniform(policy.since, policy.since + HOUR)
                for visit in takewhile(lambda visit: visit.now < WEEK, visits(policy.wait(rng), published, kind.window, start)):
                    if visit.now >= 0:
                        scores[policy, kind].add(visit)
    return scores


def figures(scores: Iterable[Score]) -> Figures:
    """Return what *scores* come to together."""
    scores = tuple(scores)
    delays = sorted(delay / MINUTE for score in scores for delay in score.delays) or [0.0]
    requests, missed = sum(score.requests for score in scores), sum(score.missed for score in scores)
    seen = sum(len(score.delays) for score in scores)
    at = (delays[len(delays) // 2], statistics.fmean(delays), delays[len(delays) * 95 // 100])
    return Figures(requests / 7, seen, *at, missed / max(1, missed + seen))


if __name__ == "__main__":
    main()
