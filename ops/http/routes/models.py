"""The models of answers that hold no signals. They serve the OpenAPI document and the tests as those of signals do."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ops.http.kit.parameters import Whole
from ops.http.kit.problems import Body, CamelBody

__all__ = [
    "BackfillAnswer",
    "ChannelBackfill",
    "ChannelHistory",
    "Health",
    "Probe",
    "SyncAnswer",
    "SyncCounts",
    "SyncRequest",
]

_Health = Literal["healthy", "degraded", "unhealthy"]


class Probe(Body):
    """The answer of a probe."""

    status: Literal["healthy", "unhealthy"] = Field(description="the answer")
    reason: str | None = Field(default=None, description="why, for a client that may read")


class Health(BaseModel):
    """The health of each part. ``details`` gives the times and causes."""

    model_config = ConfigDict(extra="allow")

    status: _Health = Field(description="the worst of `checks`, as far as it matters to readers")
    checks: dict[str, _Health] = Field(description="the state of each part")
    details: dict[str, Any] | None = Field(
        default=None,
        description="since when, last error and figures of each part, for a client that may read",
    )


class SyncRequest(Body):
    """A request for a sync."""

    limit: Annotated[int, Whole(1, 10_000, of_json=True)] = Field(
        default=500, description="maximum number of messages per channel"
    )


class SyncCounts(CamelBody):
    """What the gateway fetched."""

    total_messages_synced: int = Field(description="messages fetched from Telegram")
    total_messages_saved: int = Field(description="messages that the gateway did not have yet")
    channels_synced: list[Any] = Field(description="the channels, as the gateway tells them")


class SyncAnswer(Body):
    """The answer to a sync."""

    success: Literal[True] = Field(description="always true; a failure is a problem document")
    message: str = Field(description="the result in Portuguese, as the page shows it")
    data: SyncCounts = Field(description="the counts")


class DeadLetterItem(Body):
    """A message that could not be read or stored. Without ``next_attempt_at``, it is retried only on request."""

    id: int = Field(description="number of the dead letter")
    channel: str = Field(description="id of the channel")
    message_id: str = Field(description="Telegram's number of the message within its channel")
    reason: str = Field(description="machine name of the cause")
    error: str = Field(description="the last error in words")
    attempts: int = Field(description="how often it was tried")
    first_at: datetime = Field(description="when it failed first")
    last_at: datetime = Field(description="when it failed last")
    next_attempt_at: datetime | None = Field(description="when it is tried next by itself")
    raw: str | None = Field(
        default=None, description="the whole message as JSON text; present with `raw=true`"
    )


class DeadLetterPage(CamelBody):
    """Unresolved dead letters, oldest first."""

    data: list[DeadLetterItem] = Field(description="the dead letters")
    next_cursor: str | None = Field(description="`cursor` of the next page; null on the last one")


class Retry(Body):
    """A dead letter will be tried again within seconds."""

    id: int = Field(description="number of the dead letter")
    queued: Literal[True] = Field(description="always true")


class LogEntry(BaseModel):
    """A log entry with the event's own keys. Long values are cut."""

    model_config = ConfigDict(extra="allow", frozen=True)

    number: int = Field(description="counts from 1 since the daemon's start")
    timestamp: str = Field(description="when it was written, in ISO 8601 and UTC")
    level: str = Field(description="`debug`, `info`, `warning`, `error` or `critical`")
    event: str = Field(description="machine name of the event")
    message: str = Field(description="the entry in words")


class LogPage(CamelBody):
    """Log entries, newest first."""

    data: list[LogEntry] = Field(description="the entries")
    last: int = Field(description="send it as `after` to continue from here")
    missed: bool = Field(description="whether entries between `after` and these were already discarded")
    started_at: datetime = Field(description="when the numbering started")


class ChannelHistory(CamelBody):
    """The progress of a channel's history import."""

    rows_read: int = Field(description="messages read so far")
    gateway_total: int | None = Field(description="messages that the gateway has of the channel")
    pages: int = Field(description="pages read so far")
    new_here: int = Field(description="messages that were not stored here before")
    found_by_tail_checks: int = Field(description="messages that only a check of the newest ones found")
    completed_at: datetime | None = Field(description="when the history had been read to its end")
    error: str | None = Field(description="why it does not go on now")


class ChannelBackfill(ChannelHistory):
    """The progress of one channel's history import, with its id."""

    id: str = Field(description="id of the channel")
    check_rows_read: int | None = Field(description="rows read by the tail check in progress")
    check_total: int | None = Field(description="rows that the tail check has to read")


class BackfillAnswer(CamelBody):
    """The history import. ``completed`` means that every channel's history was read to its end."""

    phase: Literal["waiting", "syncing", "reading", "completed", "checking_tail"] = Field(
        description="what it does now"
    )
    completed: bool = Field(description="every channel's history was read to its end")
    error: str | None = Field(description="why it does not go on now")
    failing_since: datetime | None = Field(description="since when it does not go on")
    requests_taken: int = Field(description="requests accepted since the start of the engine")
    channels: list[ChannelBackfill] = Field(description="the progress of each channel")
