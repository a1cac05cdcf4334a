"""The models of signals. The OpenAPI document is built from them, and tests validate the answers against them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from engine.model import EventKind, Side
from ops.http.kit.problems import Body, CamelBody
from ops.http.routes.enriched_models import MarketAtPosting, Price, SignalOutcome, SignalScore

__all__ = [
    "FormerSignalPage",
    "HistoryEntry",
    "SignalDetail",
    "SignalEvent",
    "SignalNow",
    "SignalObject",
    "SignalPage",
    "SignalStatus",
    "SignalWarning",
    "StatusReason",
]

EpochMs = Annotated[int, Field(description="milliseconds since 1970-01-01 UTC")]
Iso = Annotated[datetime, Field(description="the same instant as `ts`, in ISO 8601 and UTC")]


class SignalStatus(StrEnum):
    """What the channel has said about a signal, or that its time has passed. The furthest target counts."""

    WAITING = "waiting"
    OPEN = "open"
    TARGET_1 = "target_1"
    TARGET_2 = "target_2"
    TARGET_3 = "target_3"
    TARGET_4 = "target_4"
    TARGET_5 = "target_5"
    TARGET_6 = "target_6"
    TARGET_7 = "target_7"
    TARGET_8 = "target_8"
    TARGET_9 = "target_9"
    TARGET_10 = "target_10"
    TARGET_11 = "target_11"
    TARGET_12 = "target_12"
    TARGET_13 = "target_13"
    TARGET_14 = "target_14"
    TARGET_15 = "target_15"
    TARGET_16 = "target_16"
    TARGET_17 = "target_17"
    TARGET_18 = "target_18"
    TARGET_19 = "target_19"
    TARGET_20 = "target_20"
    TARGET_FINAL = "target_final"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class StatusReason(StrEnum):
    """Why a signal has its status: nothing was said yet, the kind of the message that decided, or which time passed."""

    POSTED = "posted"
    RESULT = "result"
    UPDATE = "update"
    CANCEL = "cancel"
    DELETED = "deleted"
    VALIDITY = "validity"
    SESSION = "session"
    PRICES = "prices"


class SignalWarning(StrEnum):
    """What looks wrong in a signal. `docs/messages.md` explains each."""

    AMBIGUOUS_NUMBER = "ambiguous_number"
    DUPLICATE_FIELD = "duplicate_field"
    EVENT_WORDS = "event_words"
    FAR_PRICE = "far_price"
    IMPLAUSIBLE_DATE = "implausible_date"
    INCOMPLETE_TABLE = "incomplete_table"
    MISSING_DATE = "missing_date"
    MISSING_ENTRY = "missing_entry"
    MISSING_STOP = "missing_stop"
    MISSING_TARGETS = "missing_targets"
    MULTIPLE_SIGNALS = "multiple_signals"
    ODD_CHARACTERS = "odd_characters"
    OPEN_TARGET = "open_target"
    OPTION_UNNAMED = "option_unnamed"
    RANGE_WIDE = "range_wide"
    RELATIVE_PRICE = "relative_price"
    SEVERAL_TICKERS = "several_tickers"
    STOP_SIDE = "stop_side"
    TARGET_ORDER = "target_order"
    TARGET_SIDE = "target_side"
    UNKNOWN_ASSET_SHAPE = "unknown_asset_shape"


class SignalEvent(Body):
    """What a later message says about a signal, or that the signal's own message was deleted."""

    kind: EventKind = Field(
        description="what kind of message it is; `deleted`: the channel deleted the message of the signal"
    )
    ts: EpochMs
    ts_iso: Iso
    message_id: str = Field(description="Telegram's number of the message within its channel")
    text: str | None = Field(description="the text of the message; null for `deleted`")
    asset: str | None = Field(description="the ticker that the text names, if it names one")
    target: int | None = Field(
        description="number of the target that was reached or changed; 0 is the final target"
    )
    stop_hit: bool = Field(description="the text says that the stop was hit")
    new_stop: Price | None = Field(description="the new stop")
    new_targets: list[Price] = Field(description="the new targets in their order, a new final target last")
    new_entry: list[Price] | None = Field(description="the lower and the higher entry price")
    breakeven: bool = Field(
        description="the stop moves to the entry; in a result, the trade was closed at the entry"
    )
    fraction: Price | None = Field(description="the part of the position that is closed, up to 1")
    price: Price | None = Field(description="the price of an exit, of a partial exit or of an order")
    percent: Price | None = Field(description="gain or loss, signed as written")


class SignalNow(Body):
    """The current state of a signal after its events. The signal itself stays as it was posted."""

    status: SignalStatus = Field(description="the same as the signal's `status`")
    stop: Price | None = Field(
        description="null if there is no stop, or if the stop is at an entry that is a range"
    )
    targets: list[Price] = Field(description="the targets, nearest first")
    target_final: Price | None = Field(description="the final target")
    buy_min: Price | None = Field(description="the lower entry price")
    buy_max: Price | None = Field(description="the higher entry price")
    fraction: Price = Field(description="the part of the position that is still held, from 1 to 0")
    breakeven: bool = Field(description="the stop is at the entry")


class _Entry(Body):
    """What signals and the entry of the history import have in common."""

    id: int = Field(description="number of the signal; it never changes and is never used again")
    ts: EpochMs
    ts_iso: Iso
    channel: str = Field(description="id of the channel", examples=["-1001649127710"])
    channel_label: str | None = Field(description="the channel's label, if it has one")
    signal_type: str = Field(description="type of trade", examples=["Swing Trade", "Day Trade"])
    side: Side | None = Field(description="direction of the first order")
    asset: str = Field(description="ticker", examples=["PETR4"])
    buy_min: Price | None = Field(description="lower entry price, also of a short sale")
    buy_max: Price | None = Field(description="higher entry price; equal to `buy_min` if there is one price")
    target_1: Price | None = Field(description="the first of `targets`")
    target_2: Price | None = Field(description="the second of `targets`")
    target_final: Price | None = Field(description="the labelled final target, or the last of `targets`")
    targets: list[Price] = Field(description="the numbered targets in the order of the message")
    stop: Price | None = Field(description="stop")
    valid_until: str | None = Field(description="last day of validity as written: DD/MM or DD/MM/YYYY")
    status: SignalStatus | None = Field(description="what the channel has said, or that its time has passed")
    status_since: datetime | None = Field(description="since when the status holds")
    status_reason: StatusReason | None = Field(description="why the signal has its status")
    valid: bool | None = Field(
        description="whether it still counts: it waits, is open, or has reached a target that is not its last one, and "
        "its session is not over"
    )
    warnings: list[SignalWarning] = Field(
        description="what looks wrong, in alphabetical order; order automatically only where it is empty"
    )
    raw_message: str = Field(description="the text that was read, exactly as it was sent")
    source: str = Field(description="where the gateway had the message from", examples=["telegram"])
    message_id: str | None = Field(description="Telegram's number of the message within its channel")
    position: int = Field(description="place among the signals of the message, from 0")
    current: SignalNow | None = Field(description="the values that hold now")
    events: list[SignalEvent] = Field(description="later messages about the signal, oldest first")
    ingested_at: datetime = Field(description="when it was read; another instant for each signal")
    created_at: datetime = Field(description="when it was stored")
    market: MarketAtPosting | None = Field(
        description="what the market looked like when it was posted; null without bars"
    )
    outcome: SignalOutcome | None = Field(
        description="what became of it by the market's prices (`docs/outcomes.md`); null without bars"
    )
    score: SignalScore | None = Field(
        description="how probably it reaches target 1 before its stop; null where the evidence is not enough "
        "(`GET /score/report` says why), or where it has no entry, stop or target"
    )
    reward_risk: Price | None = Field(
        description="reward to the final target for each unit of risk, of the signal as it was posted; null where a price "
        "is missing, doubtful or on the wrong side"
    )
    updated_at: datetime = Field(description="when its status or events last changed")


class SignalObject(_Entry):
    """A trading signal as read from a message. Prices have exactly the digits of the message."""

    side: Side = Field(description="direction of the first order")
    status: SignalStatus = Field(description="what the channel has said, or that its time has passed")
    status_since: datetime = Field(description="since when the status holds")
    status_reason: StatusReason = Field(description="why the signal has its status")
    valid: bool = Field(
        description="whether it still counts: it waits, is open, or has reached a target that is not its last one, and "
        "its session is not over"
    )
    message_id: str = Field(description="Telegram's number of the message within its channel")
    current: SignalNow = Field(description="the values that hold now")


class HistoryEntry(_Entry):
    """The completed history import, as an entry of the former service's list."""

    id: Literal[0] = Field(description="0, which no signal has")
    signal_type: Literal["historical_sync"] = Field(description="tells it from a signal")


class SignalDetail(SignalObject):
    """A signal with its provenance: where in the text each value was read, and by which rule."""

    provenance: Any = Field(
        description="for each value: `field`, `start` and `end` in `raw_message`, `rule` and `value`"
    )
    grammar_version: str = Field(description="version of the rules that read it")


class _Page(CamelBody):
    """What pages have beside their entries."""

    next_cursor: str | None = Field(description="`cursor` of the next page; null on the last one")
    count: int | None = Field(
        default=None, description="how many signals match, on all pages together; present with `count=exact`"
    )
    stale: Literal[True] | None = Field(
        default=None, description="present while the database is unavailable: this is an earlier page"
    )
    stale_seconds: int | None = Field(default=None, description="age of an earlier page")


class SignalPage(_Page):
    """A page of signals. ``stale`` is present only while the database is unavailable."""

    data: list[SignalObject] = Field(description="the signals in the order of `sort`")


class FormerSignalPage(_Page):
    """A page of the unversioned list, which also shows the completed history import."""

    data: list[SignalObject | HistoryEntry] = Field(description="signals, and the entry of the import")
