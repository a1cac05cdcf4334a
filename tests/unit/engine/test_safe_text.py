"""The one way out for text: without secrets, and harmless to whoever looks at it."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine.safe_text
from engine.safe_text import keep_hidden, printable, shown, shown_values


def test_the_examples_of_the_page() -> None:
    assert doctest.testmod(engine.safe_text).failed == 0


@given(st.text(alphabet=st.characters()))
def test_fault_56_what_is_shown_is_seen_as_itself(text: str) -> None:
    assert printable(text).isprintable()
    assert shown(text).isprintable()


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("compra WINFUT ação 😀", "compra WINFUT ação 😀"),
        ("\x1b[2J\x9b1m\r\n", "\\x1b[2J\\x9b1m\\r\\n"),
        ("a\u202eb\u2066c\u200d", "a\\u202eb\\u2066c\\u200d"),
        ("\udc80", "\\udc80"),
    ],
)
def test_controls_escapes_and_marks_of_direction_are_made_visible(text: str, seen: str) -> None:
    assert shown(text) == seen


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://user:hunter22@host/db",
        "postgresql://user:hunter22@more@host:1/db and so on",
        "http://user:hun/ter22@[::1]:80/x",
        "host=h password=hunter22 user=u",
        "host=h password = 'hunter22 and \\' more' user=u",
        "postgresql://host/db?sslpassword=hunter22&sslmode=require",
    ],
)
def test_fault_53_a_password_of_an_address_is_covered_whoevers_it_is(text: str) -> None:
    assert "ter22" not in shown(text)
    assert "more'" not in shown(text)
    assert "***" in shown(text)


def test_known_secrets_are_covered_the_longer_ones_first() -> None:
    keep_hidden(["hunter", "hunter22", "abc"])
    assert shown("hunter22 hunter abcd xabc") == "*** *** abcd xabc"
    # fault 59: however short, it is covered where it stands by itself
    assert shown("X-API-Key: abc") == "X-API-Key: ***"
    keep_hidden(["other-one"], further=True)
    assert shown_values({"hunter": ["other-one", 1, None, ("x",)]}) == {"***": ["***", 1, None, ["x"]]}
