"""The proxy's faults, as a client sees them."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from ops.local.process import wait_until
from tests.support.proxy import TcpProxy


class _Echo:
    """Sends back what it gets, and an end for an end."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.resets = 0
        self._threads: list[threading.Thread] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                wire, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(wire,), daemon=True).start()

    def _serve(self, wire: socket.socket) -> None:
        with wire:
            try:
                while got := wire.recv(65536):
                    wire.sendall(got)
            except ConnectionResetError:
                self.resets += 1

    def close(self) -> None:
        # close() alone would not wake the thread in accept(). A test may have closed it before.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def echo() -> Iterator[_Echo]:
    echo = _Echo()
    yield echo
    echo.close()


@pytest.fixture
def proxy(echo: _Echo) -> Iterator[TcpProxy]:
    with TcpProxy("127.0.0.1", echo.port) as proxy:
        yield proxy


def _connect(proxy: TcpProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def _round_trip(wire: socket.socket, text: bytes = b"hello") -> bytes:
    wire.sendall(text)
    return _read(wire, len(text))


def _read(wire: socket.socket, size: int) -> bytes:
    # recv() of a socket with a timeout may return a part, whatever its flags.
    with wire.makefile("rb") as file:
        return file.read(size)


def test_a_large_message_goes_both_ways_whole(proxy: TcpProxy) -> None:
    sent = bytes(range(256)) * 16_000
    with _connect(proxy) as wire:
        sender = threading.Thread(target=wire.sendall, args=(sent,))
        sender.start()
        got = bytearray()
        while len(got) < len(sent):
            got += wire.recv(1 << 20)
        sender.join(5)
    assert got == sent


def test_an_end_in_one_direction_leaves_the_other_open(proxy: TcpProxy) -> None:
    with _connect(proxy) as wire:
        wire.sendall(b"last words")
        wire.shutdown(socket.SHUT_WR)
        assert _read(wire, -1) == b"last words"
    assert wait_until(lambda: proxy.connections == 0, deadline_s=30)


def test_cut_resets_both_sides_and_new_connections_are_served(proxy: TcpProxy, echo: _Echo) -> None:
    with _connect(proxy) as wire:
        assert _round_trip(wire) == b"hello"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            wire.recv(1)
    assert wait_until(lambda: echo.resets == 1, deadline_s=30)
    with _connect(proxy) as wire:
        assert _round_trip(wire) == b"hello"
    assert proxy.accepted == 2


def test_refuse_keeps_open_connections_and_the_port_until_it_listens_again(proxy: TcpProxy) -> None:
    with _connect(proxy) as wire:
        proxy.refuse()
        proxy.refuse()
        assert _round_trip(wire) == b"hello"
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                _connect(proxy)
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", proxy.port))
        proxy.accept()
        with _connect(proxy) as new:
            assert _round_trip(new) == b"hello"
        assert _round_trip(wire) == b"hello"


def test_freeze_accepts_and_is_silent_and_thaw_delivers_what_was_held(proxy: TcpProxy) -> None:
    with _connect(proxy) as old:
        assert _round_trip(old) == b"hello"
        proxy.freeze()
        with _connect(proxy) as new:
            for wire in (old, new):
                wire.sendall(b"held")
                wire.settimeout(0.15)
                with pytest.raises(TimeoutError):
                    wire.recv(1)
            proxy.thaw()
            for wire in (old, new):
                wire.settimeout(5)
                assert _read(wire, 4) == b"held"


def test_a_frozen_connection_can_be_cut(proxy: TcpProxy) -> None:
    proxy.freeze()
    with _connect(proxy) as wire:
        wire.sendall(b"x")
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            wire.recv(1)


def test_drip_slows_to_the_rate_and_none_lifts_it(proxy: TcpProxy) -> None:
    with _connect(proxy) as wire:
        assert _round_trip(wire) == b"hello"
        proxy.drip(200)
        began = time.monotonic()
        assert _round_trip(wire, b"x" * 50) == b"x" * 50
        # 50 bytes there and 50 back, at 200 a second for both together.
        assert 0.4 <= time.monotonic() - began < 3
        proxy.drip(None)
        began = time.monotonic()
        assert _round_trip(wire, b"x" * 5000) == b"x" * 5000
        assert time.monotonic() - began < 1
    with pytest.raises(ValueError, match="at least a byte"):
        proxy.drip(0)


def test_a_target_that_is_down_resets_the_client(echo: _Echo, proxy: TcpProxy) -> None:
    echo.close()
    # The reset may come as early as within connect().
    with pytest.raises(ConnectionResetError), _connect(proxy) as wire:
        wire.recv(1)
    assert wait_until(lambda: proxy.connections == 0, deadline_s=30)


def test_close_resets_all_gives_the_port_back_and_may_be_repeated(proxy: TcpProxy) -> None:
    with _connect(proxy) as wire:
        assert _round_trip(wire) == b"hello"
        proxy.close()
        proxy.close()
        with pytest.raises(ConnectionResetError):
            wire.recv(1)
    with pytest.raises(ConnectionRefusedError):
        _connect(proxy)
    with socket.create_server(("127.0.0.1", proxy.port)):
        pass
