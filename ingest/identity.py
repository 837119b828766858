"""Who an entry of a feed is. Pure.

A feed stands on a rung of a ladder: its entries are known by their guid as long as its guids are worth something, else by their
link, by link and date, by these and the title, and at last by their content. A feed steps down where most of its entries have no
key of their own on its rung, and from its guids also where these are not kept (``drifts``); it never steps up again, so that the
keys of what was seen stay. An entry that has no key of its own on the rung of its feed is known by one further down.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from ingest.model import FeedEntry
from ingest.urls import canonical_url, is_home_page, url_key
from storage.feeds import RUNGS, Rung
from storage.sightings import EntryKeys, Memory
from stream.messages import clean_text

MAX_KEY_CHARS = 200  # longer guids and links are hashed: a database key has to be short
ENOUGH = 3  # entries that have to speak against a rung

Keys = tuple[str | None, ...]  # of one entry, one for each of RUNGS


@dataclass(frozen=True, slots=True)
class Identified:
    """An entry with its keys; *canonical* is its link where that is http(s), *own_page* where it leads to this entry alone."""

    entry: FeedEntry
    keys: EntryKeys
    canonical: str | None
    own_page: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What an entry of a fetch is known by: its key, the key of its link where that is its own, and the hash of its text."""

    entry_key: str
    url_key: str | None
    text_hash: str


def identify(feed_id: str, home: str | None, entries: Sequence[FeedEntry], rung: Rung = "guid") -> tuple[Identified, ...]:
    """Return *entries* with their keys, in order, each key once; *home* is the page that the feed names as its own.

    The article id of a new entry comes from its canonical link if that is http(s), no home page and on no other entry of this
    fetch, else from feed and key. Of entries with one key the first stays: feeds list the newest version first.
    """
    home = canonical_url(home)
    kept, keys = _kept(entries, home, rung)
    canonicals = [canonical_url(entry.link) for entry in kept]
    shared = Counter(url_key(canonical) for canonical in canonicals if canonical)
    found: dict[str, Identified] = {}
    for entry, canonical, own in zip(kept, canonicals, keys, strict=True):
        own_page = canonical is not None and shared[url_key(canonical)] == 1 and not is_home_page(canonical, home)
        entry_key, *others = (*filter(None, own[RUNGS.index(rung) :]), *filter(None, own[: RUNGS.index(rung)]))
        url = digest(url_key(canonical)) if canonical and own_page else None
        entry_keys = EntryKeys(entry_key, url, url or digest(f"{feed_id}\n{entry_key}"), tuple(others))
        found.setdefault(entry_key, Identified(entry, entry_keys, canonical, own_page))
    return tuple(found.values())


def settle(entries: Sequence[FeedEntry], home: str | None, stored: Rung) -> Rung:
    """Return the rung that a feed stands on after a fetch of *entries*: *stored*, or the first one below that serves most of them."""
    kept, keys = _kept(entries, canonical_url(home), stored)
    for n, rung in enumerate(RUNGS[RUNGS.index(stored) :], start=RUNGS.index(stored)):
        without = sum(own[n] is None for own in keys)
        if without < ENOUGH or without * 2 <= len(kept):
            return rung
    return RUNGS[-1]


def drifts(seen: Iterable[Seen], memory: Memory) -> bool:
    """Tell whether the guids of a feed do not stay with their entries, by those entries whose link is their own.

    They do not where the feed showed a link before under another guid: a guid made anew at every fetch. Nor where a guid comes with
    another link and another text: one that counts places in the feed. With another link and the text as before, the site moved.
    """
    signs = Counter(sign for one in seen if one.url_key and (sign := _sign(one, memory)))
    return signs["changed"] >= ENOUGH and signs["changed"] > signs["kept"]


def _sign(one: Seen, memory: Memory) -> str | None:
    """Return what one entry says of its guid; None where it was never seen."""
    owner = memory.by_url.get(one.url_key or "")
    known = memory.by_key.get(one.entry_key)
    if known is None:
        return "changed" if owner in memory.shown else None
    article_id, text_hash = known
    return "kept" if owner == article_id or text_hash == one.text_hash else "changed"


def _kept(entries: Sequence[FeedEntry], home: str | None, rung: Rung) -> tuple[tuple[FeedEntry, ...], tuple[Keys, ...]]:
    """Return *entries* without those that are listed twice, and the keys of each: None where another entry has the same."""
    marks = [_marks(entry, home) for entry in entries]
    guids = _alone((guid, link or title or content) for guid, link, _, title, content in marks)  # its mark holds link, date and title
    first: dict[Hashable, int] = {}
    for n, mark in enumerate(marks):
        first.setdefault(mark[0] if rung == "guid" and mark[0] in guids else mark, n)
    alone = [guids, *(_alone((marks[n][place], n) for n in first.values()) for place in range(1, len(RUNGS) - 1))]
    keys = (
        (*(_short(mark[place]) if mark[place] in alone[place] else None for place in range(len(RUNGS) - 1)), mark[-1])
        for mark in (marks[n] for n in first.values())
    )
    return tuple(entries[n] for n in first.values()), tuple(keys)


def _alone(pairs: Iterable[tuple[str | None, Hashable]]) -> frozenset[str]:
    """Return the keys that are always paired with the same."""
    owners: dict[str, set[Hashable]] = defaultdict(set)
    for key, owner in pairs:
        if key:
            owners[key].add(owner)
    return frozenset(key for key, its in owners.items() if len(its) == 1)


def _marks(entry: FeedEntry, home: str | None) -> tuple[str | None, str | None, str | None, str | None, str]:
    """Return what *entry* could be known by, in the order of RUNGS; the link as it is: the canonical form may change with its rules."""
    link, canonical = _stripped(entry.link), canonical_url(entry.link)
    date = entry.published_at.isoformat() if entry.published_at else ""
    return (
        _stripped(entry.guid) or None,
        link if canonical and not is_home_page(canonical, home) else None,
        "date:" + digest("\n".join((link, date))) if date else None,
        "title:" + digest("\n".join((link, date, entry.title))) if entry.title else None,
        "content:" + digest("\n".join((entry.title, entry.summary, entry.content))),
    )


def _stripped(text: str | None) -> str:
    return clean_text(text).strip() if text else ""


def _short(key: str | None) -> str | None:
    return key if key is None or len(key) <= MAX_KEY_CHARS else "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def digest(text: str) -> str:
    """Return 32 hex digits that change with *text*."""
    return hashlib.sha256(clean_text(text).encode()).hexdigest()[:32]
