"""Tickers, assets and blocks (catalogue, section 4)."""

from __future__ import annotations

import pytest

from actors.grammar import read
from actors.grammar.tickers import Shape, ticker_of, unknown_ticker
from engine.model import Kind, Signal

LEVELS = "\nCompra: 22,40\nAlvo: 25\nStop: 20"


def signal(text: str) -> Signal:
    (only,) = read(text).signals
    return only


@pytest.mark.parametrize(
    ("text", "shape", "root"),
    [
        *(
            (each, Shape.SHARE, each[:4])
            for each in ("PETR4", "TAEE11", "HGLG11", "A1MD34", "PETR4F", "B3SA3", "MSFT34")
        ),
        *(
            (each, Shape.OPTION, each[:4])
            for each in ("BOVAW32", "KLBNK177", "PETRL315W2", "B3SAL12", "PETRA1E")
        ),
        *(
            (each, Shape.FUTURE, each[:3])
            for each in ("WINZ25", "WDOF26", "WING31", "DI1F29", "WINFUT", "DOLFUT")
        ),
    ],
)
def test_shapes(text: str, shape: Shape, root: str) -> None:
    for written in (text, text.lower()):
        ticker = ticker_of(written)
        assert ticker is not None
        assert (ticker.name, ticker.shape, ticker.root) == (text, shape, root)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "PETR",
            "PETR9",
            "PETR12",
            "PETRY30",
            "PETR41",
            "ALVO3",
            "ALVOS3",
            "STOP4",
            "GAIN5",
            "LOSS3",
            "TAKE3",
        ),
        *(
            "CALL3",
            "SINAL1",
            "TRADE10",
            "SWING1",
            "LOTE5",
            "PARTE2",
            "GRUPO1",
            "PETRL12345",
            "PETRL30W3",
            "TF60",
        ),
    ],
)
def test_no_ticker(text: str) -> None:
    assert ticker_of(text) is None


@pytest.mark.parametrize("written", ["#PETR4", "$PETR4", "PETR4.SA", "petr4", "Petr4.sa"])
def test_output_is_plain_capitals(written: str) -> None:
    assert signal(f"Ativo: {written}{LEVELS}").asset == "PETR4"


def test_digits_never_join_over_a_space() -> None:
    assert read(f"Ativo: PETR 4{LEVELS}").kind is Kind.NOT_SIGNAL


@pytest.mark.parametrize("text", ["WINFUT1", "ABC12", "XPTO999"])
def test_unknown_shape_after_an_asset_label(text: str) -> None:
    assert unknown_ticker(text) is not None
    reading = signal(f"Ativo: {text}{LEVELS}")
    assert reading.asset == text
    assert "unknown_asset_shape" in reading.warnings
    assert not read(f"{text}{LEVELS}").signals


@pytest.mark.parametrize("text", ["ABC", "Petrobras", "índice", "TRADE10", "AB1", "ABCDEFG1"])
def test_never_an_asset(text: str) -> None:
    assert read(f"Ativo: {text}{LEVELS}").kind is Kind.NOT_SIGNAL


@pytest.mark.parametrize(
    ("text", "asset", "several"),
    [
        ("VALE3 sobe.\nAtivo: PETR4", "PETR4", False),
        ("VALE3 sobe. Ativo: PETR4", "PETR4", True),
        ("Ativo:\nPETR4", "PETR4", False),
        ("Ativo objeto: VALE3\nPETR4", "PETR4", True),
        ("PETR4 (Petrobras)\nforte como VALE3", "PETR4", True),
        ("BRAP4 e CMIN3 seguem", "BRAP4", True),
        ("PETR4, vamos de PETRL302", "PETRL302", True),
        ("Ativo: PETR4, como VALE3", "PETR4", True),
        ("Ativo: PETRL302, ativo objeto PETR4", "PETRL302", False),
        ("Ativo: PETRL302 (PETR4)", "PETRL302", False),
        ("Ação: PETR4\nOpção: PETRL302", "PETRL302", False),
        ("Ativo: PETR4\n(alternativa: PETRL302)", "PETR4", True),
        ("Ativo: PETR4\nmelhor que PETR3", "PETR4", True),
        ("Opção de compra: PETRL30", "PETRL30", False),
    ],
)
def test_the_asset_of_a_block(text: str, asset: str, several: bool) -> None:
    reading = signal(f"{text}{LEVELS}")
    assert reading.asset == asset
    assert ("several_tickers" in reading.warnings) is several


@pytest.mark.parametrize(
    ("line", "asset"),
    [
        ("COMPRA: PETR4 @ 38,50", "PETR4"),
        ("PETR4 COMPRA: 38,50", "PETR4"),
        ("VALE3 caiu ontem, hoje compra da PETR4 a 38,50", "PETR4"),
        ("Comprar 300 PETR4 a 38,50", "PETR4"),
        ("PETR4 PETRL302 compra 38,50", "PETRL302"),
    ],
)
def test_ticker_next_to_an_entry_label(line: str, asset: str) -> None:
    assert signal(f"{line} alvo 40 stop 37").asset == asset


def test_option_next_to_the_first_priced_entry_takes_the_place_of_its_share() -> None:
    assert signal("Ativo: PETR4\nCompra PETRL302: 1,20\nAlvo: 1,50\nStop: 0,90").asset == "PETRL302"


@pytest.mark.parametrize(
    ("text", "assets"),
    [
        ("Ativo: PRIO3 Compra: 38 Stop: 37 Ativo: RECV3 Compra: 10 Stop: 9", ["PRIO3", "RECV3"]),
        ("PRIO3\nCompra: 38\nStop: 37\nRECV3\nCompra: 10\nStop: 9", ["PRIO3", "RECV3"]),
        ("compra GGBR4 17,20 stop 16,80, venda USIM5 5,90 stop 6,10", ["GGBR4", "USIM5"]),
        (
            "Ação: VALE3\nCompra: 60\nStop: 58\nOpção: VALEL640\nCompra: 1,02\nStop: 0,70",
            ["VALE3", "VALEL640"],
        ),
        ("PETR4\nCompra: 38\nStop: 37\nVALE3", ["PETR4"]),
    ],
)
def test_several_signals(text: str, assets: list[str]) -> None:
    signals = read(text).signals
    assert [each.asset for each in signals] == assets
    assert all("multiple_signals" in each.warnings for each in signals)
    assert [each.position for each in signals] == list(range(len(assets)))


def test_type_comes_from_the_block_before_and_validity_from_the_one_after() -> None:
    text = "Day Trade\nPRIO3\nCompra: 38\nStop: 37\n\nRECV3\nCompra: 10\nStop: 9\nOrdem válida até 28/11"
    signals = read(text).signals
    assert [each.signal_type for each in signals] == ["Day Trade", "Day Trade"]
    assert [each.valid_until for each in signals] == ["28/11", "28/11"]


def test_heading_above_a_later_block_belongs_to_it() -> None:
    text = "Day Trade\nAtivo: PRIO3\nCompra: 38\nStop: 37\n\nPosition\n\nAtivo: RECV3\nCompra: 10\nStop: 9"
    assert [each.signal_type for each in read(text).signals] == ["Day Trade", "Position"]
