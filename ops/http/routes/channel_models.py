"""The models of requests and answers about channels."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from config.fields import CHANNEL_ID
from engine.breaker import BreakerState
from ops.http.kit.problems import Body, CamelBody
from ops.http.routes.models import ChannelHistory

__all__ = [
    "CHANNEL_ID_SCHEMA",
    "LONGEST_LABEL",
    "Channel",
    "ChannelBreaker",
    "ChannelId",
    "ChannelKept",
    "ChannelList",
    "ChannelRemoved",
    "ChannelRequest",
]

LONGEST_LABEL = 80
CHANNEL_ID_SCHEMA = {"type": "string", "pattern": f"^{CHANNEL_ID.pattern}$"}
#: joins the parts of one emoji; a label may hold no other invisible character
_JOINER = "\N{ZERO WIDTH JOINER}"
#: the rules that JSON Schema can express: no blank at either end, no control characters
_LABEL_SCHEMA = {
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST_LABEL,
    "pattern": r"^[!-~]([ -~]*[!-~])?$",
}


def _check_channel(value: object) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not CHANNEL_ID.fullmatch(text):
        raise ValueError("must be a channel's id such as -1001649127710")
    return text


def _check_label(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("must be a text or null")  # noqa: TRY004 - pydantic reports ValueError
    label = value.strip()
    if not 1 <= len(label) <= LONGEST_LABEL:
        raise ValueError(f"must have 1 to {LONGEST_LABEL} characters, or be null for no label")
    if not label.replace(_JOINER, "").isprintable():
        raise ValueError("must be printable characters on one line")
    return label


ChannelId = Annotated[str, PlainValidator(_check_channel), WithJsonSchema(CHANNEL_ID_SCHEMA)]


class ChannelRequest(Body):
    """A channel to read. If ``label`` or ``market`` is not given, its current value is kept."""

    id: ChannelId = Field(description="the channel's id")
    label: Annotated[
        str | None,
        PlainValidator(_check_label),
        WithJsonSchema({"anyOf": [_LABEL_SCHEMA, {"type": "null"}]}),
    ] = Field(default=None, description="its name in signals and pages")
    market: Literal["b3", "forex", "crypto"] | None = Field(
        default=None,
        description="the market that the channel trades in; null means the market from the settings. Signals of "
        "earlier messages do not change until `tp-capital replay --apply`",
    )


class ChannelBreaker(Body):
    """The circuit breaker of a channel's poller."""

    state: BreakerState = Field(description="open: the gateway is not asked for a while")
    calls: int = Field(description="calls in the window that is judged")
    failures: int = Field(description="failed calls in that window")
    openings: int = Field(description="how often it opened since the engine's start")


class Channel(CamelBody):
    """A channel that is read, and its state. Counts are null when they cannot be read now."""

    id: str = Field(description="id of the channel", examples=["-1001649127710"])
    channel: str = Field(description="the same as `id`, for clients of the former service")
    label: str | None = Field(description="its name in signals and pages")
    source: str = Field(description="`settings`, or `api` when it was added at run time")
    market: Literal["b3", "forex", "crypto"] = Field(description="the market whose rules read its messages")
    added_at: datetime | None = Field(description="when it was added at run time")
    state: str = Field(
        description="the result of its last poll (`polling`, `failing`, `rejected`, `key_refused`), the state of its "
        "actor if that is not running, or `elsewhere` if only other daemons read it"
    )
    error: str | None = Field(description="why the last poll failed")
    failing_since: datetime | None = Field(description="since when polls fail")
    breaker: ChannelBreaker | None = Field(description="null until its poller has started")
    last_poll_at: datetime | None = Field(description="when the gateway was asked last")
    last_successful_poll_at: datetime | None = Field(description="when the gateway answered last")
    last_message_at: datetime | None = Field(description="when the gateway received the newest message")
    last_message_age_seconds: int | None = Field(description="age of the newest message")
    lag_seconds: float | None = Field(
        description="time from the gateway's receipt of the last messages until they were stored"
    )
    in_flight: int = Field(description="messages that are being read now")
    unacknowledged: int = Field(description="stored messages that the gateway still has to be told of")
    signals: int | None = Field(description="stored signals")
    signal_count: Annotated[int | None, Field(alias="signal_count")] = Field(
        description="the same as `signals`, for clients of the former service"
    )
    messages: int | None = Field(description="stored messages")
    backfill: ChannelHistory | None = Field(description="the import of its history")


class ChannelList(CamelBody):
    """The channels. ``complete`` is false while the channels added at run time are unknown."""

    data: list[Channel] = Field(description="the channels")
    complete: bool = Field(description="all channels are known")
    error: str | None = Field(description="why not all of them, or not their counts, are known")
    counts_end_at: int = Field(description="counts stop at this number; it means this many or more")


class ChannelKept(Body):
    """The stored signals and messages of a removed channel. They are kept."""

    signals: int = Field(description="stored signals")
    messages: int = Field(description="stored messages")


class ChannelRemoved(CamelBody):
    """A channel was removed and is no longer read."""

    id: str = Field(description="id of the channel")
    label: str | None = Field(description="the label that it had")
    added_at: datetime = Field(description="when it was added")
    removed_at: datetime = Field(description="when it was removed")
    kept: ChannelKept | None = Field(description="null if it cannot be counted now")
    detail: str = Field(description="what its removal means")
