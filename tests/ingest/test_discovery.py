"""Where the feeds of a page may be."""

from __future__ import annotations

import pytest

from ingest.discovery import MAX_CANDIDATES, Candidate, discover, well_known

URL = "https://news.example/world/index.html"


def found(markup: str) -> list[str]:
    return [candidate.url for candidate in discover(URL, markup)]


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ('<link rel="alternate" type="application/rss+xml" href="/rss.xml">', ["https://news.example/rss.xml"]),
        ("<link rel=alternate type=application/atom+xml href=atom>", ["https://news.example/world/atom"]),
        ("<LINK REL='Alternate' TYPE='application/RSS+XML; charset=utf-8' HREF='//x.example/f'>", ["https://x.example/f"]),
        ('<link rel="alternate" type="application/feed+json" href="/feed.json">', ["https://news.example/feed.json"]),
        ('<link rel="feed" href="/updates">', ["https://news.example/updates"]),
        ('<link rel="alternate feed" type="application/rss+xml" href="/f">', ["https://news.example/f"]),
        ('<link type="application/rss+xml" href="/f">', ["https://news.example/f"]),
        ('<link rel="alternate" type="application/rss+xml" href="feed:https://news.example/f">', ["https://news.example/f"]),
        ('<link rel="alternate" type="application/rss+xml" href="feed://news.example/f">', ["https://news.example/f"]),
        ('<link rel="alternate" type="text/xml" href="/rss/world.xml">', ["https://news.example/rss/world.xml"]),
        ('<link rel="alternate" type="application/x.atom+xml" href="/a">', ["https://news.example/a"]),
        ('<link rel="alternate" type="text/xml" title="RSS" href="/backend.php">', ["https://news.example/backend.php"]),
        ('<a href="FEED://news.example/f">Subscribe</a>', ["https://news.example/f"]),
        ('<link rel="alternate" type="application/json" href="/wp-json/wp/v2/pages/7">', []),
        ('<link rel="alternate" hreflang="de" href="/de/">', []),
        ('<link rel="alternate stylesheet" type="text/css" href="/feed.css">', []),
        ('<link rel="alternate" type="application/rss+xml" href="javascript:x()">', []),
        ('<link rel="alternate" type="application/rss+xml">', []),
        ('<base href="https://cdn.example/a/"><link rel="alternate" type="application/rss+xml" href="f">', ["https://cdn.example/a/f"]),
        ('<base href="/b/"><a href="rss.xml">x</a>', ["https://news.example/b/rss.xml"]),
        ('<a href="/feed/">Subscribe</a>', ["https://news.example/feed/"]),
        ('<a href="/world.rss">Subscribe</a>', ["https://news.example/world.rss"]),
        ('<a href="/?feed=rss2">Subscribe</a>', ["https://news.example/?feed=rss2"]),
        ('<a href="https://feeds.feedburner.com/Example">Subscribe</a>', ["https://feeds.feedburner.com/Example"]),
        ('<a href="/world/xml"><span>RSS</span></a>', ["https://news.example/world/xml"]),
        ('<a type="application/rss+xml" href="/x">x</a>', ["https://news.example/x"]),
        ('<a href="/rss">RSS</a><a href="/rss#top">RSS</a>', ["https://news.example/rss"]),
        ('<a href="/feedback">Feedback</a><a href="/grass">Grass</a><a href="mailto:rss@news.example">Mail</a>', []),
        ('<a href="https://x.example/rss">a</a><a href="/rss">b</a>', ["https://news.example/rss", "https://x.example/rss"]),
        (
            '<a href="/rss">b</a><link rel="alternate" type="application/rss+xml" href="/z">',
            ["https://news.example/z", "https://news.example/rss"],
        ),
        (
            '<link rel="alternate" type="application/rss+xml" title="Comments" href="/comments/feed/"><a href="/rss">b</a>',
            ["https://news.example/rss", "https://news.example/comments/feed/"],
        ),
        ('<link rel="alternate" type="application/rss+xml" href="">', []),
        ("", []),
        ("no markup", []),
        ('<a href="/rss', []),
    ],
)
def test_a_page_names_its_feeds_the_likeliest_first(markup: str, expected: list[str]) -> None:
    assert found(markup) == expected


def test_a_candidate_has_the_name_that_the_page_gives_it() -> None:
    markup = (
        '<link rel="alternate" type="application/rss+xml" title="World &amp; more" href="/w"><a href="/rss" title="x"><b>All</b> news</a>'
    )
    assert discover(URL, markup) == (
        Candidate("https://news.example/w", "World & more", "link"),
        Candidate("https://news.example/rss", "All news", "anchor"),
    )


def test_usual_places_lie_below_the_folder_of_the_page_first() -> None:
    places = [candidate.url for candidate in well_known(URL)]
    assert places[0] == "https://news.example/world/feed/"
    assert "https://news.example/rss.xml" in places
    assert len(set(places)) == len(places)


@pytest.mark.parametrize(
    "markup",
    [
        "<a href='/rss" + "x" * 1_000_000,
        "<a href=/rss>" * 100_000,
        "<div>" * 100_000,
        "<link rel=feed href=/" + "a" * 100_000 + ">",
        "\x00\ud800<a href=/rss>",
    ],
    ids=range(5),
)
def test_hostile_pages_end(markup: str) -> None:
    assert len(found(markup)) <= MAX_CANDIDATES
