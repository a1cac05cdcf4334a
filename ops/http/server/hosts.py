"""Which names this service is asked by. A page whose name was pointed at it (DNS rebinding) sends its own name."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from ipaddress import IPv6Address, ip_address

__all__ = ["ServedHosts", "machine_names", "parse_host"]

_LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
_HOST = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?")


class ServedHosts:
    """The names that are served. ``allowed`` are those the operator lists, ``name`` or ``name:port``.

    Loopback names count always: a browser asks by them only what really stands there. On loopback nothing else does
    but what is listed. Off loopback a list is the whole of it, beside the address the request came in by; without
    one any address will do, since rebinding needs a name, and ``machine`` gives the names of this machine.
    """

    def __init__(
        self, *, loopback: bool, allowed: Iterable[str], machine: Callable[[], frozenset[str]] = frozenset
    ) -> None:
        self._loopback = loopback
        self._allowed = frozenset(filter(None, map(_listed, allowed)))
        self._machine = machine

    def serves(self, host: str, *, came_in_by: str | None = None) -> bool:
        """Return whether a ``Host`` is ours; ``came_in_by`` is the address of this machine's end of the connection."""
        parsed = parse_host(host)
        if parsed is None:
            return False
        name, port = parsed
        if name in _LOOPBACK_NAMES or (name, "") in self._allowed or (name, port) in self._allowed:
            return True
        if self._loopback:
            return False
        if self._allowed:
            return came_in_by is not None and _address(name) == _address(came_in_by) is not None
        return _address(name) is not None or name in self._machine()


def parse_host(host: str) -> tuple[str, str] | None:
    """Return name and port of a ``Host``, in one way of writing; None for what is no host.

    >>> parse_host("TP.Example.:80"), parse_host("[::0:1]:4008"), parse_host("a@b"), parse_host("")
    (('tp.example', '80'), ('::1', '4008'), None, None)
    """
    match = _HOST.fullmatch(host)
    if match is None:
        return None
    # the root's dot at the end of a name says nothing; names are the same in any case
    name = match["six"] or match["name"].removesuffix(".").lower()
    return _address(name) or name, match["port"] or ""


def machine_names() -> Callable[[], frozenset[str]]:
    """Return what gives the names of this machine: its host name at once, its full one when it has been looked up."""
    names = {socket.gethostname().lower()}

    def look_up() -> None:
        # of its own address book: what a reverse look-up says is for others to invent
        with suppress(OSError):
            for entry in socket.getaddrinfo(socket.gethostname(), None, flags=socket.AI_CANONNAME):
                if entry[3]:
                    names.add(entry[3].removesuffix(".").lower())

    # a resolver that does not answer would hold up the start
    threading.Thread(target=look_up, name="own-names", daemon=True).start()
    return lambda: frozenset(tuple(names))


def _listed(entry: str) -> tuple[str, str] | None:
    address = _address(entry)  # an IPv6 address can be listed without brackets
    return (address, "") if address else parse_host(entry)


def _address(text: str) -> str | None:
    """Return an address in its one way of writing; None for a name."""
    try:
        known = ip_address(text)
    except ValueError:
        return None
    if isinstance(known, IPv6Address) and known.ipv4_mapped:
        return str(known.ipv4_mapped)
    return str(known)
