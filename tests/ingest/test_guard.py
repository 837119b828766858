"""Which addresses a fetcher may reach, and that no spelling, name or redirect leads around the guard."""

from __future__ import annotations

import asyncio
import socket
import threading
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from ingest.fetch import fetch
from ingest.guard import AddressRefused, GuardedResolver, GuardedSockets, Lookups, allowed, is_public, literal_address
from ingest.model import Failed, Fetched
from tests.ingest.conftest import Loopback, with_session

PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.215.14", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1", "192.0.1.1", "198.17.0.1",
          "223.255.255.255", "2001:4860:4860::8888", "2606:4700:4700::1111", "2a00:1450:4001::", "2001:200::1",
          "2620:0:ccc::2"]  # fmt: skip
NOT_PUBLIC = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.0.9", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.170", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7",
    "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1",
    "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1", "3fff::1", "5f00::1",
    "fc00::1", "fd12:3456:789a::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1", "4000::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert is_public(ip_address(address))
    assert allowed(ip_address(address), ())


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_public(ip_address(address))
    assert not allowed(ip_address(address), ())


@pytest.mark.parametrize(
    ("address", "network", "expected"),
    [
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "10.1.2.3/32", True),
        ("10.1.2.4", "10.1.2.3/32", False),
        ("fd00::5", "fd00::/8", True),
        ("fd00::5", "10.0.0.0/8", False),
        ("::ffff:10.1.2.3", "10.0.0.0/8", False),
        ("127.0.0.1", "::/0", False),
    ],
)
def test_a_network_that_the_operator_names_opens_just_that_network(address: str, network: str, expected: bool) -> None:
    assert allowed(ip_address(address), (ip_network(network),)) is expected


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("0", "0.0.0.0"),
        ("[::1]", "::1"),
        ("::ffff:127.0.0.1", "::ffff:127.0.0.1"),
        ("example.org", None),
        ("localhost", None),
        ("1.2.3.4.5", None),
        ("münchen.example", None),
    ],
)
def test_a_literal_host_is_recognised_in_every_spelling(host: str, address: str | None) -> None:
    assert literal_address(host) == (ip_address(address) if address else None)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]",
     "169.254.169.254", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "①②⑦.0.0.1", "127。0。0。1"],
)  # fmt: skip
def test_no_spelling_of_a_host_leads_to_an_address_that_is_not_public(host: str, loopback: Loopback) -> None:
    loopback.serve("/", b"secret")
    result = with_session(lambda session: fetch(session, loopback.url("/", host)), allow_networks="")
    assert isinstance(result, Failed)
    assert result.kind == "address"
    assert "DATELINE_ALLOW_NETWORKS" in result.message
    assert loopback.requests == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "localhost"])
def test_an_allowed_network_is_reached_in_every_spelling(host: str, loopback: Loopback) -> None:
    loopback.serve("/", b"hello")
    result = with_session(lambda session: fetch(session, loopback.url("/", host)), allow_networks="127.0.0.0/8")
    assert isinstance(result, Fetched)
    assert result.body == b"hello"


@pytest.mark.parametrize("target", ["http://169.254.169.254/latest/", "http://[::ffff:169.254.169.254]/", "http://10.0.0.1:1/"])
def test_a_redirect_passes_the_same_gate(target: str, loopback: Loopback) -> None:
    url = loopback.serve("/", status=302, Location=target)
    result = with_session(lambda session: fetch(session, url))
    assert isinstance(result, Failed)
    assert result.kind == "address"


class _Names(AbstractResolver):
    """Resolves every name to the addresses that it was made with."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host=a, port=port, family=family, proto=0, flags=0) for a in self._addresses]

    async def close(self) -> None:
        """Nothing is held."""


def test_every_address_of_a_name_is_checked() -> None:
    resolver = GuardedResolver((), _Names("10.0.0.1", "93.184.215.14", "::1"))
    assert [found["host"] for found in asyncio.run(resolver.resolve("mixed.example"))] == ["93.184.215.14"]


def test_a_name_with_nothing_but_private_addresses_is_refused_by_name() -> None:
    with pytest.raises(AddressRefused, match=r"10\.0\.0\.1 \(inside\.example\) .*DATELINE_ALLOW_NETWORKS"):
        asyncio.run(GuardedResolver((), _Names("10.0.0.1", "::1")).resolve("inside.example"))


def test_a_look_up_that_hangs_holds_up_neither_the_others_nor_the_end() -> None:
    release = threading.Event()

    def ask(host: str, port: int, **rest: object) -> list[Any]:
        if host.startswith("slow"):
            release.wait()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", port))]

    async def run() -> str:
        resolver = GuardedResolver((), Lookups(ask))
        slow = [asyncio.create_task(resolver.resolve(f"slow{n}.example")) for n in range(40)]
        await asyncio.sleep(0)
        (found,) = await resolver.resolve("quick.example", 80)
        for task in slow:
            task.cancel()
        await resolver.close()
        return found["host"]

    assert asyncio.run(asyncio.wait_for(run(), 10.0)) == "93.184.215.14"
    release.set()


def test_a_socket_is_refused_whatever_was_resolved_before() -> None:
    with pytest.raises(AddressRefused):
        GuardedSockets(())((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 80)))


def test_a_socket_for_a_public_address_is_made() -> None:
    with GuardedSockets(())((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("93.184.215.14", 80))) as made:
        assert made.family == socket.AF_INET
