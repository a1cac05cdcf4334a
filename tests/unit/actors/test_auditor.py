"""The daily reading of whole histories: slow, in turn, resumed; what the ledger lacks is delivered once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import cast
from unittest import mock

import pytest
import structlog

from actors.auditor import LOOK_EVERY_S, Auditor, AuditPolicy
from actors.names import AUDITOR, CHANNELS
from actors.shown.snapshots import ChannelEntry, ChannelsSnapshot
from actors.sources import history
from engine.messages import Drain, Drained
from storage.errors import (
    DatabaseUnavailableError,
    GatewayRateLimitedError,
    GatewayUnreachableError,
    StorageError,
)
from storage.postgres.audits import Audit, Audits
from storage.postgres.known import KnownMessages
from tests.support.clock import START
from tests.support.gateway import FakeGateway
from tests.support.polling import FakeKnown, SourceWorld
from tests.support.recording import CHANNEL, message, messages

PAGE, PAGE_EVERY_S, EVERY_S = 4, 1.0, 86_400.0
FOUND = "tpcapital_history_found_total"


@pytest.fixture(autouse=True)
def short_pages() -> Iterator[None]:
    with mock.patch.object(history, "PAGE_SIZE", PAGE):
        yield


class FakeAudits:
    """The table, in memory: what is due stays due until it is complete. ``down`` fails every call."""

    def __init__(self, *due: Audit) -> None:
        self.rows = {audit.channel: audit for audit in due}
        self.completed: list[str] = []
        self.down: StorageError | None = None

    def _check(self) -> None:
        if self.down is not None:
            raise self.down

    def due(self, channels: tuple[str, ...], *, every_s: float) -> Audit | None:
        self._check()
        assert every_s == EVERY_S
        return next((audit for channel, audit in self.rows.items() if channel in channels), None)

    def save(self, audit: Audit) -> None:
        self._check()
        self.rows[audit.channel] = audit

    def complete(self, channel: str) -> None:
        self._check()
        del self.rows[channel]
        self.completed.append(channel)


class Auditing(SourceWorld):
    """An auditor, a gateway with ten messages, and a ledger that knows them all."""

    def __init__(self, *due: Audit) -> None:
        super().__init__()
        self.gateway = FakeGateway(rows=list(messages(*range(10))))
        self.audits, self.known = FakeAudits(*due), FakeKnown()
        self.known.learn(tuple(self.gateway.rows))
        self.auditor = self.source = Auditor(
            self.context(AUDITOR),
            channels=(CHANNEL,),
            gateway=self.gateway.client,
            audits=cast("Audits", self.audits),
            known=cast("KnownMessages", self.known),
            policy=AuditPolicy(every_s=EVERY_S, page_every_s=PAGE_EVERY_S),
            metrics=self.metrics,
            random=Random(1),
        )
        self.auditor.on_start()
        self.supervisor.taken()

    def edit(self, number: int) -> None:
        self.gateway.rows[number] = replace(message(number), text="edited")

    @property
    def offsets(self) -> list[int]:
        return [offset for offset, _, _ in self.gateway.pages]


def due(**changes: object) -> Auditing:
    """An auditor whose first look finds the channel's audit due."""
    auditing = Auditing(replace(Audit(channel=CHANNEL), **changes))  # type: ignore[arg-type]
    auditing.pass_s(LOOK_EVERY_S)
    return auditing


def test_nothing_is_asked_of_the_gateway_until_an_audit_is_due() -> None:
    auditing = Auditing()
    auditing.pass_s(10 * LOOK_EVERY_S)
    assert auditing.gateway.calls == []
    auditing.audits.rows[CHANNEL] = Audit(channel=CHANNEL)
    auditing.pass_s(LOOK_EVERY_S)
    assert auditing.offsets == [0]


def test_a_history_that_is_known_is_read_slowly_to_its_end_and_delivers_nothing() -> None:
    auditing = due()
    assert auditing.offsets == [0]
    assert auditing.audits.rows[CHANNEL] == Audit(channel=CHANNEL, rows_read=4, last_gateway_id="g3")
    auditing.pass_s(PAGE_EVERY_S)
    assert auditing.offsets == [0, 3]
    with structlog.testing.capture_logs() as logs:
        auditing.pass_s(2 * PAGE_EVERY_S)
    assert auditing.audits.completed == [CHANNEL]
    assert auditing.batches() == []
    (done,) = (log for log in logs if log["event"] == "audit.completed")
    assert (done["rows_read"], done["found"]) == (10, 0)


def test_an_audit_goes_on_where_it_was_kept() -> None:
    auditing = due(rows_read=8, last_gateway_id="g7", found=3)
    assert auditing.offsets == [7]
    assert auditing.audits.rows[CHANNEL] == Audit(
        channel=CHANNEL, rows_read=10, last_gateway_id="g9", found=3
    )


def test_an_edit_that_nothing_else_brought_is_delivered_counted_and_read_past() -> None:
    auditing = Auditing(Audit(channel=CHANNEL))
    auditing.edit(2)
    auditing.pass_s(LOOK_EVERY_S)
    batch = auditing.batch()
    assert (batch.channel, [m.message_id for m in batch.messages]) == (CHANNEL, ["2"])
    auditing.pass_s(30 * PAGE_EVERY_S)
    assert auditing.offsets == [0], "a page waits for what it delivered"
    assert auditing.audits.rows[CHANNEL].rows_read == 0, "nothing is kept of what is not durable"
    auditing.known.learn(batch.messages)
    with structlog.testing.capture_logs() as logs:
        auditing.commit(batch)
    assert [log["count"] for log in logs if log["event"] == "history.found_missing"] == [1]
    assert auditing.count(FOUND, channel=CHANNEL) == 1
    assert auditing.offsets == [0, 0]
    assert auditing.audits.rows[CHANNEL] == Audit(channel=CHANNEL, rows_read=4, last_gateway_id="g3", found=1)
    auditing.pass_s(5 * PAGE_EVERY_S)
    assert auditing.audits.completed == [CHANNEL]
    assert auditing.batches() == []


def test_what_the_ledger_does_not_take_is_delivered_once_an_audit_and_not_for_ever() -> None:
    """A dead letter, or a text older than the one that is stored: the ledger goes on to differ."""
    auditing = Auditing(Audit(channel=CHANNEL))
    auditing.edit(2)
    auditing.pass_s(LOOK_EVERY_S)
    auditing.commit(auditing.batch(), new=0)
    auditing.pass_s(5 * PAGE_EVERY_S)
    assert auditing.batches() == []
    assert auditing.audits.completed == [CHANNEL]
    assert auditing.count(FOUND, channel=CHANNEL) == 0


def test_a_gateway_that_is_away_is_asked_again_ever_later_and_the_page_is_not_passed_over() -> None:
    auditing = Auditing(Audit(channel=CHANNEL))
    auditing.gateway.down = GatewayUnreachableError("connection refused")
    auditing.pass_s(LOOK_EVERY_S)
    waits_s = []
    for _ in range(4):
        wait_s = auditing.due_in_s(auditing.auditor, "look")
        assert wait_s is not None
        waits_s.append(wait_s)
        auditing.pass_s(wait_s)
    assert waits_s == sorted(waits_s)
    assert waits_s[0] > PAGE_EVERY_S
    auditing.gateway.down = None
    auditing.pass_s(600)
    assert auditing.audits.completed == [CHANNEL]
    assert auditing.offsets[0] == 0


def test_the_wait_that_the_gateway_names_is_kept() -> None:
    auditing = Auditing(Audit(channel=CHANNEL))
    auditing.gateway.down = GatewayRateLimitedError("429", retry_after_s=77)
    auditing.pass_s(LOOK_EVERY_S)
    assert auditing.due_in_s(auditing.auditor, "look") == 77


def test_a_database_that_is_away_is_waited_for() -> None:
    auditing = Auditing(Audit(channel=CHANNEL))
    auditing.audits.down = DatabaseUnavailableError("connection refused")
    auditing.pass_s(LOOK_EVERY_S)
    assert auditing.gateway.calls == []
    auditing.audits.down = None
    auditing.pass_s(600)
    assert auditing.audits.completed == [CHANNEL]


def test_channels_that_were_added_at_run_time_are_audited_and_removed_ones_are_not() -> None:
    auditing = Auditing(Audit(channel=CHANNEL), Audit(channel="-1002"))
    entry = ChannelEntry(channel="-1002", label=None, source="api", added_at=START)
    auditing.snapshots.publish(CHANNELS, ChannelsSnapshot(channels=(entry,), complete=True, error=None))
    auditing.pass_s(LOOK_EVERY_S)
    assert set(auditing.gateway.asked) == {"-1002"}


def test_a_drain_waits_for_the_page_that_is_being_stored_and_reads_no_further() -> None:
    auditing = Auditing(Audit(channel=CHANNEL))
    auditing.edit(2)
    auditing.pass_s(LOOK_EVERY_S)
    auditing.auditor.on_receive(Drain())
    assert auditing.supervisor.taken() == []
    auditing.commit(auditing.batch())
    (drained,) = auditing.supervisor.taken()
    assert isinstance(drained, Drained)
    auditing.pass_s(600)
    assert auditing.offsets == [0]


def test_a_drained_auditor_reads_no_further() -> None:
    auditing = due()
    auditing.auditor.on_receive(Drain())
    assert [type(told) for told in auditing.supervisor.taken()] == [Drained]
    auditing.pass_s(600)
    assert auditing.offsets == [0]


def test_an_auditor_that_ends_leaves_no_connection_behind() -> None:
    auditing = Auditing()
    auditing.auditor.on_stop()
    assert auditing.gateway.closed == 1
