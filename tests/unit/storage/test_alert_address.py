"""The addresses that alerts may be sent to: each connection is checked by the address that it is made to."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import nullcontext
from ipaddress import ip_network
from typing import Any

import pytest

from storage.alerts.address import AddressRules, ForbiddenAddressError

PUBLIC = AddressRules(own_port=4008, of_machine=lambda: ("127.0.0.1", "203.0.113.7"))
LOOPBACK = AddressRules(
    own_port=4008, networks=(ip_network("127.0.0.0/8"),), of_machine=lambda: ("127.0.0.1",)
)


def names(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
    """Let names lead to these addresses, one answer a look-up."""
    left = list(answers)
    truly = socket.getaddrinfo

    def look_up(host: str, port: int, *rest: Any, **named: Any) -> list[Any]:
        if host[0].isdigit():
            return truly(host, port, *rest, **named)
        found = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr("socket.getaddrinfo", look_up)


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "::1", "fe80::1%eth0", "fd00::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"),
        *("2002:a9fe:a9fe::1", "::", "not-an-address", "::127.0.0.1", "::ffff:0:127.0.0.1", "fec0::1"),
        *("64:ff9b:1::a9fe:a9fe", "192.0.0.192", "168.63.129.16", "192.88.99.1"),
    ],
)
def test_no_address_inside_is_connected_to(address: str) -> None:
    with pytest.raises(ForbiddenAddressError):
        PUBLIC.check(address, 443)


def test_public_addresses_are_and_others_if_a_setting_says_so() -> None:
    PUBLIC.check("93.184.215.14", 443)
    PUBLIC.check("2606:4700::1111", 443)
    LOOPBACK.check("127.0.0.1", 80)


def test_our_own_port_never_is() -> None:
    own = AddressRules(
        own_port=4008, networks=(ip_network("0.0.0.0/0"),), of_machine=lambda: ("203.0.113.7",)
    )
    for address in ("127.0.0.1", "203.0.113.7", "0.0.0.0"):
        with pytest.raises(ForbiddenAddressError, match="this engine itself"):
            own.check(address, 4008)
        own.check(address, 4009)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://receiver.example/x", "https://host/path"),
        ("https://", "https://host/path"),
        ("https://receiver.example:99999/", "https://host/path"),
        ("https://receiver.example/a b", "https://host/path"),
        ("https://me:secret@receiver.example/", "no user and password"),
        ("https://receiver.example/#part", "# part"),
        ("http://receiver.example/", "must begin with https"),
    ],
)
def test_an_address_that_is_none_is_refused_with_the_reason(
    url: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(monkeypatch, ["93.184.215.14"])
    with pytest.raises(ForbiddenAddressError, match=why) as refused:
        PUBLIC.check_url(url)
    assert "secret" not in str(refused.value)


def test_a_name_that_is_unknown_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    with pytest.raises(ForbiddenAddressError, match=r"there is no host receiver\.example"):
        PUBLIC.check_url("https://receiver.example/")


def test_one_address_inside_among_others_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, ["93.184.215.14", "10.0.0.1"])
    with pytest.raises(ForbiddenAddressError, match=r"leads to 10\.0\.0\.1"):
        PUBLIC.check_url("https://receiver.example/")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_the_address_that_was_checked_is_the_one_connected_to(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the name leads to us at the first look and to another place at the second."""
    port = listener.getsockname()[1]
    names(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
    with LOOPBACK.connect(f"http://receiver.example:{port}/", timeout_s=5) as connection:
        assert connection.getpeername()[0] == "127.0.0.1"


def test_a_name_that_has_moved_inside_since_it_was_saved_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, ["93.184.215.14"], ["127.0.0.1"])
    PUBLIC.check_url("https://receiver.example/")
    with pytest.raises(ForbiddenAddressError):
        PUBLIC.connect("https://receiver.example/", timeout_s=5)


@pytest.mark.parametrize(("host", "tried"), [("127.0.0.4", True), ("127.0.0.5", False)])
def test_few_addresses_of_a_name_are_tried(host: str, tried: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with a hundred addresses that do not answer would hold a thread for minutes."""
    names(monkeypatch, [f"127.0.0.{number}" for number in range(1, 6)])
    with socket.create_server((host, 0)) as server:
        url = f"http://receiver.example:{server.getsockname()[1]}/"
        with nullcontext() if tried else pytest.raises(ConnectionRefusedError):
            LOOPBACK.connect(url, timeout_s=20).close()
