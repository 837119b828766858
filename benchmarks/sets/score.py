"""What a set of gold says of the coder."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field


@dataclass
class Counts:
    """How many were found rightly, found wrongly, missed."""

    right: int = 0
    false: int = 0
    missed: int = 0

    @property
    def precision(self) -> float | None:
        """Return the share of what was found that is right."""
        return share(self.right, self.right + self.false)

    @property
    def recall(self) -> float | None:
        """Return the share of what is to be found that was found."""
        return share(self.right, self.right + self.missed)

    @property
    def f1(self) -> float | None:
        """Return the harmonic mean of the two."""
        return share(2 * self.right, 2 * self.right + self.false + self.missed)


@dataclass
class Score:
    """Figures in the order in which they are shown, counts by event type, and how often which kind of error was made."""

    figures: dict[str, float | int | str | None] = field(default_factory=dict)
    classes: defaultdict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    errors: Counter[str] = field(default_factory=Counter)


def share(part: float, whole: float) -> float | None:
    """Return *part* / *whole* to three places; None where there is nothing to share."""
    return round(part / whole, 3) if whole else None
