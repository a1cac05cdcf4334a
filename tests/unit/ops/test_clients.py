"""Who asks: forwarding headers are believed from trusted proxies only, and never make a client local."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Scope

from ops.http.server.clients import Proxies, Requester, asker_of


def asker(peer: str | None, *trusted: str, **headers: str) -> Requester:
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    scope: Scope = {"type": "http", "client": (peer, 50_000) if peer else None, "headers": raw}
    return Proxies(trusted).asker(scope)


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_a_program_of_this_machine_is_local(peer: str) -> None:
    assert asker(peer).local


@pytest.mark.parametrize("peer", ["10.0.0.1", "2001:db8::1", None, "unix"])
def test_who_comes_from_elsewhere_is_not(peer: str | None) -> None:
    assert not asker(peer).local


@pytest.mark.parametrize(
    "header", ["x_forwarded_for", "forwarded", "via", "x_real_ip", "x_forwarded_host", "x_forwarded_proto"]
)
def test_who_carries_a_forwarding_header_is_never_local(header: str) -> None:
    assert not asker("127.0.0.1", "127.0.0.1", **{header: "127.0.0.1"}).local


@pytest.mark.parametrize(
    ("peer", "trusted", "forwarded", "address"),
    [
        ("127.0.0.1", [], "203.0.113.7", "127.0.0.1"),
        ("127.0.0.1", ["127.0.0.1"], "203.0.113.7", "203.0.113.7"),
        ("10.0.0.2", ["10.0.0.0/8"], "1.1.1.1, 203.0.113.7, 10.0.0.9", "203.0.113.7"),
        ("10.0.0.2", ["10.0.0.0/8"], "10.0.0.8, 10.0.0.9", "10.0.0.8"),
        ("10.0.0.2", ["10.0.0.0/8"], "203.0.113.7:4711", "203.0.113.7"),
        ("10.0.0.2", ["10.0.0.0/8"], "[2001:db8::7]:4711", "2001:db8::/64"),
        ("10.0.0.2", ["10.0.0.0/8"], "unknown", "10.0.0.2"),
        ("10.0.0.2", ["10.0.0.0/8"], "203.0.113.7, unknown", "10.0.0.2"),
        ("10.0.0.2", ["10.0.0.0/8"], "", "10.0.0.2"),
        ("::ffff:10.0.0.2", ["10.0.0.0/8"], "203.0.113.7", "203.0.113.7"),
        ("203.0.113.9", ["10.0.0.0/8"], "1.1.1.1", "203.0.113.9"),
    ],
)
def test_the_client_is_the_last_hop_no_trusted_proxy_wrote(
    peer: str, trusted: list[str], forwarded: str, address: str
) -> None:
    assert asker(peer, *trusted, x_forwarded_for=forwarded) == Requester(address=address, local=False)


def test_a_household_shares_its_network() -> None:
    assert asker("2001:db8:1:2:3::4").address == asker("2001:db8:1:2:ffff::1").address == "2001:db8:1:2::/64"


def test_a_word_that_is_no_address_is_no_proxy() -> None:
    with pytest.raises(ValueError, match=r"proxy\.example"):
        Proxies(["proxy.example"])


def test_a_request_nobody_has_looked_at_is_not_local() -> None:
    assert not asker_of({"type": "http"}).local


@given(st.text(st.characters(max_codepoint=255)))
def test_no_header_makes_a_client_local_or_fails(forwarded: str) -> None:
    assert not asker("127.0.0.1", "127.0.0.1", x_forwarded_for=forwarded).local
