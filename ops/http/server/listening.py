"""The listening sockets: bound once, early, so that a taken port is one line before anything starts."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address

__all__ = ["Listening"]

_SEND_BUFFER_BYTES = 256 * 1024
_UNACKNOWLEDGED_MS = 60_000
_LOOPBACK = ("127.0.0.1", "::1")
#: what a machine says of an address of a family that it does not have
_NO_SUCH_FAMILY = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


class Listening:
    """Holds the port for the whole life of the daemon; each responder serves duplicates of its sockets.

    A name is listened on at all its addresses, ``localhost`` at both; ``::`` is every address of either kind
    (IPV6_V6ONLY off), as ``0.0.0.0`` is every one of IPv4.

    Raises:
        OSError: the address is taken, or not ours.
    """

    def __init__(self, host: str, port: int) -> None:
        self._sockets: list[socket.socket] = []
        absent: OSError | None = None
        try:
            for address in _addresses(host):
                try:
                    # 0 is any free port: of the first address, then the same for the others
                    self._sockets.append(_bound(address, self.port if self._sockets else port))
                except OSError as error:
                    if error.errno not in _NO_SUCH_FAMILY:
                        raise
                    absent = error
            if absent is not None and not self._sockets:
                raise absent
        except OSError:
            self.close()
            raise

    @property
    def port(self) -> int:
        """The port bound; of use when 0, any free one, was asked for."""
        return int(self._sockets[0].getsockname()[1])

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses bound."""
        return tuple(str(one.getsockname()[0]) for one in self._sockets)

    def duplicates(self) -> list[socket.socket]:
        """Return sockets for one responder, which closes them."""
        return [one.dup() for one in self._sockets]

    def close(self) -> None:
        """Give the port up."""
        for one in self._sockets:
            one.close()


def _addresses(host: str) -> Iterator[str]:
    """Yield the addresses of a host, each once.

    Raises:
        OSError: the name has none.
    """
    with suppress(ValueError):
        yield str(ip_address(host))
        return
    if host == "localhost":
        yield from _LOOPBACK  # whatever /etc/hosts knows of it (RFC 6761)
        return
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    yield from dict.fromkeys(str(entry[4][0]) for entry in found)


def _bound(address: str, port: int) -> socket.socket:
    if ":" in address:
        both = address == "::" and socket.has_dualstack_ipv6()
        bound = socket.create_server(
            (address, port), family=socket.AF_INET6, backlog=1024, dualstack_ipv6=both
        )
    else:
        bound = socket.create_server((address, port), backlog=1024)
    # accepted sockets inherit both: what the kernel keeps for a client that does not read, and how long
    # it waits for one that is gone without a word
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS)
    return bound
