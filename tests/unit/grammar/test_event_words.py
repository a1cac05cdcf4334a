"""Words that make a signal doubtful, and results that only figures tell (catalogue, sections 9.5 and 9.6)."""

from __future__ import annotations

import pytest

from actors.grammar import read
from actors.grammar.phrasebook import PHRASE_TRIGGERS, RESULT_RULES, UPDATE_RULES
from actors.grammar.rules import Rule
from engine.model import Kind

BLOCK = "Ativo: PETR4\nCompra: 22,40\nAlvo 1: 25\nStop: 20"


@pytest.mark.parametrize(
    ("line", "flagged"),
    [
        ("risco ajustado", True),
        ("Bom trade, não vender hoje", True),
        ("sem stop", False),
        ("stop", True),
        ("Alvo 1 ✅", True),
        ("+5%", True),
        ("Alvo 2: 26 (+5%)", False),
        ("lucro de 10", True),
        ("Subir a base", False),
        ("Não entrar antes", True),
        ("se bater o alvo", False),
        ("reforço", True),
        ("move", False),
        ("resultado amanhã", False),
        ("Zerar no alvo 1", False),
        ("zerar amanhã", True),
        ("Ao atingir o TP 1, subir o stop", False),
        ("Entrada perdida", True),
        ("Suspense", True),
        ("nem operar", True),
        ("rumo ao alvo", True),
        ("Alvo:", False),
        ("PETR4 compra: 22,40?", True),
        ("Operação executada", True),
        ("Ordem válida até 28/11 ou até ser suspensa", False),
        ("Ordem válida até 28/11 ou suspensa a 30,00", True),
        ("Anularam a taxa", True),
        ("A live foi descartada", True),
        ("Inválido", True),
        ("Relembrando", True),
        ("Repost", True),
        ("Excluído", True),
        ("Removido", True),
        ("Tirem as dúvidas", True),
        ("Ignorem o barulho", True),
        ("Retirada", True),
        ("Sair se perder 20", False),
        ("Sair", True),
        ("Vamos ajustar", True),
        ("atualizado", True),
        ("Correção", True),
        ("lucro na mesa", False),
        ("prejuízo de 3%", True),
        ("alta de 5%", False),
        ("Alvo 2 (+5%): 26", False),
        ("sem alvo", False),
        ("Stop =", False),
        ("Se bater o stop, paciência", False),
        ("Alvo 2: 26 ✅", True),
        ("Alvo 2 ✅: 26", True),
        ("✅ Alvo 2: 26", False),
        ("nunca operem", True),
        ("não é compra", False),
        ("not buy", True),
        ("nem venda", True),
        ("subam a base", True),
        ("feita", False),
        ("levar", False),
        ("hit", True),
        ("reached", True),
        ("TP Capital", False),
        ("Se o stop for acionado", True),
    ],
)
def test_event_words(line: str, flagged: bool) -> None:
    reading = read(f"{BLOCK}\n{line}")
    assert reading.kind is Kind.SIGNAL
    assert ("event_words" in reading.signals[0].warnings) is flagged


@pytest.mark.parametrize(
    "line", ["Alvo 1: 32,00 (realizar metade)", "1º alvo: 32 - zerar a posição", "Alvo: 32 (subir stop)"]
)
def test_risk_management_on_a_target_line_is_no_event(line: str) -> None:
    reading = read(f"Ativo: PETR4\nCompra: 30,00\n{line}\nStop: 29")
    assert (reading.kind, reading.signals[0].warnings) == (Kind.SIGNAL, ())


def test_an_entry_that_counts_for_its_colon_only_is_flagged() -> None:
    text = "Ativo: PETR4\nVale a compra: 22,40?\nAlvo: 25\nStop: 20"
    assert read(text).signals[0].warnings == ("event_words",)


@pytest.mark.parametrize(
    ("line", "result"),
    [
        ("Resultado do dia", True),
        ("Lucro: 3%", True),
        ("Atual: 24,10", True),
        ("Preço atual de R$ 24,10", True),
        ("O atual momento", False),
        ("+7,4%", True),
        ("-2%", True),
        ("alta de 7,4%", False),
        ("Gain +7,4%", True),
        ("Alvo 2: 26 (+7,4%)", False),
    ],
)
def test_blocks_without_a_stop_may_be_results(line: str, result: bool) -> None:
    text = f"Ativo: PETR4\nCompra: 22,40\nAlvo 1: 25\n{line}"
    assert read(text).kind is (Kind.RESULT if result else Kind.SIGNAL)
    # with a stop it is a plan
    assert read(f"{text}\nStop: 20").kind is Kind.SIGNAL


@pytest.mark.parametrize(
    "line",
    ["lucro", "+5%", "alvo ✅ em VALE", "PETR4 +5%", "PETR4 alvo 10-15%", "PETR4 alvo 5%", "PETR4 ✅ alvo 1"],
)
def test_half_a_weak_result_is_chatter(line: str) -> None:
    assert read(line).kind is Kind.NOT_SIGNAL


@pytest.mark.parametrize("rule", [*RESULT_RULES, *UPDATE_RULES], ids=lambda rule: rule.reason)
def test_every_phrase_holds_a_word_that_has_phrases_looked_for(rule: Rule) -> None:
    seconds = rule.then or frozenset()
    found_by_second = (
        seconds <= PHRASE_TRIGGERS and bool(seconds) and not (rule.then_ticker or rule.then_percent)
    )
    assert rule.first <= PHRASE_TRIGGERS or found_by_second
