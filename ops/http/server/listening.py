"""The listening sockets. They are bound before anything else starts, so a taken port is reported at once.

:func:`explain_listening` turns a failure to bind into its cause and a remedy.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address

__all__ = ["Listening", "explain_listening"]

_OTHER_HOST = "set HOST to an address of this machine, such as 127.0.0.1"
_WHENCE = " (the environment sets HOST: conda and some shells set it to a name of their own)"
_SEND_BUFFER_BYTES = 256 * 1024
_UNACKNOWLEDGED_MS = 60_000
_LOOPBACK = ("127.0.0.1", "::1")
#: the errors of a machine without the address family, such as IPv6
_NO_SUCH_FAMILY = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


class Listening:
    """Holds the port for the whole life of the daemon. Each responder serves duplicates of its sockets.

    A name is bound at all its addresses; ``localhost`` means both loopback addresses. ``0.0.0.0`` means all IPv4
    addresses. ``::`` means all IPv6 and IPv4 addresses (IPV6_V6ONLY is off).

    Raises:
        OSError: the address is in use, or does not belong to this machine.
    """

    def __init__(self, host: str, port: int) -> None:
        self._sockets: list[socket.socket] = []
        absent: OSError | None = None
        try:
            for address in _addresses(host):
                try:
                    # with port 0 the system chooses a port for the first address; the others use the same port
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
        """The bound port, also when port 0 let the system choose one."""
        return int(self._sockets[0].getsockname()[1])

    @property
    def addresses(self) -> tuple[str, ...]:
        """The bound addresses."""
        return tuple(str(one.getsockname()[0]) for one in self._sockets)

    def duplicates(self) -> list[socket.socket]:
        """Return duplicate sockets for one responder. The responder closes them; the port stays bound."""
        return [one.dup() for one in self._sockets]

    def close(self) -> None:
        """Release the port."""
        for one in self._sockets:
            one.close()


def _addresses(host: str) -> Iterator[str]:
    """Yield each address of a host once.

    Raises:
        OSError: the name has no address.
    """
    with suppress(ValueError):
        yield str(ip_address(host))
        return
    if host == "localhost":
        yield from _LOOPBACK  # both, even if /etc/hosts lists only one (RFC 6761)
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
    # Accepted sockets inherit both options. They limit the bytes that the kernel buffers for a client that does not
    # read, and the time that it waits for a client that vanished.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS)
    return bound


def explain_listening(error: OSError) -> tuple[str, str]:
    """Return the cause of a failure to listen, and its remedy."""
    number = error.errno or 0
    if number < 0:
        # resolver errors have negative numbers, and os.strerror does not know them
        return "this name has no address", _OTHER_HOST + (_WHENCE if "HOST" in os.environ else "")
    cause = os.strerror(number)
    match number:
        case errno.EADDRINUSE:
            return cause, "choose another port"
        case errno.EACCES:
            return cause, "ports below 1024 are for root: choose a higher one"
        case errno.EADDRNOTAVAIL:
            return cause, _OTHER_HOST
        case _:
            return cause, "set HOST and PORT"
