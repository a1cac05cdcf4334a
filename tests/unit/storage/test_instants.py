"""Outside instants: whatever a gateway says, what comes in can be, and nothing overflows (faults 38, 49)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.grammar.outcome import OutcomePolicy, date_of, settle
from actors.sources.backfill_progress import pass_due
from actors.sources.backfill_queue import BackfillQueue
from engine.instants import EARLIEST, MOST_AHEAD, utc_instant
from engine.model import ChannelMessage, MalformedMessage
from storage.gateway.messages import decode_message, decode_raw, encode_message
from storage.postgres.checkpoints import Checkpoint
from tests.support.outcomes import CHANNEL, item

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
POLICY = OutcomePolicy(retention=timedelta(days=90))
OFFSETS = st.integers(-24 * 60 + 1, 24 * 60 - 1).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.one_of(
    st.datetimes(min_value=datetime.min, max_value=datetime.max, timezones=OFFSETS),  # noqa: DTZ901 - offsets come
    st.sampled_from([f"000{y}-01-01T00:00:00+23:59" for y in (1, 2)] + ["9999-12-31T23:59:59.999999-23:59"]),
).map(lambda value: value if isinstance(value, str) else value.isoformat())


@given(received=INSTANTS, sent=INSTANTS | st.none(), updated=INSTANTS | st.none())
def test_fault_38_no_instant_of_a_message_is_before_telegram_or_in_the_future(
    received: str, sent: str | None, updated: str | None
) -> None:
    given_ = item(receivedAt=received, telegramDate=sent, updatedAt=updated)
    message = decode_message(given_, channel=CHANNEL, now=NOW)
    assert isinstance(message, ChannelMessage)
    for instant in (message.received_at, message.updated_at, date_of(message)[0]):
        assert instant is None or EARLIEST <= instant <= NOW + MOST_AHEAD
    replaced = message.received_at != utc_instant(received)
    ts, flag = date_of(message)
    assert flag is not None or (not replaced and ts == message.telegram_date)
    outcome = settle(message, now=NOW, policy=POLICY)
    assert all(flag in signal.warnings for signal in outcome.signals if flag)
    again = decode_raw(encode_message(message), channel=CHANNEL, now=NOW)
    assert isinstance(again, ChannelMessage)
    assert date_of(again)[0] == ts, "kept as a dead letter it has the same date"


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_fault_38_a_message_of_an_odd_year_is_flagged_and_dated_by_telegram(year: str) -> None:
    at = "2026-11-28T11:00:00+00:00"
    text = "Ativo: PETR4\nCompra: 30,10\nAlvo 1: 31,00\nStop: 29,00"
    given_ = item(receivedAt=f"{year}-06-01T00:00:00Z", telegramDate=at, updatedAt=at, text=text)
    outcome = settle(decode_message(given_, channel=CHANNEL, now=NOW), now=NOW, policy=POLICY)
    (signal,) = outcome.signals
    assert "implausible_date" in signal.warnings
    assert outcome.ts == datetime(2026, 11, 28, 11, tzinfo=UTC)


@given(st.one_of(st.integers(), st.floats(), st.booleans(), st.text(max_size=30), st.lists(st.none())))
def test_fault_38_junk_for_an_instant_is_a_dead_letter(junk: object) -> None:
    message = decode_message(item(receivedAt=junk), channel=CHANNEL, now=NOW)
    if isinstance(message, MalformedMessage):
        assert message.error.startswith("receivedAt: ")
        json.loads(message.raw)
    else:
        assert EARLIEST <= message.received_at <= NOW + MOST_AHEAD


@given(newest=st.datetimes(timezones=st.just(UTC)), asked=st.datetimes(timezones=st.just(UTC)) | st.none())
def test_fault_38_a_tail_check_begins_at_an_instant_that_can_be(
    newest: datetime, asked: datetime | None
) -> None:
    backfill_queue = BackfillQueue()
    backfill_queue.check([CHANNEL], *([] if asked is None else [asked]))
    known = Checkpoint(channel=CHANNEL, completed_at=NOW, newest_received_at=newest)
    since = pass_due(CHANNEL, known, backfill_queue, now=NOW).since
    assert since is not None
    assert EARLIEST <= since <= NOW - timedelta(hours=1)
