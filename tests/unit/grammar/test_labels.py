"""Labels and what may stand between them and their prices (catalogue, section 3)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from actors.grammar import read
from engine.model import Kind, Side, Signal

BLOCK = "Ativo: BBAS3\nCompra: 22,40\nAlvo: 24\nStop: 21"


def signal(text: str) -> Signal:
    (only,) = read(text).signals
    return only


@pytest.mark.parametrize(
    "label",
    ["ativo", "Papel", "TICKER", "ação", "opção", "código", "contrato", "asset", "symbol", "Opção de compra"],
)
def test_asset_labels(label: str) -> None:
    # without the label the several tickers above would be in doubt
    reading = signal(f"WEGE3 e VALE3\n{label}: BBAS3\nCompra: 22,40\nAlvo: 24\nStop: 21")
    # of an option that is told by its share the price may be a premium
    unnamed = ("option_unnamed",) if "pção" in label else ()
    assert (reading.asset, reading.warnings) == ("BBAS3", unnamed)


@pytest.mark.parametrize("label", ["Ativo objeto", "Ativo-objeto", "Ativo base", "Papel subjacente"])
def test_underlying_is_no_asset_label(label: str) -> None:
    assert signal(f"{label}: VALE3\nAtivo: BBAS3\nCompra: 22,40\nAlvo: 24\nStop: 21").asset == "BBAS3"


@pytest.mark.parametrize(
    ("label", "side"),
    [
        *(
            (each, Side.BUY)
            for each in ("compra", "comprar", "compre", "buy", "long", "buy limit", "Buy Stop")
        ),
        *(
            (each, Side.SELL)
            for each in ("venda", "vender", "venda a descoberto", "sell", "short", "sell stop")
        ),
        *((each, Side.BUY) for each in ("entrada", "entrar", "Entry")),
    ],
)
def test_entry_labels(label: str, side: Side) -> None:
    reading = signal(f"Ativo: BBAS3\n{label}: 22,40")
    assert (reading.side, reading.buy_min, reading.stop) == (side, Decimal("22.40"), None)


@pytest.mark.parametrize(
    "label",
    [
        "alvo",
        "alvos",
        "objetivo",
        "objetivos",
        "tp",
        "tp1",
        "target",
        "targets",
        "take profit",
        "take",
        "gain",
        "stop gain",
        "stop-gain",
        "Alvo 1",
    ],
)
def test_target_labels(label: str) -> None:
    reading = signal(f"Ativo: BBAS3\nCompra: 22,40\n{label}: 24")
    assert (reading.targets, reading.stop) == ((Decimal(24),), None)


@pytest.mark.parametrize(
    "label",
    [
        "alvo final",
        "final alvo",
        "alvo geral",
        "último alvo",
        "TP final",
        "alvo 3 final",
        "alvo final 3",
        "target (final)",
        "3º alvo final",
    ],
)
def test_final_target_labels(label: str) -> None:
    reading = signal(f"Ativo: BBAS3\nCompra: 22,40\nAlvo 1: 23\n{label}: 24")
    assert (reading.targets, reading.target_final) == ((Decimal(23),), Decimal(24))


@pytest.mark.parametrize("label", ["stop", "stop loss", "stop-loss", "SL", "loss"])
def test_stop_labels(label: str) -> None:
    assert signal(f"Ativo: BBAS3\nCompra: 22,40\n{label}: 21").stop == Decimal(21)


@pytest.mark.parametrize(
    "word", ["comprei", "comprou", "comprado", "vendido", "recompra", "compramos", "Stop20", "compras"]
)
def test_other_words_are_no_labels(word: str) -> None:
    assert not read(f"Ativo: BBAS3\n{word}: 22,40").signals


def test_a_value_glued_to_its_label_is_not_read() -> None:
    assert signal("Ativo: BBAS3\nCompra: 22,40\nAlvo: 24\nStop20").stop is None


def test_tp_capital_is_the_channel() -> None:
    assert signal(f"TP Capital\n{BLOCK}").warnings == ()


def test_the_buy_of_buy_and_hold_is_no_label() -> None:
    assert signal("Buy & Hold\nVenda BBAS3 a 22,40, alvo 20, stop 23").side is Side.SELL


def test_the_venda_of_a_put_is_no_side() -> None:
    assert signal("Opção de venda: BBASX22\nEntrada: 1,20\nAlvo: 1,50\nStop: 0,90").side is Side.BUY


@pytest.mark.parametrize(
    "between",
    [
        ":",
        " =",
        " -",
        " @",
        "",
        "\n",
        ":\n",
        " :",
        " –",
        ": R$",
        " (swing):",
        " até",
        " acima de",
        " na região de",
        " BBAS3 a",
        " 300 ações a",
        " entre",
        " no rompimento de",
        " técnica parcial".replace("técnica ", ""),
        " at",
        " a partir de",
        " (50%)\n",
        " de\n",
    ],
)
def test_what_may_stand_between_label_and_price(between: str) -> None:
    reading = signal(f"Ativo: BBAS3\nCompra{between} 22,40\nAlvo: 24")
    assert reading.buy_min == reading.buy_max == Decimal("22.40")


@pytest.mark.parametrize("between", [" forte", " (22,00 ou mais)", " hoje", " 5%", " 14/11", ": PETR4\n"])
def test_anything_else_breaks_the_link(between: str) -> None:
    assert signal(f"Ativo: BBAS3\nCompra{between} 22,40\nAlvo: 24\nStop: 21").buy_min is None


def test_parentheses_round_a_bare_price_are_punctuation() -> None:
    assert signal("Ativo: BBAS3\nCompra (22,40)\nStop (R$ 21)").stop == Decimal(21)


def test_an_index_may_follow_an_entry_label() -> None:
    reading = signal("Ativo: BBAS3\nEntrada 1: 22,40\nEntrada 2) 21,80\nStop 1: 20")
    assert (reading.buy_min, reading.stop) == (Decimal("22.40"), Decimal(20))
    assert reading.warnings == ("duplicate_field", "missing_targets")


@pytest.mark.parametrize(
    "text",
    [
        "Após o alvo 1, subir o stop",
        "Não compre BBAS3 a 22,40, alvo 24",
        "Vale a compra de BBAS3 a 22,40?",
        "Se romper, compra BBAS3 a 22,40 alvo 24",
        "Quando abrir, comprar BBAS3 a 22,40 alvo 24 stop 21",
        "Nunca compre BBAS3 a 22,40, alvo 24, stop 21",
    ],
)
def test_conditions_negations_and_questions_set_nothing(text: str) -> None:
    assert read(text).kind is Kind.NOT_SIGNAL


def test_a_colon_makes_a_label_count_nevertheless() -> None:
    reading = signal("Ativo: BBAS3\nSe romper, compra: 22,40, alvo 1: 24, stop 21")
    assert (reading.buy_min, reading.targets, reading.stop) == (Decimal("22.40"), (Decimal(24),), None)


@pytest.mark.parametrize(
    "line",
    [
        "WEGE3 segue rumo ao alvo 40",
        "WEGE3 stop: 30",
        "e venda da call WEGEA240 a 0,50",
        "Compra WEGEA240: 1,00",
    ],
)
def test_labels_for_other_tickers_set_nothing(line: str) -> None:
    reading = read(f"{BLOCK}\n{line}").signals[0]
    assert (reading.targets, reading.stop, reading.buy_min) == ((Decimal(24),), Decimal(21), Decimal("22.40"))


@pytest.mark.parametrize(
    ("line", "duplicate"),
    [
        ("Stop: 28,50 / 28,00", True),
        ("Stop: 28,50 28,00", True),
        ("Stop: 28,50, 28,00", True),
        ("Stop: 28,50 ou 28,00", True),
        ("Stop: 28,50; R$ 28,00", True),
        ("Stop: 28,50\nStop: 28,00", True),
        ("Stop: 28,50\nStop: 28.5", False),
        ("Stop: 28,50 - 10%", False),
        ("Stop: 28,50 - até 14/11", False),
        ("Stop: 28,50 (28,00)", False),
    ],
)
def test_a_field_given_twice(line: str, duplicate: bool) -> None:
    reading = signal(f"Ativo: BBAS3\nCompra: 32,40\nAlvo: 34\n{line}")
    assert reading.stop == Decimal("28.50")
    assert ("duplicate_field" in reading.warnings) is duplicate


def test_a_third_price_behind_an_entry_is_a_duplicate() -> None:
    reading = signal("Ativo: BBAS3\nCompra: 22,40 a 22,60 / 22,80\nAlvo: 24")
    assert (reading.buy_max, "duplicate_field" in reading.warnings) == (Decimal("22.60"), True)


@pytest.mark.parametrize(
    "line",
    [
        "Strike: 24,00",
        "Preço atual: 22,00",
        "Último: 22",
        "Quantidade: 100",
        "IFR: 30",
        "Risco: 2",
        "https://x.com/alvo/99",
    ],
)
def test_everything_else_with_a_number_is_ignored(line: str) -> None:
    reading = signal(f"{BLOCK}\n{line}")
    assert (reading.buy_min, reading.targets, reading.stop) == (Decimal("22.40"), (Decimal(24),), Decimal(21))
