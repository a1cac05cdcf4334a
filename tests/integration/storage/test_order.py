"""Competing consumers may reorder: the ledger ends the same whatever the order, the batches and the number of consumers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.grammar.outcome import OutcomePolicy, settle
from actors.grammar.rereading import GrammarReader
from engine.model import ChannelMessage, Market
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from tests.support.databases import empty

Ask = Callable[..., list[dict[str, Any]]]
NOW = datetime.now(UTC).replace(microsecond=0)
POLICY = OutcomePolicy(retention=timedelta(days=90), text_filter=())
SIGNAL = "🟢Swing Trade\n\nAtivo: {asset}\nCompra: 10,{cents}\nAlvo 1: 12,00\nAlvo 2: 13,00\nStop: 9,00"
#: what a channel posts, in order of time; {} is another edition of the same text
TEXTS = (
    SIGNAL.replace("{asset}", "PETR4"),
    "PETR4 alvo 1 atingido ✅",
    SIGNAL.replace("{asset}", "VALE3"),
    "VALE3: mover stop para 9,50",
    "Cancelar ordem de VALE3",
    "PETR4 stop atingido ❌",
    SIGNAL.replace("{asset}", "PETR4"),
    "Bom dia",
)


def posted(channel: str, number: int, edition: int) -> ChannelMessage:
    """Return an edition of message ``number``. An edit has another text and a later ``updatedAt``."""
    at = NOW - timedelta(hours=2) + timedelta(minutes=number)
    text = TEXTS[number].replace("{cents}", f"{10 + edition}")
    return ChannelMessage(
        channel=channel,
        message_id=str(number + 1),
        gateway_id=f"{channel}g{number}",
        ack_id=str(number + 1),
        text=text if edition == 0 else f"{text}\n(edição {edition})",
        caption=None,
        source="telegram",
        status="received",
        received_at=at,
        telegram_date=at,
        updated_at=at + timedelta(minutes=edition),
    )


def record(ledger: Ledger, batch: list[ChannelMessage]) -> None:
    ledger.record([settle(message, now=NOW, policy=POLICY, market=Market.B3) for message in batch])


def state(ask: Ask) -> list[list[dict[str, Any]]]:
    """Return all that a reader can see, without numbers that count commits."""
    return [
        ask("select channel, message_id, outcome, reason, text from ledger order by channel, message_id"),
        ask(
            "select channel, message_id, position, asset, buy_min, targets, stop from tp_capital_signals "
            "order by channel, message_id, position"
        ),
        ask(
            "select to_jsonb(e) - array['id', 'commit_number', 'created_at'] as event from signal_events as e "
            "order by channel, message_id, position"
        ),
    ]


DELIVERIES = st.lists(
    st.tuples(st.sampled_from(("-1001", "-1002")), st.integers(0, len(TEXTS) - 1), st.integers(0, 2)),
    min_size=1,
    max_size=24,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries=DELIVERIES, data=st.data())
def test_the_end_state_does_not_depend_on_order_batches_or_consumers(
    database: Database, ask: Ask, deliveries: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    reader = GrammarReader(policy=POLICY, now=lambda: NOW)
    consumers = [Ledger(database, grammar_version="test", reader=reader) for _ in range(3)]
    empty(ask, "dead_letters")
    in_order = [posted(*one) for one in sorted(set(deliveries), key=lambda one: (one[1], one[2], one[0]))]
    for message in in_order:
        record(consumers[0], [message])
    expected = state(ask)

    empty(ask, "dead_letters")
    shuffled = data.draw(st.permutations([posted(*one) for one in deliveries]))
    while shuffled:
        size = data.draw(st.integers(1, len(shuffled)))
        batch, shuffled = shuffled[:size], shuffled[size:]
        record(data.draw(st.sampled_from(consumers)), batch)
    assert state(ask) == expected


def test_the_texts_hold_signals_and_events_that_are_linked(database: Database, ask: Ask) -> None:
    reader = GrammarReader(policy=POLICY, now=lambda: NOW)
    ledger = Ledger(database, grammar_version="test", reader=reader)
    for number in reversed(range(len(TEXTS))):
        record(ledger, [posted("-1001", number, 0)])
    linked = ask("select message_id, signal_message_id from signal_events order by message_id")
    assert [(row["message_id"], row["signal_message_id"]) for row in linked] == [
        ("2", "1"),
        ("4", "3"),
        ("5", "3"),
        ("6", "1"),
    ]
