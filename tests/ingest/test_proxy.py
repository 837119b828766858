"""Fetching through a proxy: it gets every request, and hosts that spell a private address never get that far."""

from __future__ import annotations

import pytest

from ingest.fetch import fetch
from ingest.model import Failed, Fetched, FetchResult
from scripts.system import free_ports
from stream.errors import ConfigError
from stream.settings import load_settings
from tests.ingest.conftest import Loopback, with_session

FEED = b"<rss version='2.0'><channel><title>News</title></channel></rss>"


def get(loopback: Loopback, url: str, **settings: object) -> FetchResult:
    """What comes of *url* through the loopback server as a proxy, which no allowed network covers."""
    through = {"http_proxy": loopback.url(), "allow_networks": ""}
    return with_session(lambda session: fetch(session, url), **(through | settings))


def test_a_name_is_left_to_the_proxy(loopback: Loopback) -> None:
    loopback.serve("http://news.example/feed", FEED)
    result = get(loopback, "http://news.example/feed")
    assert isinstance(result, Fetched)
    assert (result.url, result.body) == ("http://news.example/feed", FEED)
    assert [request.headers["host"] for request in loopback.requests] == ["news.example"]


def test_the_proxy_is_told_who_asks(loopback: Loopback) -> None:
    get(loopback, "http://news.example/feed", http_proxy=loopback.url().replace("//", "//reader:secret@"))
    assert loopback.requests[0].headers["proxy-authorization"] == "Basic cmVhZGVyOnNlY3JldA=="
    assert "authorization" not in loopback.requests[0].headers


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "http://[::1]/", "http://2130706433/", "http://0x7f.1/", "http://localhost/", "http://a.localhost./"]
)
def test_a_host_that_spells_a_private_address_is_refused_before_the_proxy(loopback: Loopback, url: str) -> None:
    result = get(loopback, url)
    assert isinstance(result, Failed)
    assert (result.kind, loopback.requests) == ("address", [])


def test_a_network_that_is_allowed_is_asked_for(loopback: Loopback) -> None:
    loopback.serve("http://10.0.0.1/feed", FEED)
    assert isinstance(get(loopback, "http://10.0.0.1/feed", allow_networks="10.0.0.0/8"), Fetched)


def test_a_redirect_to_a_private_address_is_refused(loopback: Loopback) -> None:
    loopback.serve("http://news.example/feed", status=302, Location="http://169.254.169.254/latest/meta-data")
    result = get(loopback, "http://news.example/feed")
    assert isinstance(result, Failed)
    assert (result.kind, len(loopback.requests)) == ("address", 1)


def test_a_proxy_that_leads_nowhere_is_named(loopback: Loopback) -> None:
    result = get(loopback, "https://news.example/feed")  # the server knows no CONNECT
    assert isinstance(result, Failed)
    assert (result.kind, result.message.startswith("the proxy does not lead to news.example (HTTP 501")) == ("proxy", True)


def test_a_proxy_that_refuses_the_password_is_not_the_feeds_fault(loopback: Loopback) -> None:
    loopback.serve("http://news.example/feed", status=407)
    result = get(loopback, "http://news.example/feed")
    assert isinstance(result, Failed)
    assert (result.kind, result.status, "DATELINE_HTTP_PROXY" in result.message) == ("proxy", None, True)


def test_a_proxy_that_is_away_is_named(loopback: Loopback) -> None:
    (port,) = free_ports(1)
    result = get(loopback, "http://news.example/feed", http_proxy=f"http://127.0.0.1:{port}")
    assert isinstance(result, Failed)
    assert (result.kind, result.message.startswith(f"the proxy 127.0.0.1 port {port} cannot be reached")) == ("proxy", True)


def test_a_proxy_is_given_as_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATELINE_HTTP_PROXY", "proxy:3128")
    with pytest.raises(ConfigError, match="DATELINE_HTTP_PROXY"):
        load_settings()
