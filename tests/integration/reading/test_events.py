"""Results, updates and cancellations find their signal, whatever order they arrive in."""

import random
from datetime import timedelta
from typing import Any

import pytest

from engine.model import ChannelMessage
from ops.stores import RETENTION
from storage.postgres.database import Database
from storage.postgres.page_query import SignalQuery
from storage.postgres.signals import Signals
from tests.integration.reading.conftest import Store, message


def block(asset: str, entry: str = "10,00") -> str:
    return f"Ativo: {asset}\nCompra: {entry}\nAlvo 1: 11,00\nAlvo 2: 12,00\nStop: 9,00"


STORY = [
    message(1, block("PETR4"), minute=0),
    message(2, block("VALE3"), minute=1),
    message(3, "PETR4 ALVO 1 ATINGIDO ✅", minute=2),
    message(4, block("PETR4", "10,50"), minute=3),
    message(5, "Stop acionado em PETR4 -3%", minute=4),
    # a reply speaks of what it replies to, though a later signal of the asset stands there
    message(6, "PETR4 alvo 2 atingido", minute=5, reply_to=1),
    message(7, "❌ Operação CANCELADA - desconsiderem o sinal de VALE3", minute=6),
    message(8, "Subir stop de PETR4 para 10,00", minute=7),
    message(9, "Stop acionado em ITSA4", minute=8),
    message(10, block("BBAS3"), minute=9),
]
EXPECTED = {
    "1": ("target_2", [("result", 1, False, None), ("result", 2, False, None)]),
    "2": ("cancelled", [("cancel", None, False, None)]),
    "4": ("stopped", [("result", None, True, -3), ("update", None, False, None)]),
    "10": ("waiting", []),
}


def served(database: Database) -> dict[str, Any]:
    page = Signals(database, retention=RETENTION).find(SignalQuery(limit=1000))
    return {
        row["message_id"]: (
            row["status"],
            [(e["kind"], e["target"], e["stop_hit"], e["percent"]) for e in row["events"]],
        )
        for row in page.rows
    }


def test_status_and_events_follow_from_the_story(database: Database, store: Store) -> None:
    store(STORY)
    assert served(database) == EXPECTED


@pytest.mark.parametrize("seed", range(6))
def test_late_and_out_of_order_arrival_gives_the_same_end_state(
    database: Database, store: Store, seed: int
) -> None:
    shuffled = random.Random(seed)
    messages = [*STORY, *STORY[:4]]  # and some of them twice
    shuffled.shuffle(messages)
    while messages:
        size = shuffled.randint(1, 4)
        batch, messages = messages[:size], messages[size:]
        store(batch)
    assert served(database) == EXPECTED


def test_an_edit_that_takes_the_signal_away_moves_its_events_to_the_one_before(
    database: Database, store: Store
) -> None:
    store(STORY)
    store([message(4, "Bom dia!", minute=3, version=1)])
    now = served(database)
    assert "4" not in now
    # the stop that was hit is now said of the first signal, whose targets had been hit before
    assert [event[0] for event in now["1"][1]] == ["result", "result", "result", "update"]
    assert now["1"][0] == "stopped"


def test_an_edited_event_replaces_what_it_said(database: Database, store: Store) -> None:
    store(STORY)
    store([message(7, "Bom dia!", minute=6, version=1)])
    assert served(database)["2"] == ("waiting", [])


def test_a_signal_keeps_where_each_value_was_read(database: Database, store: Store) -> None:
    store(STORY)
    signals = Signals(database, retention=RETENTION)
    row = signals.find(SignalQuery(asset=("BBAS3",))).rows[0]
    detail = signals.get(row["id"])
    assert detail is not None
    raw = detail["raw_message"]
    read = {span["field"]: raw[span["start"] : span["end"]] for span in detail["provenance"]}
    assert read["asset"] == "BBAS3"
    assert (read["buy_min"], read["targets.1"], read["stop"]) == ("10,00", "12,00", "9,00")
    assert detail["grammar_version"]


def test_an_event_past_every_signal_speaks_of_none(database: Database, store: Store) -> None:
    early: ChannelMessage = message(20, "PETR4 ALVO 1 ATINGIDO ✅", minute=-60)
    store([early, *STORY])
    assert served(database) == EXPECTED
    assert early.received_at < STORY[0].received_at - timedelta(minutes=30)
