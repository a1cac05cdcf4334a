"""Orders in two messages, and channels whose market changes: the ledger's transaction decides, in any order."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine.model import (
    ChannelMessage,
    Event,
    EventKind,
    FirstHalf,
    Kind,
    Market,
    Outcome,
    OutcomeKind,
    Reading,
    Side,
)
from storage.postgres.channels import Channels
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from storage.postgres.page_query import SignalQuery
from storage.postgres.signals import Signals
from tests.support.outcomes import CHANNEL, a_message, a_signal

RETENTION = timedelta(days=90)
START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
FIRST, SECOND, CHAT = "GOLD BUY NOW", "SL 2640 TP 2660", "Good morning"


class TwoHalves:
    """A grammar of three texts: the first half of an order, its second half, and chat."""

    def read(
        self, text: str | None, caption: str | None, market: Market, half_of: FirstHalf | None
    ) -> Reading:
        if text == FIRST and market is Market.FOREX:
            gold = a_signal("XAUUSD", buy_min=None, buy_max=None, targets=(), target_final=None, stop=None)
            first = FirstHalf(side=Side.BUY, asset="XAUUSD")
            return Reading(kind=Kind.SIGNAL, reason="order", signals=(gold,), first_half=first)
        if text == FIRST:
            first = FirstHalf(side=Side.BUY, asset="GOLD")
            return Reading(kind=Kind.NOT_SIGNAL, reason="no_price", first_half=first)
        if text != SECOND:
            return Reading(kind=Kind.NOT_SIGNAL, reason="chat")
        if half_of is None:
            return Reading(kind=Kind.NOT_SIGNAL, reason="no_ticker", second_half=True)
        event = Event(
            kind=EventKind.UPDATE, asset=half_of.asset, new_stop=Decimal(2640), new_targets=(Decimal(2660),)
        )
        return Reading(kind=Kind.UPDATE, reason="second_half", events=(event,), second_half=True)

    def settle(self, message: ChannelMessage, market: Market) -> Outcome:
        reading = self.read(message.text, message.caption, market, None)
        return Outcome(
            message=message,
            kind=OutcomeKind(reading.kind.value),
            reason=reading.reason,
            ts=message.telegram_date,
            signals=reading.signals,
            events=reading.events,
            body=message.text or "",
            market=market,
            first_half=reading.first_half,
            second_half=reading.second_half,
        )


@pytest.fixture
def forex(database: Database) -> Ledger:
    """Give the ledger of a channel whose settings say forex."""
    return Ledger(database, grammar_version="g1", reader=TwoHalves(), markets={CHANNEL: Market.FOREX})


def sent(number: int, text: str, *, minute: float, reply_to: int | None = None, version: int = 0) -> Outcome:
    at = START + timedelta(minutes=minute)
    message = a_message(
        number,
        text=text,
        received_at=at,
        telegram_date=at,
        updated_at=at + timedelta(hours=version),
        reply_to=None if reply_to is None else str(reply_to),
    )
    return TwoHalves().settle(message, Market.FOREX)


def served(database: Database) -> dict[str, tuple[Decimal | None, list[Decimal], list[str]]]:
    """Return by message what holds now of its signal, and which messages speak of it."""
    page = Signals(database, retention=RETENTION).find(SignalQuery())
    return {
        row["message_id"]: (
            row["current"].stop,
            list(row["current"].targets),
            [event["message_id"] for event in row["events"]],
        )
        for row in page.rows
    }


def outcomes(database: Database) -> dict[str, tuple[str, str]]:
    rows = database.read(lambda c: c.execute("select * from signals.ledger").fetchall())
    return {row["message_id"]: (row["outcome"], row["reason"]) for row in rows}


STORY = (
    sent(1, FIRST, minute=0),
    sent(2, SECOND, minute=1),  # directly after the first
    sent(3, FIRST, minute=10),
    sent(4, CHAT, minute=11),
    sent(5, SECOND, minute=12),  # chat stands between: it completes nothing
    sent(6, SECOND, minute=13, reply_to=3),  # but a reply does, whatever stands between
    sent(7, FIRST, minute=30),
    sent(8, SECOND, minute=36),  # too late
)
EXPECTED: dict[str, Any] = {
    "1": (Decimal(2640), [Decimal(2660)], ["2"]),
    "3": (Decimal(2640), [Decimal(2660)], ["6"]),
    "7": (None, [], []),
}


def test_a_second_half_completes_the_order_before_it(database: Database, forex: Ledger) -> None:
    forex.record(STORY)
    assert served(database) == EXPECTED
    told = outcomes(database)
    assert told["2"] == told["6"] == ("update", "second_half")
    assert told["5"] == told["8"] == ("not_signal", "no_ticker")


@pytest.mark.parametrize("seed", range(8))
def test_halves_find_each_other_whatever_order_they_arrive_in(
    database: Database, forex: Ledger, seed: int
) -> None:
    shuffled = random.Random(seed)
    waiting = [*STORY, *STORY[:5]]
    # edits that are undone by later ones, so that the end is the same
    waiting += [sent(4, SECOND, minute=11, version=1), sent(4, CHAT, minute=11, version=2)]
    waiting += [sent(2, CHAT, minute=1, version=1), sent(2, SECOND, minute=1, version=2)]
    shuffled.shuffle(waiting)
    while waiting:
        size = shuffled.randint(1, 3)
        batch, waiting = waiting[:size], waiting[size:]
        forex.record(batch)
    assert served(database) == EXPECTED


def test_an_edit_of_either_half_is_followed(database: Database, forex: Ledger) -> None:
    forex.record(STORY[:2])
    forex.record([sent(2, CHAT, minute=1, version=1)])
    assert served(database)["1"] == (None, [], [])
    assert outcomes(database)["2"] == ("not_signal", "chat")
    forex.record([sent(2, SECOND, minute=1, version=2)])
    assert served(database)["1"][0] == Decimal(2640)
    forex.record([sent(1, CHAT, minute=0, version=1)])
    assert served(database) == {}
    assert outcomes(database)["2"] == ("not_signal", "no_ticker")


def test_a_second_half_of_what_is_no_signal_stands_by_itself(database: Database) -> None:
    b3 = Ledger(database, grammar_version="g1", reader=TwoHalves())
    gold = a_signal("GOLD")
    earlier = TwoHalves().settle(a_message(9, text="earlier"), Market.B3)
    b3.record([_with_signal(earlier, gold, START - timedelta(hours=1))])
    b3.record([_in_b3(outcome) for outcome in STORY[:2]])
    assert served(database)["9"][2] == []  # the older signal of that name is not touched
    events = database.read(lambda c: c.execute("select * from signals.signal_events").fetchall())
    assert [(e["message_id"], e["half_of"], e["signal_message_id"]) for e in events] == [("2", "1", None)]


def _with_signal(outcome: Outcome, signal: Any, ts: datetime) -> Outcome:
    return Outcome(
        message=outcome.message, kind=OutcomeKind.SIGNAL, reason="labels", ts=ts, signals=(signal,), body="x"
    )


def _in_b3(outcome: Outcome) -> Outcome:
    assert isinstance(outcome.message, ChannelMessage)
    return TwoHalves().settle(outcome.message, Market.B3)


def test_a_batch_that_was_read_in_the_former_market_is_read_again(database: Database) -> None:
    ledger = Ledger(database, grammar_version="g1", reader=TwoHalves())
    channels = Channels(database, settings=[CHANNEL], retention=RETENTION)
    changed: Sequence[Outcome] = [
        _in_b3(STORY[0])
    ]  # what the parser made of it before it heard of the change
    channels.add(CHANNEL, label=None, keep_label=True, market=Market.FOREX, keep_market=False, most=9)
    ledger.record(changed)
    assert outcomes(database)["1"] == ("signal", "order")
    assert channels.markets() == {CHANNEL: Market.FOREX}
    channels.add(CHANNEL, label="x", keep_label=False, most=9)
    assert channels.markets() == {CHANNEL: Market.FOREX}, "another label leaves the market as it is"
    channels.add(CHANNEL, label="x", keep_label=False, market=None, keep_market=False, most=9)
    assert channels.markets() == {}
