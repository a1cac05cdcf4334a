"""Numbers (catalogue, section 5)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from actors.grammar import read
from actors.grammar.prices import Notation, Number, PriceRule, Scale, read_number
from engine.model import Signal

OPTION, SHARE, INDEX = "BOVAX158", "AZOI34", "WINZ25"


def signal(text: str) -> Signal:
    (only,) = read(text).signals
    return only


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1,04", "1.04"),
        ("1.04", "1.04"),
        ("28", "28"),
        ("120500", "120500"),
        ("1.250,50", "1250.50"),
        ("1,250.50", "1250.50"),
        ("1.250.500", "1250500"),
        ("1,250,500", "1250500"),
        (",85", "0.85"),
        (".85", "0.85"),
        ("0,255", "0.255"),
        ("0.255", "0.255"),
        ("0.880", "0.880"),
        ("5.412,50", "5412.50"),
        ("1.0455", "1.0455"),
    ],
)
def test_plain_numbers(written: str, value: str) -> None:
    number = read_number(written)
    assert number is not None
    assert str(number.value) == value
    assert number.thousands is None


@pytest.mark.parametrize(
    ("written", "value"),
    [("130", "130000"), ("130,5", "130500"), ("130.500", "130500"), ("1,25", "1250"), ("1,2345", "1234.5")],
)
def test_mil_multiplies_by_a_thousand(written: str, value: str) -> None:
    number = read_number(written, mil=True)
    assert number is not None
    assert str(number.value) == value


@pytest.mark.parametrize("written", ["12.11.2025", "1.25.50", "8,9,10", "1.1,25", "1,250,50"])
def test_else_no_price(written: str) -> None:
    assert read_number(written) is None


@pytest.mark.parametrize(
    ("number", "known", "rule", "doubtful"),
    [
        ("1.045", ("1.30", "0.80"), PriceRule.DECIMAL, False),
        ("1,250", ("1260.50",), PriceRule.THOUSANDS, False),
        ("1.250", (), PriceRule.THOUSANDS, True),
        ("2,145", (), PriceRule.DECIMAL, True),
        # 40 is 32 times 1.25 and a 31st of 1250: the choice is not clear
        ("1.250", ("40",), PriceRule.THOUSANDS, True),
    ],
)
def test_three_digits_by_the_block(number: str, known: tuple[str, ...], rule: str, doubtful: bool) -> None:
    scale = Scale([Number(Decimal(price)) for price in known], Notation.SHARE)
    read_ = read_number(number)
    assert read_ is not None
    assert scale.rule(read_) == (rule, doubtful)


def test_option_alone_is_decimal() -> None:
    option = signal(f"Ativo: {OPTION}\nCompra: 1.125\nAlvo: 1.450")
    assert (option.buy_min, option.warnings) == (Decimal("1.125"), ("ambiguous_number", "missing_stop"))


@pytest.mark.parametrize("asset", ["WINZ25", "WDOF26", "INDFUT", "DOLFUT", "WINFUT1"])
def test_index_and_dollar_futures_are_thousands(asset: str) -> None:
    future = signal(f"Ativo: {asset}\nCompra: 5.412\nAlvo: 5.440,50\nStop: 5,390")
    assert future.buy_min == Decimal(5412)
    assert future.stop == Decimal(5390)
    assert "ambiguous_number" not in future.warnings


@pytest.mark.parametrize(
    "price", ["R$ 22,40", "R$22,40", "US$ 22,40", "$22,40", "BRL 22,40", "22,40 reais", "22,40 pts", "22,40."]
)
def test_currency_and_units_are_ignored(price: str) -> None:
    assert signal(f"Ativo: PETR4\nCompra: {price}\nAlvo: 25").buy_min == Decimal("22.40")


@pytest.mark.parametrize(
    "figure",
    [
        "5%",
        "5 %",
        "12x",
        "10h30",
        "8/9",
        "14/11/2025",
        "10:30",
        "30 minutos",
        "3 dias",
        "200 períodos",
        "2 milhões",
        "0",
        "0,00",
        "1000 ações",
        "2 lotes",
        "12.11.2025",
        "28 de novembro",
        "28/nov",
        "31/02",
        "12-11-2025",
        "60min",
        "9" * 21,
        "0," + "3" * 400,
    ],
)
def test_not_prices(figure: str) -> None:
    reading = signal(f"Ativo: PETR4\nCompra: {figure}\nAlvo: 25\nStop: 20")
    assert reading.buy_min is None
    assert "missing_entry" in reading.warnings


@pytest.mark.parametrize("quantity", ["300", "1.000", "1 mil", "300 ações", "lote 300", "10 contratos"])
def test_quantities_are_stepped_over(quantity: str) -> None:
    reading = signal(f"Comprar {quantity} BBAS3 a 22,15, alvo 24, stop 21")
    assert reading.buy_min == reading.buy_max == Decimal("22.15")


def test_spaced_slash_is_a_range_and_a_date_is_not() -> None:
    assert signal("PETR4 compra 8 / 9 stop 7").buy_max == Decimal(9)
    assert not read("PETR4 compra 8/9 stop 7").signals


def test_digits_never_become_floats() -> None:
    number = read_number("1234567890123456789,5"[-20:])
    assert number is not None
    assert str(number.value) == "234567890123456789.5"


@pytest.mark.parametrize("written", ["9" * 400, "0," + "3" * 400, "1" * 21, "1.000.000.000.000.000,50"])
def test_what_is_longer_than_any_price_is_none(written: str) -> None:
    assert read_number(written) is None
    assert read_number(written, mil=True) is None


@pytest.mark.parametrize(
    ("figure", "price"), [("1 dia", False), ("22,40 dia 14/11", True), ("1 milhão", False)]
)
def test_a_unit_in_the_singular_counts_one_only(figure: str, price: bool) -> None:
    assert (signal(f"Ativo: PETR4\nCompra: {figure}\nAlvo: 25\nStop: 20").buy_min is not None) is price
