"""No text takes long: pieces that tempt a parser to look again and again, up to the greatest length."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from actors.grammar import MAX_CHARS, read

#: seconds of processor time; the slowest takes about a tenth of this on a slow machine
BOUND_S = 1.0

PIECES = [
    *(
        "compra ",
        "alvo ",
        "stop ",
        "PETR4 ",
        "PETR4\n",
        "alvo 1 ",
        "alvos 1 / ",
        "1 / ",
        "1) ",
        "(",
        "()",
        ")",
        "(x) ",
    ),
    *(
        "( compra ",
        "alvo (x) ",
        "\n",
        "Alvos:\n",
        "1\n",
        "1) 2\n",
        "R$",
        "1,00 a ",
        "1,",
        "1.",
        ",1",
        "1",
        "1,1a",
    ),
    *(
        "cancelar ",
        "cancelado ",
        "anula agora ",
        "não ",
        "se ",
        "? ",
        '"? ',
        "...",
        "teste ",
        "teste de ",
        "isto é ",
    ),
    *(
        "bateu ",
        "bateu PETR4 ",
        "stop na o ",
        "stop para o preço de ",
        "ativo ",
        "ativo\n",
        "opção de compra ",
        "buy-",
    ),
    *(
        "buy & ",
        "-",
        "/",
        "12/",
        "12/12 ",
        "12:",
        "1:1 ",
        "+",
        "+1% ",
        "%",
        "✅",
        "alvo ✅ ",
        "<b>",
        "<a ",
        "<",
        "**",
    ),
    *(
        "~~",
        "||",
        "\u0301",
        "a\u0301",
        "\u0301\u0323",
        "\u200b",
        "\ufdfa",
        "é",
        "🟢",
        "１",
        "\x00",
        "\ud800",
        "(1) ",
    ),
    *(
        "PETR4 compra\n",
        "PETR4 compra 1,00 VALE3 venda 2,00 ",
        "até ",
        "validade de do o ",
        "28 de ",
        "day - ",
        "1º ",
    ),
    *(
        "final ",
        "primeiro ",
        "1 mil ",
        "1000 ações ",
        "http://",
        "1.250 / ",
        "novo preço de ",
        "vai ser ",
        "ao ",
        "no 1º ",
    ),
]


def seconds(text: str) -> float:
    start = time.process_time()
    read(text)
    return time.process_time() - start


@pytest.mark.parametrize("piece", PIECES)
def test_repeated_pieces(piece: str) -> None:
    assert seconds((piece * MAX_CHARS)[:MAX_CHARS]) < BOUND_S


@pytest.mark.parametrize(("one", "other"), [*pairwise(PIECES)])
def test_mixed_pieces(one: str, other: str) -> None:
    half = MAX_CHARS // 2
    assert seconds(((one + other) * half)[:MAX_CHARS]) < BOUND_S
    assert seconds((one * half)[:half] + (other * half)[:half]) < BOUND_S


def test_twice_the_text_takes_about_twice_the_time() -> None:
    piece = "PETR4 compra 22,40 alvo 25 stop 20 VALE3 venda 60 alvo 58 stop 61\n"
    short = min(seconds(piece * 60) for _ in range(5))
    long = min(seconds(piece * 240) for _ in range(5))
    assert long < 4 * 2 * short
