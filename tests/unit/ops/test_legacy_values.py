"""What is taken of an old row and what of its text: exact digits, never another signal without saying so."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from actors.grammar import read
from engine.model import OutcomeKind, Side, Signal
from ops.migrate_data.values import LegacyReader
from ops.stores import RETENTION
from storage.legacy.importing import Taken
from storage.legacy.rows import PRICES, LegacyRow
from tests.bench.old_table import old_row

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
AT = NOW - timedelta(days=3)
TEXT = "Day Trade\nAtivo: PETR4\nCompra: 30,10 a 30,25\nAlvo 1: 31,00\nAlvo 2: 32,00\nStop: 29,00"


def row_of(text: str = TEXT, **changes: Any) -> LegacyRow:
    """Return the row that the former service made of a text, with changes."""
    row = old_row(text, AT, **changes)
    return LegacyRow(
        legacy_id="7",
        channel=row["channel"],
        signal_type=row["signal_type"],
        asset=row["asset"],
        prices={name: row[name] for name in PRICES},
        raw_message=text,
        source="telegram",
        telegram_date=changes.get("telegram_date", AT),
        received_at=AT + timedelta(seconds=9),
        original="{}",
    )


def take(text: str = TEXT, **changes: Any) -> Taken:
    return LegacyReader(retention=RETENTION, now=NOW).take(row_of(text, **changes))


def signal_of(taken: Taken) -> Signal:
    (signal,) = taken.outcome.signals
    return signal


def test_a_row_that_says_what_its_text_says_is_the_text_s_reading_fault_10() -> None:
    taken = take()
    assert (taken.verdict, taken.detail) == ("same", None)
    assert taken.outcome.signals == read(TEXT).signals
    assert signal_of(taken).signal_type == "Day Trade", "the row says Swing Trade"
    assert signal_of(taken).warnings == ()


def test_the_message_keeps_the_row_s_dates_and_source() -> None:
    outcome = take().outcome
    message = outcome.message
    assert (message.message_id, message.ack_id, outcome.ts) == ("legacy:7", None, AT)
    assert (getattr(message, "received_at"), getattr(message, "source")) == (  # noqa: B009 - of either kind
        AT + timedelta(seconds=9),
        "telegram",
    )


@pytest.mark.parametrize(
    ("written", "old"), [("0,255", "0.26"), ("0,125", "0.13"), ("0,125", "0.12"), ("1,004", "1.00")]
)
def test_rounded_prices_are_exact_again(written: str, old: str) -> None:
    text = f"Ativo: PETR4\nCompra: {written}\nAlvo: 3,00\nStop: 0,05"
    taken = take(text, buy_min=Decimal(old), buy_max=Decimal(old))
    assert taken.verdict == "exact"
    assert signal_of(taken).buy_min == Decimal(written.replace(",", "."))
    assert taken.detail is not None
    assert f"buy_min {old} in the table" in taken.detail


@pytest.mark.parametrize(
    "changes",
    [
        {"stop": Decimal("28.99")},
        {"stop": Decimal("29.001")},
        {"buy_min": Decimal(3010)},
        {"target_2": Decimal(33)},
        {"target_2": None, "target_1": Decimal(32)},
        {"asset": "VALE3"},
    ],
)
def test_what_is_more_than_rounding_stays_and_is_flagged(changes: dict[str, Any]) -> None:
    taken = take(**changes)
    assert (taken.verdict, taken.position) == ("legacy_reading", 0)
    signal = signal_of(taken)
    assert signal.warnings == ("legacy_reading",)
    row = old_row(TEXT, AT, **changes)
    assert (signal.asset, signal.buy_min, signal.stop) == (row["asset"], row["buy_min"], row["stop"])
    assert signal.targets == tuple(row[n] for n in ("target_1", "target_2") if row[n] is not None)
    assert taken.detail


@pytest.mark.parametrize("text", ["Bom dia!", "", "❌ Operação CANCELADA - desconsiderem o sinal de PETR4"])
def test_a_row_whose_text_holds_no_signal_stays_and_is_flagged(text: str) -> None:
    taken = take(text)
    assert taken.verdict == "legacy_reading"
    assert (signal_of(taken).asset, signal_of(taken).buy_min) == ("PETR4", Decimal("10.00"))
    assert taken.outcome.kind is OutcomeKind.SIGNAL
    assert taken.outcome.events == ()


@pytest.mark.parametrize(
    "lacks", [{"stop": None}, {"target_2": None}, {"stop": None, "target_1": None, "target_2": None}]
)
def test_what_the_row_lacks_comes_from_the_text(lacks: dict[str, Any]) -> None:
    taken = take(**lacks)
    assert taken.verdict == "completed"
    assert taken.outcome.signals == read(TEXT).signals


def test_a_final_target_and_an_upper_end_that_repeat_another_price_are_no_news() -> None:
    text = "Ativo: PETR4\nCompra: 30,10\nAlvo 1: 31,00\nStop: 29,00"
    assert take(text, buy_max=None, target_final=None).verdict == "same"


def test_a_third_target_is_more_than_the_old_table_could_hold() -> None:
    text = TEXT.replace("Stop", "Alvo 3: 33,00\nStop")
    taken = take(text)
    assert taken.verdict == "completed"
    assert signal_of(taken).targets[2] == 33


def test_of_several_signals_in_a_text_all_are_taken_and_the_row_s_is_told() -> None:
    text = "Ativo: VALE3\nCompra: 60,00\nAlvo: 61,00\nStop: 59,00\n\n" + TEXT
    signals = read(text).signals
    assert [signal.asset for signal in signals] == ["VALE3", "PETR4"]
    prices = {name: old_row(TEXT, AT)[name] for name in PRICES}
    taken = take(text, asset="petr4", **prices)
    assert (taken.verdict, taken.position) == ("completed", 1)
    assert taken.outcome.signals == signals


@pytest.mark.parametrize(
    ("prices", "side"),
    [
        ({"stop": Decimal(9)}, Side.BUY),
        ({"stop": Decimal(11)}, Side.SELL),
        ({"stop": Decimal(10), "target_1": Decimal(8)}, Side.SELL),
        ({"target_1": Decimal(12)}, Side.BUY),
        ({"target_1": Decimal(8)}, Side.SELL),
        ({"buy_min": None, "stop": Decimal(11)}, Side.BUY),
        ({}, Side.BUY),
    ],
)
def test_without_a_reading_the_side_follows_from_stop_then_target(
    prices: dict[str, Decimal | None], side: Side
) -> None:
    assert signal_of(take("Bom dia!", **prices)).side is side


def test_past_retention_is_expired() -> None:
    old = LegacyReader(retention=RETENTION, now=NOW + RETENTION).take(row_of())
    assert (old.outcome.kind, old.outcome.signals) == (OutcomeKind.EXPIRED, ())


def test_a_row_without_its_instant_is_flagged() -> None:
    taken = take(telegram_date=None)
    assert taken.outcome.ts == AT + timedelta(seconds=9)
    assert signal_of(taken).warnings == ("missing_date",)


@pytest.mark.parametrize("huge", [Decimal("1E+5000"), Decimal("1." + "1" * 60)])
def test_no_price_is_too_long_to_be_compared(huge: Decimal) -> None:
    assert take(stop=huge).verdict == "legacy_reading"
