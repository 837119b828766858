"""The sets of gold that the coder is scored on, each a room: what it has read, how it scores, and which events it can judge."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from benchmarks.sets.score import Score

Annotated = Mapping[str, Any]  # an AnnotatedArticle as ``dateline annotate`` prints it


class GoldSet(Protocol):
    """One set of gold. *texts* are the inputs of ``dateline annotate``, ids without a colon; *found* maps their ids to what came out."""

    name: str
    title: str

    def texts(self) -> Sequence[Mapping[str, Any]]:
        """Return what is to be annotated."""
        ...

    def score(self, found: Mapping[str, Annotated]) -> Score:
        """Return the figures; a text without an annotation counts as one without events."""
        ...

    def judge(self, found: Mapping[str, Annotated]) -> Iterator[tuple[str, str, bool]]:
        """Yield (id of the text, id of the event, whether type and parties are right) where the gold allows a judgement."""
        ...


def program(path: Path) -> ModuleType:
    """Return the stand-alone scorer at *path* as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def events_of(found: Mapping[str, Annotated], text_id: str) -> list[dict[str, Any]]:
    """Return the events of one text, surest first; none where the text has no annotation."""
    events = found[text_id]["events"] if text_id in found else []
    return sorted(events, key=lambda event: -event["confidence"])
