"""``/health`` and the probes. The health actor judges once a second, and its snapshot is served."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from actors.names import HEALTH, STREAM
from actors.shown.health_report import HealthReport, Inputs, Status
from actors.shown.snapshots import StreamSnapshot
from engine.children import ChildState, Phase, SupervisorSnapshot
from engine.safe_text import shown_values
from engine.snapshot import Snapshots
from engine.spec import SUPERVISOR
from ops.version import VERSION

__all__ = ["OLDEST_S", "database_trouble", "health_body", "is_live", "readiness", "stream_trouble"]

#: an older snapshot is itself a finding: its publisher hangs
OLDEST_S = 10.0


def health_body(snapshots: Snapshots, *, cache_hit_rate: float | None) -> tuple[int, dict[str, Any]]:
    """Return the HTTP status and the body of ``/health``."""
    published = snapshots.read(HEALTH, HealthReport)
    if published is None:
        return 503, {
            "status": Status.UNHEALTHY.value,
            "checks": dict.fromkeys(("timescaledb", "gatewayApi", "pollingWorker"), Status.UNHEALTHY.value),
            "details": {"health": {"error": "the health actor has not reported yet"}, "version": VERSION},
        }
    report, age_s = published.value, snapshots.age_s(published)
    status = report.status
    checks = {name: finding.status.value for name, finding in report.findings.items()}
    details: dict[str, Any] = {
        name: {"status": finding.status.value, "since": _iso(finding.since), "error": finding.cause}
        for name, finding in report.findings.items()
    }
    _add_snapshots(details, report)
    details["cache"] = {"hitRate": cache_hit_rate, "commitNumber": _commit_number(report)}
    details["version"] = VERSION
    details["role"] = report.inputs.role
    details["uptimeSeconds"] = round((report.inputs.now - report.inputs.started_at).total_seconds())
    if age_s > OLDEST_S:
        status = Status.UNHEALTHY
        checks["health"] = status.value
        details["health"] = {"error": f"the last report is {age_s:.0f} s old: the health actor hangs"}
    body = {
        "status": status.value,
        "timestamp": _iso(report.inputs.now),
        "checks": checks,
        # causes are texts from servers, drivers and gateways, so they are made safe to show
        "details": shown_values(details),
    }
    return (503 if status is Status.UNHEALTHY else 200), body


def readiness(snapshots: Snapshots) -> tuple[bool, str]:
    """Return whether this process can serve requests, and the reason if not."""
    published = snapshots.read(HEALTH, HealthReport)
    if published is None or snapshots.age_s(published) > OLDEST_S:
        return False, "no recent health report"
    supervisor = snapshots.read(SUPERVISOR, SupervisorSnapshot)
    if supervisor is None or supervisor.value.phase is not Phase.RUNNING:
        return False, f"the supervisor is {supervisor.value.phase.value if supervisor else 'not there'}"
    if not published.value.ready:
        return False, published.value.findings["timescaledb"].cause or "not all actors are running"
    return True, "ready"


def is_live(snapshots: Snapshots) -> bool:
    """Return whether the process is alive: its supervisor still publishes snapshots."""
    supervisor = snapshots.read(SUPERVISOR, SupervisorSnapshot)
    return supervisor is not None and snapshots.age_s(supervisor) < OLDEST_S


def database_trouble(snapshots: Snapshots) -> tuple[str, datetime | None] | None:
    """Return why the database is unavailable and since when, or None while it is available."""
    report = snapshots.read(HEALTH, HealthReport)
    finding = report.value.findings.get("timescaledb") if report else None
    if finding is None or finding.status is not Status.UNHEALTHY:
        return None
    return finding.cause or "the database is unavailable", finding.since


def stream_trouble(snapshots: Snapshots) -> tuple[str, datetime | None] | None:
    """Return why the stream delivers no new signals and since when, or None while it does."""
    if (failure := database_trouble(snapshots)) is not None:
        return failure
    supervisor = snapshots.read(SUPERVISOR, SupervisorSnapshot)
    children = supervisor.value.children if supervisor else ()
    # its heartbeat, not the age of its snapshot: it publishes only after a commit, and there may be none for days
    if not any(
        child.name == STREAM and child.state is ChildState.RUNNING and child.beat_age_s <= OLDEST_S
        for child in children
    ):
        return "new signals are not being read at the moment", None
    stream = snapshots.read(STREAM, StreamSnapshot)
    return (stream.value.error, None) if stream and stream.value.error else None


def _add_snapshots(details: dict[str, Any], report: HealthReport) -> None:
    """Add what actors show. An actor that this daemon does not run shows nothing, and has no check."""
    inputs = report.inputs
    for name, channels in (("gatewayApi", _breakers(inputs)), ("pollingWorker", _polls(inputs))):
        if name in details:
            details[name]["channels"] = channels
    if inputs.consumer is not None:
        details["broker"] |= {
            "breaker": inputs.consumer.breaker.value,
            "failingSince": _iso(inputs.consumer.failing_since),
            "messagesWaiting": inputs.consumer.waiting,
            "consumers": inputs.consumer.consumers,
            "deadLetters": inputs.consumer.dead,
            "inFlight": inputs.consumer.in_flight,
        }
    if inputs.announcer is not None:
        details["events"] |= {
            "commitNumber": inputs.announcer.commit_number,
            "failingSince": _iso(inputs.announcer.failing_since),
        }
    if inputs.notifier is not None and "alerts" in details:
        details["alerts"] |= {
            "due": inputs.notifier.due,
            "oldestDueAt": _iso(inputs.notifier.oldest_due_at),
            "failingSince": _iso(inputs.notifier.failing_since),
        }
    if inputs.backfill is not None and "historicalSync" in details:
        details["historicalSync"] |= {
            "phase": inputs.backfill.phase.value,
            "completed": inputs.backfill.completed,
            "channels": [
                {
                    "channel": c.channel,
                    "rowsRead": c.rows_read,
                    "gatewayTotal": c.total,
                    "pages": c.pages,
                    "newHere": c.found,
                    "completedAt": _iso(c.completed_at),
                    "foundByTailChecks": c.tail_found,
                    "error": c.error,
                }
                for c in inputs.backfill.channels
            ],
        }
    if inputs.writer is not None:
        details["timescaledb"] |= {
            "lastCommitAt": _iso(inputs.writer.last_commit_at),
            "batchesWaiting": inputs.writer.waiting,
            "lastLagSeconds": inputs.writer.last_lag_s,
        }
    if inputs.maintenance is not None and "retention" in details:
        details["retention"] |= {
            "lastKeptAt": _iso(inputs.maintenance.last_kept_at),
            "weeksMadeUntil": _iso(inputs.maintenance.ahead_until),
        }
    details["deadLetters"] = {"waiting": inputs.dead_letters.waiting if inputs.dead_letters else None}
    if inputs.supervisor is not None:
        details["actors"]["children"] = [
            {
                "name": c.name,
                "state": c.state.value,
                "generation": c.generation,
                "restarts": c.restarts,
                "lastError": c.last_error,
                "since": _iso(c.since),
                "mailbox": c.mailbox,
                "unknownMessages": c.unknown,
            }
            for c in inputs.supervisor.children
        ]


def _breakers(inputs: Inputs) -> list[dict[str, Any]]:
    return [
        {
            "channel": p.channel,
            "breaker": {
                "state": p.breaker.value,
                "calls": p.breaker_calls,
                "failures": p.breaker_failures,
                "openings": p.breaker_openings,
            },
            "failingSince": _iso(p.failing_since),
            "error": p.error,
        }
        for p in inputs.pollers
    ]


def _polls(inputs: Inputs) -> list[dict[str, Any]]:
    return [
        {
            "channel": p.channel,
            "lastPoll": p.state.value,
            "lastPollAt": _iso(p.last_poll_at),
            "lastSuccessfulPollAt": _iso(p.last_success_at),
            "newestMessageAt": _iso(inputs.newest_message_at(p)),
            "newestMessageAgeSeconds": _age(inputs.now, inputs.newest_message_at(p)),
            "inFlight": p.in_flight,
            "unacknowledged": p.unacknowledged,
        }
        for p in inputs.pollers
    ]


def _commit_number(report: HealthReport) -> int | None:
    return report.inputs.cache.commit_number if report.inputs.cache else None


def _age(now: datetime, instant: datetime | None) -> int | None:
    return max(0, round((now - instant).total_seconds())) if instant else None


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z") if instant else None
