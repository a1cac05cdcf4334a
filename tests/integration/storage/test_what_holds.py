"""What holds of signals after real texts, read by the grammar, that arrive in any order and are edited."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from actors.grammar.outcome import OutcomePolicy, settle
from engine.model import Outcome
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from storage.postgres.page_query import SignalQuery
from storage.postgres.signals import Signals
from tests.support.outcomes import a_message

RETENTION = timedelta(days=90)
NOW = datetime.now(UTC).replace(microsecond=0)
START = NOW - timedelta(days=1)
GGBR4 = "Ativo: GGBR4\nCompra: 17,20\nAlvo 1: 18,20\nAlvo 2: 19,00\nStop: 16,80"
USIM5 = "Ativo: USIM5\nCompra: 5,90\nAlvo 1: 6,20\nAlvo 2: 6,60\nStop: 5,70"
WEGE3 = "Ativo: WEGE3\nCompra: 50,00\nAlvo 1: 52,00\nAlvo 2: 54,00\nStop: 49,00"


def sent(number: int, text: str, *, version: int = 0) -> Outcome:
    at = START + timedelta(minutes=number)
    message = a_message(
        number, text=text, received_at=at, telegram_date=at, updated_at=at + timedelta(hours=version)
    )
    return settle(message, now=NOW, policy=OutcomePolicy(retention=RETENTION))


STORY = (
    sent(1, GGBR4),
    sent(2, USIM5),
    sent(3, WEGE3),
    sent(4, "GGBR4 e WEGE3: alvo 1 batido, stop na entrada"),
    sent(5, "Realizar 30% de GGBR4 e 50% de USIM5"),
    sent(6, "GGBR4 chegou perto do alvo 2. USIM5 pode ser stopada"),
    sent(7, "Subir stop de GGBR4 para 17,60 e de USIM5 para 5,80", version=1),
    sent(8, "Zerar metade de WEGE3 e manter o resto com stop em 50,50"),
    sent(9, "GGBR4 alvo 2 batido, USIM5 stop acionado"),
    sent(10, "Alterar alvo 1 de WEGE3 para 52,50 e alvo 2 para 55,00"),
    sent(11, "Parcial feita em WEGE3 a 52,40, stop no breakeven"),
)
#: former texts of messages that were edited
FORMER = (
    sent(7, "Zerar GGBR4 e USIM5"),
    sent(9, "GGBR4 stop acionado, USIM5 alvo 2 batido"),
)
EDITED = (sent(9, "GGBR4 alvo 2 batido, USIM5 stop acionado", version=1),)
EXPECTED = {
    "GGBR4": ("target_2", "17.60", "0.7", ["18.20", "19.00"]),
    "USIM5": ("stopped", "5.80", "0", ["6.20", "6.60"]),
    "WEGE3": ("target_1", "50.00", "0.5", ["52.50", "55.00"]),
}


def holds(database: Database) -> dict[str, Any]:
    rows = Signals(database, retention=RETENTION).find(SignalQuery()).rows
    return {
        row["asset"]: (
            row["current"].status,
            str(row["current"].stop),
            str(row["current"].fraction),
            [str(target) for target in row["current"].targets],
        )
        for row in rows
    }


@pytest.mark.parametrize("seed", range(6))
def test_what_holds_is_what_the_texts_say_in_whatever_order_they_arrive(
    database: Database, ledger: Ledger, seed: int
) -> None:
    shuffled = random.Random(seed)
    waiting = [*STORY, *FORMER, *EDITED, *STORY[:4]]
    shuffled.shuffle(waiting)
    while waiting:
        size = shuffled.randint(1, 4)
        batch, waiting = waiting[:size], waiting[size:]
        ledger.record(batch)
    assert holds(database) == EXPECTED
