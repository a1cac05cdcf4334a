"""A server that gives up kept connections just as the next request arrives: the race of every idle time-out."""

import contextlib
import socket
import struct
import threading
from typing import Self

__all__ = ["ClosingServer"]

_TIMEOUT_S = 5.0


class ClosingServer:
    """Answers ``served`` requests on each connection; the next one on it finds it closed.

    ``reset`` ends connections by RST, else by FIN. ``requests`` counts what was answered, ``connections`` what came.
    """

    def __init__(self, body: bytes, *, served: int = 1, reset: bool = False) -> None:
        self.requests = 0
        self.connections = 0
        self._body, self._served, self._reset = body, served, reset
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, name="closing-server", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(_TIMEOUT_S)

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(_TIMEOUT_S)
                    self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        for _ in range(self._served):
            if not _read_request(connection):
                return
            self.requests += 1
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(self._body)}\r\n\r\n"
            connection.sendall(head.encode() + self._body)
        _read_request(connection)
        if self._reset:
            # lingering for zero seconds makes close() send RST instead of FIN: socket(7)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _read_request(connection: socket.socket) -> bool:
    """Read one request whole; return whether there was one."""
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(65536)
        if not chunk:
            return False
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(
        (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
    )
    while len(body) < length:
        body += connection.recv(65536)
    return True
