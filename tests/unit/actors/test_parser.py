"""The parser: one outcome a message, the same wherever it is read; what cannot be read costs itself only."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

import pytest
from structlog.testing import capture_logs

from actors import parser as actor
from actors.grammar import outcome
from actors.grammar import read as whole_grammar
from actors.grammar.outcome import OutcomePolicy, settle
from actors.names import WRITER
from actors.parser import Parser
from engine.messages import BatchParsed, MessagesFetched
from engine.model import Market, Outcome, OutcomeKind, SourceMessage
from ops.commands.replay import Replay
from storage.gateway.messages import decode_message
from storage.postgres.archive import Archive, Archived
from storage.postgres.ledger import Ledger
from tests.support.clock import START
from tests.support.outcomes import CHANNEL, a_message, item
from tests.support.recording import World, malformed

POLICY = OutcomePolicy(retention=timedelta(days=90), text_filter=("bom dia",))


def parsed(*messages: SourceMessage) -> tuple[Outcome, ...]:
    """Return what the parser tells the writer of a batch."""
    world = World()
    writer = world.recorder(WRITER)
    parser = Parser(world.context("parser"), policy=POLICY, now=lambda: START)
    parser.on_start()
    parser.on_receive(MessagesFetched(batch_id="b", source="poller", channel=CHANNEL, messages=messages))
    (batch,) = (told for told in writer.taken() if isinstance(told, BatchParsed))
    return batch.outcomes


def test_fault_95_retention_is_judged_by_the_databases_clock_once_it_is_known() -> None:
    world = World()
    writer = world.recorder(WRITER)
    told: list[datetime] = []
    parser = Parser(world.context("parser"), policy=POLICY, now=lambda: told[-1] if told else None)
    parser.on_start()
    text = "🟢Swing Trade\n\nAtivo: PETR4\nCompra: 30,00\nAlvo 1: 31,00\nStop: 29,00"
    message = a_message(1, text=text, received_at=START, telegram_date=START)
    world.clock.advance(100 * 86400)
    parser.on_receive(MessagesFetched(batch_id="b", source="poller", channel=CHANNEL, messages=(message,)))
    assert not [one for one in writer.taken() if isinstance(one, BatchParsed)], (
        "nothing is judged by this clock"
    )
    told.append(START + timedelta(days=89))
    world.advance(actor.CLOCK_EVERY_S, parser)
    (batch,) = (one for one in writer.taken() if isinstance(one, BatchParsed))
    assert batch.outcomes[0].kind is OutcomeKind.SIGNAL


@pytest.mark.parametrize("received", ["9999-06-01T00:00:00Z", "0001-06-01T00:00:00Z", "2026-11-23T11:59:00Z"])
def test_fault_95_a_message_from_before_the_databases_clock_was_known_is_bounded_by_it(received: str) -> None:
    at = START.isoformat()
    page = item(receivedAt=received, telegramDate=at, updatedAt=at)
    assert parsed(decode_message(page, channel=CHANNEL, now=None)) == parsed(
        decode_message(page, channel=CHANNEL, now=START)
    )


class _OneMessage:
    """An archive of one message, as it was stored."""

    def __init__(self, stored: Outcome) -> None:
        self._stored = stored

    def pages(self, **_: object) -> list[tuple[Archived, ...]]:
        message = self._stored.message
        return [
            (Archived(message=message, outcome=self._stored.kind.value, reason="", signals=()),)  # type: ignore[arg-type]
        ]


def test_fault_48_a_filtered_message_has_one_date_for_parser_and_replay() -> None:
    sent = START - timedelta(minutes=3)
    message = a_message(1, text="Bom dia!", received_at=START, telegram_date=sent, updated_at=START)
    (outcome_,) = parsed(message)
    assert outcome_.kind is OutcomeKind.FILTERED
    assert outcome_.ts == sent, "Telegram's date, as for any other message"
    assert outcome_ == settle(message, now=START, policy=POLICY)
    replay = Replay(cast("Archive", _OneMessage(outcome_)), cast("Ledger", None), policy=POLICY, now=START)
    assert list(replay.run(channel=None, since=None, apply=False)) == []


def test_fault_48_nothing_but_settle_makes_an_outcome_of_a_reading() -> None:
    assert not hasattr(actor, "read"), "the actor has no way of its own"
    assert not hasattr(outcome, "outcome_of")


def test_fault_46_a_page_of_unreadable_messages_is_one_log_line() -> None:
    with capture_logs() as lines:
        outcomes = parsed(*(malformed(f"g{number}") for number in range(500)))
    assert {one.kind for one in outcomes} == {OutcomeKind.DEAD_LETTER}
    (line,) = (line for line in lines if line["log_level"] == "warning")
    assert (line["event"], line["count"], len(line["message_ids"])) == ("batch.unreadable", 500, 20)


def test_a_bug_of_the_grammar_costs_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(text: str | None, caption: str | None, *, market: Market) -> object:
        if text == "boom":
            raise ZeroDivisionError("of nothing")
        return whole_grammar(text, caption, market=market)

    monkeypatch.setattr(outcome, "read", read)
    first, second = parsed(a_message(1, text="boom"), a_message(2, text="Olá"))
    assert (first.kind, first.reason) == (OutcomeKind.DEAD_LETTER, "unreadable")
    assert first.error is not None
    assert first.error.startswith("ZeroDivisionError: of nothing (read, line ")
    assert second.kind is OutcomeKind.NOT_SIGNAL
