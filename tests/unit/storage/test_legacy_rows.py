"""Rows of the former service's table, whatever stands in them."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.legacy.rows import OPTIONAL, REQUIRED, LegacyRow, decode_row

AT_MS = 1_762_084_800_123
AT = datetime(2025, 11, 2, 12, 0, 0, 123_000, tzinfo=UTC)


def decoded(**changes: Any) -> LegacyRow:
    row = {
        "id": 7,
        "channel": "-100",
        "asset": " PETR4 ",
        "raw_message": "text",
        "ts": AT_MS,
        "ingested_at": "2025-11-02T12:00:05+00:00",
        "source": "telegram",
    }
    return decode_row(json.dumps(row | changes))


def test_a_row_is_read() -> None:
    row = decoded(stop=28.5)
    assert (row.legacy_id, row.channel, row.asset, row.raw_message) == ("7", "-100", "PETR4", "text")
    assert (row.telegram_date, row.received_at) == (AT, datetime(2025, 11, 2, 12, 0, 5, tzinfo=UTC))
    assert row.sent_at == AT
    assert (row.prices["stop"], row.prices["buy_min"]) == (Decimal("28.5"), None)
    assert not row.is_checkpoint
    assert row.problem is None


def test_digits_and_long_numbers_stay_as_they_are() -> None:
    row = decode_row('{"id":9007199254740993,"channel":"c","ts":1,"buy_min":0.10,"stop":"0.250"}')
    assert row.legacy_id == "9007199254740993"
    assert (str(row.prices["buy_min"]), str(row.prices["stop"])) == ("0.10", "0.250")


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("buy_min", "NaN", "buy_min: no price: NaN"),
        ("stop", "1_000", "stop: no price: 1_000"),
        ("stop", "Infinity", "stop: no price: Infinity"),
        ("target_1", "1,5", "target_1: no price: 1,5"),
        ("channel", None, "channel: missing"),
        ("id", "x" * 201, "id: longer than 200 bytes"),
    ],
)
def test_what_cannot_be_used_is_named(field: str, value: object, named: str) -> None:
    assert decoded(**{field: value}).problem == named


@pytest.mark.parametrize("ts", [None, 10**18, -(10**18), "soon", True])
def test_a_row_without_its_instant_takes_that_of_its_coming(ts: object) -> None:
    row = decoded(ts=ts)
    assert (row.telegram_date, row.sent_at) == (None, row.received_at)
    assert row.problem is None
    alone = decoded(ts=ts, ingested_at=None)
    assert alone.problem == "ts: no instant, nor in ingested_at or created_at"


def test_an_instant_without_offset_is_utc() -> None:
    assert decoded(ingested_at="2025-11-02T12:00:05.25").received_at == datetime(
        2025, 11, 2, 12, 0, 5, 250_000, tzinfo=UTC
    )


def test_checkpoints_are_known() -> None:
    assert decoded(asset="__checkpoint__").is_checkpoint


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers())


@given(st.dictionaries(st.sampled_from([*REQUIRED, *OPTIONAL]), VALUES))
def test_nothing_is_too_odd_to_be_looked_at(row: dict[str, Any]) -> None:
    original = json.dumps(row)
    assert decode_row(original).original == original
