"""URLs as keys."""

from __future__ import annotations

import random

import pytest

from ingest.urls import canonical_url, domain_of, host_of, is_home_page, url_key


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTPS://Example.ORG/News/Item", "https://example.org/News/Item"),
        ("  https://example.org/a\n", "https://example.org/a"),
        ("https://example.org", "https://example.org/"),
        ("https://example.org:443/a", "https://example.org/a"),
        ("http://example.org:80/a", "http://example.org/a"),
        ("https://example.org:8443/a", "https://example.org:8443/a"),
        ("https://user:secret@example.org/a", "https://example.org/a"),
        ("https://example.org./a", "https://example.org/a"),
        ("https://example.org/a#comments", "https://example.org/a"),
        ("https://example.org/a/", "https://example.org/a/"),
        ("https://example.org/x/./y/../a", "https://example.org/x/a"),
        ("https://example.org/a/..", "https://example.org/"),
        ("https://example.org//a", "https://example.org//a"),
        ("https://example.org/%7euser/%c3%a9", "https://example.org/~user/%C3%A9"),
        ("https://example.org/é", "https://example.org/%C3%A9"),
        ("https://example.org/a%2fb", "https://example.org/a%2Fb"),
        ("https://müller.example/ä", "https://xn--mller-kva.example/%C3%A4"),
        ("https://[2001:DB8::1]:8443/a", "https://[2001:db8::1]:8443/a"),
        ("https://example.org/a?b=2&a=1", "https://example.org/a?b=2&a=1"),
        ("https://example.org/a?id=7&utm_source=rss&UTM_Medium=feed&fbclid=x", "https://example.org/a?id=7"),
        ("https://example.org/a?utm_source=rss#top", "https://example.org/a"),
        ("https://example.org/a?gad_source=1&epik=x&ScCid=y&p=3&hsa_acc=9", "https://example.org/a?p=3"),
        ("https://example.org/a.do;jsessionid=0A1B2C.node1?id=7", "https://example.org/a.do?id=7"),
        ("https://example.org/a;JSESSIONID=1/b;v=2", "https://example.org/a/b;v=2"),
        ("https://example.org/a?PHPSESSID=1&id=7&ASPSESSIONIDQQ=x", "https://example.org/a?id=7"),
        ("https://example.org/?p=12", "https://example.org/?p=12"),
        ("https://example.org/a?id=%3D&&q==", "https://example.org/a?id=%3D&q=="),
        ("https://example.org/a?mod=view&id=3", "https://example.org/a?mod=view&id=3"),
        ("https://www.wsj.com/a?mod=rss_world", "https://www.wsj.com/a"),
        ("https://notwsj.com/a?mod=rss_world", "https://notwsj.com/a?mod=rss_world"),
    ],
)
def test_a_link_has_one_canonical_form_which_stays_itself(url: str, expected: str) -> None:
    assert expected == canonical_url(url)
    assert expected == canonical_url(expected)


@pytest.mark.parametrize(
    "url",
    [
        None, "", "/news/1", "//example.org/a", "ftp://example.org/a", "javascript:alert(1)", "mailto:desk@example.org",
        "tag:example.org,2026:1", "https://", "https://:80/", "https://example.org:99999/",
        "https://example.org:x/", "https://[::1/", "https://exa mple.org/",
        "https://" + ".".join(["a" * 60] * 5) + "/", "https://example.org/" + "é" * 5000,
        "https://a..b/", "https://example.org/" + "a" * 9000,
    ],
)  # fmt: skip
def test_what_is_no_absolute_http_address_has_no_canonical_form(url: str | None) -> None:
    assert canonical_url(url) is None


def test_canonical_form_is_idempotent_on_whatever_comes() -> None:
    dice = random.Random(7)
    characters = "abXZ/.%?&=#:@[]é ü\t;,+~2eE5C-\\_"
    forms = [canonical_url("https://example.org/" + "".join(dice.choices(characters, k=dice.randrange(25)))) for _ in range(3000)]
    assert sum(form is not None for form in forms) > 2000
    assert [form for form in forms if form and canonical_url(form) != form] == []


def test_http_and_https_have_one_key() -> None:
    assert url_key("http://example.org/a") == url_key("https://example.org/a")
    assert url_key("http://example.org/a") != url_key("http://example.org/A")


@pytest.mark.parametrize(
    ("url", "home", "expected"),
    [
        ("https://example.org/", None, True),
        ("https://example.org/index.html", None, True),
        ("https://example.org/Default.aspx", None, True),
        ("https://example.org/?p=1", None, False),
        ("https://example.org/index.php?id=1", None, False),
        ("https://example.org/world", None, False),
        ("https://example.org/world", "http://example.org/world", True),
        ("https://example.org/world/1", "https://example.org/world", False),
    ],
)
def test_front_pages_and_the_feeds_own_page_are_no_articles(url: str, home: str | None, expected: bool) -> None:
    assert expected == is_home_page(url, home)


def test_host_carries_the_port_where_it_is_not_the_default_one() -> None:
    assert [host_of(url) for url in ("https://Example.org:443/a", "http://127.0.0.1:8080/a", "mailto:a@b")] == [
        "example.org",
        "127.0.0.1:8080",
        "",
    ]


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://www.news.example/a", "news.example"),
        ("https://a.b.news.example:8443/a", "news.example:8443"),
        ("https://www.bbc.co.uk/news", "bbc.co.uk"),
        ("https://someone.github.io/feed", "someone.github.io"),
        ("https://www.bücher.example/", "xn--bcher-kva.example"),
        ("https://co.uk/", "co.uk"),
        ("http://localhost:8080/", "localhost:8080"),
        ("http://127.0.0.1:8080/a", "127.0.0.1:8080"),
        ("http://[::1]/a", "[::1]"),
        ("mailto:a@b", ""),
    ],
)
def test_hosts_of_one_registrable_domain_are_asked_for_pages_as_one(url: str, domain: str) -> None:
    assert domain_of(url) == domain
