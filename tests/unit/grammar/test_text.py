"""Preparing a text (catalogue, section 2)."""

from __future__ import annotations

import unicodedata

import pytest

from actors.grammar import read, text
from actors.grammar.text import ODD, ODD_END, fold, is_blank, prepare
from engine.model import Kind


@pytest.mark.parametrize(
    ("raw", "prepared"),
    [
        ("Opc\u0327a\u0303o", "Opção"),
        ("ＡＴＩＶＯ：\u00a0１", "ATIVO: 1"),
        ("𝐂𝐨𝐦𝐩𝐫𝐚", "Compra"),
        ("① 1º 1ª 1°", f"{ODD}1{ODD_END} 1o 1a 1o"),
        ("A\u200bti\u00advo\ufeff \u202aX\u2060", "Ativo X"),
        ("1\ufe0f\u20e3 2", f"{ODD}1{ODD_END} 2"),
        ("38,50² ½", f"38,50{ODD}2{ODD_END} {ODD}{ODD_END}"),
        ("18·45 120´500 5_6 *7* 8*9", "18*45 120´500 5~6 7 8*9"),
        ("26‚35 S.L: T.P 1", "26,35 SL: TP 1"),
        ("１２٫５", "12,5"),
        ("‚18 18٫", f"{ODD}{ODD_END}18 18{ODD}{ODD_END}"),
        ("a\r\nb\rc\u2028d\u2029e\nf", "a\nb\nc\nd\ne\nf"),
        ("a\t\tb\u3000c  d\x85e", "a\tb c d e"),
        ("**Ativo** __x__ `y` ~~z~~ ||w||", "Ativo x y z w"),
        ("<b>Ativo</b> <code>x</code> <a href='u'>y</a> <PETR4>", "Ativo x y <PETR4>"),
        ("🟢Compra→10•⚡️▶", " Compra 10 "),
        ("a‐b‑c‒d–e—f―g−h", "a-b-c-d-e-f-g-h"),
        ("x ✅ y ✔️ z ☑", "x ✅ y ✅ z ✅ "),
    ],
)
def test_prepared_text(raw: str, prepared: str) -> None:
    assert prepare(raw).text == prepared


@pytest.mark.parametrize("word", ["até", "ate", "ATÉ", "ate\u0301"])
def test_words_are_compared_without_case_and_accents(word: str) -> None:
    assert fold(word) == "ate"


@pytest.mark.parametrize("raw", ["", "   \n\t ", "\u200b\ufeff", "\u2060\u00a0\r\n", "\ufe0f"])
def test_nothing_left_is_empty(raw: str) -> None:
    assert read(raw).kind is Kind.EMPTY
    assert is_blank(raw)


@pytest.mark.parametrize("raw", ["🟢", "✅", "**", "<b></b>", ".", "\x00", "\ud800"])
def test_emoji_alone_is_chatter(raw: str) -> None:
    assert read(raw).kind is Kind.NOT_SIGNAL
    assert not is_blank(raw)


def test_missing_text_and_caption_is_empty() -> None:
    assert read(None).reason == "missing"
    assert read(None, "").reason == "blank"


@pytest.mark.parametrize("text", [None, "", "  \n", "\u200b"])
def test_caption_when_the_text_is_missing_or_blank(text: str | None) -> None:
    assert read(text, "PETR4 compra 38,50 alvo 40 stop 37").kind is Kind.SIGNAL


def test_text_before_caption() -> None:
    assert read("bom dia", "PETR4 compra 38,50 alvo 40 stop 37").kind is Kind.NOT_SIGNAL


def test_composing_in_pieces_is_composing_the_whole() -> None:
    text = "Opc\u0327a\u0303o ﬁ ㎏ ﷺ \u1100\u1161\u11a8 e\u0301\u0323 ｶﾞ Ａ\u030a \u0928\u093c"
    whole = unicodedata.normalize("NFKC", text)
    assert prepare(text).text.split() == whole.replace("\u0635", "\u0635").split()


def test_places_lead_back_to_the_raw_text() -> None:
    raw = "🟢 **Ati\u200bvo:**\u00a0PET\u200bRL302 Compra: 1,\u200b18 até\r\n1️⃣"
    prepared = prepare(raw)
    for piece, origin in (("PETRL302", "PET\u200bRL302"), ("1,18", "1,\u200b18"), ("Ativo", "Ati\u200bvo")):
        start = prepared.text.index(piece)
        first, last = prepared.raw_span(start, start + len(piece))
        assert raw[first:last] == origin


def test_the_quick_look_for_rare_spaces_misses_none() -> None:
    places = (*range(0x3100), *range(0xF000, 0x10000), *range(0xE0000, 0xE0200))
    missed = [
        place
        for place in places
        if text._INVISIBLE_OR_BLANK.search(chr(place)) and not text._RARE_SPACE.search(chr(place))
    ]
    assert missed == []
