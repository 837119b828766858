"""When in the day a feed publishes, learnt from its entries: how many are to be expected between two moments. Pure.

A feed's hours of the day, UTC, each hold how many entries came in them, an entry counting ever less as weeks go by. What came
lately against what the hours had led to expect scales them all: weekends, holidays, days of great news, and feeds that fell silent.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import accumulate, pairwise
from math import ceil, exp

HOURS = 24
MEMORY = 14.0  # days after which an entry counts for a third
LATELY = 0.5  # days likewise, for what came against what was expected
CAUTION = 3.0  # entries as expected that are taken to have come before anything was seen
SMOOTHING = 1.0  # days at the feed's mean rate that each hour is taken to have seen before
SHORTEST = 0.05  # days that a first look counts as, at least
_HOUR, _DAY = 3600.0, 86_400.0  # seconds


@dataclass(frozen=True)
class Rhythm:
    """What is known of a feed's hours at the moment *at*.

    *hours*: entries that came in each hour of the day, UTC, over *days*; *seen* came lately where *expected* had been. All of them
    fade.
    """

    at: datetime
    days: float
    hours: tuple[float, ...]
    seen: float = 0.0
    expected: float = 0.0

    def rate(self, seconds: float) -> float:
        """Return the entries an hour to be expected in the next *seconds*."""
        return self._entries(seconds) * self._lately / (seconds / _HOUR)

    def owed(self, seconds: float, patience: float) -> float:
        """Return the entries to be expected in the next *seconds*: each counts as one, and once more for every *patience* past the first
        that it is late at their end.
        """
        beyond = max(0.0, seconds - patience)
        return (self._entries(seconds) + self._waiting(beyond) / (patience / _HOUR)) * self._lately

    @property
    def _lately(self) -> float:
        """How many times as many came lately as were expected."""
        return (CAUTION + self.seen) / (CAUTION + self.expected)

    @property
    def _hour(self) -> float:
        return self.at.timestamp() % _DAY / _HOUR

    def _entries(self, seconds: float) -> float:
        """Return the entries that the hours lead to expect in the next *seconds*."""
        return max(0.0, self._before(self._hour + seconds / _HOUR) - self._before(self._hour))

    def _waiting(self, seconds: float) -> float:
        """Return the hours that the entries of the next *seconds* will have waited at their end, all together: their number summed up."""
        first, last = self._hour, self._hour + seconds / _HOUR
        knots = (first, *range(int(first) + 1, ceil(last)), last)  # between which entries come evenly
        numbers = [self._before(knot) - self._before(first) for knot in knots]
        steps = zip(pairwise(knots), pairwise(numbers), strict=True)
        return float(sum((b - a) * (m + n) / 2 for (a, b), (m, n) in steps))

    def _before(self, hour: float) -> float:
        """Return the entries of a day before *hour*, which may lie on a later day."""
        days, left = divmod(hour, HOURS)
        whole = min(int(left), HOURS - 1)
        until = self._until
        return days * until[-1] + until[whole] + (left - whole) * (until[whole + 1] - until[whole])

    @cached_property
    def _until(self) -> Sequence[float]:
        """The entries of a day before each hour, and of the whole day; kept, since a wait is found by asking for many."""
        return (0.0, *accumulate(self._rates()))

    def _rates(self) -> Sequence[float]:
        """Return the entries in each hour of a day, hours beside each other and the whole day smoothing what few entries say."""
        mean, hours = sum(self.hours) / HOURS / self.days, self.hours
        smooth = (0.25 * hours[n - 1] + 0.5 * hours[n] + 0.25 * hours[(n + 1) % HOURS] for n in range(HOURS))
        return [(count + SMOOTHING * mean) / (self.days + SMOOTHING) for count in smooth]

    def after(self, now: datetime, moments: Collection[datetime]) -> Rhythm:
        """Return what is known at *now*, once entries of *moments* came since."""
        days = max(0.0, (now - self.at).total_seconds()) / _DAY
        fade, lately = exp(-days / MEMORY), exp(-days / LATELY)
        hours = [count * fade for count in self.hours]
        for moment in moments:
            hours[moment.astimezone(UTC).hour] += 1.0
        observed = self.days * fade + MEMORY * (1.0 - fade)
        expected = self._entries(days * _DAY)
        return Rhythm(now, observed, tuple(hours), self.seen * lately + len(moments), self.expected * lately + expected)


def first_look(now: datetime, moments: Collection[datetime]) -> Rhythm:
    """Return what a feed shows when it is seen first, entries of *moments*: how often it publishes since the oldest, but not yet when."""
    ages = [(now - moment).total_seconds() / _DAY for moment in moments]
    entries = sum(exp(-age / MEMORY) for age in ages)
    observed = MEMORY * (1.0 - exp(-max(ages, default=0.0) / MEMORY))
    return Rhythm(now, max(SHORTEST, observed), (entries / HOURS,) * HOURS)


def text_of(rhythm: Rhythm | None) -> str:
    """Return *rhythm* as it is stored: when it was so, then its numbers."""
    if rhythm is None:
        return ""
    numbers = (rhythm.days, rhythm.seen, rhythm.expected, *rhythm.hours)
    return " ".join((f"{rhythm.at.timestamp():.0f}", *(f"{number:.4g}" for number in numbers)))


def rhythm_of(text: str) -> Rhythm | None:
    """Return the rhythm that ``text_of`` wrote as *text*, None where that is empty or no rhythm."""
    try:
        at, days, seen, expected, *hours = map(float, text.split())
        return Rhythm(datetime.fromtimestamp(at, UTC), days, tuple(hours), seen, expected) if len(hours) == HOURS and days > 0 else None
    except (ValueError, OverflowError):
        return None
