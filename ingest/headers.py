"""The headers of a request, and what those of a response say. Pure."""

from __future__ import annotations

import email.utils
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from ingest.model import Validators

_LINK = re.compile(r"<([^<>]{1,4096})>([^<]*)")
_REL = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))', re.IGNORECASE)

MAX_SECONDS = 10 * 365 * 86_400.0  # a server's longer wish is cut to this


def request_headers(accept: str, validators: Validators) -> dict[str, str]:
    """Return the headers of a request, conditional where *validators* are given (RFC 9110 §13.1)."""
    headers = {"Accept": accept}
    if validators.etag:
        headers["If-None-Match"] = validators.etag
    if validators.last_modified:
        headers["If-Modified-Since"] = validators.last_modified
    return headers


def validators_of(headers: Mapping[str, str], sent: Validators) -> Validators:
    """Return the validators of a response; those that it does not repeat are the ones that were *sent*."""
    return Validators(_repeatable(headers.get("ETag")) or sent.etag, _repeatable(headers.get("Last-Modified")) or sent.last_modified)


def content_type(value: str) -> tuple[str | None, str | None]:
    """Return the media type and the charset of a Content-Type header, lower case, each None where absent.

    >>> content_type('Text/XML; Charset="UTF-8"')
    ('text/xml', 'utf-8')
    """
    media_type, *parameters = value.lower().split(";")
    named = dict(part.partition("=")[::2] for part in (parameter.strip() for parameter in parameters))
    return media_type.strip() or None, named.get("charset", "").strip(" \"'") or None


def linked(value: str, relation: str) -> str | None:
    """Return the first target that a Link header, *value*, gives for *relation* (RFC 8288); None where there is none.

    >>> linked('<https://hub.example/>; rel="hub", </feed?a,b>; rel=self', "self")
    '/feed?a,b'
    """
    for target, parameters in _LINK.findall(value):
        found = _REL.search(parameters)
        if found and relation in (found[1] or found[2] or "").lower().split():
            return str(target)
    return None


def max_age(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds for which a response stays fresh (RFC 9111 §4.2), None where unsaid.

    Cache-Control max-age less Age; without a max-age, Expires less Date.
    """
    control = headers.get("Cache-Control", "").lower()
    if re.search(r"(?:^|[\s,])no-(?:cache|store)\b", control):
        return None
    found = re.search(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,12})", control)
    if not found:
        return _until(headers.get("Expires", ""), _http_date(headers.get("Date", "")) or now)
    age = headers.get("Age", "").strip()
    spent = int(age) if age.isascii() and age.isdigit() and len(age) <= 12 else 0
    return min(MAX_SECONDS, max(0.0, float(int(found[1]) - spent)))


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds that Retry-After asks for, given as seconds or as an HTTP-date (RFC 9110 §10.2.3); None where unsaid."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(MAX_SECONDS, float(value[:15]))
    return _until(value, now)


def _until(value: str, start: datetime) -> float | None:
    """Return the seconds from *start* to the HTTP-date *value*, none for one that has passed; None where it is no date."""
    until = _http_date(value)
    return min(MAX_SECONDS, max(0.0, (until - start).total_seconds())) if until else None


def _http_date(value: str) -> datetime | None:
    try:
        date = email.utils.parsedate_to_datetime(value.strip())
    except (ValueError, TypeError, IndexError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)  # HTTP-dates are GMT


def _repeatable(value: str | None) -> str | None:
    """Return *value* if it can be stored and sent back as it came: bytes that are not UTF-8 cannot."""
    return value if value and value.isprintable() and len(value) <= 2000 else None
