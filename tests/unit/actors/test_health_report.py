"""Judging health: each thing that can be wrong, how bad it is, its cause and since when."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from actors.alerts.troubles import troubles_of
from actors.shown.health_report import NET_EVERY_S, HealthReport, Inputs, Status, judge
from actors.shown.snapshots import (
    BackfillPhase,
    BackfillSnapshot,
    CacheSnapshot,
    ConsumerSnapshot,
    DeadLettersSnapshot,
    MaintenanceSnapshot,
    PollerSnapshot,
    PollState,
    WriterSnapshot,
)
from engine.breaker import BreakerState
from engine.children import ChildSnapshot, ChildState, Phase, SupervisorSnapshot
from engine.snapshot import Snapshots
from ops.http.routes.health import health_body
from storage.redis_state import RedisState
from tests.support.clock import START, FakeClock

HEALTHY, DEGRADED, UNHEALTHY = Status.HEALTHY, Status.DEGRADED, Status.UNHEALTHY

WRITER = WriterSnapshot(
    schema_ready=True,
    error=None,
    misconfigured=False,
    failing_since=None,
    waiting=0,
    last_commit_at=START,
    last_commit_number=7,
)
POLLER = PollerSnapshot(
    channel="-1001",
    state=PollState.EMPTY,
    breaker=BreakerState.CLOSED,
    breaker_calls=5,
    breaker_failures=0,
    breaker_openings=0,
    last_poll_at=START,
    last_success_at=START,
    asked_s=100.0,
    newest_message_at=START,
    error=None,
    key_refused=False,
    failing_since=None,
    in_flight=0,
    unacknowledged=0,
)
CHILD = ChildSnapshot(
    name="parser",
    state=ChildState.RUNNING,
    generation=1,
    restarts=0,
    last_error=None,
    since=START,
    beat_age_s=0.5,
    mailbox=0,
    unknown=0,
)
FAMILY = SupervisorSnapshot(phase=Phase.RUNNING, children=(CHILD,))
KEPT = MaintenanceSnapshot(last_kept_at=START, ahead_until=None, problem=None, error=None, failures=0)
WELL = Inputs(
    now=START,
    now_s=101.0,
    started_at=START,
    poll_every_s=20.0,
    call_limit_s=10.0,
    database_error=None,
    writer=WRITER,
    pollers=(POLLER,),
    backfill=BackfillSnapshot(phase=BackfillPhase.COMPLETED, channels=(), error=None, failing_since=None),
    cache=CacheSnapshot(commit_number=7, error=None),
    dead_letters=DeadLettersSnapshot(waiting=0, error=None),
    maintenance=KEPT,
    supervisor=FAMILY,
    redis={},
    other_daemons=(),
)


def poller(**changes: Any) -> Inputs:
    return replace(WELL, pollers=(replace(POLLER, **changes),))


def writer(**changes: Any) -> Inputs:
    return replace(WELL, writer=replace(WRITER, **changes))


def child(state: ChildState, last_error: str | None = None) -> Inputs:
    odd = replace(CHILD, name="cache", state=state, last_error=last_error)
    return replace(WELL, supervisor=replace(FAMILY, children=(CHILD, odd)))


def report(inputs: Inputs, previous: HealthReport | None = None) -> HealthReport:
    return judge(inputs, previous)


def test_all_well_is_healthy_and_ready() -> None:
    well = report(WELL)
    assert (well.status, well.ready) == (HEALTHY, True)
    assert set(well.findings) == {
        *(
            "timescaledb",
            "gatewayApi",
            "pollingWorker",
            "historicalSync",
            "retention",
            "reads",
            "clock",
            "actors",
        )
    }
    assert all(finding.cause is None for finding in well.findings.values())


def test_fault_38_no_age_is_negative() -> None:
    snapshots = Snapshots(FakeClock())
    snapshots.publish("health", report(poller(newest_message_at=START + timedelta(seconds=90))))
    _, body = health_body(snapshots, cache_hit_rate=None)
    assert body["details"]["pollingWorker"]["channels"][0]["newestMessageAgeSeconds"] == 0


def test_fault_93_readers_that_get_no_answer_are_told() -> None:
    told = report(replace(WELL, reading_error="permission denied for table channels"))
    assert told.findings["reads"].status is DEGRADED
    assert "permission denied for table channels" in str(told.findings["reads"].cause)
    assert told.ready, "what is written and served from pages is as it was"


def test_fault_94_a_write_without_answer_is_told_before_its_deadline() -> None:
    assert report(replace(WELL, write_runs_s=4.0)).status is HEALTHY
    told = report(replace(WELL, write_runs_s=4.1)).findings["timescaledb"]
    assert (told.status, told.cause) == (DEGRADED, "a write has had no answer for 4 s")


@pytest.mark.parametrize("ahead_s", [301.0, -301.0, 8_640_000.0])
def test_fault_95_a_clock_that_differs_from_the_databases_by_over_five_minutes_is_told(
    ahead_s: float,
) -> None:
    assert report(replace(WELL, machine_ahead_s=300.0)).status is HEALTHY
    told = report(replace(WELL, machine_ahead_s=ahead_s)).findings["clock"]
    assert told.status is DEGRADED
    assert f"{abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} the database's" in str(told.cause)


def test_weeks_that_are_not_kept_are_told_but_not_at_the_first_failure() -> None:
    failing = replace(KEPT, error="permission denied", failures=2)
    assert report(replace(WELL, maintenance=failing)).status is HEALTHY
    told = report(replace(WELL, maintenance=replace(failing, failures=3))).findings["retention"]
    assert (told.status, told.cause) == (DEGRADED, "permission denied")
    told = report(replace(WELL, maintenance=replace(KEPT, problem="no policy"))).findings["retention"]
    assert (told.status, told.cause) == (DEGRADED, "no policy")


DATABASE = [
    (replace(WELL, database_error="connection refused"), "connection refused"),
    (replace(WELL, writer=None), "the writer has not started yet"),
    (writer(error="connection refused"), "the writer waits: connection refused"),
    (writer(schema_ready=False), "the schema is not ready: being prepared"),
    (writer(schema_ready=False, error="no such host"), "the schema is not ready: no such host"),
    (
        writer(misconfigured=True, error="permission denied for table ledger"),
        "permission denied for table ledger",
    ),
]


@pytest.mark.parametrize(("inputs", "cause"), DATABASE)
def test_a_database_that_is_not_right_is_unhealthy_and_not_ready(inputs: Inputs, cause: str) -> None:
    bad = report(inputs)
    assert bad.findings["timescaledb"].status is UNHEALTHY
    assert bad.findings["timescaledb"].cause == cause
    assert (bad.status, bad.ready) == (UNHEALTHY, False)


GATEWAY = [
    (poller(state=PollState.FAILED, error="connection refused"), "connection refused"),
    (
        poller(state=PollState.REJECTED, breaker=BreakerState.OPEN, error="connection refused"),
        "circuit breaker open: connection refused",
    ),
    (poller(breaker=BreakerState.HALF_OPEN, error="slow"), "circuit breaker half-open: slow"),
    (poller(state=PollState.FAILED, key_refused=True, error="401"), "key refused: 401"),
    (poller(state=PollState.STARTING), "not polled yet"),
    (replace(WELL, pollers=()), "not polled yet"),
]


@pytest.mark.parametrize(("inputs", "cause"), GATEWAY)
def test_fault_15_a_gateway_that_is_not_right_is_degraded_with_its_cause(inputs: Inputs, cause: str) -> None:
    bad = report(inputs)
    assert bad.findings["gatewayApi"].status is DEGRADED
    assert bad.findings["gatewayApi"].cause == cause
    assert (bad.status, bad.ready) == (DEGRADED, True), "what is stored can be read all the same"


def test_the_same_cause_of_many_channels_is_told_once() -> None:
    bad = replace(POLLER, state=PollState.FAILED, error="connection refused")
    inputs = replace(WELL, pollers=(bad, replace(bad, channel="-1002")))
    assert report(inputs).findings["gatewayApi"].cause == "connection refused"


def test_the_cause_of_one_channel_among_several_is_told_with_its_channel() -> None:
    bad = replace(POLLER, channel="-1002", state=PollState.FAILED, error="HTTP 500")
    refused = replace(bad, channel="-1003", error="HTTP 403", key_refused=True)
    inputs = replace(WELL, pollers=(POLLER, bad, refused))
    assert report(inputs).findings["gatewayApi"].cause == (
        "channel -1002: HTTP 500; channel -1003: key refused: HTTP 403"
    )


POLLING = [
    (replace(WELL, pollers=()), "no poller has started yet"),
    (
        poller(state=PollState.FAILED, error="connection refused", asked_s=None),
        "channel -1001: no successful poll yet (connection refused)",
    ),
    (
        poller(state=PollState.STARTING, asked_s=None),
        "channel -1001: no successful poll yet (starting)",
    ),
    (poller(state=PollState.FAILED, error="slow"), "channel -1001: polls fail: slow"),
    (poller(state=PollState.REJECTED, error="slow"), "channel -1001: polls are rejected: slow"),
    (
        poller(asked_s=70.0),
        "channel -1001: messages that the gateway received in the last 31 s may not be read yet",
    ),
    (
        replace(poller(asked_s=70.0), writer=replace(WRITER, error="down")),
        "channel -1001: messages that the gateway received in the last 31 s may not be read yet: it waits for the database (down)",
    ),
]


@pytest.mark.parametrize(("inputs", "cause"), POLLING)
def test_fault_15_polling_that_does_not_succeed_is_degraded(inputs: Inputs, cause: str) -> None:
    finding = report(inputs).findings["pollingWorker"]
    assert (finding.status, finding.cause) == (DEGRADED, cause)


def test_fault_16_a_gateway_that_is_down_at_the_start_is_not_healthy() -> None:
    bad = report(poller(state=PollState.FAILED, error="connection refused", asked_s=None))
    assert bad.status is DEGRADED
    assert bad.findings["pollingWorker"].status is bad.findings["gatewayApi"].status is DEGRADED


def test_a_success_exactly_at_the_limit_is_in_time() -> None:
    assert report(poller(asked_s=71.0)).findings["pollingWorker"].status is HEALTHY


@pytest.mark.parametrize(
    ("changes", "late_after_s"),
    [
        ({}, 30.0),
        ({"may_ask_s": 110.0}, 30.0),
        ({"may_ask_s": 125.0}, 35.0),
        ({"may_ask_s": 180.0}, 90.0),
        ({"may_ask_s": 3700.0}, 90.0),
    ],
    ids=[
        "turn and call",
        "quota over before the turn",
        "quota",
        "longest quota",
        "hour's quota",
    ],
)
def test_fault_89_a_poll_over_its_interval_and_call_limit_is_told(
    changes: dict[str, float], late_after_s: float
) -> None:
    """Counted from when the last one began at 100 s, or from when the gateway's quota allows the next."""
    waiting = poller(**changes)
    assert report(replace(waiting, now_s=100.0 + late_after_s)).status is HEALTHY
    told = report(replace(waiting, now_s=100.1 + late_after_s)).findings["pollingWorker"]
    assert told.status is DEGRADED
    assert str(told.cause).startswith(
        f"channel -1001: messages that the gateway received in the last {late_after_s:.0f} s"
    )


def test_fault_89_what_keeps_the_next_poll_waiting_is_told() -> None:
    storing = replace(poller(in_flight=7), now_s=131.0)
    assert "7 messages of the last poll are being stored" in str(
        report(storing).findings["pollingWorker"].cause
    )
    paced = replace(poller(may_ask_s=3700.0), now_s=200.0)
    assert "quota allows the next poll in 3500 s" in str(report(paced).findings["pollingWorker"].cause)


def test_fault_89_a_call_limit_below_a_second_counts_as_one() -> None:
    short = replace(WELL, poll_every_s=0.05, call_limit_s=0.05)
    assert report(replace(short, now_s=101.05)).status is HEALTHY
    assert report(replace(short, now_s=101.1)).status is DEGRADED


def test_one_bad_channel_among_good_ones_is_found() -> None:
    bad = replace(POLLER, channel="-1002", state=PollState.FAILED, error="slow")
    finding = report(replace(WELL, pollers=(POLLER, bad))).findings["pollingWorker"]
    assert finding.cause == "channel -1002: polls fail: slow"


def test_every_bad_channel_is_told() -> None:
    slow = replace(POLLER, channel="-1002", state=PollState.FAILED, error="slow")
    late = replace(POLLER, channel="-1003", asked_s=60.0)
    finding = report(replace(WELL, pollers=(slow, POLLER, late))).findings["pollingWorker"]
    assert finding.cause == (
        "channel -1002: polls fail: slow; channel -1003: messages that the gateway received in the last 41 s may not be read yet"
    )


def test_fault_12_a_failing_history_is_degraded() -> None:
    assert WELL.backfill is not None
    failing = replace(WELL, backfill=replace(WELL.backfill, error="connection refused"))
    finding = report(failing).findings["historicalSync"]
    assert (finding.status, finding.cause) == (DEGRADED, "connection refused")
    assert report(replace(WELL, backfill=None)).status is HEALTHY


CHILDREN = [
    (child(ChildState.RESTARTING, "ValueError: boom"), DEGRADED, "cache restarting (ValueError: boom)", True),
    (child(ChildState.PARKED, "ValueError: boom"), DEGRADED, "cache parked (ValueError: boom)", True),
    (child(ChildState.STARTING), DEGRADED, "cache starting", True),
    (child(ChildState.HUNG, "no heartbeat"), UNHEALTHY, "cache hung (no heartbeat)", False),
    (replace(WELL, supervisor=None), UNHEALTHY, "the supervisor has published no state yet", False),
    (
        replace(
            WELL, supervisor=replace(FAMILY, escalation="parser died over 5 times", phase=Phase.DRAINING)
        ),
        UNHEALTHY,
        "parser died over 5 times",
        False,
    ),
]


@pytest.mark.parametrize(("inputs", "status", "cause", "ready"), CHILDREN)
def test_a_child_that_does_not_run_is_named(
    inputs: Inputs, status: Status, cause: str, *, ready: bool
) -> None:
    bad = report(inputs)
    finding = bad.findings["actors"]
    assert (finding.status, finding.cause, bad.ready) == (status, cause, ready)


def test_a_child_that_was_sent_away_is_no_trouble_unless_it_does_not_stop() -> None:
    assert report(child(ChildState.LEAVING)).status is HEALTHY
    stuck = report(child(ChildState.STOPPING, "does not stop")).findings["actors"]
    assert (stuck.status, stuck.cause) == (DEGRADED, "cache stopping (does not stop)")


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.RUNNING])
def test_it_is_ready_only_while_all_run(phase: Phase) -> None:
    assert not report(replace(WELL, supervisor=replace(FAMILY, phase=phase))).ready


def test_redis_is_degraded_and_never_worse() -> None:
    inputs = replace(
        WELL,
        redis={
            "redisMaster": RedisState(role=None, error="connection refused", has_its_role=False),
            "redisReplica": RedisState(role="slave", error=None, has_its_role=True),
        },
    )
    bad = report(inputs)
    assert (bad.status, bad.ready) == (DEGRADED, True)
    assert bad.findings["redisMaster"].cause == "connection refused"
    assert bad.findings["redisReplica"].status is HEALTHY


def test_a_master_that_takes_no_pages_is_degraded_although_it_answers() -> None:
    inputs = replace(
        WELL,
        redis={"redisMaster": RedisState(role="master", error=None, has_its_role=True)},
        cache=CacheSnapshot(commit_number=7, error="OOM"),
    )
    assert report(inputs).findings["redisMaster"].cause == "does not accept pages: OOM"
    assert "redisMaster" not in report(replace(inputs, redis={})).findings, "not configured, not judged"


def test_fault_8_a_second_daemon_is_a_warning() -> None:
    bad = report(replace(WELL, other_daemons=("host-b:4711",)))
    assert bad.findings["singleDaemon"].cause == "another daemon writes into this database: host-b:4711"
    assert (bad.status, bad.ready) == (DEGRADED, True)


def test_since_stands_while_the_status_does_and_the_cause_may_change() -> None:
    first = report(poller(state=PollState.FAILED, error="connection refused"))
    later = START + timedelta(seconds=60)
    second = report(replace(poller(state=PollState.FAILED, error="slow"), now=later), first)
    assert second.findings["gatewayApi"].since == START
    assert second.findings["gatewayApi"].cause == "slow"
    third = report(replace(WELL, now=later), second)
    assert third.findings["gatewayApi"].since == later
    assert third.findings["actors"].since == START


def test_the_worst_finding_is_the_status() -> None:
    both = replace(poller(state=PollState.FAILED, error="slow"), database_error="down")
    assert report(both).status is UNHEALTHY


QUEUE = ConsumerSnapshot(
    connected=True,
    well_at_s=100.0,
    held_back=False,
    breaker=BreakerState.CLOSED,
    error=None,
    failing_since=None,
    waiting=0,
    consumers=1,
    dead=0,
    in_flight=0,
)
COVERED = replace(POLLER, covered=True)


def test_without_a_broker_there_is_no_check_of_it() -> None:
    assert "broker" not in judge(WELL, None).findings


@pytest.mark.parametrize(
    ("queue", "pollers", "cause"),
    [
        (QUEUE, (COVERED,), None),
        (QUEUE, (), None),
        (replace(QUEUE, connected=False, error="refused"), (POLLER,), "refused; channels are polled"),
        (replace(QUEUE, connected=False, error="refused"), (), "refused; no messages arrive"),
        (replace(QUEUE, held_back=True, connected=False), (POLLER,), "while the database is away"),
        (replace(QUEUE, dead=3), (COVERED,), "3 messages"),
        (QUEUE, (POLLER,), "did not bring"),
    ],
)
def test_the_broker_is_judged_by_its_queue_and_by_what_polls_find(
    queue: ConsumerSnapshot, pollers: tuple[PollerSnapshot, ...], cause: str | None
) -> None:
    report = judge(replace(WELL, consumer=queue, pollers=pollers), None)
    finding = report.findings["broker"]
    assert finding.status is (Status.DEGRADED if cause else Status.HEALTHY)
    assert (cause or "") in (finding.cause or "")
    if not pollers:
        assert report.findings["pollingWorker"].status is Status.HEALTHY
        assert report.findings["gatewayApi"].status is Status.HEALTHY


def test_a_covered_channel_is_not_late_before_its_minute_is_over() -> None:
    assert POLLER.asked_s is not None
    for late_s, status in ((NET_EVERY_S, Status.HEALTHY), (NET_EVERY_S + 11, Status.DEGRADED)):
        inputs = replace(WELL, consumer=QUEUE, pollers=(COVERED,), now_s=POLLER.asked_s + late_s)
        assert judge(inputs, None).findings["pollingWorker"].status is status


def test_the_newest_word_of_the_gateway_on_its_session_counts() -> None:
    lost = replace(POLLER, telegram_session="unhealthy; Telegram has banned this account")
    well = replace(POLLER, telegram_session="healthy", last_success_at=START + timedelta(seconds=5))
    assert "telegramSession" not in judge(WELL, None).findings, (
        "a gateway that says nothing has no such check"
    )
    finding = judge(replace(WELL, pollers=(lost,)), None).findings["telegramSession"]
    assert (finding.status, finding.cause) == (DEGRADED, "Telegram has banned this account")
    assert judge(replace(WELL, pollers=(lost, well)), None).findings["telegramSession"].status is HEALTHY
    not_joined = replace(POLLER, telegram_session="degraded; -1002: this account has not joined it")
    for poller, troubles in ((lost, {"telegram"}), (not_joined, set()), (well, set()), (POLLER, set())):
        found = report(replace(WELL, pollers=(poller,)))
        assert troubles_of(found, [poller], silence_after=timedelta(0)) == troubles, (
            "it is told if it is lost"
        )
