"""Feed entries become articles: what their text is, and whether that is worth a revision. Pure.

An entry of a fetch passes ``ingest.identity.identify`` (its keys), ``draft_of`` (what the feed says of it), and ``decide_entry``
(what is written of it, given what is known). One that wants its page passes ``decide_page`` once more when the page is there, or
is not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from typing import Any

from ingest.data import read_table
from ingest.fulltext import PageText
from ingest.identity import Identified, digest
from ingest.minhash import minhash_of
from ingest.model import ParsedFeed
from ingest.urls import MAX_URL_CHARS, domain_of, host_of
from storage.feeds import Feed
from storage.pages import PageRequest
from storage.revisions import Known, Publication, Sighting
from storage.sightings import Write
from stream.broker import MAX_RECORD_BYTES
from stream.messages import MAX_TEXT_CHARS, Article, Enclosure, Moment, Text, TextSource, Value, clean_text, encode

MAX_CHANGES = 24  # of one entry; a feed with a clock or a counter in its text changes at every fetch
SHORT_TEXT = 400  # characters; an entry that gives less wants its page
CAPPED = ", ahead of the fetch"  # stands behind the source of a date that was one
MAX_TITLE_CHARS = 1000  # a longer one is an article in the wrong element
MAX_NAMES = 200  # authors, and categories, of one article
MAX_NAME_CHARS = 500
TRIMMED_CHARS = 100_000  # of the text of a message that would be too large for the broker
MAX_MESSAGE_BYTES = MAX_RECORD_BYTES - 64 * 1024  # room for the key and for the broker's framing

RANKS: dict[TextSource, int] = {"title": 1, "summary": 2, "content": 3, "page": 4}
PAGE_RANK = RANKS["page"]

_ASCII_MARKS = bytes(code for code in range(128) if not chr(code).isalnum())
_PRIMARY = re.compile(r"\s*([a-z]+)")  # of a language tag (BCP 47 §2.2.1)
_MARKS = re.compile(r"[\W_]+")


class Draft(Value):
    """An article before its text is settled: what one feed says of it, and whether this feed gave it before, otherwise."""

    feed_id: str
    entry_key: Text
    url: Text | None = None
    link: Text | None = None
    outlet: Text | None = None
    country: str | None = None
    language: str | None = None
    title: Text = ""
    summary: Text = ""
    content: Text = ""
    authors: tuple[Text, ...] = ()
    categories: tuple[Text, ...] = ()
    enclosures: tuple[Enclosure, ...] = ()
    published_at: Moment | None = None
    published_at_source: str | None = None
    changed: bool = False


@dataclass(frozen=True)
class Rendered:
    """The one text of an article and where its longest part comes from; its signature, where that was made ahead."""

    text: str
    source: TextSource
    truncated: bool
    minhash: str | None = None

    @property
    def rank(self) -> int:
        """Page above content above summary above title."""
        return RANKS[self.source]

    @cached_property
    def digest(self) -> str:
        """32 hex digits that change with the text."""
        return digest(self.text)


# Text


def compose_text(title: str, summary: str, body: str) -> tuple[str, bool]:
    """Return title, summary and body, a blank line apart, and whether they had to be cut at MAX_TEXT_CHARS code points.

    The summary is left out where the body, or the title, says the same; case, spaces and punctuation do not count.
    """
    title, summary, body = title.strip(), summary.strip(), body.strip()
    said = _letters(summary)
    if said and (said == _letters(title) or said in _letters(body)):
        summary = ""
    text = clean_text("\n\n".join(part for part in (title, summary, body) if part))
    return text[:MAX_TEXT_CHARS], len(text) > MAX_TEXT_CHARS


def render(draft: Draft, page: str = "") -> Rendered:
    """Return the text of *draft*; *page* is taken where it says more than what the feed gives as content."""
    body, source = max((draft.content.strip(), "content"), (page.strip(), "page"), key=lambda pair: len(pair[0]))
    text, truncated = compose_text(draft.title, draft.summary, body)
    if body:
        return Rendered(text, "page" if source == "page" else "content", truncated)
    return Rendered(text, "summary" if text != draft.title.strip()[:MAX_TEXT_CHARS] else "title", truncated)


def _letters(text: str) -> str:
    """Return letters and digits of *text*, without case; what is ASCII of the rest goes first, which takes no time."""
    text = text[:MAX_TEXT_CHARS].casefold().encode(errors="replace").translate(None, _ASCII_MARKS).decode()
    return text if text.isascii() else _MARKS.sub("", text)


def draft_of(feed: Feed, parsed: ParsedFeed, item: Identified, fetched_at: datetime) -> Draft:
    """Return what *feed*, fetched at *fetched_at*, says of one entry; the operator's word on the language goes first."""
    entry = item.entry
    published = dated(entry.published_at, entry.published_at_source, fetched_at)
    return Draft(
        feed_id=feed.feed_id,
        entry_key=item.keys.entry_key,
        url=item.canonical,
        link=clean_text(entry.link).strip() if entry.link and len(entry.link) <= MAX_URL_CHARS else None,
        outlet=feed.outlet,
        country=feed.country,
        language=language_code(feed.language, entry.language, parsed.language),
        title=_title(entry.title),
        summary=_bounded(entry.summary),
        content=_bounded(entry.content),
        authors=_names(entry.authors),
        categories=_names(entry.categories),
        enclosures=entry.enclosures,
        **published,
    )


def dated(published_at: datetime | None, source: str | None, fetched_at: datetime) -> dict[str, Any]:
    """Return the two fields that say when an article was published and where that is from.

    What is here was published before: a date ahead of the fetch (zone forgotten, scheduled, a typing error) becomes that of the
    fetch, and its source says so.
    """
    if published_at is None or published_at <= fetched_at:
        return {"published_at": published_at, "published_at_source": source if published_at else None}
    return {"published_at": fetched_at, "published_at_source": f"{source}{CAPPED}"}


def language_code(*tags: str | None) -> str | None:
    """Return the ISO 639-1 code of the first of *tags* that has one: ``en`` for ``en-GB``, ``en_us``, ``ENG``."""
    for tag in tags:
        primary = _PRIMARY.match((tag or "").lower())
        if primary and (code := _languages().get(primary[1])):
            return code
    return None


@cache
def _languages() -> dict[str, str]:
    return {name: row[0] for row in read_table("languages.tsv") for name in row if name != "-"}


def _title(title: str) -> str:
    """Return *title* on one line of MAX_TITLE_CHARS at most."""
    return " ".join(title[: MAX_TITLE_CHARS * 10].split())[:MAX_TITLE_CHARS].rstrip()


def _bounded(text: str) -> str:
    """Return as much of *text* as can go out, and one character more, so that it is seen to be cut."""
    return text.strip()[: MAX_TEXT_CHARS + 1]


def _names(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name[:MAX_NAME_CHARS] for name in names[:MAX_NAMES])


# Revisions


def wants_page(feed: Feed, item: Identified, draft: Draft) -> bool:
    """Tell whether the page behind an entry is to be fetched: where the feed is set to it, or gives under SHORT_TEXT characters."""
    if feed.full_text == "never" or not item.own_page or not host_of(draft.link or ""):
        return False
    return feed.full_text == "always" or max(len(draft.summary), len(draft.content)) < SHORT_TEXT


def decide_entry(draft: Draft, rendered: Rendered, known: Known, *, page_wanted: bool, page_wait: float) -> Write:
    """Return what to write of an entry seen in a fetch: its sighting, and a revision or a request for its page if it is news.

    *rendered* is what ``render`` makes of *draft*; *page_wait* is in seconds.
    """
    sighting = _sighting(PAGE_RANK if page_wanted else rendered.rank, rendered.digest, known.sighting)
    if not is_news(known, sighting):
        return Write(sighting)
    url = draft.link or ""
    domain = domain_of(url)
    if domain and (page_wanted or (known.waiting and known.sighting is not None)):
        waiting = draft.model_copy(update={"changed": known.sighting is not None})
        return Write(sighting, page=PageRequest(url, domain, waiting.model_dump_json(), page_wait))
    return Write(sighting, publish=_publication(draft, rendered, known))


def is_news(known: Known, own: Sighting) -> bool:
    """Tell whether what a feed gives now, *own*, is to go out.

    An article never published is. A further sighting is if it ranks higher, or if it is what this feed changed at equal rank, and
    if its text is not the published one; after MAX_CHANGES of an entry, no more. While an article waits for its page, a feed that
    gave it before replaces what waits, and another feed gets a word only with content.
    """
    seen = known.sighting
    if seen is not None and (seen.text_rank, seen.text_hash) == (own.text_rank, own.text_hash):
        return False
    if own.changes > MAX_CHANGES:
        return False
    if known.waiting:
        return seen is not None or own.text_rank == RANKS["content"] > known.text_rank
    if known.revision == 0:
        return True
    if own.text_hash == known.text_hash and own.text_rank < PAGE_RANK:
        return False
    return own.text_rank > known.text_rank or (own.text_rank == known.text_rank and seen is not None)


def decide_page(page: PageText | None, payload: str, known: Known) -> Publication | None:
    """Return the revision that a waiting entry becomes with its *page*, None where there is none.

    None where that would say less than what is out, or the same.
    """
    draft = Draft.model_validate_json(payload)
    if page is not None:
        draft = completed(draft, page, known.first_seen_at)
    rendered = render(draft, page.text if page else "")
    if known.revision > 0:
        better = rendered.rank > known.text_rank or (rendered.rank == known.text_rank and draft.changed)
        if not better or rendered.digest == known.text_hash:
            return None
    return _publication(draft, rendered, known)


def completed(draft: Draft, page: PageText, seen_at: datetime) -> Draft:
    """Return *draft* with what its feed left out and its page states: title, language, authors, date."""
    found: dict[str, object] = {
        "title": draft.title or _title(page.title),
        "language": draft.language or language_code(page.language),
        "authors": draft.authors or _names(page.authors),
    }
    if draft.published_at is None:
        found |= dated(page.published_at, "page", seen_at)
    return draft.model_copy(update=found)


def _sighting(rank: int, digest: str, before: Sighting | None) -> Sighting:
    if before is None:
        return Sighting(rank, digest)
    changed = (before.text_rank, before.text_hash) != (rank, digest)
    return Sighting(rank, digest, before.changes + changed)


def _publication(draft: Draft, rendered: Rendered, known: Known) -> Publication:
    article = Article(
        id=known.article_id,
        revision=known.revision + 1,
        text=rendered.text,
        text_source=rendered.source,
        truncated=rendered.truncated,
        first_seen_at=known.first_seen_at,
        minhash=rendered.minhash or minhash_of(rendered.text),
        **{name: getattr(draft, name) for name in Draft.model_fields.keys() & Article.model_fields.keys()},
    )
    return Publication(article.revision, rendered.rank, rendered.digest, payload_of(article))


def payload_of(article: Article, max_bytes: int = MAX_MESSAGE_BYTES) -> bytes:
    """Return *article* encoded in at most *max_bytes*; where it is larger, what can be spared goes first, then text.

    Drafts are bounded, so this is for those that an older version left waiting, and for what nobody thought of.
    """
    payload, length = encode(article), min(len(article.text), TRIMMED_CHARS)
    while len(payload) > max_bytes and length:
        spared = {"title": _title(article.title), "outlet": None, "link": None, "authors": (), "categories": (), "enclosures": ()}
        text = article.text[:length]
        payload = encode(article.model_copy(update={**spared, "text": text, "truncated": True, "minhash": minhash_of(text)}))
        length //= 2
    return payload
