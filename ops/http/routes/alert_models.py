"""The models of requests and answers about alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictBool, StringConstraints

from actors.alerts.quiet import QUIET_PATTERN, read_quiet_hours
from ops.http.kit.parameters import MOST_VALUES, Parameters, Whole
from ops.http.kit.problems import Body, CamelBody
from ops.http.routes.channel_models import ChannelId

__all__ = [
    "MOST_TARGETS",
    "AlertDeliveriesParameters",
    "AlertDeliveryItem",
    "AlertDeliveryPage",
    "AlertItem",
    "AlertList",
    "AlertQueued",
    "AlertRemoved",
    "AlertRequest",
    "AlertTargetItem",
    "AlertTargetRequest",
]

MOST_TARGETS = 5
LONGEST_URL = 2000


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be printable characters on one line")
    return text


def _quiet(text: str | None) -> str | None:
    if text is not None:
        read_quiet_hours(text)
    return text


_Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80), AfterValidator(_printable)
]
_Asset = Annotated[_Text, AfterValidator(str.upper)]
_List = Field(max_length=MOST_VALUES)
_Kind = Literal["signal", "update", "result", "cancel", "system"]
_RowId = Annotated[int, Whole(1, 10**18 - 1, of_json=True)]


class AlertTargetRequest(Body):
    """Where alerts are sent. Without ``id`` it is a new target; with it, what is not given stays as it is."""

    id: _RowId | None = Field(default=None, description="number of a target that the rule has already")
    url: (
        Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_URL)] | None
    ) = Field(
        default=None,
        description="https:// address of a webhook, or an address that Apprise understands, such as "
        "tgram://TOKEN/CHAT; needed for a new target",
    )
    secret: Annotated[str, StringConstraints(max_length=200)] | None = Field(
        default=None,
        description="secret to sign a webhook by (`whsec_...`); a new webhook without one is given one. The former secret signs "
        "too for one more day",
    )
    new_secret: StrictBool = Field(default=False, description="make a new secret for this webhook")


class AlertRequest(Body):
    """A rule of alerts. An empty list is every channel, asset, type or side; troubles of the system know no filter."""

    name: _Text = Field(description="its name; each rule has another one")
    enabled: StrictBool = Field(default=True, description="whether alerts are sent")
    language: Literal["pt", "en"] = Field(default="pt", description="language of the texts")
    kinds: tuple[_Kind, ...] = Field(
        min_length=1,
        max_length=MOST_VALUES,
        description="what is told: new signals, updates (moved stops and targets, corrections), results, cancellations, troubles "
        "of the system",
    )
    channels: Annotated[tuple[ChannelId, ...], _List] = Field(default=(), description="ids of channels")
    assets: Annotated[tuple[_Asset, ...], _List] = Field(default=(), description="tickers, in any case")
    types: Annotated[tuple[_Text, ...], _List] = Field(default=(), description="`signal_type`, in any case")
    sides: Annotated[tuple[Literal["buy", "sell"], ...], _List] = Field(
        default=(), description="sides of the market"
    )
    without_warnings: StrictBool = Field(
        default=False, description="only signals in which nothing looks wrong"
    )
    quiet_hours: Annotated[Annotated[str, Field(pattern=QUIET_PATTERN)] | None, AfterValidator(_quiet)] = (
        Field(
            default=None,
            description="times of the day in TP_CAPITAL_TIMEZONE between which nothing is sent, such as `22:00-07:00`",
        )
    )
    targets: tuple[AlertTargetRequest, ...] = Field(
        min_length=1,
        max_length=MOST_TARGETS,
        description="where alerts are sent; each has an order of its own",
    )


class AlertTargetItem(Body):
    """A target. Its address is shown without its secrets."""

    id: int = Field(description="number of the target")
    kind: Literal["webhook", "apprise"] = Field(
        description="a signed webhook, or a service that Apprise speaks"
    )
    service: str = Field(description="name of the service")
    url: str = Field(description="the address, its secret parts hidden")
    off_reason: str | None = Field(description="why nothing is sent to it until the rule is saved again")
    off_at: datetime | None = Field(description="when it was switched off")
    secret: str | None = Field(
        default=None,
        description="the secret to verify by; present only in the answer to the request that made it",
    )


class AlertItem(Body):
    """A rule of alerts, with its targets."""

    id: int = Field(description="number of the rule")
    name: str = Field(description="its name")
    enabled: bool = Field(description="whether alerts are sent")
    language: Literal["pt", "en"] = Field(description="language of the texts")
    kinds: list[_Kind] = Field(description="what is told")
    channels: list[str] = Field(description="ids of channels; empty: all")
    assets: list[str] = Field(description="tickers; empty: all")
    types: list[str] = Field(description="types of trade; empty: all")
    sides: list[Literal["buy", "sell"]] = Field(description="sides of the market; empty: both")
    without_warnings: bool = Field(description="only signals in which nothing looks wrong")
    quiet_hours: str | None = Field(description="when nothing is sent")
    targets: list[AlertTargetItem] = Field(description="where alerts are sent")
    created_at: datetime = Field(description="when it was made; what was posted before is not told")
    updated_at: datetime = Field(description="when it was last changed")


class AlertList(Body):
    """All rules of alerts."""

    data: list[AlertItem] = Field(description="the rules, oldest first")


class AlertRemoved(Body):
    """A rule was removed, with what was sent by it."""

    id: int = Field(description="number of the rule")
    name: str = Field(description="its name")


class AlertQueued(Body):
    """Something will be sent within seconds; the rule's deliveries tell what became of it."""

    id: int = Field(description="number of the rule")
    queued: int = Field(description="how many alerts will be sent")


class AlertDeliveriesParameters(Parameters):
    """Selects alerts of a rule."""

    never_empty = frozenset({"limit", "cursor"})

    limit: Annotated[int, Whole(1, 200)] = Field(default=50, description="maximum number of alerts")
    cursor: Annotated[str, StringConstraints(pattern="^[0-9]{1,18}$")] | None = Field(
        default=None, description="`nextCursor` of the previous page"
    )
    state: Literal["due", "sent", "dead", "skipped"] | None = Field(
        default=None, description="only alerts in this state"
    )


class AlertDeliveryItem(Body):
    """An alert to one target."""

    id: int = Field(description="number of the alert here")
    webhook_id: str = Field(
        description="its id, the same at each attempt: receivers drop what they know by it"
    )
    target_id: int = Field(description="number of the target")
    kind: Literal["signal", "update", "result", "cancel", "system", "test"] = Field(
        description="what it tells of"
    )
    signal_id: int | None = Field(description="number of its signal")
    state: Literal["due", "sent", "dead", "skipped"] = Field(
        description="`due`: it is still to be sent; `dead`: it was given up; `skipped`: it was left out"
    )
    reason: str | None = Field(description="why it is in this state, or why the last attempt failed")
    attempts: int = Field(description="attempts so far")
    posted_at: datetime = Field(description="when happened what it tells of")
    created_at: datetime = Field(description="when it was written")
    next_at: datetime = Field(description="when it is tried next, while it is due")
    ended_at: datetime | None = Field(description="when it was sent, given up or left out")
    title: str = Field(description="its title")
    text: str = Field(description="its text")


class AlertDeliveryPage(CamelBody):
    """Alerts of a rule, newest first."""

    data: list[AlertDeliveryItem] = Field(description="the alerts")
    next_cursor: str | None = Field(description="`cursor` of the next page; null on the last one")
