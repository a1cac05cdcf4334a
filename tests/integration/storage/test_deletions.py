"""A deleted message: its signals stay, cancelled, and everything ends the same in whatever order it comes."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.grammar.outcome import OutcomePolicy, settle
from engine.model import DELETED_STATUS, ChannelMessage, Event, EventKind
from storage.postgres.archive import Archive
from storage.postgres.database import Database
from storage.postgres.known import KnownMessages
from storage.postgres.ledger import Ledger
from tests.support.databases import SCHEMA, empty
from tests.support.outcomes import a_message, a_signal, signal_outcome

Ask = Callable[..., list[dict[str, Any]]]
NOON = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
TWO = "Ativo: PETR4\nCompra: 30,10\nAlvo: 31,00\nStop: 29,00"
EDITED = "Ativo: PETR4\nCompra: 30,20\nAlvo: 31,00\nStop: 29,00"
POLICY = OutcomePolicy(retention=timedelta(days=90))
STANDINGS = """
    select signal.message_id, signal.position, signal.buy_min, standing.status, standing.reason, standing.since
    from tp_capital_signals as signal join signal_standings as standing using (channel, message_id, position)
    order by length(signal.message_id), signal.message_id, signal.position"""


def at(minute: int, **changes: Any) -> ChannelMessage:
    """Return message 1 as it is at a minute."""
    values: dict[str, Any] = {"number": 1, "text": TWO} | changes
    return a_message(
        received_at=NOON, telegram_date=NOON, updated_at=NOON + timedelta(minutes=minute), **values
    )


def deleted(minute: int, **changes: Any) -> ChannelMessage:
    return at(minute, status=DELETED_STATUS, **changes)


def record(ledger: Ledger, *messages: ChannelMessage) -> None:
    ledger.record([settle(message, now=datetime.now(UTC), policy=POLICY) for message in messages])


def statuses(ask: Ask) -> list[tuple[str, str]]:
    return [(row["status"], row["reason"]) for row in ask(STANDINGS)]


def test_a_deletion_cancels_the_signal_and_leaves_its_row_as_it_is(ledger: Ledger, ask: Ask) -> None:
    record(ledger, at(0))
    before = ask("select * from tp_capital_signals")
    record(ledger, deleted(5))
    assert ask("select * from tp_capital_signals") == before
    assert ask("select * from signals_history") == []
    (row,) = ask(STANDINGS)
    assert (row["status"], row["reason"]) == ("cancelled", "deleted")
    assert row["since"] == NOON + timedelta(minutes=5)
    (event,) = ask("select kind, text, signal_position from signal_events")
    assert event == {"kind": "deleted", "text": None, "signal_position": 0}


def test_each_signal_of_a_deleted_message_is_cancelled_even_two_of_one_asset(
    ledger: Ledger, ask: Ask
) -> None:
    signals = [a_signal("PETR4", position=position) for position in range(2)]
    ledger.record([signal_outcome(at(0), *signals)])
    assert statuses(ask) == [("waiting", "posted")] * 2
    events = tuple(Event(kind=EventKind.DELETED, asset="PETR4") for _ in signals)
    ledger.record([replace(signal_outcome(deleted(5), *signals), events=events)])
    assert statuses(ask) == [("cancelled", "deleted")] * 2


def test_a_stopped_signal_stays_stopped_and_a_deleted_result_still_counts(ledger: Ledger, ask: Ask) -> None:
    result = at(2, number=2, text="PETR4: stop atingido", reply_to="1")
    record(ledger, at(0), result)
    assert [status for status, _ in statuses(ask)] == ["stopped"]
    record(ledger, deleted(5))
    record(ledger, deleted(6, number=2, text="PETR4: stop atingido", reply_to="1"))
    assert [status for status, _ in statuses(ask)] == ["stopped"]


def test_a_known_message_is_not_known_as_deleted_and_a_reread_keeps_it_deleted(
    ledger: Ledger, database: Database, ask: Ask
) -> None:
    record(ledger, at(0))
    known = KnownMessages(database)
    assert known.missing([at(0)]) == []
    assert known.missing([deleted(5)]) == [deleted(5)]
    record(ledger, deleted(5))
    assert known.missing([deleted(5)]) == []
    ((archived,),) = Archive(database).pages(channel=None, since=None)
    assert archived.message.is_deleted
    outcome = settle(archived.message, now=datetime.now(UTC), policy=POLICY)
    other = Ledger(database, grammar_version="g2")
    other.record([outcome], reread=True)
    assert statuses(ask) == [("cancelled", "deleted")]


VERSIONS = (at(0), at(3, text=EDITED), deleted(5, text=EDITED))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(VERSIONS), max_size=4).flatmap(lambda more: st.permutations([*VERSIONS, *more]))
)
@pytest.mark.usefixtures("migrated_url")
def test_any_order_of_message_edit_and_deletion_gives_the_same_end(
    ledger: Ledger, ask: Ask, versions: Sequence[ChannelMessage]
) -> None:
    empty(ask, "dead_letters")
    for version in versions:
        record(ledger, version)
    (row,) = ask(STANDINGS)
    assert (str(row["buy_min"]), row["status"], row["reason"]) == ("30.20", "cancelled", "deleted")
    assert row["since"] == NOON + timedelta(minutes=5)
    assert ask(f"select kind from {SCHEMA}.signal_events") == [{"kind": "deleted"}]
