"""The public object of a channel, built from actor snapshots and stored counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from actors.names import BACKFILL, CONSUMER, HEALTH, POLLER, of_channel
from actors.shown.health_report import HealthReport
from actors.shown.snapshots import (
    BackfillSnapshot,
    ChannelEntry,
    ChannelProgress,
    ConsumerSnapshot,
    PollerSnapshot,
    PollState,
)
from engine.children import ChildState, SupervisorSnapshot
from engine.snapshot import Published, Snapshots
from engine.spec import SUPERVISOR
from ops.http.routes.channel_models import Channel, ChannelBreaker
from ops.http.routes.models import ChannelHistory
from storage.postgres.channels import ChannelCounts

__all__ = ["channel_objects", "history_fields"]

_STATES = {
    PollState.STARTING: "starting",
    PollState.MESSAGES: "polling",
    PollState.EMPTY: "polling",
    PollState.FAILED: "failing",
    PollState.REJECTED: "rejected",
}


def channel_objects(
    snapshots: Snapshots,
    entries: Sequence[ChannelEntry],
    counts: Mapping[str, ChannelCounts],
    *,
    now: datetime,
) -> list[Channel]:
    """Return the objects of these channels. A channel without ``counts`` gets null counts."""
    family = snapshots.read(SUPERVISOR, SupervisorSnapshot)
    children = {child.name: child.state for child in family.value.children} if family else {}
    queue = snapshots.read(CONSUMER, ConsumerSnapshot)
    report = snapshots.read(HEALTH, HealthReport)
    elsewhere = report is not None and POLLER not in report.value.inputs.jobs
    # with the broker alone, there are no pollers
    polled = queue is None or any(name.startswith(POLLER) for name in children)
    backfill = snapshots.read(BACKFILL, BackfillSnapshot)
    histories = {progress.channel: progress for progress in backfill.value.channels} if backfill else {}
    objects = []
    for entry in entries:
        name = of_channel(POLLER, entry.channel)
        published = snapshots.read(name, PollerSnapshot)
        poller = published.value if published else None
        stored = counts.get(entry.channel)
        last = _newest(poller, stored)
        if elsewhere:
            state = "elsewhere"
        else:
            state = _state(poller, children.get(name)) if polled else _state_of_queue(queue)
        objects.append(
            Channel(
                id=entry.channel,
                channel=entry.channel,
                label=entry.label,
                source=entry.source,
                market=entry.market.value,
                added_at=_instant(entry.added_at),
                state=state,
                error=poller.error if poller else None,
                failing_since=_instant(poller.failing_since) if poller else None,
                breaker=_breaker(poller),
                last_poll_at=_instant(poller.last_poll_at) if poller else None,
                last_successful_poll_at=_instant(poller.last_success_at) if poller else None,
                last_message_at=_instant(last),
                last_message_age_seconds=max(0, round((now - last).total_seconds())) if last else None,
                lag_seconds=round(poller.lag_s, 3) if poller and poller.lag_s is not None else None,
                in_flight=poller.in_flight if poller else 0,
                unacknowledged=poller.unacknowledged if poller else 0,
                signals=stored.signals if stored else None,
                signal_count=stored.signals if stored else None,
                messages=stored.messages if stored else None,
                backfill=_history(histories.get(entry.channel)),
            )
        )
    return objects


def _state(poller: PollerSnapshot | None, child: ChildState | None) -> str:
    """Return the state of the actor if it is not running, else the result of its last poll."""
    match child:
        case ChildState.RESTARTING | ChildState.PARKED | ChildState.HUNG:
            return child.value
        case ChildState.LEAVING | ChildState.STOPPING | ChildState.STOPPED:
            return "stopping"
        case None | ChildState.WAITING | ChildState.STARTING:
            return "starting"
    if poller is None:
        return "starting"
    return "key_refused" if poller.key_refused else _STATES[poller.state]


def _state_of_queue(queue: Published[ConsumerSnapshot] | None) -> str:
    return "polling" if queue is not None and queue.value.connected else "failing"


def _breaker(poller: PollerSnapshot | None) -> ChannelBreaker | None:
    if poller is None:
        return None
    return ChannelBreaker(
        state=poller.breaker,
        calls=poller.breaker_calls,
        failures=poller.breaker_failures,
        openings=poller.breaker_openings,
    )


def _history(progress: ChannelProgress | None) -> ChannelHistory | None:
    """Return the progress of a channel's history import."""
    return None if progress is None else ChannelHistory(**history_fields(progress))


def history_fields(progress: ChannelProgress) -> dict[str, Any]:
    """Return the fields that all models of a channel's history share."""
    return {
        "rows_read": progress.rows_read,
        "gateway_total": progress.total,
        "pages": progress.pages,
        "new_here": progress.found,
        "found_by_tail_checks": progress.tail_found,
        "completed_at": _instant(progress.completed_at),
        "error": progress.error,
    }


def _newest(poller: PollerSnapshot | None, stored: ChannelCounts | None) -> datetime | None:
    """Return when the newest message was received. A poll saw it, or it was stored before this start."""
    seen = (poller.newest_message_at if poller else None, stored.newest_received_at if stored else None)
    return max((instant for instant in seen if instant is not None), default=None)


def _instant(instant: datetime | None) -> datetime | None:
    return instant.astimezone(UTC) if instant else None
