"""Who an entry is, what its text is, and when it is worth a revision."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ingest.article import (
    MAX_CHANGES,
    RANKS,
    Draft,
    completed,
    compose_text,
    dated,
    decide_entry,
    decide_page,
    draft_of,
    is_news,
    language_code,
    payload_of,
    render,
    wants_page,
)
from ingest.fulltext import PageText
from ingest.identity import identify
from ingest.minhash import minhash_of
from ingest.model import FeedEntry, ParsedFeed
from storage.feeds import Feed, FullText
from storage.revisions import Known, Sighting
from storage.sightings import Write
from stream.broker import MAX_RECORD_BYTES
from stream.messages import MAX_TEXT_CHARS, Article, decode

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LINK = "https://example.org/news/1"


def feed(full_text: FullText = "auto", language: str | None = None) -> Feed:
    return Feed(
        "f0123456789abcdef", "https://example.org/feed", "Example", "Example News", "GBR", language, full_text, "active", None, NOW,
        None, None, None, None, 0, None, None, None, NOW, None, 0,
    )  # fmt: skip


def known(revision: int = 0, rank: str = "", text_hash: str = "", *, waiting: bool = False, sighting: Sighting | None = None) -> Known:
    return Known("a" * 32, NOW, revision, RANKS.get(rank, 0), text_hash, waiting, sighting)  # type: ignore[call-overload]


def draft(**said: str) -> Draft:
    return Draft.model_validate({"feed_id": "f1", "entry_key": "1", "link": LINK, "url": LINK, "title": "Ministers meet", **said})


def decided(draft: Draft, before: Known, *, page_wanted: bool = False) -> Write:
    return decide_entry(draft, render(draft), before, page_wanted=page_wanted, page_wait=600.0)


# Text


@pytest.mark.parametrize(
    ("title", "summary", "body", "expected"),
    [
        ("T", "S.", "B.", "T\n\nS.\n\nB."),
        ("T", "", "B.", "T\n\nB."),
        ("T", "S.", "", "T\n\nS."),
        ("", "S.", "", "S."),
        ("T", "", "", "T"),
        ("", "", "", ""),
        ("T", "Talks began on…", "Paris — Talks  began, on Monday.", "T\n\nParis — Talks  began, on Monday."),
        ("Talks begin", "TALKS BEGIN.", "", "Talks begin"),
        ("T", "…", "B.", "T\n\n…\n\nB."),
        (" T ", "\nS.\n", " B. ", "T\n\nS.\n\nB."),
        ("a\x00b", "\ud800.", "", "a\ufffdb\n\n\ufffd."),
    ],
)
def test_text_is_title_summary_and_body_each_said_once(title: str, summary: str, body: str, expected: str) -> None:
    assert (expected, False) == compose_text(title, summary, body)


@pytest.mark.parametrize(("over", "truncated"), [(0, False), (1, True)])
def test_text_is_cut_at_the_limit_in_code_points(over: int, truncated: bool) -> None:
    text, cut = compose_text("T", "", "\U0001f4f0" * (MAX_TEXT_CHARS - 3 + over))
    assert (MAX_TEXT_CHARS, truncated) == (len(text), cut)


@pytest.mark.parametrize(
    ("said", "page", "source"),
    [
        ({}, "", "title"),
        ({"summary": "Ministers meet."}, "", "title"),
        ({"summary": "They met."}, "", "summary"),
        ({"summary": "They met.", "content": "They met. Then they left."}, "", "content"),
        ({"summary": "They met."}, "They met in Paris.", "page"),
        ({"content": "They met in Paris and left for Rome."}, "Please accept.", "content"),
    ],
)
def test_source_is_where_the_longest_text_comes_from(said: dict[str, str], page: str, source: str) -> None:
    assert source == render(draft(**said), page).source


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (("en",), "en"), (("en-GB",), "en"), (("EN_us",), "en"), (("eng",), "en"), (("ger",), "de"), (("deu",), "de"),
        (("zh-Hant-TW",), "zh"), (("iw",), "he"), (("in-ID",), "id"), (("en,fr",), "en"), (("pt;q=1",), "pt"),
        ((None, "", "fr"), "fr"), (("english", "xx", "es"), "es"), (("english",), None), ((), None),
    ],
)  # fmt: skip
def test_language_is_the_first_tag_with_a_two_letter_code(tags: tuple[str | None, ...], expected: str | None) -> None:
    assert expected == language_code(*tags)


def test_operator_goes_before_entry_and_entry_before_feed() -> None:
    entry, parsed = FeedEntry(guid="1", title="T", language="fr"), ParsedFeed("rss20", language="de")
    (item,) = identify("f1", None, [entry])
    assert [draft_of(feed(language=code), parsed, item, NOW).language for code in ("es", None)] == ["es", "fr"]


@pytest.mark.parametrize(("hours", "expected"), [(-400.0, -400.0), (0.0, 0.0), (0.9, 0.0), (24.0 * 365, 0.0)])
def test_a_date_ahead_of_the_fetch_is_that_of_the_fetch(hours: float, expected: float) -> None:
    found = dated(NOW + timedelta(hours=hours), "published", NOW)
    source = "published" if hours == expected else "published, ahead of the fetch"
    assert found == {"published_at": NOW + timedelta(hours=expected), "published_at_source": source}


def test_no_date_has_no_source() -> None:
    assert dated(None, "published", NOW) == {"published_at": None, "published_at_source": None}


# Revisions

HASH, OTHER = "h1", "h2"


@pytest.mark.parametrize(
    ("own", "before", "expected"),
    [
        # first of all
        (("summary", HASH), known(), True),
        # a further sighting in another feed: only if it ranks higher
        (("summary", OTHER), known(1, "summary", HASH), False),
        (("content", OTHER), known(1, "summary", HASH), True),
        (("content", HASH), known(1, "summary", HASH), False),
        (("summary", OTHER), known(1, "page", HASH), False),
        # the feed gave it before
        (("summary", HASH), known(1, "summary", HASH, sighting=Sighting(2, HASH)), False),
        (("summary", OTHER), known(1, "summary", HASH, sighting=Sighting(2, HASH)), True),
        (("summary", HASH), known(2, "summary", HASH, sighting=Sighting(2, OTHER)), False),
        (("summary", OTHER), known(1, "content", HASH, sighting=Sighting(2, HASH)), False),
        (("content", OTHER), known(1, "summary", HASH, sighting=Sighting(2, HASH)), True),
        # a page that could not be had is not asked for at every fetch, but again when the entry changes
        (("page", HASH), known(1, "summary", HASH, sighting=Sighting(4, HASH)), False),
        (("page", OTHER), known(1, "summary", HASH, sighting=Sighting(4, HASH)), True),
        (("page", OTHER), known(1, "page", "of the page", sighting=Sighting(4, HASH)), True),
        # waiting for its page
        (("page", HASH), known(waiting=True), False),
        (("summary", OTHER), known(waiting=True), False),
        (("content", OTHER), known(waiting=True), True),
        (("page", OTHER), known(waiting=True, sighting=Sighting(4, HASH)), True),
        (("page", HASH), known(waiting=True, sighting=Sighting(4, HASH)), False),
    ],
)
def test_news_is_what_ranks_higher_or_what_a_feed_changed_itself(own: tuple[str, str], before: Known, expected: bool) -> None:
    assert expected == is_news(before, Sighting(RANKS[own[0]], own[1]))  # type: ignore[index]


def test_an_entry_that_changes_at_every_fetch_is_cut_off() -> None:
    state = known()
    published = 0
    for clock in range(40):
        write = decided(draft(summary=f"It is {clock} o'clock."), state)
        if write.publish:
            published += 1
            state = known(write.publish.revision, "summary", write.publish.text_hash, sighting=write.sighting)
        else:
            state = known(state.revision, "summary", state.text_hash, sighting=write.sighting)
    assert published == 1 + MAX_CHANGES


def test_publication_carries_the_whole_article() -> None:
    entry = FeedEntry(
        "g1", LINK + "?utm_source=x", "Ministers\n meet", "They met.", "", ("A. Writer",), ("World",), "en-GB", NOW, "published"
    )
    (item,) = identify("f1", None, [entry])
    write = decided(draft_of(feed(), ParsedFeed("rss20"), item, NOW), known())
    assert write.publish is not None
    assert decode(Article, write.publish.payload) == Article(
        id="a" * 32,
        revision=1,
        feed_id="f0123456789abcdef",
        entry_key="g1",
        url=LINK,
        link=LINK + "?utm_source=x",
        outlet="Example News",
        country="GBR",
        language="en",
        title="Ministers meet",
        text="Ministers meet\n\nThey met.",
        text_source="summary",
        authors=("A. Writer",),
        categories=("World",),
        published_at=NOW,
        published_at_source="published",
        first_seen_at=NOW,
    )


def test_the_largest_article_fits_into_a_record() -> None:
    worst = "\x01" * 300_000
    entry = FeedEntry(worst, "https://example.org/" + "\x01" * 300_000, worst, worst, worst, (worst,) * 999, (worst,) * 999)
    (item,) = identify("f1", None, [entry])
    write = decided(draft_of(feed("never"), ParsedFeed("rss20"), item, NOW), known())
    assert write.publish is not None
    assert len(write.publish.payload) < MAX_RECORD_BYTES


@pytest.mark.parametrize(
    ("full_text", "chars", "link", "expected"),
    [
        ("auto", 399, LINK, True),
        ("auto", 400, LINK, False),
        ("always", 4000, LINK, True),
        ("never", 0, LINK, False),
        ("always", 0, "https://example.org/", False),
        ("always", 0, "mailto:desk@example.org", False),
    ],
)
def test_pages_are_wanted_where_the_feed_is_set_to_it_or_short(full_text: FullText, chars: int, link: str, expected: bool) -> None:
    (item,) = identify("f1", None, [FeedEntry(link=link, guid="1", summary="x" * chars)])
    assert expected == wants_page(feed(full_text), item, draft_of(feed(full_text), ParsedFeed("rss20"), item, NOW))


def waiting(before: Known, **said: str) -> str:
    write = decided(draft(**said), before, page_wanted=True)
    assert write.page is not None
    assert (write.page.host, write.page.url, write.page.wait) == ("example.org", LINK, 600.0)
    assert write.sighting.text_rank == RANKS["page"]
    return write.page.payload


def test_an_entry_that_waits_goes_out_with_its_page() -> None:
    publication = decide_page(PageText("They met in Paris."), waiting(known(), summary="They met"), known(waiting=True))
    assert publication is not None
    article = decode(Article, publication.payload)
    assert (article.revision, article.text_source, article.text) == (1, "page", "Ministers meet\n\nThey met in Paris.")


def test_an_entry_whose_page_fails_goes_out_with_what_the_feed_gave() -> None:
    publication = decide_page(None, waiting(known(), summary="They met."), known(waiting=True))
    assert publication is not None
    assert (publication.revision, decode(Article, publication.payload).text_source) == (1, "summary")


@pytest.mark.parametrize(
    ("rank", "text_hash", "seen", "page", "revision"),
    [
        ("summary", HASH, False, PageText("They met in Paris."), 2),
        ("summary", HASH, False, None, None),
        ("summary", HASH, True, None, 2),
        ("page", HASH, True, PageText("They met in Paris."), 2),
        ("page", HASH, False, PageText("They met in Paris."), None),
        ("page", HASH, True, None, None),
        ("page", render(draft(), "They met in Paris.").digest, True, PageText("They met in Paris."), None),
    ],
)
def test_a_page_is_a_revision_where_it_says_more_than_what_is_out(
    rank: str, text_hash: str, seen: bool, page: PageText | None, revision: int | None
) -> None:
    before = known(1, rank, text_hash, sighting=Sighting(4, "before")) if seen else known()
    payload = waiting(before, summary="They met.")
    publication = decide_page(page, payload, known(1, rank, text_hash, waiting=True))
    assert revision == (publication.revision if publication else None)


def test_a_page_fills_in_what_the_feed_left_out_and_nothing_else() -> None:
    page = PageText("Text.", "Page title", "de-AT", ("P. Author",), NOW)
    bare = Draft(feed_id="f1", entry_key="1")
    filled = completed(bare, page, NOW)
    assert (
        filled.title,
        filled.language,
        filled.authors,
        filled.published_at,
        filled.published_at_source,
    ) == ("Page title", "de", ("P. Author",), NOW, "page")
    said = {"title": "T", "language": "en", "authors": ("A",), "published_at": NOW - timedelta(1), "published_at_source": "updated"}
    own = Draft.model_validate({"feed_id": "f1", "entry_key": "1", **said})
    assert own == completed(own, page, NOW)
    assert completed(bare, PageText("Text.", published_at=NOW + timedelta(days=2)), NOW).published_at == NOW


def test_what_a_feed_gives_is_bounded() -> None:
    entry = FeedEntry(guid="1", link=LINK, title="word " * 1_800_000, summary="s" * 900_000, content="c" * 9_000_000, authors=("a" * 9999,))
    (item,) = identify("f1", None, [entry])
    made = draft_of(feed(), ParsedFeed("rss20"), item, NOW)
    assert (len(made.title), len(made.authors[0])) == (999, 500)
    assert len(made.model_dump_json()) < 500_000
    assert render(made).truncated
    page = PageText("text", title="word " * 1_800_000)
    assert len(completed(draft(title=""), page, NOW).title) == 999


def test_a_message_carries_the_signature_of_its_text() -> None:
    write = decided(draft(content="word " * 200), known())
    assert write.publish is not None
    article = decode(Article, write.publish.payload)
    assert article.minhash == minhash_of(article.text) is not None
    assert decode(Article, payload_of(article, 1_000)).minhash == minhash_of(decode(Article, payload_of(article, 1_000)).text)


def test_a_message_that_is_too_large_is_trimmed_to_what_the_broker_takes() -> None:
    large = Article(id="a", title="t" * 9_000_000, text="x" * MAX_TEXT_CHARS, authors=("a",) * 9)
    assert len(payload_of(large)) <= MAX_RECORD_BYTES
    trimmed = decode(Article, payload_of(large, 50_000))
    assert (trimmed.truncated, len(trimmed.title), trimmed.authors, trimmed.text) == (True, 1000, (), "x" * 25_000)
    waiting = draft(title="t" * 9_000_000).model_dump_json()  # as an earlier version left it in the queue
    made = decide_page(None, waiting, known())
    assert made is not None
    assert len(made.payload) < MAX_RECORD_BYTES
