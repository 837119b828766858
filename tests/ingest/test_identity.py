"""Who an entry is, on every rung of the ladder."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ingest.identity import Seen, drifts, identify, settle
from ingest.model import FeedEntry
from storage.feeds import Rung
from storage.sightings import Memory

LINK = "https://example.org/news/1"
HOME = "https://example.org/"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def keys(*entries: FeedEntry, home: str | None = None, feed_id: str = "f1") -> list[str]:
    return [item.keys.entry_key for item in identify(feed_id, home, entries)]


def ids(*entries: FeedEntry, home: str | None = None, feed_id: str = "f1") -> list[str]:
    return [item.keys.fresh_id for item in identify(feed_id, home, entries)]


def test_entry_key_is_the_guid_else_the_link_else_the_content() -> None:
    found = keys(FeedEntry(guid=" g1 ", link=LINK), FeedEntry(link=LINK + "?utm_source=rss", title="b"), FeedEntry(summary="c"))
    assert found[0] == "g1"
    assert keys(FeedEntry(link=LINK + "?utm_source=rss")) == [LINK + "?utm_source=rss"]
    assert found[2].startswith("content:")
    assert found[2] != keys(FeedEntry(summary="d"))[0]


def test_long_keys_are_hashed_and_stay_apart() -> None:
    one, other = keys(FeedEntry(guid="g" * 5000), FeedEntry(guid="g" * 5001))
    assert one != other
    assert len(one) < 100


def test_a_guid_on_several_links_is_no_guid() -> None:
    assert keys(FeedEntry(guid="1", link=LINK), FeedEntry(guid="1", link=LINK + "2")) == [LINK, LINK + "2"]


def test_an_entry_listed_twice_counts_once_in_its_first_version() -> None:
    (item,) = identify("f1", None, [FeedEntry(guid="1", link=LINK, title="new"), FeedEntry(guid="1", link=LINK, title="old")])
    assert item.entry.title == "new"
    assert item.own_page


def test_order_of_the_feed_is_kept() -> None:
    assert keys(*(FeedEntry(guid=str(n)) for n in (3, 1, 2))) == ["3", "1", "2"]


def test_article_id_comes_from_the_canonical_link_in_whatever_feed() -> None:
    (one,) = ids(FeedEntry(guid="1", link=LINK), feed_id="f1")
    (other,) = ids(FeedEntry(guid="x", link="http://EXAMPLE.org/news/1?utm_source=rss#top"), feed_id="f2")
    assert one == other
    assert len(one) == 32
    assert set(one) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    "entries",
    [
        (FeedEntry(guid="1", link="https://example.org/"),),
        (FeedEntry(guid="1", link="https://example.org/world"),),
        (FeedEntry(guid="1", link="mailto:desk@example.org"),),
        (FeedEntry(guid="1"),),
        (FeedEntry(guid="1", link=LINK), FeedEntry(guid="2", link=LINK + "#second")),
    ],
)
def test_without_a_link_of_its_own_an_entry_is_known_by_feed_and_key(entries: tuple[FeedEntry, ...]) -> None:
    home = "https://example.org/world"
    found = identify("f1", home, entries)
    assert [(None, False)] * len(entries) == [(item.keys.url_key, item.own_page) for item in found]
    assert len({*ids(*entries, home=home), *ids(*entries, home=home, feed_id="f2")}) == 2 * len(entries)


def entry(n: int, *, guid: str | None = None, link: str | None = None, dated: bool = True, title: str | None = None) -> FeedEntry:
    """An entry with a title, text and date of its own, and what else is given."""
    published = NOON - timedelta(hours=n) if dated else None
    return FeedEntry(guid=guid, link=link, title=f"Title {n}" if title is None else title, summary=f"Text {n}", published_at=published)


FIVE = range(5)


@pytest.mark.parametrize(
    ("entries", "stored", "expected"),
    [
        # guids that are good
        ([entry(n, guid=f"g{n}", link=f"{LINK}{n}") for n in FIVE], "guid", "guid"),
        ([entry(n, guid=f"g{n}") for n in FIVE], "guid", "guid"),
        ([entry(n, guid=f"g{n}", link=HOME) for n in FIVE], "guid", "guid"),
        ([entry(n, guid=f"g{n}", link=LINK) for n in FIVE], "guid", "guid"),
        # an entry listed twice, also in two versions, says nothing against its guid
        ([entry(n % 2, guid=f"g{n % 2}", link=f"{LINK}{n % 2}") for n in range(6)], "guid", "guid"),
        ([entry(n, guid=f"g{n % 2}", link=f"{LINK}{n % 2}") for n in range(6)], "guid", "guid"),
        # one guid for all
        ([entry(n, guid="0", link=f"{LINK}{n}") for n in FIVE], "guid", "link"),
        ([entry(n, guid=HOME, link=HOME) for n in FIVE], "guid", "link-date"),
        ([entry(n, guid="0") for n in FIVE], "guid", "link-date"),
        ([entry(n, guid="0", link=HOME, dated=False) for n in FIVE], "guid", "link-date-title"),
        ([FeedEntry(guid="0", link=HOME, summary=f"Text {n}") for n in FIVE], "guid", "content"),
        # no guids
        ([entry(n, link=f"{LINK}{n}") for n in FIVE], "guid", "link"),
        ([entry(n, link=LINK) for n in FIVE], "guid", "link-date"),
        ([entry(0, link=LINK, title=f"Title {n}") for n in FIVE], "guid", "link-date-title"),
        # most of them decide
        ([entry(n, guid=f"g{n}" if n else None, link=f"{LINK}{n}") for n in FIVE], "guid", "guid"),
        ([entry(n, guid=f"g{n}" if n < 2 else "0", link=f"{LINK}{n}") for n in FIVE], "guid", "link"),
        ([entry(n, guid=f"g{n}" if n < 3 else "0", link=f"{LINK}{n}") for n in FIVE], "guid", "guid"),
        # too few to say
        ([entry(n, guid="0", link=f"{LINK}{n}") for n in range(2)], "guid", "guid"),
        ([], "guid", "guid"),
        # never up again
        ([entry(n, guid=f"g{n}", link=f"{LINK}{n}") for n in FIVE], "link", "link"),
        ([entry(n, guid=f"g{n}", link=HOME) for n in FIVE], "link", "link-date"),
        ([entry(n, guid=f"g{n}", link=f"{LINK}{n}") for n in FIVE], "content", "content"),
    ],
)
def test_a_feed_stands_where_most_of_its_entries_have_a_key_of_their_own(entries: list[FeedEntry], stored: Rung, expected: Rung) -> None:
    assert settle(entries, HOME, stored) == expected


def test_entries_with_one_guid_and_no_page_of_their_own_are_not_taken_for_one() -> None:
    found = identify("f1", HOME, [entry(n, guid="0", link=HOME) for n in FIVE])
    assert len(found) == 5


@pytest.mark.parametrize("rung", ["guid", "link", "link-date", "link-date-title", "content"])
def test_an_entry_without_a_key_on_the_rung_of_its_feed_is_known_by_one_further_down(rung: Rung) -> None:
    bare = FeedEntry(summary="Text alone.")
    first, last = identify("f1", HOME, [entry(1, guid="g1", link=LINK), bare], rung)
    expected = {"guid": "g1", "link": LINK, "link-date": "date:", "link-date-title": "title:", "content": "content:"}[rung]
    assert first.keys.entry_key.startswith(expected)
    assert len(first.keys.others) == 4
    assert last.keys.entry_key.startswith("content:")


def test_the_text_may_change_and_the_key_stays_on_every_rung_but_the_last() -> None:
    before = FeedEntry(guid="g1", link=LINK, title="T", summary="Before.", published_at=NOON)
    after = FeedEntry(guid="g1", link=LINK, title="T", summary="After.", published_at=NOON)
    for rung in ("guid", "link", "link-date", "link-date-title"):
        (one,), (other,) = (identify("f1", HOME, [version], rung) for version in (before, after))  # type: ignore[arg-type]
        assert one.keys.entry_key == other.keys.entry_key


def seen(n: int, guid: str, *, url: str | None = "u", text: str = "t") -> Seen:
    return Seen(guid, f"{url}{n}" if url else None, f"{text}{n}")


BEFORE = Memory(
    {f"g{n}": (f"a{n}", f"t{n}") for n in FIVE}, {f"u{n}": f"a{n}" for n in FIVE}, frozenset(f"a{n}" for n in FIVE)
)  # what five good entries leave


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([seen(n, f"g{n}") for n in FIVE], False),
        ([seen(n, f"g{n}", text="changed") for n in FIVE], False),
        ([seen(n, f"new{n}") for n in FIVE], True),  # made anew at every fetch
        ([seen(n, f"new{n}", url="v") for n in FIVE], False),  # news
        ([seen(n, f"new{n}", url=None) for n in FIVE], False),  # nothing to tell by
        ([seen(n, f"g{n}", url="v", text="other") for n in FIVE], True),  # places in the feed
        ([seen(n, f"g{n}", url="v") for n in FIVE], False),  # the site moved
        ([seen((n + 1) % 5, f"g{n}") for n in FIVE], True),
        ([seen(0, "new0"), seen(1, "new1")], False),  # too few
        ([seen(n, f"new{n}" if n < 2 else f"g{n}") for n in FIVE], False),
        ([seen(n, f"new{n}" if n < 3 else f"g{n}") for n in FIVE], True),
        ([], False),
    ],
)
def test_guids_that_do_not_stay_with_their_entries_are_seen_by_the_links(entries: list[Seen], expected: bool) -> None:
    assert drifts(entries, BEFORE) is expected
