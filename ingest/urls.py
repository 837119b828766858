"""URLs as keys: what two addresses of one article have in common. Pure."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from urllib.parse import SplitResult, urlsplit, urlunsplit

from publicsuffixlist import PublicSuffixList
from w3lib.url import safe_url_string

from ingest.data import read_table

MAX_URL_CHARS = 8192  # RFC 9110 §4.1 asks for 8000 octets at least; longer "links" are page text in the wrong element
MAX_HOST_CHARS = 253  # RFC 1035 §2.3.4 without the dot at the end; longer ones are no names, and no index holds them
DEFAULT_PORTS = {"http": 80, "https": 443}
HOME_PATHS = re.compile(r"/(?:(?:index|default|home)\.(?:html?|php|aspx?|jsp|cfm))?", re.IGNORECASE)

_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|[0-9a-f:.]*:[0-9a-f:.]*")  # names in ASCII, IPv4, IPv6
_SESSION = re.compile(r";jsessionid=[^/;]*", re.IGNORECASE)  # of a visitor, as Jakarta Servlet 6.0 §7.1.3 puts it into paths
_ADDRESS = re.compile(r"\[|[\d.]+(?::|$)")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


@lru_cache(maxsize=1024)  # a fetch asks for that of each link several times
def canonical_url(url: str | None) -> str | None:
    """Return *url* without what does not tell articles apart; None if it is no absolute http(s) URL, or has a
    host or a length that no server takes.

    Lower case in scheme and host, no user, default port, dot segments, fragment, session or tracking parameter (``data/``), one way
    of escaping (RFC 3986 §6.2.2). Path, order of parameters and trailing slash stay as they are: servers tell them apart.
    Idempotent.
    """
    if not url or len(url) > MAX_URL_CHARS:
        return None
    try:
        parts = urlsplit(safe_url_string(url.strip()))
        host, port = (parts.hostname or "").removesuffix("."), parts.port
    except ValueError:  # a port that is no number, brackets that are no IPv6 address, a host that IDNA refuses
        return None
    if parts.scheme not in DEFAULT_PORTS or len(host) > MAX_HOST_CHARS or not _HOST.fullmatch(host):
        return None
    authority = f"[{host}]" if ":" in host else host
    if port is not None and port != DEFAULT_PORTS[parts.scheme]:
        authority += f":{port}"
    path = _without_dots(_unescaped(_SESSION.sub("", parts.path))) or "/"
    canonical = urlunsplit(SplitResult(parts.scheme, authority, path, _without_tracking(_unescaped(parts.query), host), ""))
    return canonical if len(canonical) <= MAX_URL_CHARS else None  # what was escaped is longer than it came


def url_key(canonical: str) -> str:
    """Return what identifies *canonical*: the same for http and https, since whole feeds move from one to the other."""
    return "https:" + canonical.removeprefix("https:").removeprefix("http:")


def is_home_page(canonical: str, home: str | None = None) -> bool:
    """Tell whether *canonical* is the front page of its host, or *home*, what the feed calls its own page."""
    parts = urlsplit(canonical)
    front = HOME_PATHS.fullmatch(parts.path) is not None and not parts.query
    return front or (home is not None and url_key(canonical) == url_key(home))


def host_of(url: str) -> str:
    """Return the host of the http(s) URL *url*, with its port where that is not the default one."""
    canonical = canonical_url(url)
    return urlsplit(canonical).netloc if canonical else ""


def domain_of(url: str) -> str:
    """Return the registrable domain of the http(s) URL *url*, all of whose hosts are asked for pages as one.

    With its port where that is not the default one; an address, or a name that nobody can register, stands for itself. What is
    below ``github.io`` or ``blogspot.com`` is registered there (the private section of the Public Suffix List).
    """
    place = host_of(url)
    if _ADDRESS.match(place):
        return place
    host, colon, port = place.partition(":")
    return (_suffixes().privatesuffix(host) or host) + colon + port


@cache
def _suffixes() -> PublicSuffixList:
    """Return the list that comes with its library; nothing is looked up."""
    return PublicSuffixList()


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: _plain(found.group(1)), text)


def _plain(digits: str) -> str:
    character = chr(int(digits, 16))
    return character if character in _UNRESERVED else f"%{digits.upper()}"


def _without_dots(path: str) -> str:
    """Return *path* with its dot segments resolved (RFC 3986 §5.2.4)."""
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            kept = kept[:-1]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)


def _without_tracking(query: str, host: str) -> str:
    return "&".join(part for part in query.split("&") if part and not _is_tracking(part.partition("=")[0].lower(), host))


def _is_tracking(name: str, host: str) -> bool:
    return any(
        (name.startswith(known[:-1]) if known.endswith("*") else name == known)
        and (not hosts or any(host == own or host.endswith(f".{own}") for own in hosts))
        for known, hosts in _tracking_parameters()
    )


@cache
def _tracking_parameters() -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((name, () if hosts == "-" else tuple(hosts.split(","))) for name, hosts, _ in read_table("tracking_parameters.tsv"))
