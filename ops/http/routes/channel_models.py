"""What is asked and answered about channels, as models."""

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
#: joins the parts of one emoji; no other invisible character may stand in a label
_JOINER = "\N{ZERO WIDTH JOINER}"
#: what JSON schema can say of it: no blank at either end, no control characters
_LABEL_SCHEMA = {
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST_LABEL,
    "pattern": r"^[!-~]([ -~]*[!-~])?$",
}


def _check_channel(value: object) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not CHANNEL_ID.fullmatch(text):
        raise ValueError("a channel's id such as -1001649127710 is wanted")
    return text


def _check_label(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("a text or null is wanted")  # noqa: TRY004 - pydantic reports ValueError
    label = value.strip()
    if not 1 <= len(label) <= LONGEST_LABEL:
        raise ValueError(f"1 to {LONGEST_LABEL} characters are wanted, or null for none")
    if not label.replace(_JOINER, "").isprintable():
        raise ValueError("printable characters on one line are wanted")
    return label


ChannelId = Annotated[str, PlainValidator(_check_channel), WithJsonSchema(CHANNEL_ID_SCHEMA)]


class ChannelRequest(Body):
    """A channel to read; without ``label`` or ``market`` the one that stands is kept."""

    id: ChannelId = Field(description="the channel's id")
    label: Annotated[
        str | None,
        PlainValidator(_check_label),
        WithJsonSchema({"anyOf": [_LABEL_SCHEMA, {"type": "null"}]}),
    ] = Field(default=None, description="its name in signals and pages")
    market: Literal["b3", "forex", "crypto"] | None = Field(
        default=None,
        description="what it trades in; null for what the settings say. Messages that were read before keep "
        "their readings until `tp-capital replay --apply`",
    )


class ChannelBreaker(Body):
    """The circuit breaker of a channel's poller."""

    state: BreakerState
    calls: int
    failures: int
    openings: int


class Channel(CamelBody):
    """A channel that is read, and how its reading goes. Counts are null when they cannot be had now."""

    id: str
    label: str | None
    source: str = Field(description="`settings`, or `api` when it was added at run time")
    market: Literal["b3", "forex", "crypto"] = Field(description="what its messages are read as")
    added_at: datetime | None
    state: str
    error: str | None
    failing_since: datetime | None
    breaker: ChannelBreaker | None
    last_poll_at: datetime | None
    last_successful_poll_at: datetime | None
    last_message_at: datetime | None
    last_message_age_seconds: int | None
    lag_seconds: float | None
    in_flight: int
    unacknowledged: int
    signals: int | None
    messages: int | None
    backfill: ChannelHistory | None


class ChannelList(CamelBody):
    """The channels; ``complete`` is false while those added at run time are not known."""

    data: list[Channel]
    complete: bool
    error: str | None
    counts_end_at: int = Field(description="counts stop here: there are this many or more")


class ChannelKept(Body):
    """What stays stored of a channel that is read no more."""

    signals: int
    messages: int


class ChannelRemoved(CamelBody):
    """A channel is read no more."""

    id: str
    label: str | None
    added_at: datetime
    removed_at: datetime
    kept: ChannelKept | None
    detail: str
