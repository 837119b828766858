"""feedparser, driven on text that is decoded and repaired already, and taught what it gets wrong.

Its strict parser (expat) reads what is well-formed, its loose one the rest. It does neither sanitise nor resolve within HTML,
which becomes text anyway: that is about three times faster and free of a quadratic blow-up in its sanitiser.
"""

from __future__ import annotations

import io
import re
import xml.sax
import xml.sax.handler
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple
from xml.sax.xmlreader import AttributesNSImpl

from feedparser import api, mixin, sanitizer

# The local part and the labels are bounded so that the search stays linear in the length of what claims to be a name.
_MAIL = re.compile(r"(?:mailto:)?[\w.+-]{1,64}@(?:\[[0-9.]{7,15}\]|[\w-]{1,63}(?:\.[\w-]{1,63}){1,8})(?:\?subject=\S{1,200})?", re.ASCII)
# Elements that hold text alone, before the start of one that stands beside them or the end of their entry: their own end was forgotten.
_LEFT_OPEN = re.compile(
    r"<(title|link|guid|pubDate|id|updated|published)((?:\s[^<>]*)?)(?<!/)>([^<]*)"
    r"(?=<(?:/(?:item|entry)|title|link|guid|pubDate|description|id|updated|published|summary|content|author|category|item|entry)[\s>])",
    re.IGNORECASE,
)
_VOID = re.compile(r"<(?:br|wbr|hr|img)(?:\s[^<>]*)?/?>", re.IGNORECASE)
_EMPTY_BRACKETS = re.compile(r"\(\s*\)|<\s*>|&lt;\s*&gt;")


MAX_OF_A_KIND = 1000  # attributes of an element, tags of an entry, namespaces: the time for each grows with those before it

_replace_doctype: Callable[[bytes], tuple[str | None, bytes, dict[str, str]]] = sanitizer.replace_doctype
_has_end_or_entity: Callable[[str], object] = mixin._FeedParserMixin.looks_like_html


class Found(NamedTuple):
    """What feedparser made of a document: its own dictionaries. *complaint* says in one line what is not well-formed, if anything."""

    version: str
    feed: Mapping[str, Any]
    entries: Sequence[Mapping[str, Any]]
    complaint: str


def read_xml(document: bytes) -> Found:
    """Return what is in *document*, UTF-8 without a declaration, well-formed or not. Nothing outside of it is read."""
    version, data, entities = _replace_doctype(document)
    parser, complaint = _strict(data)
    if complaint:
        parser = _configured(_Loose("", None, "utf-8", entities))
        parser.feed(_LEFT_OPEN.sub(r"<\1\2>\3</\1>", data.decode("utf-8", "replace")))
    return Found(version or parser.version, parser.feeddata, parser.entries, complaint)


def _strict(data: bytes) -> tuple[Any, str]:
    parser: Any = _configured(_Strict("", None, "utf-8"))
    reader: Any = xml.sax.make_parser()  # noqa: S317  entities are replaced above, and none from outside is read
    reader.setFeature(xml.sax.handler.feature_namespaces, 1)
    reader.setFeature(xml.sax.handler.feature_external_ges, 0)
    reader.setContentHandler(parser)
    reader.setErrorHandler(parser)
    source: Any = xml.sax.xmlreader.InputSource()
    source.setByteStream(io.BytesIO(data))
    try:
        reader.parse(source)
    except (xml.sax.SAXException, LookupError, ValueError) as e:  # the latter for a second declaration, and for names with spaces
        return parser, " ".join(str(parser.exc or e).split())[:100] or type(e).__name__
    return parser, ""


def is_html(text: str) -> bool:
    """Tell whether *text*, whose type nobody says, is HTML; feedparser asks for an end tag or an entity."""
    return _VOID.search(text) is not None or bool(_has_end_or_entity(text))


def _spellings(uri: str) -> set[str]:
    """Return how feeds write the namespace *uri*: with http or https, with a slash at its end or without."""
    bare = uri.lower().removesuffix("/").removeprefix("http:").removeprefix("https:")
    return {uri.lower(), *(f"{scheme}:{bare}{end}" for scheme in ("http", "https") for end in ("", "/") if bare.startswith("//"))}


def _configured(parser: Any) -> Any:
    parser.resolve_relative_uris = parser.sanitize_html = False
    return parser


def _careful(parser: type[Any]) -> type[Any]:
    """Return the class *parser*, whose handlers of elements fail as feedparser expects it: the element is then kept as one unknown."""
    for name in dir(parser):
        if name.startswith(("_start_", "_end_")):
            setattr(parser, name, _failing_softly(getattr(parser, name)))
    return parser


def _failing_softly(handler: Callable[..., Any]) -> Callable[..., Any]:
    def handle(parser: Any, *attributes: Any) -> Any:
        try:
            return handler(parser, *attributes)
        except (LookupError, TypeError, ValueError) as e:  # an element stands where, or holds what, its handler does not think of
            raise AttributeError(f"{handler.__name__}: {e}") from e

    return handle


def _of_pictures_apart(name: str) -> tuple[Callable[..., None], Callable[..., None]]:
    """Return handlers for start and end of element *name* that keep what an entry's picture says apart from what the entry says."""
    apart = f"image_{name}"

    def start(parser: Any, attributes: object) -> None:
        if parser.inimage and parser.inentry:
            parser.push(apart, 1)
        else:
            getattr(super(_Own, parser), f"_start_{name}")(attributes)

    def end(parser: Any) -> None:
        if parser.elementstack and parser.elementstack[-1][0] == apart:
            parser.pop(apart)
        else:
            getattr(super(_Own, parser), f"_end_{name}")()

    return start, end


class _Own:
    """What feedparser would get wrong; its handlers are found by their names."""

    push: Any
    namespaces_in_use: Any
    _get_context: Any
    _matchnamespaces: ClassVar = {known: prefix for uri, prefix in mixin._FeedParserMixin.namespaces.items() for known in _spellings(uri)}

    def pop(self, element: str, strip_whitespace: int = 1) -> Any:
        """Return the text of *element*, none where it has no place in what it stands in."""
        try:
            return super().pop(element, strip_whitespace)  # type: ignore[misc]
        except (LookupError, TypeError, ValueError):
            return ""

    looks_like_html = staticmethod(is_html)

    def track_namespace(self, prefix: str | None, uri: str) -> None:
        if len(self.namespaces_in_use) < MAX_OF_A_KIND:
            super().track_namespace(prefix, uri)  # type: ignore[misc]

    def _add_tag(self, term: str, scheme: str, label: str) -> None:
        if len(self._get_context().get("tags", ())) < MAX_OF_A_KIND:
            super()._add_tag(term, scheme, label)  # type: ignore[misc]

    _start_title, _end_title = _of_pictures_apart("title")
    _start_url, _end_url = _of_pictures_apart("url")

    def _start_media_description(self, attributes: object) -> None:
        """Keep it apart: it tells of a picture or film as often as of the entry."""
        self.push("media_about", 1)

    def _end_media_description(self) -> None:
        self.pop("media_about")

    def _sync_author_detail(self, key: str = "author") -> None:
        """Part name and address of the last author; feedparser's own pattern knows no top-level domain of over four letters."""
        context = self._get_context()
        people = context.get(f"{key}s")
        if people and not people[-1]:
            people[-1].update(name_and_mail(context.get(key) or ""))


@_careful
class _Strict(_Own, api.StrictFeedParser):  # type: ignore[misc]
    def startElementNS(self, name: tuple[str, str], qname: str | None, attrs: Any) -> None:  # noqa: N802
        super().startElementNS(name, qname, attrs if len(attrs) <= MAX_OF_A_KIND else AttributesNSImpl({}, {}))


@_careful
class _Loose(_Own, api.LooseFeedParser):  # type: ignore[misc]
    pass


def name_and_mail(author: str) -> dict[str, str]:
    """Return name and mail address of an author as RSS writes one: ``jane@example.org (Jane Doe)`` or any other order.

    >>> name_and_mail("Jane Doe <jane@news.example>")
    {'name': 'Jane Doe', 'email': 'jane@news.example'}
    """
    found = _MAIL.search(author)
    if not found:
        return {"name": author.strip()} if author.strip() else {}
    name = _EMPTY_BRACKETS.sub("", author.replace(found[0], "")).strip()
    name = name[1:-1] if name.startswith("(") and name.endswith(")") else name
    return {key: value for key, value in (("name", name.strip(' "')), ("email", found[0])) if value}
