"""Where the feeds of a web page may be: what its markup names, and where feeds usually lie. Pure; trying them is ``ingest.finding``'s."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urljoin, urlsplit

from lxml import etree

from ingest.formats import absolute_url
from ingest.text import one_line, plain_text

MAX_CANDIDATES = 50  # of one page
MAX_PAGE_CHARS = 3_000_000  # of a page that are looked at
MAX_TITLE_CHARS = 200

How = Literal["given", "link", "anchor", "well-known"]

# Tried in this order, below the page's folder first. What the common publishing systems use: WordPress, Ghost, Hugo, Jekyll, Drupal,
# Blogger, Movable Type; the last ones are news sitemaps as their plug-ins name them.
WELL_KNOWN = (
    "feed/", "rss.xml", "feed.xml", "atom.xml", "index.xml", "rss", "feed", "rss/", "feed.json", "index.rdf", "rss.php",
    "feeds/posts/default", "news-sitemap.xml", "sitemap-news.xml", "sitemap_news.xml",
)  # fmt: skip

_FEED_TYPE = re.compile(r"(?:application|text)/(?:x[.-])?(?:rss|atom|rdf)(?:\+xml)?|application/feed\+json")
_LOOSE_TYPES = frozenset({"application/xml", "text/xml", "application/json", "text/x-opml"})  # a feed if address or title say so
_FEEDISH = re.compile(r"(?:^|[/._?&=-])(?:rss|atom|rdf|feeds?)(?:\d|[/._?&=-]|$)|feedburner\.com|\.(?:rss|atom|rdf)$", re.IGNORECASE)
_COMMENTS = re.compile(r"comment|kommentar|comentario|commentaire", re.IGNORECASE)
_UNPARSABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Candidate:
    """An address that may be a feed, what the page calls it, and how it was found."""

    url: str
    title: str = ""
    how: How = "link"


def discover(url: str, markup: str) -> tuple[Candidate, ...]:
    """Return what the page *markup*, which came from *url*, may mean as feeds, the likeliest first.

    Links in the head that say so come first (https://www.rssboard.org/rss-autodiscovery), then anchors whose address or text looks
    like a feed, on the page's own host before others. Feeds of comments come last of all.
    """
    collector = _Collector()
    parser = etree.HTMLParser(target=collector, huge_tree=True, remove_comments=True, remove_pis=True)
    parser.feed(_UNPARSABLE.sub("", markup[:MAX_PAGE_CHARS]))
    parser.close()
    base = urljoin(url, collector.base)
    links = [_candidate(base, link, link.get("title", ""), "link") for link in collector.links if _is_feed_link(link)]
    anchors = [_candidate(base, anchor, text, "anchor") for anchor, text in collector.anchors if _is_feed_anchor(anchor, text)]
    host = urlsplit(url).hostname
    near_first = sorted(filter(None, anchors), key=lambda anchor: urlsplit(anchor.url).hostname != host)
    return _distinct(url, (*filter(None, links), *near_first))


def well_known(url: str) -> tuple[Candidate, ...]:
    """Return where a feed of the site of *url* usually lies, below the folder of *url* first."""
    folders = dict.fromkeys((urljoin(url, "."), urljoin(url, "/")))
    return _distinct(url, (Candidate(urljoin(folder, path), how="well-known") for folder in folders for path in WELL_KNOWN))


def _distinct(url: str, candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Return *candidates*, each address once and not that of the page, those of comments last."""
    found: dict[str, Candidate] = {}
    for candidate in candidates:
        if candidate.url != url:
            found.setdefault(candidate.url, candidate)
    return tuple(sorted(found.values(), key=_is_of_comments))[:MAX_CANDIDATES]


def _is_of_comments(candidate: Candidate) -> bool:
    return _COMMENTS.search(f"{urlsplit(candidate.url).path} {candidate.title}") is not None


def _candidate(base: str, attributes: Mapping[str, str], title: str, how: How) -> Candidate | None:
    url = absolute_url(base, attributes.get("href"))
    return Candidate(url.partition("#")[0], one_line(plain_text(title))[:MAX_TITLE_CHARS], how) if url else None


def _is_feed_link(link: Mapping[str, str]) -> bool:
    rel, kind = link.get("rel", "").lower().split(), _type(link)
    if "feed" in rel or (_FEED_TYPE.fullmatch(kind) and ("alternate" in rel or not rel)):
        return True
    return "alternate" in rel and kind in _LOOSE_TYPES and (_looks_like_feed(link.get("href", "")) or _is_name(link.get("title", "")))


def _is_feed_anchor(anchor: Mapping[str, str], text: str) -> bool:
    href = anchor.get("href", "").strip()
    if _FEED_TYPE.fullmatch(_type(anchor)) or href[:5].lower() == "feed:":
        return True
    return _looks_like_feed(href) or _is_name(text)


def _type(attributes: Mapping[str, str]) -> str:
    return attributes.get("type", "").partition(";")[0].strip().lower()


def _is_name(text: str) -> bool:
    return text.strip().lower() in {"rss", "atom", "rss feed", "xml"}


def _looks_like_feed(href: str) -> bool:
    return len(href) < 2000 and not href.startswith(("#", "mailto:", "javascript:")) and _FEEDISH.search(href.partition("#")[0]) is not None


class _Collector:
    """Receives the parser's events and keeps the links, anchors and base of a page."""

    def __init__(self) -> None:
        self.base = ""
        self.links: list[dict[str, str]] = []
        self.anchors: list[tuple[dict[str, str], str]] = []
        self._text: list[str] = []
        self._anchor: dict[str, str] | None = None

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "base":
            self.base = self.base or attributes.get("href", "")
        elif tag == "link":
            self.links.append(dict(attributes))
        elif tag == "a":
            self.end("a")
            self._anchor, self._text = dict(attributes), [attributes.get("title", "")]

    def end(self, tag: str) -> None:
        if tag == "a" and self._anchor is not None:
            title, *inside = self._text
            self.anchors.append((self._anchor, "".join(inside).strip() or title))
            self._anchor = None

    def data(self, text: str) -> None:
        if self._anchor is not None and len(self._text) < 50:
            self._text.append(text)

    def close(self) -> None:
        self.end("a")
