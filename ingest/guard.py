"""The address guard: what a fetcher may connect to, decided on the address that the socket is about to be given.

Names are checked when they have been resolved and every socket once more when it is made, so a name that changes its
address between two look-ups gains nothing. Redirects make new sockets and pass the same gate.

Behind a proxy the only socket leads to the proxy, which resolves the names. There a host that spells its address is all that can be
checked; what names resolve to is the proxy's to refuse.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from stream.threads import Threads

LOOKUPS = 64  # names looked up at once; one that takes long outlives the request that asked
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890, RFC 8190), and multicast. Kept here and not taken from
# `ipaddress`, whose answers differ between Python 3.11 and 3.13.
_NOT_PUBLIC_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host, unspecified
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT, RFC 6598
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local; cloud metadata services live here
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays, withdrawn by RFC 7526
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# Outside of 2000::/3 nothing is global unicast: loopback, IPv4-mapped, NAT64 64:ff9b::/96, fc00::/7, fe80::/10, ff00::/8 …
_GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo 2001::/32 among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries any IPv4 address
        "3fff::/20",  # documentation, RFC 9637
    )
)


class AddressRefused(OSError):
    """A connection to *address*, which is not public and not in an allowed network."""

    def __init__(self, address: object, host: str = "") -> None:
        named = f" ({host})" if host and host != str(address) else ""
        super().__init__(f"{address}{named} is not a public address; to fetch from it, name its network in DATELINE_ALLOW_NETWORKS")


def is_public(address: Address) -> bool:
    """Return whether *address* is globally routable unicast."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    return address in _GLOBAL_UNICAST_V6 and not any(address in network for network in _NOT_PUBLIC_V6)


def allowed(address: Address, networks: Sequence[Network]) -> bool:
    """Return whether a fetcher may connect to *address*: it is public, or in one of the operator's *networks*."""
    return is_public(address) or any(address.version == network.version and address in network for network in networks)


def literal_address(host: str) -> Address | None:
    """Return the address that *host* spells, also as 2130706433, 0x7f.1 or 0177.0.0.1; None where it is a name."""
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None


def check_spelled(host: str, networks: Sequence[Network]) -> None:
    """Raise AddressRefused where *host* itself says that it may not be reached; names pass, but for localhost (RFC 6761 §6.3)."""
    local = host.rstrip(".").lower()
    address = IPv4Address("127.0.0.1") if local == "localhost" or local.endswith(".localhost") else literal_address(host)
    if address is not None and not allowed(address, networks):
        raise AddressRefused(address, host)


class Lookups(AbstractResolver):
    """Resolves names as the system does, on threads of its own that nothing waits for at the end; *ask* is ``getaddrinfo``."""

    def __init__(self, ask: Callable[..., list[Any]] = socket.getaddrinfo) -> None:
        self._ask = ask
        self._threads = Threads(LOOKUPS, "lookup")

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """Return the addresses of *host*; raises OSError where it has none."""
        known = await self._threads.run(self._ask, host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        return [_resolved(host, port, found) for found in known]

    async def close(self) -> None:
        """Take no more questions; those under way are left to themselves."""
        self._threads.close()


def _resolved(host: str, port: int, found: tuple[Any, ...]) -> ResolveResult:
    family, _, protocol, _, address = found
    scope = f"%{address[3]}" if family == socket.AF_INET6 and address[3] else ""  # link-local addresses say nothing without
    numeric = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=address[0] + scope, port=port, family=family, proto=protocol, flags=numeric)


class GuardedResolver(AbstractResolver):
    """Resolves names through *resolver* and drops every address that may not be reached; AddressRefused where none is left."""

    def __init__(self, networks: Sequence[Network], resolver: AbstractResolver | None = None) -> None:
        self._networks = tuple(networks)
        self._resolver = resolver or Lookups()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """Return where *host* may be reached."""
        found = await self._resolver.resolve(host, port, family)
        reachable = [result for result in found if allowed(ip_address(result["host"]), self._networks)]
        if found and not reachable:
            raise AddressRefused(found[0]["host"], host)
        return reachable

    async def close(self) -> None:
        """Close the resolver within."""
        await self._resolver.close()


class GuardedSockets:
    """Makes the sockets of a connector; raises AddressRefused for one that would leave the allowed networks."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = tuple(networks)

    def __call__(self, info: tuple[Any, ...]) -> socket.socket:
        """Return an unconnected socket for *info*, a tuple as ``getaddrinfo`` gives it."""
        family, kind, protocol, _, target = info
        address = ip_address(target[0])
        if not allowed(address, self._networks):
            raise AddressRefused(address)
        return socket.socket(family, kind, protocol)
