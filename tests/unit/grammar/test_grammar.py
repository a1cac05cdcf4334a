"""The door of the grammar: limits, reasons, provenance."""

from __future__ import annotations

import ast
import doctest
import importlib
import sys
from decimal import Decimal
from pathlib import Path
from subprocess import run

import pytest

import actors.grammar
from actors.grammar import GRAMMAR_VERSION, MAX_CHARS, read
from actors.grammar.prices import read_number
from actors.grammar.reasons import REASONS
from actors.grammar.text import prepare
from engine.model import Kind, Signal

RICH = (
    "🔴 **Day Trade** – SINAL DE VENDA\nAti\u200bvo: #wdof26.SA\nEntrada: 5.412,50 a 5.418\n"
    "Alvos: 1) 5.400 2) 5.390,0\nÚltimo alvo: 5,38 mil\nStop: ５.４３０\nOrdem válida até 28 de novembro de 2025"
)


def spans(raw: str, signal: Signal) -> dict[str, tuple[str, str, str]]:
    return {span.field: (raw[span.start : span.end], span.rule, span.value) for span in signal.provenance}


def test_public_names() -> None:
    assert actors.grammar.__all__ == ["GRAMMAR_VERSION", "MAX_CHARS", "read"]
    assert (GRAMMAR_VERSION, MAX_CHARS) == ("2", 16384)


def test_a_longer_text_is_not_read() -> None:
    block = "PETR4 compra 38 alvo 40 stop 37"
    assert read(block.ljust(MAX_CHARS)).kind is Kind.SIGNAL
    too_long = read(block.ljust(MAX_CHARS + 1))
    assert (too_long.kind, too_long.reason) == (Kind.NOT_SIGNAL, "too_long")


def test_a_text_that_unfolds_beyond_the_limit_is_not_read() -> None:
    assert read("\ufdfa" * 1000).reason == "too_long"


def test_every_value_has_its_place_in_the_raw_text() -> None:
    (signal,) = read(RICH).signals
    assert spans(RICH, signal) == {
        "asset": ("wdof26", "asset.labelled", "WDOF26"),
        "side": ("VENDA", "side.selling_label", "sell"),
        "signal_type": ("Day Trade", "type.words", "Day Trade"),
        "buy_min": ("5.412,50", "price.plain", "5412.50"),
        "buy_max": ("5.418", "price.thousands", "5418"),
        "targets.0": ("5.400", "price.thousands", "5400"),
        "targets.1": ("5.390,0", "price.plain", "5390.0"),
        "target_final": ("5,38 mil", "price.plain", "5380"),
        "stop": ("５.４３０", "price.thousands", "5430"),
        "valid_until": ("28 de novembro de 2025", "validity.date", "28/11/2025"),
    }


def test_reading_a_price_span_again_gives_its_value() -> None:
    (signal,) = read(RICH).signals
    for text, rule, value in spans(RICH, signal).values():
        if rule.startswith("price."):
            digits = prepare(text).text
            number = read_number(digits.removesuffix(" mil"), mil=digits.endswith(" mil"))
            assert number is not None
            assert number.read_as(rule) == Decimal(value)


def test_a_derived_final_target_repeats_the_span_of_its_target() -> None:
    text = "PETR4 compra 38 alvo 40 stop 37"
    (signal,) = read(text).signals
    found = spans(text, signal)
    assert found["target_final"] == found["targets.0"]


def test_defaults_have_no_span() -> None:
    text = "Ativo: PETR4\nEntrada: 38\nAlvo: 40"
    (signal,) = read(text).signals
    assert set(spans(text, signal)) == {"asset", "buy_min", "buy_max", "targets.0", "target_final"}


@pytest.mark.parametrize(
    "text", ["\ud800", "\x00" * 9, "\udfff: \ud800 PETR4 compra 1,0", "\U0010ffff", "ﷺ", "\u0301" * 99]
)
def test_any_unicode_is_read(text: str) -> None:
    assert read(text).reason in REASONS


def test_every_reason_is_documented_and_every_documented_reason_is_used() -> None:
    folder = Path(actors.grammar.__file__).parent
    sources = [path for path in folder.glob("*.py") if path.stem not in {"reasons", "actor", "outcome"}]
    strings = {
        node.value
        for path in sources
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert set(REASONS) <= strings
    assert all(sentence.endswith(".") for sentence in REASONS.values())


def test_the_grammar_does_not_import_the_actor_library() -> None:
    code = "import sys, actors.grammar; sys.exit('pykka' in sys.modules)"
    assert run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("module", ["grammar", "prices", "text", "tickers"])
def test_examples_in_docstrings(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"actors.grammar.{module}"))
    assert result.attempted > 0
    assert result.failed == 0
