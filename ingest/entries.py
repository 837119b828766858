"""Writing a feed's entries down: drafts first, then decisions, made on the thread that holds the transaction.

In between, the texts that are new are signed: that takes longer than all the rest, and is done in a child.

An entry that cannot be drafted or written is logged and left out, and keeps none of the others from going out.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Engine

from ingest.article import Draft, Rendered, decide_entry, draft_of, render, wants_page
from ingest.identity import Identified, Seen, drifts, identify, settle
from ingest.model import ParsedFeed
from ingest.outcome import brief
from storage import sightings
from storage.feeds import Feed, Rung
from storage.leases import FeedLease
from storage.revisions import Known
from storage.sightings import NOTHING_SEEN, Memory, Write, Written, recall
from stream.errors import NOT_THE_INPUT

MAX_LEFT_OUT = 100  # entries of one fetch; with more it is not the entries

log = logging.getLogger("dateline.ingest")


@dataclass(frozen=True, slots=True)
class _Drafted:
    item: Identified
    draft: Draft
    rendered: Rendered
    page_wanted: bool

    def signed(self, minhash: str | None) -> _Drafted:
        return replace(self, rendered=replace(self.rendered, minhash=minhash))


@dataclass(frozen=True, slots=True)
class Drafts:
    """The entries of one fetch as they are known on *rung*, drafted before the transaction so that it is short.

    *faults* are what went wrong with those that had to be left out.
    """

    rung: Rung
    entries: tuple[_Drafted, ...]
    faults: tuple[Exception, ...]
    memory: Memory = NOTHING_SEEN

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts that may go out now: those that the feed did not show before."""
        return tuple(one.rendered.text for one in self.entries if self._may_go_out(one))

    def signed(self, signatures: Iterable[str | None]) -> Drafts:
        """Return the same with the *signatures* of ``texts``."""
        left = iter(signatures)
        return replace(self, entries=tuple(one.signed(next(left)) if self._may_go_out(one) else one for one in self.entries))

    def _may_go_out(self, one: _Drafted) -> bool:
        _, text_hash = self.memory.by_key.get(one.item.keys.entry_key, (None, None))
        return not one.page_wanted and text_hash != one.rendered.digest


class WrittenDown(NamedTuple):
    """What was written, how many entries had to be left out, and what the entries of the feed are known by."""

    written: Written
    left_out: int
    rung: Rung


def draft(engine: Engine, lease: FeedLease, parsed: ParsedFeed, fetched_at: datetime) -> Drafts:
    """Return what is to be written down of *parsed*, by what was seen of the feed before."""
    drafts = _draft(lease, parsed, settle(parsed.entries, parsed.link, lease.feed.rung), fetched_at)
    drafts = replace(drafts, memory=_recalled(engine, lease.feed, drafts))
    if drafts.rung == "guid" and _drifts(drafts):
        drafts = _draft(lease, parsed, settle(parsed.entries, parsed.link, "link"), fetched_at)
    return drafts


def write_down(engine: Engine, lease: FeedLease, drafts: Drafts, page_wait: float) -> WrittenDown:
    """Write *drafts* down and return what came of it.

    An entry that waits for its page does so for *page_wait* seconds at most.
    """
    faults = list(drafts.faults)
    return WrittenDown(_write(engine, lease, drafts.entries, page_wait, faults), len(faults), drafts.rung)


def _draft(lease: FeedLease, parsed: ParsedFeed, rung: Rung, fetched_at: datetime) -> Drafts:
    drafted: list[_Drafted] = []
    faults: list[Exception] = []
    for item in identify(lease.feed.feed_id, parsed.link, parsed.entries, rung):
        try:
            draft = draft_of(lease.feed, parsed, item, fetched_at)
            drafted.append(_Drafted(item, draft, render(draft), wants_page(lease.feed, item, draft)))
        except Exception as e:
            _leave_out(lease, item, e, faults)
    return Drafts(rung, tuple(drafted), tuple(faults))


def _recalled(engine: Engine, feed: Feed, drafts: Drafts) -> Memory:
    return recall(engine, feed.feed_id, [one.item.keys for one in drafts.entries])


def _drifts(drafts: Drafts) -> bool:
    seen = (Seen(one.item.keys.entry_key, one.item.keys.url_key, one.rendered.digest) for one in drafts.entries)
    return drifts(seen, drafts.memory)


def _write(engine: Engine, lease: FeedLease, part: Sequence[_Drafted], page_wait: float, faults: list[Exception]) -> Written:
    """Write *part* in one transaction; where that fails for good, its halves, until what is to blame is alone and joins *faults*."""

    def decide(index: int, known: Known) -> Write:
        one = part[index]
        return decide_entry(one.draft, one.rendered, known, page_wanted=one.page_wanted, page_wait=page_wait)

    try:
        return sightings.write_entries(engine, lease, [one.item.keys for one in part], decide)
    except NOT_THE_INPUT:
        raise
    except Exception as e:
        if len(faults) >= MAX_LEFT_OUT or not part:
            raise  # it is not the entries
        if len(part) == 1:
            _leave_out(lease, part[0].item, e, faults)
            return Written(0, 0, (), 0)
    middle = len(part) // 2
    first, second = (_write(engine, lease, half, page_wait, faults) for half in (part[:middle], part[middle:]))
    return Written(
        first.new + second.new,
        first.changed + second.changed,
        first.outbox + second.outbox,
        first.pages + second.pages,
        first.known + second.known,
    )


def _leave_out(lease: FeedLease, item: Identified, error: Exception, faults: list[Exception]) -> None:
    faults.append(error)
    told = {"feed_id": lease.feed.feed_id, "feed_url": lease.feed.url, "entry_key": item.keys.entry_key}
    log.error("an entry cannot be written down: %s: %s", type(error).__name__, brief(str(error)), extra=told)
