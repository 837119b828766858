"""What the network does to a fetch, against a real server on loopback: a value each time, never an exception."""

from __future__ import annotations

import asyncio
import gzip
import re
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest
from backports import zstd

from ingest.fetch import Session, fetch, fetch_page, fetch_start, http_url, user_agent
from ingest.model import Failed, Fetched, FetchResult, Gone, NotModified, Validators
from tests.ingest.conftest import Handler, Loopback, with_session

MIB = 1024 * 1024
FEED = b"<rss version='2.0'><channel><title>News</title></channel></rss>"
SMALL = {"fetch_max_bytes": MIB}


def get(url: str, validators: Validators | None = None, **settings: object) -> FetchResult:
    return with_session(lambda session: fetch(session, url, validators), **settings)


def with_a_window_of_128_mib(body: bytes) -> bytes:
    packer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    return packer.compress(body) + packer.flush()


def failure(result: FetchResult) -> Failed:
    assert isinstance(result, Failed), result
    assert "\n" not in result.message
    return result


def test_a_feed_comes_with_body_type_and_validators(loopback: Loopback) -> None:
    dated = {"Cache_Control": "public, max-age=600", "Last_Modified": "Mon, 02 Mar 2026 10:00:00 GMT"}
    url = loopback.serve("/feed", FEED, Content_Type='Application/RSS+XML; charset="UTF-8"', ETag='W/"abc"', **dated)
    assert get(url) == Fetched(
        url=url,
        body=FEED,
        media_type="application/rss+xml",
        charset="utf-8",
        validators=Validators('W/"abc"', "Mon, 02 Mar 2026 10:00:00 GMT"),
        max_age=600.0,
    )


def test_the_fetcher_says_who_it_is_and_what_it_wants(loopback: Loopback) -> None:
    get(loopback.serve("/feed", FEED), contact="https://example.org/about")
    headers = loopback.requests[0].headers
    assert headers["user-agent"] == user_agent("https://example.org/about")
    assert headers["user-agent"].startswith("Dateline/")
    assert headers["user-agent"].endswith(" (+https://example.org/about)")
    assert headers["accept"].startswith("application/atom+xml")
    assert {"if-none-match", "if-modified-since", "cookie", "referer"}.isdisjoint(headers)


def test_a_contact_cannot_break_the_header() -> None:
    assert user_agent("a@example.org\r\nX-Evil: 1").endswith("(+a@example.org X-Evil: 1)")


def test_a_page_is_asked_for_as_html(loopback: Loopback) -> None:
    with_session(lambda session: fetch_page(session, loopback.serve("/page", b"<p>x")))
    assert loopback.requests[0].headers["accept"].startswith("text/html")


@pytest.mark.parametrize(
    ("sent", "names"),
    [
        (Validators('"abc"', None), {"if-none-match": '"abc"'}),
        (Validators('W/"a,b"', None), {"if-none-match": 'W/"a,b"'}),
        (Validators("unquoted", None), {"if-none-match": "unquoted"}),
        (Validators(None, "Monday, whenever"), {"if-modified-since": "Monday, whenever"}),
        (
            Validators('"x"', "Mon, 02 Mar 2026 10:00:00 GMT"),
            {"if-none-match": '"x"', "if-modified-since": "Mon, 02 Mar 2026 10:00:00 GMT"},
        ),
    ],
)
def test_validators_go_back_exactly_as_they_came(sent: Validators, names: dict[str, str], loopback: Loopback) -> None:
    assert get(loopback.serve("/feed", status=304), sent) == NotModified(sent)
    headers = loopback.requests[0].headers
    assert {name: headers[name] for name in headers if name.startswith("if-")} == names


def test_a_304_replaces_only_the_validators_that_it_repeats(loopback: Loopback) -> None:
    url = loopback.serve("/feed", status=304, ETag='"new"', Cache_Control="max-age=60")
    assert get(url, Validators('"old"', "then")) == NotModified(Validators('"new"', "then"), 60.0)


def test_a_304_that_was_not_asked_for_is_a_failure(loopback: Loopback) -> None:
    assert failure(get(loopback.serve("/feed", status=304))).status == 304


def test_validators_of_a_new_body_replace_the_old_ones(loopback: Loopback) -> None:
    result = get(loopback.serve("/feed", FEED, ETag='"2"'), Validators('"1"', "then"))
    assert isinstance(result, Fetched)
    assert result.validators == Validators('"2"', None)


def test_a_validator_that_cannot_be_repeated_is_left_out(loopback: Loopback) -> None:
    def answer(handler: Handler) -> None:
        handler.raw(b'HTTP/1.1 200 OK\r\nETag: "\xff\xfe"\r\nLast-Modified: then\r\nContent-Length: 0\r\n\r\n')

    result = get(loopback.route("/feed", answer))
    assert isinstance(result, Fetched)
    assert result.validators == Validators(None, "then")


@pytest.mark.parametrize(
    ("hops", "permanent"),
    [([301], "/1"), ([308], "/1"), ([301, 308], "/2"), ([302], None), ([307], None), ([303], None), ([301, 302], "/1"), ([302, 301], None)],
)  # fmt: skip
def test_a_permanent_url_is_where_an_unbroken_chain_of_permanent_redirects_led(
    hops: list[int], permanent: str | None, loopback: Loopback
) -> None:
    for n, status in enumerate(hops):
        loopback.serve(f"/{n}", status=status, Location=f"/{n + 1}")
    loopback.serve(f"/{len(hops)}", FEED)
    result = get(loopback.url("/0"))
    assert isinstance(result, Fetched)
    assert result.url == loopback.url(f"/{len(hops)}")
    assert result.permanent_url == (loopback.url(permanent) if permanent else None)


def test_validators_are_sent_along_a_redirect_and_a_304_behind_it_counts(loopback: Loopback) -> None:
    url = loopback.serve("/old", status=301, Location="/new")
    loopback.serve("/new", status=304)
    assert get(url, Validators('"1"')) == NotModified(Validators('"1"'), None, loopback.url("/new"))


def test_five_redirects_are_followed_and_six_are_not(loopback: Loopback) -> None:
    for n in range(6):
        loopback.serve(f"/{n}", status=302, Location=f"/{n + 1}")
    loopback.serve("/6", FEED)
    assert isinstance(get(loopback.url("/1")), Fetched)
    assert failure(get(loopback.url("/0"))).kind == "redirects"


def test_a_redirect_loop_ends(loopback: Loopback) -> None:
    assert failure(get(loopback.serve("/loop", status=301, Location="/loop"))).kind == "redirects"
    assert len(loopback.requests) == 6


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://127.0.0.1/", "javascript:alert(1)", "data:text/xml,<rss/>", "http://[broken/", "//"]
)
def test_a_redirect_to_anything_but_http_is_refused(target: str, loopback: Loopback) -> None:
    assert failure(get(loopback.serve("/", status=302, Location=target))).kind == "redirects"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org/", "example.org/feed", "", "http://", "http://[broken"])
def test_a_url_that_is_not_http_is_refused(url: str) -> None:
    assert failure(get(url)).kind == "address"


def test_a_name_that_does_not_exist_is_a_dns_failure() -> None:
    result = failure(get("http://no-such-host.invalid/feed"))
    assert result.kind == "dns"
    assert "no-such-host.invalid" in result.message


def test_a_refused_connection_is_a_connect_failure() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        result = failure(get(f"http://127.0.0.1:{port}/"))
    assert result.kind == "connect"
    assert str(port) in result.message


def test_a_host_that_takes_no_connection_is_given_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.fetch.CONNECT_TIMEOUT", 0.3)
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        first.connect(full.getsockname())
        second.setblocking(False)
        second.connect_ex(full.getsockname())  # nobody accepts, and there is room for no third
        result = failure(get(f"http://127.0.0.1:{full.getsockname()[1]}/feed"))
    assert (result.kind, "takes no connection" in result.message) == ("connect", True)


def test_a_failure_says_which_host_failed_also_behind_a_redirect(loopback: Loopback, other: Loopback) -> None:
    busy = other.serve("/feed", status=429)
    assert failure(get(loopback.serve("/moved", status=302, Location=busy))).place == f"127.0.0.1:{other.port}"


def test_a_server_without_tls_is_a_tls_failure(loopback: Loopback) -> None:
    assert failure(get(loopback.url("/").replace("http:", "https:"))).kind == "tls"


def test_a_slow_drip_runs_into_the_deadline(loopback: Loopback) -> None:
    stop = threading.Event()

    def drip(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not stop.wait(0.02):
            handler.wfile.write(b"x")

    try:
        result = failure(get(loopback.route("/drip", drip), fetch_timeout=0.3))
    finally:
        stop.set()
    assert result.kind == "timeout"
    assert "0.3 s" in result.message


def test_redirects_share_one_deadline(loopback: Loopback) -> None:
    def hop(handler: Handler) -> None:
        time.sleep(0.15)
        handler.answer(302, headers={"Location": handler.path + "x"})

    for n in range(6):
        loopback.route("/" + "x" * n, hop)
    assert failure(get(loopback.url("/"), fetch_timeout=0.3)).kind == "timeout"


def test_waiting_for_a_turn_is_not_timed(loopback: Loopback) -> None:
    def slow(handler: Handler) -> None:
        time.sleep(0.4)
        handler.answer(200, FEED)

    async def many(session: Session) -> list[FetchResult]:
        return await asyncio.gather(*(fetch(session, url) for _ in range(6)))

    url = loopback.route("/slow", slow)
    assert all(isinstance(result, Fetched) for result in with_session(many, fetch_concurrency=1, fetch_timeout=2.0))


@pytest.mark.parametrize(
    "encoding", ["", "identity", "gzip", "x-gzip", "deflate", "raw-deflate", "two-gzips", "padded-gzip", "br", "zstd", "two-zstds"]
)
def test_a_body_is_decompressed(encoding: str, loopback: Loopback) -> None:
    packed = {
        "gzip": gzip.compress(FEED),
        "x-gzip": gzip.compress(FEED),
        "deflate": zlib.compress(FEED),
        "raw-deflate": zlib.compress(FEED)[2:-4],
        "two-gzips": gzip.compress(FEED[:20]) + gzip.compress(FEED[20:]),
        "padded-gzip": gzip.compress(FEED) + b"\0" * 10,
        "br": brotli.compress(FEED),
        "zstd": zstd.compress(FEED),
        "two-zstds": zstd.compress(FEED[:20]) + zstd.compress(FEED[20:]),
    }.get(encoding, FEED)
    name = {"raw-deflate": "deflate", "two-gzips": "gzip", "padded-gzip": "gzip", "two-zstds": "zstd"}.get(encoding, encoding)
    result = get(loopback.serve("/feed", packed, Content_Encoding=name))
    assert isinstance(result, Fetched)
    assert result.body == FEED


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", b"this is no gzip stream"),
        ("gzip", gzip.compress(FEED)[:-12]),
        ("gzip", gzip.compress(FEED * 50)[:40] + b"garbage" * 20),
        ("deflate", zlib.compress(FEED)[:-9]),
        ("br", b"<rss>this is no brotli stream"),
        ("br", brotli.compress(FEED)[:-5]),
        ("br", brotli.compress(FEED) + b"more"),
        ("zstd", b"this is no zstd stream"),
        ("zstd", zstd.compress(FEED)[:-5]),
        ("zstd", with_a_window_of_128_mib(FEED)),
        ("compress", b"\x1f\x9d\x90"),
        ("gzip, gzip", gzip.compress(gzip.compress(FEED))),
    ],
)
def test_a_broken_or_unknown_encoding_is_a_decoding_failure(encoding: str, body: bytes, loopback: Loopback) -> None:
    assert failure(get(loopback.serve("/feed", body, Content_Encoding=encoding))).kind == "decoding"


def test_a_body_of_just_the_limit_is_taken_and_one_more_byte_is_not(loopback: Loopback) -> None:
    assert isinstance(get(loopback.serve("/fits", b"x" * MIB), **SMALL), Fetched)
    assert failure(get(loopback.serve("/more", b"x" * (MIB + 1)), **SMALL)).kind == "too-large"


def test_an_endless_body_is_cut_off(loopback: Loopback) -> None:
    def endless(handler: Handler) -> None:
        handler.raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            handler.wfile.write(b"x" * 65536)

    assert failure(get(loopback.route("/endless", endless), **SMALL)).kind == "too-large"


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("br", brotli.compress), ("zstd", zstd.compress)])
def test_a_bomb_is_not_expanded_in_memory(encoding: str, pack: Callable[[bytes], bytes], loopback: Loopback) -> None:
    url = loopback.serve("/bomb", pack(bytes(64 * MIB)), Content_Encoding=encoding)
    get(url, **SMALL)  # what is made once is not counted
    tracemalloc.start()
    result = failure(get(url, **SMALL))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert result.kind == "too-large"
    assert peak < 16 * MIB


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_what_follows_the_end_of_a_stream_is_not_read(encoding: str, loopback: Loopback) -> None:
    sent = 0

    def endless(handler: Handler) -> None:
        nonlocal sent
        handler.raw(f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\n\r\n".encode())
        handler.wfile.write(gzip.compress(FEED) if encoding == "gzip" else zlib.compress(FEED))
        while sent < 64 * MIB:
            sent += handler.wfile.write(b"x" * 65536)

    result = get(loopback.route("/padded", endless))
    assert isinstance(result, Fetched)
    assert result.body == FEED
    assert sent < 64 * MIB


@pytest.mark.parametrize(
    ("member", "kind"), [(gzip.compress(b""), "decoding"), (gzip.compress(b"", 0)[:10] + b"\0\0\0\xff\xff" * 2000, "too-large")]
)
def test_a_stream_that_never_says_anything_is_cut_off(member: bytes, kind: str, loopback: Loopback) -> None:
    def endless(handler: Handler) -> None:
        handler.raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + member)
        while True:
            handler.wfile.write((member if kind == "decoding" else b"\0\0\0\xff\xff") * 3000)

    assert failure(get(loopback.route("/endless", endless), **SMALL)).kind == kind


def test_the_start_of_a_long_body_can_be_had(loopback: Loopback) -> None:
    result = with_session(lambda session: fetch_start(session, loopback.serve("/long", b"ab" * MIB), 3))
    assert isinstance(result, Fetched)
    assert result.body == b"aba"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 502, 503, 204, 206, 300, 999])
def test_another_status_is_a_failure_that_names_it(status: int, loopback: Loopback) -> None:
    result = failure(get(loopback.serve("/feed", status=status)))
    assert (result.kind, result.status, result.retry_after) == ("http", status, None)
    assert str(status) in result.message


def test_gone_is_gone(loopback: Loopback) -> None:
    url = loopback.serve("/feed", status=410)
    assert get(url) == Gone(url)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_kept(status: int, loopback: Loopback) -> None:
    assert failure(get(loopback.serve("/feed", status=status, Retry_After="120"))).retry_after == 120.0


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<rss>", "broken", "content length header"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<rss>\r\n", "broken", "broke off in the middle of the body"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n<rss>\r\n", "http", "chunk size"),
        (b"", "broken", "(it was closed before a whole answer)"),
        (b"HTTP/1.1 200", "broken", "(it was closed before a whole answer)"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "http", "(Bad status line"),
        (b"HTTP/1.1 twohundred OK\r\n\r\n", "http", "(Bad status line"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", "http", "(Got more than"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "http", "Content-Length"),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", "redirects", "redirects without saying where to (HTTP 302)"),
    ],
)
def test_an_answer_that_breaks_off_or_is_no_http_is_a_failure_in_plain_words(
    answer: bytes, kind: str, words: str, loopback: Loopback
) -> None:
    found = failure(get(loopback.route("/", lambda handler: handler.raw(answer))))
    assert found.kind == kind
    assert words in found.message
    assert not re.search(r"<\w+|message=|_ssl\.c", found.message)


def test_what_a_terminal_would_obey_does_not_come_out_of_an_answer(loopback: Loopback) -> None:
    answer = b"HTTP/1.1 503 \x1b[31mred\x07\r\nContent-Length: 0\r\n\r\n"
    assert failure(get(loopback.route("/", lambda handler: handler.raw(answer)))).message.startswith("HTTP 503 [31mred from")


def test_header_bytes_that_are_not_utf8_leave_nothing_behind_that_cannot_be_stored(loopback: Loopback) -> None:
    bad = failure(get(loopback.route("/reason", lambda handler: handler.raw(b"HTTP/1.1 404 N\xff\r\nContent-Length: 0\r\n\r\n"))))
    assert bad.message.startswith("HTTP 404 N\ufffd from")
    typed = b"HTTP/1.1 200 OK\r\nContent-Type: text/\xff; charset=\xfe\r\nContent-Length: 2\r\n\r\nhi"
    result = get(loopback.route("/type", lambda handler: handler.raw(typed)))
    assert isinstance(result, Fetched)
    assert (result.media_type, result.charset) == ("text/\ufffd", "\ufffd")


def test_a_body_without_content_type_or_length_is_taken_as_it_is(loopback: Loopback) -> None:
    result = get(loopback.route("/", lambda handler: handler.raw(b"HTTP/1.1 200 OK\r\n\r\n" + FEED)))
    assert isinstance(result, Fetched)
    assert (result.body, result.media_type, result.charset) == (FEED, None, None)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("  http://example.org/a#part ", "http://example.org/a"),
        ("HTTPS://Example.ORG/%7Efeed?b=2&a=1", "https://example.org/~feed?b=2&a=1"),
        ("http://2130706433/x", "http://127.0.0.1/x"),
        ("http://münchen.example/ü", "http://xn--mnchen-3ya.example/%C3%BC"),
        ("http://[::1]:8080/", "http://[::1]:8080/"),
    ],
)
def test_a_url_is_made_ready_to_be_asked_for(url: str, expected: str) -> None:
    assert str(http_url(url)) == expected
