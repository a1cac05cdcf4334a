"""The log of what was refused: a line each, few for who asks again and again, and how many were kept back."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from ops.http.server.clients import Requester
from ops.http.server.refusals import ALL, EACH, WINDOW_S, AccessLog
from tests.support.clock import FakeClock, FakeTimers


@pytest.fixture
def timers() -> FakeTimers:
    return FakeTimers(FakeClock())


@pytest.fixture
def log(timers: FakeTimers) -> AccessLog:
    return AccessLog(timers.clock, later=lambda delay_s, call: timers.call_later(call, delay_s, call))


def ask(log: AccessLog, address: str = "10.0.0.1", status: int = 403) -> None:
    asker = Requester(address=address, local=False, shown=address)
    scope: Any = {"type": "http", "method": "POST", "path": "/backfill", "state": {"asker": asker}}
    log.refused(scope, status, "The API key is wrong.")


def test_fault_58_forty_five_wrong_keys_leave_a_trace_and_no_flood(
    log: AccessLog, timers: FakeTimers
) -> None:
    with capture_logs() as lines:
        for _ in range(45):
            ask(log)
        ask(log, "10.0.0.2")
        # no further request comes
        timers.advance(WINDOW_S)
    assert [line["event"] for line in lines] == ["request.refused"] * (EACH + 1) + [
        "request.refusals_suppressed"
    ]
    assert (lines[-1]["address"], lines[-1]["count"]) == ("10.0.0.1", 45 - EACH)


def test_what_is_kept_back_in_a_later_window_is_told_at_its_own_end(
    log: AccessLog, timers: FakeTimers
) -> None:
    with capture_logs() as lines:
        for address in ("10.0.0.1", "10.0.0.2"):
            for _ in range(EACH + 1):
                ask(log, address)
            timers.advance(WINDOW_S / 2)
        assert [line.get("count", 0) for line in lines] == [0] * 2 * EACH + [1]
        timers.advance(WINDOW_S / 2)
    assert [line["address"] for line in lines if "count" in line] == ["10.0.0.1", "10.0.0.2"]


def test_fault_58_wrong_keys_are_not_hidden_behind_refusals_of_another_kind(log: AccessLog) -> None:
    with capture_logs() as lines:
        for _ in range(20):
            ask(log, status=421)
        ask(log)
    assert lines[-1]["status"] == 403


def test_who_comes_from_ever_new_addresses_does_not_fill_the_log(log: AccessLog, timers: FakeTimers) -> None:
    with capture_logs() as lines:
        for number in range(5000):
            ask(log, f"client {number}")
        timers.advance(WINDOW_S)
    assert len(lines) <= 2 * ALL
    told = sum(line.get("count", 1) for line in lines)
    assert told == 5000
