"""The host names that this service accepts, against DNS rebinding.

With DNS rebinding a page points its own name at this service. The browser then sends that name as ``Host``.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from ipaddress import IPv6Address, ip_address

from config.fields import LOOPBACK_HOSTS

__all__ = ["ServedHosts", "parse_host", "served_hosts"]

_LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
_HOST = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?")


class ServedHosts:
    """Decides which names are served. ``allowed`` holds the operator's entries, ``name`` or ``name:port``.

    ``loopback`` means that only this machine can reach the listen address.

    Loopback names are always served: a browser uses them only for services of its own machine. On loopback, only
    these and the listed names are served. Off loopback, a list also admits the address that received the request.
    Without a list, any address is served, because rebinding needs a name, and so are the names from ``machine``.
    """

    def __init__(
        self, *, loopback: bool, allowed: Iterable[str], machine: Callable[[], frozenset[str]] = frozenset
    ) -> None:
        self.loopback = loopback
        self._allowed = frozenset(filter(None, map(_listed, allowed)))
        self._machine = machine

    def serves(self, host: str, *, came_in_by: str | None = None) -> bool:
        """Return whether a ``Host`` is served. ``came_in_by`` is this machine's address on the connection."""
        parsed = parse_host(host)
        if parsed is None:
            return False
        name, port = parsed
        if name in _LOOPBACK_NAMES or (name, "") in self._allowed or (name, port) in self._allowed:
            return True
        if self.loopback:
            return False
        if self._allowed:
            return came_in_by is not None and _address(name) == _address(came_in_by) is not None
        return _address(name) is not None or name in self._machine()


def parse_host(host: str) -> tuple[str, str] | None:
    """Return name and port of a ``Host`` in normal form, or None if it is no host.

    >>> parse_host("TP.Example.:80"), parse_host("[::0:1]:4008"), parse_host("a@b"), parse_host("")
    (('tp.example', '80'), ('::1', '4008'), None, None)
    """
    match = _HOST.fullmatch(host)
    if match is None:
        return None
    # a trailing dot only marks the DNS root, and names are case-insensitive
    name = match["six"] or match["name"].removesuffix(".").lower()
    return _address(name) or name, match["port"] or ""


def served_hosts(listens_on: str, allowed: Iterable[str]) -> ServedHosts:
    """Return the names for a service that listens on an address. ``allowed`` holds the operator's entries."""
    loopback, allowed = listens_on in LOOPBACK_HOSTS, tuple(allowed)
    machine = frozenset if loopback or allowed else _machine_names()
    return ServedHosts(loopback=loopback, allowed=allowed, machine=machine)


def _machine_names() -> Callable[[], frozenset[str]]:
    """Return a function that gives this machine's names: the host name, later also the looked-up full name."""
    names = {socket.gethostname().lower()}

    def look_up() -> None:
        # a forward look-up of its own name: others control what a reverse look-up returns
        with suppress(OSError):
            for entry in socket.getaddrinfo(socket.gethostname(), None, flags=socket.AI_CANONNAME):
                if entry[3]:
                    names.add(entry[3].removesuffix(".").lower())

    # in a thread, because a resolver that does not answer would delay the start
    threading.Thread(target=look_up, name="own-names", daemon=True).start()
    return lambda: frozenset(tuple(names))


def _listed(entry: str) -> tuple[str, str] | None:
    address = _address(entry)  # an IPv6 address may be listed without brackets
    return (address, "") if address else parse_host(entry)


def _address(text: str) -> str | None:
    """Return an address in normal form, or None for a name."""
    try:
        known = ip_address(text)
    except ValueError:
        return None
    if isinstance(known, IPv6Address) and known.ipv4_mapped:
        return str(known.ipv4_mapped)
    return str(known)
