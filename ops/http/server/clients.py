"""The client of a request: its address, and what the trusted proxies say about it."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import Scope

__all__ = [
    "FORWARDING",
    "IPV6_SITE_BITS",
    "Proxies",
    "Requester",
    "asker_of",
    "forwarded_hosts",
    "group_of",
    "is_loopback",
    "prefix_of",
]

#: a request with one of these headers came through a proxy, so it does not count as local
FORWARDING = frozenset(
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
#: providers give each household a /64 network; a client can use any address in it
_IPV6_HOUSEHOLD_BITS = 64
#: a customer can get a whole /48 network: 65,536 times the network of a household
IPV6_SITE_BITS = 48
#: how many addresses are not parsed anew at each request
_REMEMBERED = 4096
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+")

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """One client. ``local`` means a program of this machine that connected without a proxy.

    ``address`` groups the client's requests: its IPv4 address or its IPv6 /64 network. ``site`` is the wider IPv6
    network that may also belong to one client; for IPv4 it equals ``address``. ``shown`` is the exact address.
    """

    address: str
    local: bool
    site: str = field(default="", compare=False)
    shown: str = field(default="", compare=False)


class Proxies:
    """The proxies whose forwarding headers are trusted, as addresses or networks.

    Raises:
        ValueError: an entry is neither an address nor a network.
    """

    def __init__(self, trusted: Iterable[str]) -> None:
        self._trusted: Sequence[Network] = tuple(ip_network(word, strict=False) for word in trusted)

    def asker(self, scope: Scope) -> Requester:
        """Return who sent a request."""
        peer = scope["client"][0] if scope.get("client") else ""
        headers = Headers(scope=scope)
        if not any(name in headers for name in FORWARDING):
            return _asker(peer, local=is_loopback(peer))
        address = peer
        hops = [hop.strip() for line in headers.getlist("x-forwarded-for") for hop in line.split(",")]
        # Read from the right. Each trusted proxy appended the address that it saw. Clients can forge the entries
        # left of the last trusted one.
        while hops and self.trusts(address):
            hop = _plain(hops.pop())
            if hop is None:
                break
            address = hop
        return _asker(address, local=False)

    def introduce(self, scope: Scope, *, root_path: str = "") -> None:
        """Note in the state of a request what the layers behind want to know of its client and its way here."""
        state = scope.setdefault("state", {})
        state["asker"] = self.asker(scope)
        state["forwarded_hosts"], told = self.forwarded(scope)
        state["prefix"] = told or root_path

    def forwarded(self, scope: Scope) -> tuple[tuple[str, ...], str]:
        """Return the hosts and the path prefix that a trusted proxy forwards; nothing from any other peer."""
        peer = scope["client"][0] if scope.get("client") else ""
        if not self.trusts(peer):
            return (), ""
        headers = Headers(scope=scope)
        hosts = (host.strip() for line in headers.getlist("x-forwarded-host") for host in line.split(","))
        prefix = headers.get("x-forwarded-prefix", "").rstrip("/")
        return tuple(filter(None, hosts)), prefix if _PREFIX.fullmatch(prefix) else ""

    def trusts(self, address: str) -> bool:
        """Return whether an address belongs to a trusted proxy."""
        known = _parsed(address)
        return known is not None and any(known in network for network in self._trusted)


def asker_of(scope: Scope) -> Requester:
    """Return the client that the entrance has determined for this request."""
    asker = scope.get("state", {}).get("asker")
    return asker if isinstance(asker, Requester) else Requester(address="", local=False)


def forwarded_hosts(scope: Scope) -> tuple[str, ...]:
    """Return the forwarded hosts that the entrance has determined for this request."""
    hosts: tuple[str, ...] = scope.get("state", {}).get("forwarded_hosts", ())
    return hosts


def prefix_of(scope: Scope) -> str:
    """Return the path prefix that the client uses, such as ``/tp``, or an empty text. The entrance determines it."""
    return str(scope.get("state", {}).get("prefix", ""))


@functools.lru_cache(maxsize=_REMEMBERED)
def _asker(address: str, *, local: bool) -> Requester:
    return Requester(
        address=group_of(address), local=local, site=group_of(address, bits=IPV6_SITE_BITS), shown=address
    )


def _plain(hop: str) -> str | None:
    """Return the address of a hop without its port, or None if it is no address."""
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
    """Return whether an address is a loopback address."""
    known = _parsed(address)
    return known is not None and known.is_loopback


def group_of(address: str, *, bits: int = _IPV6_HOUSEHOLD_BITS) -> str:
    """Return an IPv4 address as it is, and an IPv6 address as its network of ``bits`` bits."""
    known = _parsed(address)
    if isinstance(known, IPv6Address):
        return str(ip_network((known, bits), strict=False))
    return address if known is None else str(known)


@functools.lru_cache(maxsize=_REMEMBERED)
def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    """Return an address, one that IPv6 only wraps as the IPv4 address that it is, or None for any other text."""
    try:
        known = ip_address(address)
    except ValueError:
        return None
    return (known.ipv4_mapped or known) if isinstance(known, IPv6Address) else known
