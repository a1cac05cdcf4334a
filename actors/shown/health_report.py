"""Judges health: a pure function from the snapshots of the actors to the report for a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from actors.names import BACKFILL, MAINTENANCE, POLLER
from actors.shown.health_inputs import Inputs
from actors.shown.snapshots import (
    ConsumerSnapshot,
    PollerSnapshot,
    PollState,
)
from actors.shown.telegram_session import session_trouble
from engine.breaker import BreakerState
from engine.children import ChildState, Phase

__all__ = ["NET_EVERY_S", "Finding", "HealthReport", "Inputs", "Status", "judge"]


class Status(StrEnum):
    """Degraded: something fails, but the served data is right. Unhealthy: it may be wrong or missing."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


_WORSE = [Status.HEALTHY, Status.DEGRADED, Status.UNHEALTHY]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The state of one part. ``since`` is when its status last changed."""

    status: Status
    cause: str | None
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """All findings by name of check, with their inputs. ``ready``: this daemon may receive requests."""

    status: Status
    ready: bool
    findings: Mapping[str, Finding]
    inputs: Inputs


#: how often a channel is polled while the broker brings its messages
NET_EVERY_S = 60.0
#: one or two failures may be caused by a restart of the database
_MANY_FAILURES = 3
#: a normal write takes a fraction of a second
_LONG_WRITE_S = 4.0
_WRONG_CLOCK_S = 300.0
#: a wait of this length for the gateway's quota is not reported
_LONG_PACE_S = 60.0
#: a shorter call limit would leave no time to store the messages of the last poll
_SHORT_CALL_S = 1.0
#: one failed acknowledgement is repeated within about a second, so it is not reported
_ACKS_FAIL = 2

Verdict = tuple[Status, str | None]
_WELL: Verdict = (Status.HEALTHY, None)


def judge(inputs: Inputs, previous: HealthReport | None) -> HealthReport:
    """Return the report. A finding with the same status as in ``previous`` keeps its ``since``."""
    verdicts: dict[str, Verdict] = {
        "timescaledb": _database(inputs),
        **({"gatewayApi": _gateway(inputs)} if POLLER in inputs.jobs or inputs.consumer else {}),
        **({"telegramSession": _by(said)} if (said := session_trouble(inputs.pollers)) is not None else {}),
        **({"pollingWorker": _polling(inputs)} if POLLER in inputs.jobs else {}),
        **(
            {"historicalSync": _by(inputs.backfill.error if inputs.backfill else None)}
            if BACKFILL in inputs.jobs
            else {}
        ),
        **({"retention": _retention(inputs)} if MAINTENANCE in inputs.jobs else {}),
        "reads": _by(inputs.reading_error, "a reader got no answer: "),
        "clock": _clock(inputs),
        **({"broker": _broker(inputs, inputs.consumer)} if inputs.consumer else {}),
        **({"events": _by(inputs.announcer.error, "no events are published: ")} if inputs.announcer else {}),
        **({"alerts": _by(inputs.notifier.trouble(inputs.now))} if inputs.notifier else {}),
        **({"quotes": _by(inputs.quotes.error, "no prices come: ")} if inputs.quotes else {}),
        **({"enrichment": _by(inputs.enricher.error)} if inputs.enricher and inputs.enricher.on else {}),
        "actors": _actors(inputs),
    }
    for name, state in inputs.redis.items():
        verdicts[name] = _by(state.error)
    if inputs.cache and inputs.cache.error and "redisMaster" in verdicts:
        verdicts["redisMaster"] = (Status.DEGRADED, f"does not accept pages: {inputs.cache.error}")
    if inputs.other_daemons:
        verdicts["singleDaemon"] = (
            Status.DEGRADED,
            f"another daemon writes into this database: {', '.join(inputs.other_daemons)}",
        )
    if inputs.role == "serve":
        verdicts["ingesting"] = (
            (Status.DEGRADED, f"no process does this: {', '.join(inputs.undone)}") if inputs.undone else _WELL
        )
    findings = {name: _finding(name, verdict, inputs.now, previous) for name, verdict in verdicts.items()}
    return HealthReport(
        status=max((f.status for f in findings.values()), key=_WORSE.index),
        ready=(
            verdicts["timescaledb"][0] is Status.HEALTHY
            and inputs.supervisor is not None
            and inputs.supervisor.phase is Phase.RUNNING
            and not any(child.state is ChildState.HUNG for child in inputs.supervisor.children)
        ),
        findings=findings,
        inputs=inputs,
    )


def _by(cause: str | None, said: str = "") -> Verdict:
    return (Status.DEGRADED, f"{said}{cause}") if cause else _WELL


def _finding(name: str, verdict: Verdict, now: datetime, previous: HealthReport | None) -> Finding:
    status, cause = verdict
    known = previous.findings.get(name) if previous else None
    since = known.since if known is not None and known.status is status else now
    return Finding(status=status, cause=cause, since=since)


def _database(inputs: Inputs) -> Verdict:
    writer = inputs.writer
    if writer is not None and writer.misconfigured:
        return Status.UNHEALTHY, writer.error
    if writer is not None and not writer.schema_ready:
        return Status.UNHEALTHY, f"the schema is not ready: {writer.error or 'being prepared'}"
    if inputs.database_error:
        return Status.UNHEALTHY, inputs.database_error
    if inputs.role == "serve":
        return _WELL
    if writer is None:
        return Status.UNHEALTHY, "the writer has not started yet"
    if writer.error:
        return Status.UNHEALTHY, f"the writer waits: {writer.error}"
    if inputs.write_runs_s > _LONG_WRITE_S:
        return Status.DEGRADED, f"a write has had no answer for {inputs.write_runs_s:.0f} s"
    return _WELL


def _gateway(inputs: Inputs) -> Verdict:
    if not inputs.pollers and inputs.consumer is None:
        return Status.DEGRADED, "not polled yet"
    causes = {p.channel: cause for p in inputs.pollers if (cause := _gateway_of(p)) is not None}
    for acks in inputs.acknowledgers:
        if acks.error is not None and acks.failures >= _ACKS_FAIL:
            causes.setdefault(acks.channel, acks.error)
    if not causes:
        return _WELL
    distinct = set(causes.values())
    if len(causes) == len(inputs.pollers) and len(distinct) == 1:
        return Status.DEGRADED, distinct.pop()
    return Status.DEGRADED, "; ".join(f"channel {channel}: {cause}" for channel, cause in causes.items())


def _gateway_of(poller: PollerSnapshot) -> str | None:
    """Return what is wrong with the gateway, judged by the polling of one channel."""
    if poller.key_refused:
        return f"key refused: {poller.error}"
    if poller.breaker is not BreakerState.CLOSED:
        return f"circuit breaker {poller.breaker.value}: {poller.error or 'the cause is not known'}"
    if poller.state is PollState.FAILED:
        return poller.error or "the last poll failed"
    return "not polled yet" if poller.state is PollState.STARTING else None


def _polling(inputs: Inputs) -> Verdict:
    if not inputs.pollers:
        # With the broker alone, there are none.
        return (Status.DEGRADED, "no poller has started yet") if inputs.consumer is None else _WELL
    causes = [f"channel {p.channel}: {cause}" for p in inputs.pollers if (cause := _polling_of(p, inputs))]
    return _by("; ".join(causes))


def _broker(inputs: Inputs, consumer: ConsumerSnapshot) -> Verdict:
    if consumer.held_back:
        return Status.DEGRADED, "messages stay in the queue while the database is away"
    if not consumer.connected:
        instead = "channels are polled meanwhile" if inputs.pollers else "no messages arrive"
        return Status.DEGRADED, f"{consumer.error or 'not connected yet'}; {instead}"
    if consumer.dead:
        return Status.DEGRADED, (
            f"{consumer.dead} messages were given back too often and are in the queue of dead letters"
        )
    missed = [poller.channel for poller in inputs.pollers if not poller.covered]
    if missed:
        return Status.DEGRADED, f"polling finds messages that the broker did not bring: {', '.join(missed)}"
    return _WELL


def _polling_of(poller: PollerSnapshot, inputs: Inputs) -> str | None:
    """Return what is wrong with the polling of one channel."""
    if poller.asked_s is None:
        return f"no successful poll yet ({poller.error or 'starting'})"
    if poller.state is PollState.FAILED:
        return f"polls fail: {poller.error}"
    if poller.state is PollState.REJECTED:
        return f"polls are rejected: {poller.error}"
    if inputs.now_s <= _late_at_s(poller.asked_s, poller, inputs):
        return None
    why = ""
    if inputs.writer is not None and inputs.writer.error:
        why = f": it waits for the database ({inputs.writer.error})"
    elif poller.in_flight:
        why = f": {poller.in_flight} messages of the last poll are being stored"
    elif inputs.now_s < poller.may_ask_s:
        why = f": the gateway's quota allows the next poll in {poller.may_ask_s - inputs.now_s:.0f} s"
    return f"messages that the gateway received in the last {inputs.now_s - poller.asked_s:.0f} s may not be read yet{why}"


def _late_at_s(asked_s: float, poller: PollerSnapshot, inputs: Inputs) -> float:
    """Return when the next poll becomes late: its due time plus the longest time that a call may take.

    The interval counts from the beginning of the last poll, because its answer may lack what the gateway received
    later. Waiting for a quota does not count as late, up to a limit.
    """
    due_s = asked_s + (max(NET_EVERY_S, inputs.poll_every_s) if poller.covered else inputs.poll_every_s)
    due_s = min(max(due_s, poller.may_ask_s), due_s + _LONG_PACE_S)
    return due_s + max(inputs.call_limit_s, _SHORT_CALL_S)


def _retention(inputs: Inputs) -> Verdict:
    kept = inputs.maintenance
    failing = kept is not None and (kept.problem is not None or kept.failures >= _MANY_FAILURES)
    return _by((kept.error or kept.problem) if kept and failing else None)


def _clock(inputs: Inputs) -> Verdict:
    ahead_s = inputs.machine_ahead_s
    if ahead_s is None or abs(ahead_s) <= _WRONG_CLOCK_S:
        return _WELL
    side = "ahead of" if ahead_s > 0 else "behind"
    return Status.DEGRADED, (
        f"this machine's clock is {abs(ahead_s):.0f} s {side} the database's, which decides: synchronise"
        " both by NTP (timedatectl set-ntp true)"
    )


def _actors(inputs: Inputs) -> Verdict:
    if inputs.supervisor is None:
        return Status.UNHEALTHY, "the supervisor has published no state yet"
    if inputs.supervisor.escalation:
        return Status.UNHEALTHY, inputs.supervisor.escalation
    odd = [
        f"{child.name} {child.state.value}" + (f" ({child.last_error})" if child.last_error else "")
        for child in inputs.supervisor.children
        # A leaving child was removed on purpose. It is a problem only when it does not stop.
        if child.state not in (ChildState.RUNNING, ChildState.LEAVING)
    ]
    if not odd:
        return _WELL
    hung = any(child.state is ChildState.HUNG for child in inputs.supervisor.children)
    return (Status.UNHEALTHY if hung else Status.DEGRADED), "; ".join(odd)
