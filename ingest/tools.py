"""What the work on feeds and the work on pages share in one worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ingest.children import Children
from ingest.fetch import Session
from ingest.outcome import Outcome
from ingest.publish import Publisher
from ingest.rim import Rim
from stream.settings import Settings


@dataclass(frozen=True, slots=True)
class Tools:
    """Ways to the database, the web, the parsers and the broker; *report* takes what came of each fetch, *brake* says why to wait."""

    settings: Settings
    rim: Rim
    session: Session
    children: Children
    publisher: Publisher
    report: Callable[[Outcome], None]
    brake: Callable[[], str | None]
