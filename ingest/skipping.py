"""Hours and days at which a feed asks not to be fetched: RSS 2.0's skipHours and skipDays. Pure.

https://www.rssboard.org/skip-hours-days: hours are those of GMT, days are named in English.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")  # as datetime.weekday counts them
MAX_SKIPPED_HOURS = 16  # of a day, and MAX_SKIPPED_DAYS of a week: a feed that asks for more is misconfigured
MAX_SKIPPED_DAYS = 3

_HEAD = 64 * 1024  # characters of a feed in which its channel's own elements are looked for
_LISTS = re.compile(r"<skip(hours|days)\s*>(.{0,2000}?)</skip\1\s*>", re.IGNORECASE | re.DOTALL)
_VALUES = re.compile(r"<(?:hour|day)\s*>\s*(\w{1,9})\s*</", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Skip:
    """*hours* of GMT, 0 to 23, and *days* of the week, Monday being 0, at which not to fetch."""

    hours: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.hours or self.days)

    def wait(self, when: datetime) -> float:
        """Return the seconds from *when*, aware UTC, to the first moment at which fetching is welcome."""
        free = when
        while free.hour in self.hours or free.weekday() in self.days:  # ends: no week is skipped whole
            free = free.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        return (free - when).total_seconds()


NO_SKIP = Skip()


def read_skip(document: str) -> Skip:
    """Return what the feed *document* asks for; more than MAX_SKIPPED_HOURS or MAX_SKIPPED_DAYS are not believed."""
    named = " ".join(word for found in _LISTS.finditer(document[:_HEAD]) for word in _VALUES.findall(found[2]))
    return skip_of(named)


def skip_of(text: str) -> Skip:
    """Return the hours and days that *text* names, as ``text_of`` writes them.

    >>> skip_of("0 24 Sunday never")
    Skip(hours=frozenset({0}), days=frozenset({6}))
    """
    words = text.lower().split()
    hours = frozenset(int(word) % 24 for word in words if word.isascii() and word.isdigit() and int(word) <= 24)
    days = frozenset(DAYS.index(word) for word in words if word in DAYS)
    believed_hours = hours if len(hours) <= MAX_SKIPPED_HOURS else frozenset[int]()
    return Skip(believed_hours, days if len(days) <= MAX_SKIPPED_DAYS else frozenset())


def text_of(skip: Skip) -> str:
    """Return *skip* as it is stored."""
    return " ".join([*map(str, sorted(skip.hours)), *(DAYS[day] for day in sorted(skip.days))])
