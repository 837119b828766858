"""Prose that tells of no event (benchmarks/gold/prose.txt): whatever is found in it is false."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.sets import Annotated, events_of
from benchmarks.sets.gold import read_blocks
from benchmarks.sets.score import Score, share


class Prose:
    """The pieces of prose.txt."""

    name = "prose"
    title = "Prose without events"

    def __init__(self) -> None:
        blocks = read_blocks("prose.txt")
        self._texts = {f"prose{n}": (title, lines) for n, (title, lines) in enumerate(blocks.items())}

    def texts(self) -> Sequence[Mapping[str, Any]]:
        """Return the pieces with their titles, published on a day without any news."""
        pieces = {name: "\n\n".join((title.partition(": ")[2], *lines)) for name, (title, lines) in self._texts.items()}
        return [{"id": name, "text": text, "published_at": "2019-05-12T12:00:00Z"} for name, text in pieces.items()]

    def score(self, found: Mapping[str, Annotated]) -> Score:
        """Return how many events are found in 1,000 words."""
        score = Score()
        words = sum(len(line.split()) for _, lines in self._texts.values() for line in lines)
        for name in self._texts:
            for event in events_of(found, name):
                score.classes[event["type"]].false += 1
                score.errors[f"false {event['type']}"] += 1
        false = score.errors.total()
        score.figures = {"words": words, "false_events": false, "false_events_per_1000_words": share(1000 * false, words)}
        return score

    def judge(self, found: Mapping[str, Annotated]) -> Iterator[tuple[str, str, bool]]:
        """Judge every event: all are wrong."""
        for name in self._texts:
            yield from ((name, event["id"], False) for event in events_of(found, name))
