"""Pages taken apart: the same values as reading them whole, whatever they hold, and in linear time."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.gateway import rows as gateway_rows
from storage.gateway.rows import TooManyRowsError, UnreadableRow, page_bytes, read_page, read_row

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(rows=st.lists(VALUES, max_size=6), more=st.dictionaries(st.text(max_size=6), VALUES, max_size=3))
def test_a_page_taken_apart_holds_what_reading_it_whole_gives(rows: list[Any], more: dict[str, Any]) -> None:
    page = more | {"data": rows}
    for text in (json.dumps(page), json.dumps(page, indent=1, ensure_ascii=False)):
        try:
            content = text.encode()
        except UnicodeEncodeError:
            content = json.dumps(page).encode()
        assert gateway_rows._read_apart(content, 6) == json.loads(content) == read_page(content, limit=6)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[",
        b"{",
        b'{"data":[',
        b'{"data":[{"id":"1"',
        b'{"data":[1]',
        b"{data:1}",
        b"[1]",
        b'{"data":[1 2]}',
    ],
)
def test_what_is_not_whole_is_no_page(content: bytes) -> None:
    with pytest.raises(ValueError):
        gateway_rows._read_apart(content, 10)


@pytest.mark.parametrize("unit", [b'"\\"', b"[", b'{"', b'\\"', b"{},", b'"'])
def test_fault_46_taking_apart_is_linear_in_the_length(unit: bytes) -> None:
    content = b'{"data":[' + unit * (1_000_000 // len(unit))
    began_s = time.perf_counter()
    with pytest.raises((ValueError, TooManyRowsError)):
        gateway_rows._read_apart(content, 10)
    assert time.perf_counter() - began_s < 5.0


def test_fault_46_the_bound_follows_from_what_was_asked() -> None:
    assert page_bytes(0) < page_bytes(1) < page_bytes(100) < page_bytes(500) <= page_bytes(10_000)
    assert page_bytes(10_000) == 32 * 1024 * 1024


def test_duplicate_keys_are_read_as_the_gateways_own_language_does() -> None:
    assert read_row(b'{"text":"a","text":"b"}') == {"text": "b"}


def test_fault_45_digits_within_a_text_are_no_number() -> None:
    row = json.dumps({"text": "9" * 5000}).encode()
    assert read_row(row) == {"text": "9" * 5000}
    spoiled = read_row(b'{"id":"1","n":' + b"9" * 5000 + b"}")
    assert isinstance(spoiled, UnreadableRow)
    assert spoiled.fields == {"id": "1"}
