"""Where the engine listens: both kinds of addresses where both are meant (fault 66)."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from ops.http.server.listening import Listening


@pytest.fixture(autouse=True)
def _with_ipv6() -> Iterator[None]:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            yield
    except OSError:
        pytest.skip("this machine has no IPv6")


def reaches(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=2):
            return True
    except OSError:
        return False


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("::", {"127.0.0.1", "::1"}),
        ("localhost", {"127.0.0.1", "::1"}),
        ("0.0.0.0", {"127.0.0.1"}),
        ("127.0.0.1", {"127.0.0.1"}),
        ("::1", {"::1"}),
    ],
)
def test_fault_66_every_address_is_listened_on_that_is_meant(host: str, reached: set[str]) -> None:
    listening = Listening(host, 0)
    try:
        assert {address for address in ("127.0.0.1", "::1") if reaches(address, listening.port)} == reached
        for duplicate in listening.duplicates():
            duplicate.close()
    finally:
        listening.close()


def test_a_port_that_is_taken_on_one_of_two_addresses_is_refused_and_nothing_is_kept() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            Listening("localhost", port)
        assert not reaches("127.0.0.1", port)


def test_a_name_without_an_address_is_no_host() -> None:
    with pytest.raises(socket.gaierror):
        Listening("no-such-name.invalid", 0)
