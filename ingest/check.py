"""Looking at one feed step by step, for ``dateline feeds check``; writes nothing."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from ingest.article import SHORT_TEXT, language_code
from ingest.children import Children
from ingest.fetch import Session, fetch, make_session
from ingest.identity import identify, settle
from ingest.indexes import with_parts
from ingest.model import Failed, Fetched, ParsedFeed
from ingest.outcome import in_brackets
from ingest.parse import ParseError, parse
from ingest.schedule import FeedState, Limits, Published, next_fetch
from ingest.taken import limits_of
from stream.errors import ChildLost
from stream.settings import Settings


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What ``dateline feeds check`` found: one line a step; *problem* is None where the feed can be read."""

    url: str
    steps: tuple[str, ...]
    problem: str | None = None
    entries: int = 0

    @property
    def ok(self) -> bool:
        """Whether the feed can be read."""
        return self.problem is None

    def as_row(self) -> dict[str, Any]:
        """Return the report as a flat mapping."""
        return {**asdict(self), "ok": self.ok}


def check_feed(settings: Settings, url: str, country: str | None = None) -> CheckReport:
    """Return what fetching and reading the feed at *url*, of an outlet in *country*, gives, step by step; writes nothing."""
    return asyncio.run(_check(settings, url, country))


async def _check(settings: Settings, url: str, country: str | None) -> CheckReport:
    children = Children(1)
    try:
        async with make_session(settings) as session:
            return await _checked(settings, session, children, url, country)
    finally:
        children.close()


async def _checked(settings: Settings, session: Session, children: Children, url: str, country: str | None) -> CheckReport:
    result = await fetch(session, url)
    if isinstance(result, Failed):
        return CheckReport(url, (f"fetch: failed ({result.kind})",), result.message)
    if not isinstance(result, Fetched):
        return CheckReport(url, ("fetch: gone",), "410 Gone: the publisher ended this feed")
    steps = _fetch_steps(url, result)
    try:
        read = await children.run(parse, result.url, result.body, result.media_type, result.charset, country)
        parsed = await with_parts(session, children, read, country)
    except (ParseError, ChildLost) as e:
        return CheckReport(url, (*steps, "parse: failed"), str(e))
    return CheckReport(url, (*steps, *_parse_steps(url, parsed, result, limits_of(settings))), None, len(parsed.entries))


def _fetch_steps(url: str, result: Fetched) -> tuple[str, ...]:
    steps = [f"fetch: {len(result.body):,} bytes of {result.media_type or 'no named type'}"]
    if result.url != url:
        steps.append(f"redirect: {'for good' if result.permanent_url == result.url else 'for now'}, to {result.url}")
    known = [name for name, value in (("ETag", result.validators.etag), ("Last-Modified", result.validators.last_modified)) if value]
    steps.append(f"unchanged answers: {'by ' + ' and '.join(known) if known else 'not announced; the body is compared'}")
    return tuple(steps)


def _parse_steps(url: str, parsed: ParsedFeed, result: Fetched, limits: Limits) -> tuple[str, ...]:
    now = datetime.now(UTC)
    rung = settle(parsed.entries, parsed.link, "guid")
    items = identify("", parsed.link, parsed.entries, rung)
    dates = tuple(entry.published_at for entry in parsed.entries if entry.published_at)
    short = sum(item.own_page and max(len(item.entry.summary), len(item.entry.content)) < SHORT_TEXT for item in items)
    plan = next_fetch(FeedState(url), result, Published(len(items), dates, parsed.ttl, skip=parsed.skip), now, 0.0, limits)
    return (
        f"parse: {parsed.format}, {parsed.title!r}, {len(parsed.entries)} entries" + in_brackets(parsed.note),
        f"language: {language_code(parsed.language) or 'not said'}",
        f"identity: by {rung}, {len(items)} different entries",
        f"dates: {len(dates)} of {len(parsed.entries)} entries" + (f", the newest {max(dates):%Y-%m-%d %H:%M} UTC" if dates else ""),
        f"text: {short} of {len(items)} entries give under {SHORT_TEXT} characters, so that their pages would be fetched",
        f"schedule: it would be fetched again after {plan.delay / 60:.0f} minutes ({plan.why})",
    )
