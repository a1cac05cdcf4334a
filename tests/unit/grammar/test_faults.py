"""Fault 10 of the service that this project replaces: what it misread, read rightly."""

from __future__ import annotations

from decimal import Decimal

from actors.grammar import read
from engine.model import Kind, Signal


def signal(text: str) -> Signal:
    (only,) = read(text).signals
    return only


def test_fault_10_three_decimals_are_not_thousands() -> None:
    reading = signal("Ativo: CSNAL95\nCompra: 1.045 a 1.065\nAlvo 1: 1.30\nStop: 0.80")
    assert (str(reading.buy_max), reading.warnings) == ("1.065", ())


def test_fault_10_no_digit_is_rounded_away() -> None:
    assert str(signal("Ativo: COGNL32\nCompra: 0,125\nAlvo: 0,20").buy_min) == "0.125"


def test_fault_10_day_trade_is_not_swing_trade() -> None:
    assert signal("Day Trade\nAtivo: USIM5\nCompra: 6,42").signal_type == "Day Trade"


def test_fault_10_papel_entrada_tp_and_sl_are_labels() -> None:
    reading = signal("Papel: USIM5\nEntrada: 6,42\nTP: 6,61\nSL: 6,33")
    assert (reading.asset, reading.buy_min) == ("USIM5", Decimal("6.42"))
    assert (reading.target_final, reading.stop) == (Decimal("6.61"), Decimal("6.33"))


def test_fault_10_a_digit_in_the_root_is_a_ticker() -> None:
    assert signal("Ativo: B3SA3\nCompra: 12,42\nAlvo: 13").asset == "B3SA3"


def test_fault_10_a_cancellation_is_no_signal() -> None:
    reading = read("CANCELADO\n\nAtivo: RAIL3\nCompra: 16,80\nAlvo 1: 17,90\nStop: 16,20")
    assert (reading.kind, reading.signals) == (Kind.CANCEL, ())
