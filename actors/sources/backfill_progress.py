"""Pure functions of backfill: they convert checkpoints, history passes and the progress that is published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from actors.shown.snapshots import ChannelProgress
from actors.sources.backfill_queue import BackfillQueue
from actors.sources.history import HistoryPass
from actors.sources.round_robin import RoundRobin
from engine.instants import EARLIEST
from storage.postgres.checkpoints import Checkpoint

__all__ = [
    "checkpoint_of",
    "failures_of",
    "pass_due",
    "progress_of",
    "totals_for_log",
    "unread",
    "values_for_log",
]

#: a tail check starts this long before the newest message of the last complete reading
TAIL_OVERLAP = timedelta(hours=1)


def pass_due(
    channel: str, checkpoint: Checkpoint | None, backfill_queue: BackfillQueue, *, now: datetime
) -> HistoryPass:
    """Return the next pass of a channel: the full pass from its checkpoint on, or a check of its tail."""
    if checkpoint is None:
        return HistoryPass(channel=channel)
    if checkpoint.completed_at is None:
        return HistoryPass(
            channel=channel,
            rows_read=checkpoint.rows_read,
            last_id=checkpoint.last_gateway_id,
            pages=checkpoint.pages,
            found=checkpoint.found,
            newest_received_at=checkpoint.newest_received_at,
        )
    newest = checkpoint.newest_received_at
    # A checkpoint in the future would never find anything. One before EARLIEST could leave the range of dates.
    due = max(min(newest, now), EARLIEST + TAIL_OVERLAP) - TAIL_OVERLAP if newest else EARLIEST
    asked = backfill_queue.take(channel)
    since = due if asked is None else max(min(due, asked), EARLIEST)
    return HistoryPass(channel=channel, since=since, asked=asked is not None)


def unread(channels: Sequence[str], known: Mapping[str, Checkpoint]) -> list[str]:
    """Return the channels whose history has not been read to its end."""
    return [channel for channel in channels if channel not in known or known[channel].completed_at is None]


def checkpoint_of(reading: HistoryPass) -> Checkpoint:
    """Return the checkpoint of a full pass."""
    return Checkpoint(
        channel=reading.channel,
        rows_read=reading.rows_read,
        last_gateway_id=reading.last_id,
        pages=reading.pages,
        found=reading.found,
        gateway_total=reading.total,
        newest_received_at=reading.newest_received_at,
    )


def values_for_log(reading: HistoryPass) -> dict[str, object]:
    """Return the log values of a complete pass."""
    values: dict[str, object] = {"since": reading.since.isoformat()} if reading.since is not None else {}
    return values | {
        "channel": reading.channel,
        "rows_read": reading.rows_read,
        "gateway_total": reading.total,
        "found": reading.found,
    }


def totals_for_log(checkpoints: Iterable[Checkpoint]) -> dict[str, int]:
    """Return the log values when the history of every channel is complete."""
    rows = tuple(checkpoints)
    return {"totalSynced": sum(row.rows_read for row in rows), "batches": sum(row.pages for row in rows)}


def progress_of(
    channels: Sequence[str],
    known: Mapping[str, Checkpoint],
    passes: Mapping[str, HistoryPass],
    turns: RoundRobin,
) -> tuple[ChannelProgress, ...]:
    """Return the progress of each channel: of its running full pass, or of its checkpoint."""
    progress = []
    for channel in channels:
        row = known.get(channel) or Checkpoint(channel=channel)
        reading = passes.get(channel)
        now = reading if reading is not None and reading.since is None else None
        check = reading if reading is not None and reading.since is not None else None
        failure = turns.failure(channel)
        progress.append(
            ChannelProgress(
                channel=channel,
                rows_read=now.rows_read if now else row.rows_read,
                pages=now.pages if now else row.pages,
                found=now.found if now else row.found,
                total=now.total if now else row.gateway_total,
                completed_at=row.completed_at,
                tail_found=row.tail_found,
                check_rows_read=check.rows_read if check else None,
                check_total=check.total if check else None,
                error=failure.error if failure else None,
            )
        )
    return tuple(progress)


def failures_of(channels: Sequence[str], turns: RoundRobin) -> tuple[str | None, datetime | None]:
    """Return the errors of the channels and since when. An error that all channels share names no channel."""
    failures = {channel: failure for channel in channels if (failure := turns.failure(channel)) is not None}
    errors = {failure.error for failure in failures.values()}
    since = min((failure.since for failure in failures.values() if failure.since), default=None)
    if len(errors) == 1 and len(failures) == len(channels):
        return errors.pop(), since
    return "; ".join(f"channel {c}: {failure.error}" for c, failure in failures.items()) or None, since
