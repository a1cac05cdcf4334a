"""The listening socket: bound once, early, so that a taken port is one line before anything starts."""

from __future__ import annotations

import socket

__all__ = ["Listening"]

_SEND_BUFFER_BYTES = 256 * 1024
_UNACKNOWLEDGED_MS = 60_000


class Listening:
    """Holds the port for the whole life of the daemon; each responder serves a duplicate of it.

    Raises:
        OSError: the address is taken, or not ours.
    """

    def __init__(self, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=1024)
        # accepted sockets inherit both: what the kernel keeps for a client that does not read, and how long
        # it waits for one that is gone without a word
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS)

    @property
    def port(self) -> int:
        """The port bound; of use when 0, any free one, was asked for."""
        return int(self._socket.getsockname()[1])

    def duplicate(self) -> socket.socket:
        """Return a socket for one responder, which closes it."""
        return self._socket.dup()

    def close(self) -> None:
        """Give the port up."""
        self._socket.close()
