"""The weights and the curve that turn the signs of an event into a confidence, read from a data file that a script fits."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stream.errors import ConfigError

INTERCEPT = "(always)"


@dataclass(frozen=True, slots=True)
class Calibration:
    """*weights* by sign, in units of log-odds; *curve* from their sum to a share of right events, both columns rising."""

    bar: float  # an event below it is not emitted
    weights: Mapping[str, float]
    curve: tuple[tuple[float, float], ...]

    def confidence(self, signs: Iterable[str]) -> float:
        """Return the share of events with such *signs* that is right, between 0 and 1; signs without a weight say nothing."""
        return self.on_curve(self.raw(signs))

    def raw(self, signs: Iterable[str]) -> float:
        """Return the sum of the weights of *signs*."""
        return math.fsum([self.weights[sign] for sign in (INTERCEPT, *signs) if sign in self.weights])

    def on_curve(self, raw: float) -> float:
        """Return where *raw* lies on the curve: between its points on a line, beyond its ends as at them."""
        after = bisect_right(self.curve, raw, key=lambda point: point[0])
        if after in {0, len(self.curve)}:
            return self.curve[min(after, len(self.curve) - 1)][1]
        (x0, y0), (x1, y1) = self.curve[after - 1 : after + 1]
        return y0 + (y1 - y0) * (raw - x0) / (x1 - x0)


def parse_calibration(text: str, source: str) -> Calibration:
    """Return the calibration in *text*, a confidence.txt. Raises ConfigError where it is not one."""
    weights: dict[str, float] = {}
    curve: list[tuple[float, float]] = []
    bar = 0.0
    for number, line in enumerate(text.splitlines(), 1):
        kind, *cells = line.split("\t")
        try:
            match kind, cells:
                case "bar", [value]:
                    bar = float(value)
                case "sign", [name, value]:
                    weights[name] = float(value)
                case "point", [raw, value]:
                    curve.append((float(raw), float(value)))
                case _ if line.strip() and not line.startswith(("#", "version\t")):
                    raise ValueError(line)
        except ValueError as e:
            raise ConfigError(f"{source}:{number}: {line!r} is no line of a calibration") from e
    sums, shares = zip(*curve, strict=True) if curve else ((), ())
    if not curve or sorted(sums) != [*sums] or sorted(shares) != [*shares] or shares[0] < 0 or shares[-1] > 1:
        raise ConfigError(f"{source}: the points are no curve that rises from 0 to 1")
    return Calibration(bar, weights, tuple(curve))
