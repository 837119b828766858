"""Logs: one line an outcome with its ids; readable on a terminal, JSON in a container."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from stream.settings import Settings

SHOWN = 3  # of a list of ids, on a terminal


def configure_logging(settings: Settings, worker: str) -> None:
    """Send every log line of this process to standard error in the format that *settings* names, *worker* on each."""
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        lambda _logger, _name, event: {**event, "worker": worker},
    ]
    last: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
        if as_json
        else [_shortened, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    for library in ("kafka", "alembic", "trafilatura", "aiohttp.access", "htmldate", "courlan"):
        logging.getLogger(library).setLevel(logging.ERROR)


def _shortened(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Return *event* with the first few of each list, and how many there are."""
    return {name: _first(value) if isinstance(value, list) else value for name, value in event.items()}


def _first(values: list[object]) -> str:
    more = f" … {len(values)} in all" if len(values) > SHOWN else ""
    return ", ".join(map(str, values[:SHOWN])) + more
