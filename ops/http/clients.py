"""Who asks: the address a request comes from, proxies taken at their word only where they are trusted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import Scope

__all__ = ["Asker", "Proxies", "asker_of"]

#: who carries one of these came through a proxy, and so not from a program of this machine
_FORWARDING = frozenset(
    {"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"}
)
#: providers give each household a network of so many bits; its single addresses cost nothing
_IPV6_HOUSEHOLD_BITS = 64

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """One client. ``local``: a program of this machine, no proxy between. ``address`` groups its requests."""

    address: str
    local: bool


class Proxies:
    """The proxies whose ``X-Forwarded-For`` is believed, as addresses or networks.

    Raises:
        ValueError: one of them is neither.
    """

    def __init__(self, trusted: Iterable[str]) -> None:
        self._trusted: Sequence[Network] = tuple(ip_network(word, strict=False) for word in trusted)

    def asker(self, scope: Scope) -> Asker:
        """Return who sent a request."""
        peer = scope["client"][0] if scope.get("client") else ""
        headers = Headers(scope=scope)
        if not any(name in headers for name in _FORWARDING):
            return Asker(address=_grouped(peer), local=_is_loopback(peer))
        address = peer
        hops = [hop.strip() for line in headers.getlist("x-forwarded-for") for hop in line.split(",")]
        # from the right: each trusted proxy wrote the address it saw; what stands further left anybody may write
        while hops and self._trusts(address):
            hop = _plain(hops.pop())
            if hop is None:
                break
            address = hop
        return Asker(address=_grouped(address), local=False)

    def _trusts(self, address: str) -> bool:
        try:
            known = ip_address(address)
        except ValueError:
            return False
        if isinstance(known, IPv6Address) and known.ipv4_mapped:
            known = known.ipv4_mapped
        return any(known in network for network in self._trusted)


def asker_of(scope: Scope) -> Asker:
    """Return who sent a request, as the entrance has found it."""
    asker = scope.get("state", {}).get("asker")
    return asker if isinstance(asker, Asker) else Asker(address="", local=False)


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


def _is_loopback(address: str) -> bool:
    try:
        known = ip_address(address)
    except ValueError:
        return False
    if isinstance(known, IPv6Address) and known.ipv4_mapped:
        known = known.ipv4_mapped
    return known.is_loopback


def _grouped(address: str) -> str:
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if isinstance(known, IPv6Address):
        if known.ipv4_mapped:
            return str(known.ipv4_mapped)
        return str(ip_network((known, _IPV6_HOUSEHOLD_BITS), strict=False))
    return str(known)
