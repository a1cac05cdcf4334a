"""What answers hold, as models: the OpenAPI document is made of them, and tests hold the answers to them."""

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
EpochMs = Annotated[int, Field(description="milliseconds since 1970-01-01 UTC")]


class SignalEvent(Body):
    """What a later message said of a signal."""

    kind: str
    ts: EpochMs
    message_id: str
    text: str | None = Field(description="the message that says it")
    asset: str | None
    target: int | None = Field(
        description="number of the target that was reached or is changed, 0 for the final one"
    )
    stop_hit: bool = Field(description="the text says that the stop was hit")
    new_stop: Price | None
    new_targets: list[Price]
    new_entry: list[Price] | None = Field(description="the lower and the higher entry price")
    breakeven: bool = Field(description="the stop goes to the entry; of a result: it was closed there")
    fraction: Price | None = Field(description="the part of the position that is closed; 1 is all of it")
    price: Price | None = Field(description="where an exit, a part or an order was executed")
    percent: Price | None = Field(description="gain or loss, signed as written")


class SignalNow(Body):
    """What holds now of a signal, by the events that speak of it; the signal itself stays as it was posted."""

    status: str
    stop: Price | None = Field(
        description="null without one, and where it stands at an entry that is a range"
    )
    targets: list[Price]
    target_final: Price | None
    buy_min: Price | None
    buy_max: Price | None
    fraction: Price = Field(description="the part of the position that is still held, from 1 to 0")
    breakeven: bool = Field(description="the stop stands at the entry")


class SignalObject(Body):
    """A trading signal as read out of a message; prices carry exactly the digits of the message."""

    id: int
    ts: EpochMs
    channel: str
    channel_label: str | None = Field(description="the channel's name here, if it was given one")
    signal_type: str
    side: Literal["buy", "sell"] | None
    asset: str | None
    buy_min: Price | None
    buy_max: Price | None
    target_1: Price | None
    target_2: Price | None
    target_final: Price | None
    targets: list[Price]
    stop: Price | None
    valid_until: str | None
    status: str | None
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
    """A signal, with where in its text each value was read and by which rule."""

    provenance: Any
    grammar_version: str


class SignalPage(CamelBody):
    """A page of signals; ``stale`` stands there while the database is away."""

    data: list[SignalObject]
    next_cursor: str | None
    stale: Literal[True] | None = None
    stale_seconds: int | None = None


class Probe(Body):
    """The answer of a probe."""

    status: str
    reason: str | None = None


class Health(BaseModel):
    """How well each part is; ``details`` tells since when and why."""

    model_config = ConfigDict(extra="allow")

    status: Literal["healthy", "degraded", "unhealthy"]
    checks: dict[str, Literal["healthy", "degraded", "unhealthy"]]
    details: dict[str, Any] | None = None


class SyncRequest(Body):
    """What a sync is asked for."""

    limit: Annotated[int, Whole(1, 10_000, of_json=True)] = Field(
        default=500, description="messages a channel at most"
    )


class SyncCounts(CamelBody):
    """What the gateway fetched."""

    total_messages_synced: int
    total_messages_saved: int
    channels_synced: list[str]


class SyncAnswer(Body):
    """The answer to a sync."""

    success: Literal[True]
    data: SyncCounts


class DeadLetterItem(Body):
    """A message that could not be read or stored; tried again at ``next_attempt_at``, or on request only."""

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
        default=None, description="the whole message as JSON text, when asked for by `raw=true`"
    )


class DeadLetterPage(CamelBody):
    """Dead letters that wait for a good end, oldest first."""

    data: list[DeadLetterItem]
    next_cursor: str | None


class Retry(Body):
    """A dead letter will be tried again within seconds."""

    id: int
    queued: Literal[True]


class LogEntry(BaseModel):
    """A line of the log; further keys are the event's own. Long values are cut."""

    model_config = ConfigDict(extra="allow", frozen=True)

    number: int = Field(description="counts from 1 since the daemon's start")
    timestamp: str
    level: str
    event: str


class LogPage(CamelBody):
    """Log entries, oldest first."""

    data: list[LogEntry]
    last: int = Field(description="give it as `after` to go on from here")
    missed: bool = Field(description="whether entries between `after` and these are no longer kept")
    started_at: datetime = Field(description="when the numbers began")


class ChannelHistory(CamelBody):
    """How far a channel's history is read."""

    rows_read: int
    gateway_total: int | None
    pages: int
    new_here: int
    found_by_tail_checks: int
    completed_at: datetime | None
    error: str | None


class ChannelBackfill(ChannelHistory):
    """How far the history of one channel is read."""

    id: str
    check_rows_read: int | None = Field(description="rows read by the check of its tail under way")
    check_total: int | None = Field(description="how many that check has to read")


class BackfillAnswer(CamelBody):
    """The history import; ``completed`` when every channel's history was read to its end."""

    phase: Literal["waiting", "syncing", "reading", "completed", "checking_tail"]
    completed: bool
    error: str | None
    failing_since: datetime | None
    requests_taken: int = Field(description="how often it was asked for since it was started")
    channels: list[ChannelBackfill]
