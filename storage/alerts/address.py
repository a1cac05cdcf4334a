"""The addresses that alerts may be sent to.

Who may write rules must not reach services of this machine or its network through us. So each connection is checked by
the address that it is made to. A name that leads elsewhere at the second look (DNS rebinding) gains nothing, because the
checked address itself is connected to.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

import psutil

__all__ = ["AddressRules", "ForbiddenAddressError"]

Address = IPv4Address | IPv6Address
#: so many addresses of a name are tried: a name with a hundred silent ones would take minutes
MOST_ADDRESSES = 4
_SETTING = "TP_CAPITAL_ALERT_NETWORKS"
#: an IPv4 address stands in the last four bytes
_NAT64 = ip_network("64:ff9b::/96")
#: what IPv6 gives to the public; the rest stands for other addresses, or leads into the own site or nowhere
_PUBLIC_IPV6 = ip_network("2000::/3")
#: not public either, though the interpreter says so: Oracle's metadata, relays of 6to4, Azure's agent
_NEAR = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")))


class ForbiddenAddressError(Exception):
    """Nothing may be sent to this address. The text says why, for the person who gave it."""


def _addresses_of_machine() -> Iterable[str]:
    return (each.address.partition("%")[0] for found in psutil.net_if_addrs().values() for each in found)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressRules:
    """Decides what may be connected to.

    Public addresses are allowed, and those of ``networks``. ``own_port`` of this machine never is: an alert must not
    become a request to ourselves.
    """

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    own_port: int
    of_machine: Callable[[], Iterable[str]] = _addresses_of_machine

    def check_url(self, url: str) -> None:
        """Refuse the address of a webhook that nothing may be sent to. Its name is looked up.

        Raises:
            ForbiddenAddressError: why it is refused.
        """
        self._find(_parts(url))

    def connect(self, url: str, *, timeout_s: float) -> socket.socket:
        """Return a connection to the address of a webhook.

        Raises:
            ForbiddenAddressError: nothing may be sent there.
            OSError: nobody answers there.
        """
        parts = _parts(url)
        error: OSError | None = None
        for address in self._find(parts)[:MOST_ADDRESSES]:
            try:
                return socket.create_connection((address, _port(parts)), timeout_s)
            except OSError as failure:
                error = failure
        assert error is not None  # noqa: S101 - a name that is found has at least one address
        raise error

    def check(self, host: str, port: int) -> None:
        """Refuse an address that nothing may be sent to.

        Raises:
            ForbiddenAddressError: why it is refused, or that ``host`` is no address.
        """
        try:
            address = _read(host)
        except ValueError:
            raise ForbiddenAddressError(f"{host} is no address") from None
        allowed = any(address in network for network in self.networks)
        if not _is_public(address) and not allowed:
            raise ForbiddenAddressError(
                f"leads to {address}, which is no public address; {_SETTING} lists the others that are allowed"
            )
        here = address.is_loopback or address.is_unspecified or str(address) in self.of_machine()
        if port == self.own_port and here:
            raise ForbiddenAddressError("leads to this engine itself")

    def _find(self, parts: SplitResult) -> list[str]:
        """Look up the addresses of a webhook. All of them must be allowed."""
        host, port = str(parts.hostname), _port(parts)
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise ForbiddenAddressError(f"there is no host {host}") from None
        addresses = list(dict.fromkeys(str(place[4][0]) for place in found))
        for address in addresses:
            self.check(address, port)
        if parts.scheme != "https" and not all(_read(address).is_loopback for address in addresses):
            raise ForbiddenAddressError("must begin with https://; http:// is for addresses of this machine")
        return addresses


def _parts(url: str) -> SplitResult:
    valid = False
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        there = bool(parts.hostname) and (parts.port is None or parts.port > 0)
        valid = there and url.isascii() and url.isprintable() and " " not in url
    if not valid or parts.scheme not in ("http", "https"):
        raise ForbiddenAddressError("must be an address such as https://host/path")
    if "@" in parts.netloc:
        raise ForbiddenAddressError("must hold no user and password; the signature proves who sends")
    if parts.fragment:
        raise ForbiddenAddressError("must have no # part, which is never sent")
    return parts


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _PUBLIC_IPV6:
        return False
    near = any(address in network for network in _NEAR)
    return address.is_global and not address.is_multicast and not near


def _read(text: str) -> Address:
    """Return an address; of an IPv6 address that stands for one of IPv4, the latter.

    Raises:
        ValueError: the text is no address.
    """
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
