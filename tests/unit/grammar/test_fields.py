"""Entry, targets, stop, validity, type and side (catalogue, section 6)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from actors.grammar import read
from engine.model import Kind, Side, Signal


def signal(text: str) -> Signal:
    (only,) = read(text).signals
    return only


def prices(*written: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, written))


@pytest.mark.parametrize(
    "joiner", [" a ", " à ", " até ", " ate ", " to ", " and ", " e ", "-", " – ", " / ", " ~ ", " a R$ "]
)
def test_two_joined_numbers_are_a_range(joiner: str) -> None:
    for low, high in (("22,40", "22,60"), ("22,60", "22,40")):
        reading = signal(f"Ativo: BBAS3\nCompra: de {low}{joiner}{high}\nAlvo: 24\nStop: 21")
        assert (reading.buy_min, reading.buy_max, reading.warnings) == (*prices("22.40", "22.60"), ())


@pytest.mark.parametrize(
    "text", ["acima de 22,40", "abaixo de 22,40", "a partir de 22,40", "até 22,40", "no rompimento de 22,40"]
)
def test_one_number(text: str) -> None:
    reading = signal(f"Ativo: BBAS3\nCompra {text}\nAlvo: 24\nStop: 21")
    assert (reading.buy_min, reading.buy_max) == prices("22.40", "22.40")


def test_at_market_there_is_no_price() -> None:
    reading = signal("Ativo: BBAS3\nCompra: a mercado\nAlvo: 24\nStop: 21")
    assert (reading.buy_min, reading.buy_max, reading.warnings) == (None, None, ("missing_entry",))


@pytest.mark.parametrize(
    ("lines", "targets", "warnings"),
    [
        ("Alvo 1: 24\nAlvo1: 24", ("24",), ()),
        ("TP 2: 25\nTP 1: 24", ("24", "25"), ()),
        ("1º alvo: 24\n2o alvo: 25", ("24", "25"), ()),
        ("1° alvo 24\nsegundo TP 25\nterceiro objetivo 26", ("24", "25", "26"), ()),
        ("Alvo 1) 24\nAlvo 3 = 26", ("24", "26"), ()),
        ("Alvo 1 (50%) 24\nAlvo 2 (resto): 25", ("24", "25"), ()),
        ("alvo 2 em 25,00", ("25.00",), ("ambiguous_number",)),
        ("alvo 1 a 25,00", ("25.00",), ()),
        ("alvo 1 - 25", ("25",), ()),
        ("alvo 1\n25", ("25",), ()),
        ("alvo 1 24 alvo 3 26", ("24", "26"), ("ambiguous_number",)),
        ("ALVO1 24 ALVO3 26", ("24", "26"), ()),
        ("Alvo 28", ("28",), ()),
        ("Alvo 12: 28", ("28",), ()),
        ("Alvo: 9", ("9",), ("target_side",)),
        ("alvos 28 - 29 - 30", ("28", "29", "30"), ()),
        ("alvos 24 / 25 | 26; 27 e 28, 29", ("24", "25", "26", "27", "28", "29"), ()),
        ("Alvo: 24,00 - 25,00", ("24.00", "25.00"), ()),
        ("Alvos: 1) 24 2) 25", ("24", "25"), ()),
        ("Alvos: 1º 24 2º 25", ("24", "25"), ()),
        ("Alvos:\n1) 24\n2) 25", ("24", "25"), ()),
        ("Alvos\n1. 24,00\n2- 25,00\n3 26,00\n4º 27,00", ("24.00", "25.00", "26.00", "27.00"), ()),
        ("Alvos:\n24 ✅", ("24",), ("event_words",)),
        ("Alvos:\n\n24\n\n25\nbons negócios\n26", ("24", "25"), ()),
        ("Alvo curto: 24\nAlvo longo: 26", ("24", "26"), ()),
        ("Alvo: 26\nAlvo 2: 25\nAlvo 1: 24", ("24", "25", "26"), ()),
        ("Alvo 1: 24 a 25", ("24",), ()),
        ("Alvo: 24 até 25", ("24",), ()),
        ("Alvo 1: 24\nAlvo 1: 25", ("24",), ("duplicate_field",)),
        ("Alvos (3): 24, 25, 26", ("24", "25", "26"), ()),
    ],
)
def test_targets(lines: str, targets: tuple[str, ...], warnings: tuple[str, ...]) -> None:
    reading = signal(f"Ativo: BBAS3\nCompra: 22,40\nStop: 21\n{lines}")
    assert reading.targets == prices(*targets)
    assert reading.target_final == Decimal(targets[-1])
    assert reading.warnings == warnings


@pytest.mark.parametrize(
    "line", ["o alvo 2 saiu errado", "ALVO 1 VEM", "alvo 1 em breve", "Alvos 1: 24 2: 25"]
)
def test_an_index_without_a_value_is_no_price(line: str) -> None:
    assert signal(f"Ativo: BBAS3\nCompra: 22,40\nStop: 21\n{line}").targets == ()


@pytest.mark.parametrize("price", ["8", "9"])
def test_a_small_integer_may_be_the_price(price: str) -> None:
    for rest in ("", " e stop 6", ", stop 6", " até o fim"):
        assert signal(f"MGLU3 compra 7 alvo {price}{rest}\nStop: 6").targets == prices(price)


@pytest.mark.parametrize(
    "lines",
    [
        "Alvo 1: 24\nAlvo 2: 25\nAlvo final: 26",
        "Alvos: 24 / 25 / 26 final",
        "Alvos:\n24\n25\n26 (final)",
        "Alvos 24, 25 e 26 (final)",
    ],
)
def test_the_final_target_is_not_repeated(lines: str) -> None:
    reading = signal(f"Ativo: BBAS3\nCompra: 22,40\nStop: 21\n{lines}")
    assert (reading.targets, reading.target_final) == (prices("24", "25"), Decimal(26))


def test_a_final_target_alone_is_a_target() -> None:
    reading = signal("Ativo: BBAS3\nCompra: 22,40\nAlvo final: 24\nStop: 21")
    assert (reading.targets, reading.target_final, reading.warnings) == ((), Decimal(24), ())


@pytest.mark.parametrize("stop", ["Stop: 3%", "Stop: sem stop", "Stop: 0"])
def test_no_stop(stop: str) -> None:
    reading = signal(f"Ativo: BBAS3\nCompra: 22,40\nAlvo: 24\n{stop}")
    assert (reading.stop, reading.warnings) == (None, ("missing_stop",))


@pytest.mark.parametrize(
    ("line", "date"),
    [
        ("A ordem ficará posicionada no Book até dia 14/11", "14/11"),
        ("Ordem válida até 30/01/2026", "30/01/2026"),
        ("Validade: 12/12/25", "12/12/2025"),
        ("Válido até o fechamento do pregão de sexta-feira, 5/1", "05/01"),
        ("Ordens no book até 28 de novembro", "28/11"),
        ("Expira: válida até 28/nov", "28/11"),
        ("Validade 28/nov/2025", "28/11/2025"),
        ("Validade 28 de novembro de 2025", "28/11/2025"),
        ("Validade: 1º de março", "01/03"),
        ("Validade: 1º/12", "01/12"),
        ("Ordem válida de 10/11 até 14/11", "14/11"),
        ("Ordem só hoje", None),
        ("Ordem válida até dia 28", None),
        ("Ordem válida até 31/02", None),
        ("Validade: 29/02/2025", None),
        ("Validade: 29/02", "29/02"),
        ("Vencimento: 21/11", None),
        ("Fico aqui até 21/11", None),
        ("Ordem válida até o vencimento em 21/11", None),
        ("Ordem de 21/11", None),
    ],
)
def test_validity(line: str, date: str | None) -> None:
    reading = signal(f"Ativo: BBAS3\nCompra: 22,40\nAlvo: 24\nStop: 21\n{line}")
    assert reading.valid_until == date
    # an expiry is told of options only
    assert reading.warnings == (("option_unnamed",) if line.startswith("Vencimento") else ())


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("", "Swing Trade"),
        *((each, "Swing Trade") for each in ("swing", "Swing Trade", "SwingTrade", "#swing-trade")),
        *((each, "Day Trade") for each in ("day trade", "DAYTRADE", "#DayTrade", "day-trade", "#Day_Trade")),
        *((each, "Position") for each in ("position", "Position Trade")),
        *((each, "Scalping") for each in ("scalp", "Scalping", "#scalping")),
        *(
            (each, "Buy & Hold")
            for each in ("buy & hold", "Buy and Hold", "B&H", "buy-and-hold", "#buy_and_hold")
        ),
        *((each, "Swing Trade") for each in ("posição", "posicionada", "day", "hold")),
        ("day trade, não é swing", "Day Trade"),
    ],
)
def test_type(written: str, name: str) -> None:
    assert signal(f"{written}\nAtivo: BBAS3\nEntrada: 22,40\nAlvo: 24\nStop: 21").signal_type == name


@pytest.mark.parametrize(
    ("heading", "side"),
    [
        ("SINAL DE VENDA", Side.SELL),
        ("Operação: Venda", Side.SELL),
        ("Tipo: venda", Side.SELL),
        ("Lado - Short", Side.SELL),
        ("Side: SELL", Side.SELL),
        ("ordem de venda", Side.SELL),
        ("VENDA", Side.SELL),
        ("Venda BBAS3", Side.SELL),
        ("🔴 SELL 🔴", Side.SELL),
        ("Boa venda hoje", Side.BUY),
        ("Opção de venda", Side.BUY),
        ("SINAL DE COMPRA\nboa venda", Side.BUY),
        ("recompra", Side.BUY),
    ],
)
def test_side(heading: str, side: Side) -> None:
    assert signal(f"{heading}\nAtivo: BBAS3\nEntrada: 22,40\nAlvo: 20\nStop: 24").side is side


def test_a_price_against_the_side_is_a_target() -> None:
    bought = signal("Ativo: BBAS3\nCompra: 9,10 / Venda: 9,80")
    assert (bought.side, bought.buy_max, bought.targets) == (Side.BUY, Decimal("9.10"), prices("9.80"))
    exited = signal("COMPRA BBAS3\nVenda: 24,00\nStop: 21,00")
    assert (exited.side, exited.buy_min, exited.targets) == (Side.BUY, None, prices("24.00"))


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("PETR4 compra 25 alvo 28", True),
        ("PETR4 compra 25 stop 20", True),
        ("Ativo: PETR4\nCompra de: 25", True),
        ("PETR4 compra @ 25", True),
        ("PETR4 compra - 25", True),
        ("PETR4 compra 25", False),
        ("PETR4\nCompra: 25", False),
        ("PETR4\nAlvo: 28\nStop = 20", True),
        ("PETR4\nAlvo 1 - 28\nStop - 20", True),
        ("Ativo: PETR4 Stop: 20", False),
        ("Ativo: PETR4\nAlvo: 28", False),
        ("Compra: 25 Stop: 20", False),
        ("WEGE3 com alvo em 41 e stop em 34", False),
        ("PETR4\nAlvo 28\nStop: 20", False),
    ],
)
def test_complete_block(text: str, complete: bool) -> None:
    assert read(text).kind is (Kind.SIGNAL if complete else Kind.NOT_SIGNAL)


@pytest.mark.parametrize(
    ("lines", "warnings"),
    [
        ("Compra: 22\nAlvo: 24\nStop: 21", ()),
        ("Venda: 22\nAlvo: 20\nStop: 23", ()),
        ("Compra: 22\nAlvo: 24\nStop: 22", ("stop_side",)),
        ("Venda: 22\nAlvo: 20\nStop: 22", ("stop_side",)),
        ("Alvo: 24\nStop: 24", ("missing_entry", "stop_side")),
        ("Compra: 22\nAlvo: 22\nStop: 21", ("target_side",)),
        ("Venda: 22\nAlvo: 22\nStop: 23", ("target_side",)),
        ("Compra: 22\nAlvo 1: 25\nAlvo 2: 24\nStop: 21", ("target_order",)),
        ("Compra: 22\nAlvo 1: 25\nAlvo final: 24\nStop: 21", ("target_order",)),
        ("Compra: 22\nAlvo 1: 24\nAlvo 2: 24\nStop: 21", ()),
        ("Venda: 22\nAlvo 1: 19\nAlvo 2: 20\nStop: 23", ("target_order",)),
        ("Compra: 20 a 30\nAlvo: 40\nStop: 15", ()),
        ("Compra: 20 a 30,10\nAlvo: 40\nStop: 15", ("range_wide",)),
        # a slip for 20,20 or 20,25, or a range: only a longer number or one with a comma leaves no doubt
        ("Compra: 20_20\nAlvo: 40\nStop: 15", ("ambiguous_number",)),
        ("Compra: 20_25\nAlvo: 40\nStop: 15", ("ambiguous_number",)),
        ("Compra: 20,10_25\nAlvo: 40\nStop: 15", ("ambiguous_number",)),
        ("Compra: 20_25,50\nAlvo: 40\nStop: 15", ()),
        ("Compra: 20 ~ 25\nAlvo: 40\nStop: 15", ()),
        ("Compra: 2010_2050\nAlvo: 2900\nStop: 1900", ()),
        # a quotation mark, or a comma: the price before which it stands is not read
        ("Compra: 20\nAlvo 1: ‚28,97\nAlvo 2: 30\nStop: 15", ("odd_characters",)),
        ("Compra: 20\nAlvo 1: ٫28,97\nAlvo 2: 30\nStop: 15", ("odd_characters",)),
        ("Compra: 20\nAlvo: 75\nStop: 15", ()),
        ("Compra: 20\nAlvo: 75,10\nStop: 15", ("far_price",)),
        ("Compra: 20", ("missing_stop", "missing_targets")),
    ],
)
def test_sanity(lines: str, warnings: tuple[str, ...]) -> None:
    assert signal(f"Ativo: BBAS3\n{lines}").warnings == warnings


@pytest.mark.parametrize("digit", ["٩", "۹", "९", "৯", "๙"])
@pytest.mark.parametrize("at", range(5))
def test_a_digit_of_another_script_leaves_no_number_and_is_flagged(digit: str, at: int) -> None:
    """`53,٩0` was read as 53, and `5٩,90` was lost, both without a warning."""
    price = "53,90"
    target = f"{price[:at]}{digit}{price[at + 1 :]}"
    read_of = signal(f"Ativo: BBAS3\nCompra: 52,40\nAlvo 1: {target}\nAlvo 2: 55\nStop: 51")
    assert "odd_characters" in read_of.warnings
    assert read_of.targets == (Decimal(55),)
    assert (read_of.buy_min, read_of.stop) == (Decimal("52.40"), Decimal(51))


@pytest.mark.parametrize(("target", "far"), [("2,00", False), ("2,01", True)])
def test_an_option_may_go_twenty_times(target: str, far: bool) -> None:
    warnings = signal(f"Ativo: BBASA240\nCompra: 0,20\nAlvo: {target}\nStop: 0,10").warnings
    assert ("far_price" in warnings) is far
