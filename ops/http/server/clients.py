"""Who asks: the address a request comes from, proxies taken at their word only where they are trusted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import Scope

__all__ = [
    "IPV6_SITE_BITS",
    "Proxies",
    "Requester",
    "asker_of",
    "forwarded_hosts",
    "group_of",
    "is_loopback",
    "prefix_of",
]

#: who carries one of these came through a proxy, and so not from a program of this machine
_FORWARDING = frozenset(
    {
        *(
            "forwarded",
            "via",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-prefix",
            "x-forwarded-proto",
        ),
        "x-real-ip",
    }
)
#: providers give each household a network of so many bits; its single addresses cost nothing
_IPV6_HOUSEHOLD_BITS = 64
#: a customer who asks for it gets one of so many bits, 65,536 households
IPV6_SITE_BITS = 48
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+")

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """One client. ``local``: a program of this machine, no proxy between. ``address`` groups its requests.

    ``site`` is the wider network that could be one client all the same, equal to ``address`` for IPv4; ``shown`` is
    the very address.
    """

    address: str
    local: bool
    site: str = field(default="", compare=False)
    shown: str = field(default="", compare=False)


class Proxies:
    """The proxies whose ``X-Forwarded-For`` is believed, as addresses or networks.

    Raises:
        ValueError: one of them is neither.
    """

    def __init__(self, trusted: Iterable[str]) -> None:
        self._trusted: Sequence[Network] = tuple(ip_network(word, strict=False) for word in trusted)

    def asker(self, scope: Scope) -> Requester:
        """Return who sent a request."""
        peer = scope["client"][0] if scope.get("client") else ""
        headers = Headers(scope=scope)
        if not any(name in headers for name in _FORWARDING):
            return _asker(peer, local=is_loopback(peer))
        address = peer
        hops = [hop.strip() for line in headers.getlist("x-forwarded-for") for hop in line.split(",")]
        # from the right: each trusted proxy wrote the address it saw; what stands further left anybody may write
        while hops and self.trusts(address):
            hop = _plain(hops.pop())
            if hop is None:
                break
            address = hop
        return _asker(address, local=False)

    def forwarded(self, scope: Scope) -> tuple[tuple[str, ...], str]:
        """Return the hosts and the path's beginning that a trusted proxy says it was asked by; none of any other."""
        peer = scope["client"][0] if scope.get("client") else ""
        if not self.trusts(peer):
            return (), ""
        headers = Headers(scope=scope)
        hosts = (host.strip() for line in headers.getlist("x-forwarded-host") for host in line.split(","))
        prefix = headers.get("x-forwarded-prefix", "").rstrip("/")
        return tuple(filter(None, hosts)), prefix if _PREFIX.fullmatch(prefix) else ""

    def trusts(self, address: str) -> bool:
        """Return whether a proxy stands at an address."""
        try:
            known = ip_address(address)
        except ValueError:
            return False
        if isinstance(known, IPv6Address) and known.ipv4_mapped:
            known = known.ipv4_mapped
        return any(known in network for network in self._trusted)


def asker_of(scope: Scope) -> Requester:
    """Return who sent a request, as the entrance has found it."""
    asker = scope.get("state", {}).get("asker")
    return asker if isinstance(asker, Requester) else Requester(address="", local=False)


def forwarded_hosts(scope: Scope) -> tuple[str, ...]:
    """Return the hosts a trusted proxy says it was asked by, as the entrance has found them."""
    hosts: tuple[str, ...] = scope.get("state", {}).get("forwarded_hosts", ())
    return hosts


def prefix_of(scope: Scope) -> str:
    """Return what stands before our paths where the client asks, as the entrance has found it: ``/tp``, or nothing."""
    return str(scope.get("state", {}).get("prefix", ""))


def _asker(address: str, *, local: bool) -> Requester:
    return Requester(
        address=group_of(address), local=local, site=group_of(address, bits=IPV6_SITE_BITS), shown=address
    )


def _plain(hop: str) -> str | None:
    """Return the address of a hop; some proxies add the port."""
    bare = hop.strip('"')
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        return str(ip_address(bare))
    except ValueError:
        return None


def is_loopback(address: str) -> bool:
    """Return whether an address is one of this machine alone."""
    try:
        known = ip_address(address)
    except ValueError:
        return False
    if isinstance(known, IPv6Address) and known.ipv4_mapped:
        known = known.ipv4_mapped
    return known.is_loopback


def group_of(address: str, *, bits: int = _IPV6_HOUSEHOLD_BITS) -> str:
    """Return what stands for an address: itself, or its network of so many bits for IPv6."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if isinstance(known, IPv6Address):
        if known.ipv4_mapped:
            return str(known.ipv4_mapped)
        return str(ip_network((known, bits), strict=False))
    return str(known)
