"""Outlets and reports as the bytes that a publisher would serve: four feed formats and HTML pages. Pure functions.

Entry ids are permanent ``tag:`` URIs (RFC 4151) that know nothing of host and port, so that the same entry is recognised
wherever the server runs; links are absolute and below *base*, the address of the server without a closing slash.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import format_datetime
from html import escape
from typing import NamedTuple

from dateline.demo.content import FeedFormat, Outlet, Report

ATOM = "http://www.w3.org/2005/Atom"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RSS1 = "http://purl.org/rss/1.0/"
CONTENT = "http://purl.org/rss/1.0/modules/content/"
DC = "http://purl.org/dc/elements/1.1/"

for _prefix, _namespace in (("atom", ATOM), ("rdf", RDF), ("rss", RSS1), ("content", CONTENT), ("dc", DC)):
    ET.register_namespace(_prefix, _namespace)


class FeedDialect(NamedTuple):
    """How one format is served: under which file name, as what, and made by whom."""

    file: str
    media_type: str
    render: Callable[[Outlet, str], bytes]


def feed_path(outlet: Outlet) -> str:
    """Return where the outlet's feed is, from the root of the server."""
    return f"/{outlet.name}/{DIALECTS[outlet.format].file}"


def page_path(report: Report) -> str:
    """Return where the report's page is, from the root of the server."""
    return f"/{report.feed}/{report.id}.html"


def entry_id(report: Report) -> str:
    """Return the report's permanent id."""
    return f"tag:dateline.example,2026:{report.feed}/{report.id}"


def render_feed(outlet: Outlet, base: str) -> bytes:
    """Return the outlet's feed in its format, UTF-8."""
    return DIALECTS[outlet.format].render(outlet, base)


def render_page(outlet: Outlet, report: Report) -> bytes:
    """Return the report as a news site shows it: the text between a menu, a list of other stories and a footer."""
    others = "".join(f'<li><a href="{page_path(other)}">{escape(other.title)}</a></li>' for other in outlet.reports if other != report)
    article = f"""<article>
<header><h1>{escape(report.title)}</h1>
<p class="byline"><time datetime="{_iso(report.date)}">{report.date:%d %B %Y}</time></p></header>
<div class="article-body">
{_paragraphs(report)}
</div>
</article>
<aside class="related"><h2>More from {escape(outlet.outlet)}</h2><ul>{others}</ul></aside>"""
    return _document(outlet, report.title, article, description=report.summary)


def render_home(outlet: Outlet) -> bytes:
    """Return the outlet's home page: its headlines, and the feed for autodiscovery."""
    headlines = "".join(f'<li><a href="{page_path(report)}">{escape(report.title)}</a></li>' for report in outlet.reports)
    return _document(outlet, outlet.outlet, f"<section><h1>Latest reports</h1><ul>{headlines}</ul></section>")


def _document(outlet: Outlet, title: str, main: str, *, description: str = "") -> bytes:
    name, home, feed = escape(outlet.outlet), f"/{outlet.name}/", feed_path(outlet)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{escape(title)} | {name}</title>
<meta name="description" content="{escape(description)}">
<link rel="alternate" type="{DIALECTS[outlet.format].media_type}" href="{feed}">
</head>
<body>
<header class="site-header"><a href="{home}">{name}</a></header>
<nav><ul><li><a href="{home}">World</a></li><li><a href="{home}">Business</a></li><li><a href="{home}">Sport</a></li></ul></nav>
<main>
{main}
</main>
<footer><p>{name} is a sample outlet. <a href="{feed}">Feed</a></p></footer>
</body>
</html>
""".encode()


def _rss(outlet: Outlet, base: str) -> bytes:
    root = ET.Element("rss", version="2.0")
    channel = ET.SubElement(root, "channel")
    _texts(channel, {"title": outlet.outlet, "link": _home(outlet, base), "description": _about(outlet), "language": "en"})
    for report in outlet.reports:
        item = ET.SubElement(channel, "item")
        _texts(item, {"title": report.title, "link": base + page_path(report), "description": report.summary})
        ET.SubElement(item, "guid", isPermaLink="false").text = entry_id(report)
        _texts(item, {"pubDate": format_datetime(report.date, usegmt=True), **_encoded(outlet, report)})
        for category in report.categories:
            ET.SubElement(item, "category").text = category
    return _xml(root)


def _rdf(outlet: Outlet, base: str) -> bytes:
    root = ET.Element(f"{{{RDF}}}RDF")
    channel = ET.SubElement(root, f"{{{RSS1}}}channel", {f"{{{RDF}}}about": base + feed_path(outlet)})
    _texts(channel, {"title": outlet.outlet, "link": _home(outlet, base), "description": _about(outlet)}, RSS1)
    _texts(channel, {"language": "en"}, DC)
    listed = ET.SubElement(ET.SubElement(channel, f"{{{RSS1}}}items"), f"{{{RDF}}}Seq")
    for report in outlet.reports:
        ET.SubElement(listed, f"{{{RDF}}}li", {f"{{{RDF}}}resource": entry_id(report)})
        item = ET.SubElement(root, f"{{{RSS1}}}item", {f"{{{RDF}}}about": entry_id(report)})
        _texts(item, {"title": report.title, "link": base + page_path(report), "description": report.summary}, RSS1)
        _texts(item, _encoded(outlet, report))
        _texts(item, {"date": _iso(report.date)}, DC)
        for category in report.categories:
            _texts(item, {"subject": category}, DC)
    return _xml(root)


def _atom(outlet: Outlet, base: str) -> bytes:
    root = ET.Element(f"{{{ATOM}}}feed", {"xml:lang": "en"})
    _texts(root, {"id": f"tag:dateline.example,2026:{outlet.name}", "title": outlet.outlet, "updated": _iso(outlet.reports[0].date)}, ATOM)
    _texts(ET.SubElement(root, f"{{{ATOM}}}author"), {"name": outlet.outlet}, ATOM)
    ET.SubElement(root, f"{{{ATOM}}}link", rel="self", href=base + feed_path(outlet))
    ET.SubElement(root, f"{{{ATOM}}}link", rel="alternate", href=_home(outlet, base))
    for report in outlet.reports:
        entry = ET.SubElement(root, f"{{{ATOM}}}entry")
        date = _iso(report.date)
        _texts(entry, {"id": entry_id(report), "title": report.title, "updated": date, "published": date, "summary": report.summary}, ATOM)
        ET.SubElement(entry, f"{{{ATOM}}}link", rel="alternate", href=base + page_path(report))
        for category in report.categories:
            ET.SubElement(entry, f"{{{ATOM}}}category", term=category)
        if not outlet.summaries:
            ET.SubElement(entry, f"{{{ATOM}}}content", type="html").text = _paragraphs(report)
    return _xml(root)


def _json(outlet: Outlet, base: str) -> bytes:
    items = [_json_item(outlet, report, base) for report in outlet.reports]
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": outlet.outlet,
        "home_page_url": _home(outlet, base),
        "feed_url": base + feed_path(outlet),
        "language": "en",
        "items": items,
    }
    return json.dumps(feed, ensure_ascii=False, indent=1).encode()


def _json_item(outlet: Outlet, report: Report, base: str) -> dict[str, object]:
    body = {"content_text": report.summary} if outlet.summaries else {"content_html": _paragraphs(report), "summary": report.summary}
    return {
        "id": entry_id(report),
        "url": base + page_path(report),
        "title": report.title,
        **body,
        "date_published": _iso(report.date),
        "tags": list(report.categories),
    }


DIALECTS: Mapping[FeedFormat, FeedDialect] = {
    "rss": FeedDialect("rss.xml", "application/rss+xml", _rss),
    "rdf": FeedDialect("index.rdf", "application/rdf+xml", _rdf),
    "atom": FeedDialect("atom.xml", "application/atom+xml", _atom),
    "json": FeedDialect("feed.json", "application/feed+json", _json),
}


def _home(outlet: Outlet, base: str) -> str:
    return f"{base}/{outlet.name}/"


def _about(outlet: Outlet) -> str:
    return f"Reports of {outlet.outlet}, a sample outlet"


def _encoded(outlet: Outlet, report: Report) -> dict[str, str]:
    return {} if outlet.summaries else {f"{{{CONTENT}}}encoded": _paragraphs(report)}


def _paragraphs(report: Report) -> str:
    return "\n".join(f"<p>{escape(paragraph, quote=False)}</p>" for paragraph in report.paragraphs)


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _texts(parent: ET.Element, texts: Mapping[str, str], namespace: str = "") -> None:
    for name, text in texts.items():
        ET.SubElement(parent, f"{{{namespace}}}{name}" if namespace else name).text = text


def _xml(root: ET.Element) -> bytes:
    ET.indent(root)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode").encode()
