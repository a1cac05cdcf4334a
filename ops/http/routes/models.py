"""The models of answers. The OpenAPI document is built from them, and tests validate the answers against them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from ops.http.kit.parameters import Whole
from ops.http.kit.problems import Body, CamelBody

__all__ = [
    "BackfillAnswer",
    "ChannelBackfill",
    "ChannelHistory",
    "Health",
    "Probe",
    "SignalDetail",
    "SignalEvent",
    "SignalObject",
    "SignalPage",
    "SyncAnswer",
    "SyncCounts",
    "SyncRequest",
]

#: a JSON number with exactly the digits of the message
Price = Annotated[Decimal, WithJsonSchema({"type": "number"})]
#: pydantic documents it as a pattern, because targets are numbered without a limit
Status = Annotated[
    str, Field(pattern="^(waiting|open|expired|target_[1-9][0-9]*|target_final|stopped|cancelled)$")
]
StatusReason = Literal["posted", "update", "result", "cancel", "validity", "session"]
EpochMs = Annotated[int, Field(description="milliseconds since 1970-01-01 UTC")]


class SignalEvent(Body):
    """What a later message says about a signal."""

    kind: str
    ts: EpochMs
    message_id: str
    text: str | None = Field(description="the text of the message")
    asset: str | None
    target: int | None = Field(
        description="number of the target that was reached or changed; 0 is the final target"
    )
    stop_hit: bool = Field(description="the text says that the stop was hit")
    new_stop: Price | None
    new_targets: list[Price]
    new_entry: list[Price] | None = Field(description="the lower and the higher entry price")
    breakeven: bool = Field(
        description="the stop moves to the entry; in a result, the trade was closed at the entry"
    )
    fraction: Price | None = Field(description="the part of the position that is closed, up to 1")
    price: Price | None = Field(description="the price of an exit, of a partial exit or of an order")
    percent: Price | None = Field(description="gain or loss, signed as written")


class SignalNow(Body):
    """The current state of a signal after its events. The signal itself stays as it was posted."""

    status: Status
    stop: Price | None = Field(
        description="null if there is no stop, or if the stop is at an entry that is a range"
    )
    targets: list[Price]
    target_final: Price | None
    buy_min: Price | None
    buy_max: Price | None
    fraction: Price = Field(description="the part of the position that is still held, from 1 to 0")
    breakeven: bool = Field(description="the stop is at the entry")


class SignalObject(Body):
    """A trading signal as read from a message. Prices have exactly the digits of the message."""

    id: int
    ts: EpochMs
    channel: str
    channel_label: str | None = Field(description="the channel's label, if it has one")
    signal_type: str
    side: Literal["buy", "sell"] | None
    asset: str
    buy_min: Price | None
    buy_max: Price | None
    target_1: Price | None
    target_2: Price | None
    target_final: Price | None
    targets: list[Price]
    stop: Price | None
    valid_until: str | None
    status: Status | None = Field(
        description="what the channel has said, or that its time has passed; null for id 0"
    )
    status_since: datetime | None = Field(description="since when the status holds; null for id 0")
    status_reason: StatusReason | None = Field(
        description="why: nothing was said since it was `posted`; the kind of the message that decided; the end of its "
        "`validity` or of its trading `session`; null for id 0"
    )
    warnings: list[str]
    raw_message: str
    source: str
    message_id: str | None
    position: int
    current: SignalNow | None
    events: list[SignalEvent]
    ingested_at: datetime
    created_at: datetime
    updated_at: datetime


class SignalDetail(SignalObject):
    """A signal with its provenance: where in the text each value was read, and by which rule."""

    provenance: Any
    grammar_version: str


class SignalPage(CamelBody):
    """A page of signals. ``stale`` is present only while the database is unavailable."""

    data: list[SignalObject]
    next_cursor: str | None
    stale: Literal[True] | None = None
    stale_seconds: int | None = None


class Probe(Body):
    """The answer of a probe."""

    status: Literal["healthy", "unhealthy"]
    reason: str | None = None


class Health(BaseModel):
    """The health of each part. ``details`` gives the times and causes."""

    model_config = ConfigDict(extra="allow")

    status: Literal["healthy", "degraded", "unhealthy"]
    checks: dict[str, Literal["healthy", "degraded", "unhealthy"]]
    details: dict[str, Any] | None = None


class SyncRequest(Body):
    """A request for a sync."""

    limit: Annotated[int, Whole(1, 10_000, of_json=True)] = Field(
        default=500, description="maximum number of messages per channel"
    )


class SyncCounts(CamelBody):
    """What the gateway fetched."""

    total_messages_synced: int
    total_messages_saved: int
    channels_synced: list[Any] = Field(description="the channels, as the gateway tells them")


class SyncAnswer(Body):
    """The answer to a sync."""

    success: Literal[True]
    message: str = Field(description="the result in Portuguese, as the page shows it")
    data: SyncCounts


class DeadLetterItem(Body):
    """A message that could not be read or stored. Without ``next_attempt_at``, it is retried only on request."""

    id: int
    channel: str
    message_id: str
    reason: str
    error: str
    attempts: int
    first_at: datetime
    last_at: datetime
    next_attempt_at: datetime | None
    raw: str | None = Field(
        default=None, description="the whole message as JSON text; present with `raw=true`"
    )


class DeadLetterPage(CamelBody):
    """Unresolved dead letters, oldest first."""

    data: list[DeadLetterItem]
    next_cursor: str | None


class Retry(Body):
    """A dead letter will be tried again within seconds."""

    id: int
    queued: Literal[True]


class LogEntry(BaseModel):
    """A log entry with the event's own keys. Long values are cut."""

    model_config = ConfigDict(extra="allow", frozen=True)

    number: int = Field(description="counts from 1 since the daemon's start")
    timestamp: str
    level: str
    event: str
    message: str = Field(description="the entry in words")


class LogPage(CamelBody):
    """Log entries, newest first."""

    data: list[LogEntry]
    last: int = Field(description="send it as `after` to continue from here")
    missed: bool = Field(description="whether entries between `after` and these were already discarded")
    started_at: datetime = Field(description="when the numbering started")


class ChannelHistory(CamelBody):
    """The progress of a channel's history import."""

    rows_read: int
    gateway_total: int | None
    pages: int
    new_here: int
    found_by_tail_checks: int
    completed_at: datetime | None
    error: str | None


class ChannelBackfill(ChannelHistory):
    """The progress of one channel's history import, with its id."""

    id: str
    check_rows_read: int | None = Field(description="rows read by the tail check in progress")
    check_total: int | None = Field(description="rows that the tail check has to read")


class BackfillAnswer(CamelBody):
    """The history import. ``completed`` means that every channel's history was read to its end."""

    phase: Literal["waiting", "syncing", "reading", "completed", "checking_tail"]
    completed: bool
    error: str | None
    failing_since: datetime | None
    requests_taken: int = Field(description="requests accepted since the start of the engine")
    channels: list[ChannelBackfill]
