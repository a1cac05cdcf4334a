"""The data of events that are no signals, and the envelope of all. They are described, not used to read."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from ops.http.kit.problems import Body

__all__ = ["ChannelChange", "HealthChange", "ReplacedSignal"]


class ReplacedSignal(Body):
    """A signal that its message no longer holds."""

    id: int = Field(description="number of the signal")
    channel: str = Field(description="id of the channel")
    message_id: str = Field(description="Telegram's number of the message within its channel")
    position: int = Field(description="place among the signals of the message, from 0")
    superseded_at: datetime = Field(description="when it was replaced or removed")
    replaced_by: int | None = Field(description="number of the signal in its place; null if there is none")


class ChannelChange(Body):
    """A channel that was added, removed or given another label."""

    channel: str = Field(description="id of the channel")
    change: Literal["added", "removed", "labelled"] = Field(description="what was done")
    label: str | None = Field(description="the channel's label now; of a removed channel the last one")


class HealthChange(Body):
    """Another state of a daemon's health."""

    status: Literal["healthy", "degraded", "unhealthy"] = Field(description="the state now")
    former: Literal["healthy", "degraded", "unhealthy"] | None = Field(
        description="the state before; null after the daemon's start"
    )
    checks: dict[str, str] = Field(description="state of each check that is not healthy")
