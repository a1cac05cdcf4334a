"""Conditional and compressed answers, and which form of a resource a client wants."""

from __future__ import annotations

import gzip

import pytest
from starlette.datastructures import Headers

from ops.http.kit.answers import JSON, ConditionalResponses, best_of, matches, packed_answer
from storage.pages import MemoryPages
from tests.support.clock import FakeClock

LARGE = b"[" + b"1," * 2000 + b"1]"


@pytest.mark.parametrize("given", ['"b"', 'W/"b"', '"a", "b"', '"a",W/"b" ,"c"', "*", " * "])
def test_a_known_version_matches_however_it_is_named(given: str) -> None:
    assert matches(given, '"b"')
    assert matches(given, 'W/"b"')


@pytest.mark.parametrize("given", [None, "", "b", '"a"', '"ab"', '"b', "**", "w/b"])
def test_another_version_does_not(given: str | None) -> None:
    assert not matches(given, '"b"')


@pytest.mark.parametrize(
    ("accept", "csv"),
    [
        ("text/csv", True),
        ("TEXT/CSV; q=0.9, application/json;q=0.1", True),
        ("text/csv, */*", True),
        ("text/csv, */*;q=0.1", True),
        ("text/csv;q=0", False),
        ("text/csv;q=0.5, */*", False),
        ("application/json, text/csv", False),
        ("text/csv;q=x", False),
        ("*/*", False),
        ("text/*", False),
        ("", False),
    ],
)
def test_csv_is_for_who_names_it_and_wants_it_more(accept: str, *, csv: bool) -> None:
    assert (best_of(accept, JSON, "text/csv") == "text/csv") is csv


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True),
        ("br, gzip;q=0.2", True),
        ("*", True),
        ("gzip;q=0, *", False),
        ("br", False),
        ("", False),
    ],
)
def test_a_large_body_is_compressed_for_who_takes_it(accepted: str, *, packed: bool) -> None:
    answer = ConditionalResponses(MemoryPages(FakeClock())).answer(
        Headers({"accept-encoding": accepted}), LARGE
    )
    assert ("content-encoding" in answer.headers) is packed
    assert (gzip.decompress(bytes(answer.body)) if packed else answer.body) == LARGE
    assert answer.headers["etag"].startswith("W/") is packed
    assert answer.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("accepted", "body", "packed"), [("gzip", LARGE, True), ("br", LARGE, False), ("gzip", b"{}", False)]
)
def test_what_is_new_each_time_is_compressed_by_the_same_rule(
    accepted: str, body: bytes, *, packed: bool
) -> None:
    answer = packed_answer(Headers({"accept-encoding": accepted}), body, media_type=JSON)
    assert ("content-encoding" in answer.headers) is packed
    assert (gzip.decompress(bytes(answer.body)) if packed else answer.body) == body
    assert "etag" not in answer.headers
    assert answer.headers["vary"] == "Accept-Encoding"


def test_a_small_body_is_not() -> None:
    answer = ConditionalResponses(MemoryPages(FakeClock())).answer(
        Headers({"accept-encoding": "gzip"}), b"{}"
    )
    assert answer.body == b"{}"


def test_the_same_body_is_compressed_once() -> None:
    responses, headers = ConditionalResponses(MemoryPages(FakeClock())), Headers({"accept-encoding": "gzip"})
    assert responses.answer(headers, LARGE).body is responses.answer(headers, LARGE).body
