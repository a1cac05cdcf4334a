"""What the outside sees of a signal: numbers with exactly the digits of the message."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shown.snapshots import BackfillPhase, BackfillSnapshot, ChannelProgress
from ops.http.kit.encoding import encode
from ops.http.routes.signal_objects import history_entry, signal_object
from storage.postgres.current import Current

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
MARKET = {
    **dict.fromkeys(("macd", "macd_signal", "macd_histogram", "sma_20", "sma_50", "sma_200", "position_52w")),
    **dict.fromkeys(("entry_distance_atr", "volume_ratio", "underlying", "underlying_indicators")),
    "rsi_14": 61.25,
    "atr_14": 0.5,
    "missing": {"sma_200": "too_few_bars"},
    "days": 15,
    "as_of": "2026-11-01T21:00:00Z",
}
SCORE = {
    "probability": 0.5512,
    "base_rate": 0.4,
    "contributions": [{"name": "rsi", "effect": 0.301}],
    "model": "0123456789abcdef",
    "trained_until": "2026-11-02T03:00:00Z",
}
ENRICHED = {
    **dict.fromkeys(
        ("reason", "ended_at", "exit", "final_r", "scaled_r", "underlying", "underlying_indicators")
    ),
    "state": "running",
    "symbol": "PETR4",
    "entered_at": NOON,
    "entry": Decimal("0.890"),
    "reached": [NOON],
    "same_bar": False,
    "first_r": Decimal("1.5000"),
    "favourable_r": Decimal("1.6000"),
    "adverse_r": Decimal("0.1000"),
    "claim": "agrees",
    "score": SCORE,
    "indicators": {
        **{name: value for name, value in MARKET.items() if not name.startswith("underlying")},
        "last_close": "0.8700",
    },
}
ROW: dict[str, Any] = {
    "id": 7,
    "ts": NOON + timedelta(microseconds=1500),
    "channel": "-1001649127710",
    "channel_label": "TP Capital",
    "signal_type": "Swing Trade",
    "side": "buy",
    "asset": "PETR4",
    "buy_min": Decimal("0.880"),
    "buy_max": Decimal("0.90"),
    "targets": [Decimal("1.065"), Decimal(131000), Decimal("0.255")],
    "target_final": Decimal("0.255"),
    "stop": None,
    "valid_until": "30/11",
    "warnings": ["odd_stop"],
    "raw_message": "🟢 PETR4",
    "source": "telegram",
    "message_id": "5001",
    "position": 0,
    "status": "target_1",
    "status_since": NOON,
    "status_reason": "result",
    "valid": True,
    "enriched": ENRICHED,
    "events": [
        {
            "kind": "result",
            "ts": NOON,
            "message_id": "5002",
            "text": "PETR4: alvo 1",
            "asset": "PETR4",
            "target": 1,
            "stop_hit": False,
            "new_stop": Decimal("1.040"),
            "new_targets": [],
            "new_entry": None,
            "breakeven": False,
            "fraction": Decimal("0.5"),
            "price": None,
            "percent": Decimal("2.50"),
        }
    ],
    "current": Current(
        status="target_1",
        stop=Decimal("1.040"),
        targets=(Decimal("1.065"),),
        target_final=Decimal("1.065"),
        buy_min=Decimal("0.880"),
        buy_max=Decimal("0.90"),
        fraction=Decimal("0.5"),
    ),
    "ingested_at": NOON,
    "created_at": NOON.astimezone(timezone(timedelta(hours=-3))),
    "reward_risk": Decimal("1.50"),
    "updated_at": NOON,
    "commit_number": 12,
}


@pytest.mark.parametrize(
    "digits",
    ["0.880", "0.255", "1.065", "131000", "0.10", "-0.5", "0.00000001", "12345678901234567890.123456789"],
)
def test_a_price_is_a_json_number_with_exactly_its_digits_fault_25(digits: str) -> None:
    assert encode({"stop": Decimal(digits)}) == b'{"stop":' + digits.encode() + b"}"


def test_a_price_has_no_exponent_fault_25() -> None:
    assert encode([Decimal("1E+3"), Decimal("1E-7")]) == b"[1000,0.0000001]"


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=6))
def test_every_price_reads_back_as_itself_fault_25(price: Decimal) -> None:
    text = encode(price).decode()
    assert re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text)
    assert json.loads(text, parse_float=Decimal, parse_int=Decimal) == price


def test_a_signal_is_the_object_of_the_contract() -> None:
    signal = json.loads(encode(signal_object(ROW)), parse_float=Decimal)
    assert signal == {
        "id": 7,
        "ts": 1793620800002,
        "ts_iso": "2026-11-02T12:00:00.001500Z",
        "channel": "-1001649127710",
        "channel_label": "TP Capital",
        "signal_type": "Swing Trade",
        "side": "buy",
        "asset": "PETR4",
        "buy_min": Decimal("0.880"),
        "buy_max": Decimal("0.90"),
        "target_1": Decimal("1.065"),
        "target_2": 131000,
        "target_final": Decimal("0.255"),
        "targets": [Decimal("1.065"), 131000, Decimal("0.255")],
        "stop": None,
        "valid_until": "30/11",
        "warnings": ["odd_stop"],
        "raw_message": "🟢 PETR4",
        "source": "telegram",
        "message_id": "5001",
        "position": 0,
        "status": "target_1",
        "status_since": "2026-11-02T12:00:00Z",
        "status_reason": "result",
        "valid": True,
        "market": MARKET | {"last_close": Decimal("0.8700")},
        "outcome": {
            **dict.fromkeys(("reason", "ended_at", "exit", "final_r", "scaled_r")),
            "state": "running",
            "symbol": "PETR4",
            "entered_at": "2026-11-02T12:00:00Z",
            "entry": Decimal("0.890"),
            "reached": ["2026-11-02T12:00:00Z"],
            "same_bar": False,
            "first_r": Decimal("1.5000"),
            "favourable_r": Decimal("1.6000"),
            "adverse_r": Decimal("0.1000"),
            "claim": "agrees",
        },
        "score": {
            **SCORE,
            "probability": Decimal("0.5512"),
            "base_rate": Decimal("0.4"),
            "contributions": [{"name": "rsi", "effect": Decimal("0.301")}],
        },
        "events": [
            {
                "kind": "result",
                "ts": 1793620800000,
                "ts_iso": "2026-11-02T12:00:00Z",
                "message_id": "5002",
                "text": "PETR4: alvo 1",
                "asset": "PETR4",
                "target": 1,
                "stop_hit": False,
                "new_stop": Decimal("1.040"),
                "new_targets": [],
                "new_entry": None,
                "breakeven": False,
                "fraction": Decimal("0.5"),
                "price": None,
                "percent": Decimal("2.50"),
            }
        ],
        "current": {
            "status": "target_1",
            "stop": Decimal("1.040"),
            "targets": [Decimal("1.065")],
            "target_final": Decimal("1.065"),
            "buy_min": Decimal("0.880"),
            "buy_max": Decimal("0.90"),
            "fraction": Decimal("0.5"),
            "breakeven": False,
        },
        "ingested_at": "2026-11-02T12:00:00Z",
        "created_at": "2026-11-02T12:00:00Z",
        "reward_risk": Decimal("1.50"),
        "updated_at": "2026-11-02T12:00:00Z",
    }


@pytest.mark.parametrize(
    ("targets", "first", "second"),
    [([], None, None), ([Decimal(1)], 1, None), ([Decimal(1), Decimal(2), Decimal(3)], 1, 2)],
)
def test_fewer_targets_leave_their_fields_null(
    targets: list[Decimal], first: int | None, second: int | None
) -> None:
    signal = signal_object(ROW | {"targets": targets})
    assert (signal["target_1"], signal["target_2"]) == (first, second)


def test_the_history_entry_has_the_keys_of_a_signal_and_tells_what_was_read() -> None:
    channels = tuple(
        ChannelProgress(
            channel=name,
            rows_read=rows,
            pages=pages,
            found=0,
            total=rows,
            completed_at=NOON + timedelta(hours=rows),
            tail_found=0,
        )
        for name, rows, pages in (("-1", 10, 2), ("-2", 5, 1))
    )
    backfill = BackfillSnapshot(
        phase=BackfillPhase.COMPLETED, channels=channels, error=None, failing_since=None
    )
    entry = history_entry(backfill)
    assert entry.keys() == signal_object(ROW).keys()
    assert (entry["id"], entry["signal_type"]) == (0, "historical_sync")
    assert json.loads(entry["raw_message"]) == {"totalSynced": 15, "batches": 3}
    assert entry["ts"] == 1793620800000 + 10 * 3_600_000


def test_what_has_no_json_is_an_error_and_no_guess() -> None:
    with pytest.raises(TypeError):
        encode({"a": object()})
