"""A TCP proxy that fails on demand: the network between us and a server, in the hands of a test."""

import contextlib
import os
import selectors
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

__all__ = ["TcpProxy"]

_CHUNK_BYTES = 65536
_BACKLOG = 64
_DRIP_TICK_S = 0.02
_CALL_TIMEOUT_S = 10.0


@dataclass(slots=True, eq=False, kw_only=True)
class _Leg:
    """One direction of a connection: what was read from `source` and not yet written to `sink`."""

    source: socket.socket
    sink: socket.socket
    held: bytes = b""
    ended: bool = False
    told_end: bool = False


@dataclass(slots=True, eq=False, kw_only=True)
class _Link:
    """A client's connection and ours to the target."""

    legs: tuple[_Leg, _Leg]
    sockets: tuple[socket.socket, socket.socket] = field(init=False)

    def __post_init__(self) -> None:
        self.sockets = (self.legs[0].source, self.legs[1].source)


class TcpProxy:
    """Forwards connections on 127.0.0.1:`port` to a target, until told to cut, refuse, freeze or drip.

    One thread owns every socket; the methods hand it a command and return when it is carried out, so what
    a test does next happens after the fault.
    """

    def __init__(self, target_host: str, target_port: int) -> None:
        self._target = (target_host, target_port)
        # Bound as long as the proxy lives: while it refuses, no other program can take the port.
        self._reserved = _bound(0)
        self.port: int = self._reserved.getsockname()[1]
        self._listener: socket.socket | None = None
        self._links: set[_Link] = set()
        self._forgotten: set[_Link] = set()
        self._frozen = False
        self._rate: int | None = None
        self._allowance = 0.0
        self._refilled_at = 0.0
        self._accepted = 0
        self._closing = False
        self._commands: deque[tuple[Callable[[], None], threading.Event]] = deque()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        self._listen()
        self._thread = threading.Thread(target=self._run, name=f"proxy-{self.port}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def connections(self) -> int:
        """How many connections are open now."""
        return len(self._links)

    @property
    def accepted(self) -> int:
        """How many connections were accepted since the start."""
        return self._accepted

    def cut(self) -> None:
        """Reset all connections that are open; new ones are accepted."""
        self._call(self._cut)

    def refuse(self) -> None:
        """Refuse new connections from now on; the open ones stay. The port stays ours."""
        self._call(self._deafen)

    def accept(self) -> None:
        """Listen again after `refuse`."""
        self._call(self._listen)

    def lead_to(self, host: str, port: int) -> None:
        """Forward new connections to another target, as a name does that has moved; the open ones stay."""
        self._call(lambda: setattr(self, "_target", (host, port)))

    def freeze(self) -> None:
        """Accept and keep connections, and forward nothing."""
        self._call(lambda: setattr(self, "_frozen", True))

    def thaw(self) -> None:
        """Forward again, beginning with what was held back."""
        self._call(lambda: setattr(self, "_frozen", False))

    def forget(self) -> None:
        """Forward nothing on the connections that are open, for ever and without a word; new ones work."""
        self._call(self._forget)

    def drip(self, bytes_per_second: int | None) -> None:
        """Forward no more than this many bytes a second in all, both directions together; None lifts it."""
        if bytes_per_second is not None and bytes_per_second < 1:
            raise ValueError("drip needs at least a byte a second; freeze holds all")
        self._call(lambda: self._set_rate(bytes_per_second))

    def close(self) -> None:
        """Reset all connections and give the port back; again is harmless."""
        if not self._thread.is_alive():
            return
        self._call(lambda: setattr(self, "_closing", True))
        self._thread.join(_CALL_TIMEOUT_S)
        os.close(self._wake_write)

    def _call(self, command: Callable[[], None]) -> None:
        done = threading.Event()
        self._commands.append((command, done))
        os.write(self._wake_write, b"!")
        if not done.wait(_CALL_TIMEOUT_S):
            raise TimeoutError(f"proxy {self.port} did not carry out a command")

    # From here on everything runs in the proxy's own thread.

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            while not self._closing:
                wanted = self._wanted()
                for key in list(selector.get_map().values()):
                    # Removed and added anew, as a closed socket's number may be another's by now.
                    selector.unregister(key.fd)
                for number, events in wanted.items():
                    selector.register(number, events)
                self._serve({key.fd: events for key, events in selector.select(self._patience())})
            self._cut()
            self._deafen()
        self._reserved.close()
        # Whoever still waits for a command is let go.
        self._obey()
        os.close(self._wake_read)

    def _serve(self, ready: dict[int, int]) -> None:
        if self._listener and self._listener.fileno() in ready:
            self._accept_all()
        for link in list(self._links):
            try:
                for leg in link.legs:
                    self._forward(leg, ready)
            except OSError:
                # One side was reset, or the target cannot be reached: the other side learns it the same way.
                self._reset(link)
                continue
            if all(leg.told_end for leg in link.legs):
                self._reset(link, orderly=True)
        # Last, so that a command never changes what this round's answers refer to.
        if self._wake_read in ready:
            os.read(self._wake_read, _CHUNK_BYTES)
            self._obey()

    def _obey(self) -> None:
        while self._commands:
            command, done = self._commands.popleft()
            command()
            done.set()

    def _wanted(self) -> dict[int, int]:
        wanted = {self._wake_read: selectors.EVENT_READ}
        if self._listener:
            wanted[self._listener.fileno()] = selectors.EVENT_READ
        if self._frozen:
            return wanted
        may_write = self._budget() > 0
        for leg in (leg for link in self._links for leg in link.legs):
            if leg.held and may_write:
                number = leg.sink.fileno()
                wanted[number] = wanted.get(number, 0) | selectors.EVENT_WRITE
            elif not leg.held and not leg.ended:
                number = leg.source.fileno()
                wanted[number] = wanted.get(number, 0) | selectors.EVENT_READ
        return wanted

    def _patience(self) -> float | None:
        """Return how long to wait for events, in seconds: for ever, or until there is something to drip."""
        dripping = self._rate is not None and not self._frozen
        held = any(leg.held for link in self._links for leg in link.legs)
        return _DRIP_TICK_S if dripping and held else None

    def _forward(self, leg: _Leg, ready: dict[int, int]) -> None:
        if ready.get(leg.source.fileno(), 0) & selectors.EVENT_READ and not leg.held and not leg.ended:
            with contextlib.suppress(BlockingIOError):
                leg.held = leg.source.recv(_CHUNK_BYTES)
                leg.ended = not leg.held
        if ready.get(leg.sink.fileno(), 0) & selectors.EVENT_WRITE and leg.held:
            with contextlib.suppress(BlockingIOError):
                sent = leg.sink.send(leg.held[: self._budget()])
                leg.held = leg.held[sent:]
                self._allowance -= sent
        if leg.ended and not leg.told_end:
            # Only this direction has ended: the answer to a half-closed request still comes back.
            leg.sink.shutdown(socket.SHUT_WR)
            leg.told_end = True

    def _budget(self) -> int:
        """Return how many bytes may be written now."""
        if self._rate is None:
            return _CHUNK_BYTES
        now = time.monotonic()
        # An idle second is not saved up: at most one tick's worth, and at least a byte.
        most = max(1.0, self._rate * _DRIP_TICK_S)
        self._allowance = min(most, self._allowance + (now - self._refilled_at) * self._rate)
        self._refilled_at = now
        return int(self._allowance)

    def _set_rate(self, bytes_per_second: int | None) -> None:
        self._rate = bytes_per_second
        self._allowance = 0.0
        self._refilled_at = time.monotonic()

    def _listen(self) -> None:
        if self._listener is None:
            self._listener = _bound(self.port)
            self._listener.listen(_BACKLOG)
            self._listener.setblocking(False)

    def _deafen(self) -> None:
        if self._listener:
            # Those in the queue were accepted as far as their clients know.
            self._accept_all()
            self._listener.close()
            self._listener = None

    def _forget(self) -> None:
        # not closed: the client is not told, and the server goes on waiting for it
        self._forgotten |= self._links
        self._links = set()

    def _cut(self) -> None:
        if self._listener:
            self._accept_all()
        for link in [*self._links, *self._forgotten]:
            self._reset(link)

    def _accept_all(self) -> None:
        while self._listener:
            try:
                client, _ = self._listener.accept()
            except OSError:
                # None left, or it gave up while it waited.
                return
            self._accepted += 1
            server = socket.socket()
            for each in (client, server):
                each.setblocking(False)
                # A byte at a time is meant to travel as a byte at a time.
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # How it ends shows when the socket becomes readable or writable.
            server.connect_ex(self._target)
            self._links.add(_Link(legs=(_Leg(source=client, sink=server), _Leg(source=server, sink=client))))

    def _reset(self, link: _Link, *, orderly: bool = False) -> None:
        self._links.discard(link)
        self._forgotten.discard(link)
        for each in link.sockets:
            if not orderly:
                # Lingering for zero seconds makes close() send RST instead of FIN: socket(7).
                with contextlib.suppress(OSError):
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            each.close()


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    # Both, so that the listener may share its port with the reservation, on Linux and elsewhere.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(("127.0.0.1", port))
    return bound
