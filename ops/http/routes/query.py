"""The query parameters of ``/signals`` and its stream, and the storage queries built from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from starlette.datastructures import QueryParams

from actors.shown.event_log import Position
from ops.http.kit.parameters import MOST_VALUES, Instant, Parameters, Whole, Word, lowered, separated
from ops.http.routes.frames import read_place
from ops.http.routes.signal_models import SignalStatus
from ops.http.routes.stream_filter import StreamFilter
from ops.instants import first_instant, last_instant
from storage.postgres.page_query import SignalQuery
from storage.postgres.signals import decode_cursor

__all__ = [
    "HISTORY_TYPE",
    "CsvParameters",
    "Cursor",
    "ListParameters",
    "ListQuery",
    "Side",
    "SignalsParameters",
    "StreamParameters",
    "parse_list_query",
    "signal_query",
]

#: ``type`` of the entry for the completed history import
HISTORY_TYPE = "historical_sync"
#: the parameters that every first page may have
_NO_FILTERS = frozenset({"limit", "sort"})


def _cursor(value: str) -> str:
    decode_cursor(value)
    return value


def _event_id(value: str) -> str:
    read_place(value)
    return value


def _status(value: str) -> str:
    if value not in _STATUS_WORDS:
        raise ValueError(f"must be one of {', '.join(_STATUS_WORDS)}")
    return value


Side = Annotated[Literal["buy", "sell"], BeforeValidator(lowered)]
Words = Annotated[tuple[Word, ...], Field(max_length=MOST_VALUES), BeforeValidator(separated)]
Sides = Annotated[tuple[Side, ...], Field(max_length=MOST_VALUES), BeforeValidator(separated)]
#: ``target`` is any reached target, ``valid`` is every status in which a signal still counts
_STATUS_WORDS = ("valid", "target", *(status.value for status in SignalStatus))
Status = Annotated[
    str,
    BeforeValidator(lowered),
    AfterValidator(_status),
    WithJsonSchema({"type": "string", "enum": _STATUS_WORDS}),
]
Statuses = Annotated[tuple[Status, ...], Field(max_length=MOST_VALUES), BeforeValidator(separated)]
Cursor = Annotated[
    str,
    AfterValidator(_cursor),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,16}_[0-9]{1,18}$"}),
]
EventId = Annotated[
    str,
    AfterValidator(_event_id),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,18}(-[0-9]{1,18})?$"}),
]


class ListParameters(Parameters):
    """Selects signals and their order."""

    several = frozenset({"channel", "asset", "type", "side", "status"})

    channel: Words = Field(default=(), description="ids of channels")
    asset: Words = Field(default=(), description="tickers, in any case")
    type: Words = Field(default=(), description="`signal_type`, in any case")
    side: Sides = Field(default=(), description="sides of the market")
    status: Statuses = Field(
        default=(),
        description="statuses; `target` is any reached target, and `valid` is `waiting`, `open` or a numbered target",
    )
    search: Word | None = Field(default=None, description="part of the asset or the raw message, in any case")
    from_: Instant | None = Field(default=None, alias="from", description="earliest time of a signal")
    to: Instant | None = Field(default=None, description="latest time of a signal")
    sort: Annotated[Literal["asc", "desc", "ts", "-ts"], BeforeValidator(lowered)] = Field(
        default="desc", description="by time: newest first (`desc`, `-ts`), or oldest first (`asc`, `ts`)"
    )


class SignalsParameters(ListParameters):
    """Selects signals, their order and their number."""

    never_empty = frozenset({"limit", "cursor"})

    limit: Annotated[int, Whole(1, 1000)] = Field(default=100, description="maximum number of signals")
    cursor: Cursor | None = Field(default=None, description="`nextCursor` of the previous page")


class CsvParameters(ListParameters):
    """Selects the signals of a file, and its form."""

    never_empty = frozenset({"limit", "cursor"})

    limit: Annotated[int, Whole(1, 1000)] | None = Field(
        default=None, description="only so many signals, as a page; without it, all that match"
    )
    cursor: Cursor | None = Field(default=None, description="only the signals after this place")
    dialect: Annotated[Literal["excel-br"], BeforeValidator(lowered)] | None = Field(
        default=None,
        description="`excel-br`: for a spreadsheet with Brazilian settings, with semicolons, decimal commas and times of "
        "TP_CAPITAL_TIMEZONE",
    )


class StreamParameters(Parameters):
    """Selects the signals of a stream, and the place where it starts."""

    channel: Word | None = Field(default=None, description="id of a channel")
    asset: Word | None = Field(default=None, description="ticker, in any case")
    type: Word | None = Field(default=None, description="`signal_type`, in any case")
    side: Side | None = Field(default=None, description="side of the market")
    last_event_id: EventId | None = Field(
        default=None,
        alias="lastEventId",
        description="resume after this event, for tools that cannot send the header `Last-Event-ID`",
    )

    def filter(self) -> StreamFilter:
        """Return the reader's filter."""
        return StreamFilter(channel=self.channel, asset=self.asset, signal_type=self.type, side=self.side)

    def place(self) -> Position | None:
        """Return the place to resume after."""
        return read_place(self.last_event_id) if self.last_event_id else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """The query for a page. ``key`` does not depend on the order of the parameters."""

    signals: SignalQuery | None
    history: bool
    key: str


def signal_query(
    asked: ListParameters, zone: tzinfo, *, cursor: str | None = None, limit: int = 0
) -> SignalQuery:
    """Return the storage query. ``zone`` is the time zone of a date without a time."""
    return SignalQuery(
        limit=limit,
        after=decode_cursor(cursor) if cursor else None,
        channel=asked.channel,
        asset=asked.asset,
        signal_type=asked.type,
        side=asked.side,
        status=asked.status,
        search=asked.search,
        since=None if asked.from_ is None else first_instant(asked.from_, zone),
        until=None if asked.to is None else last_instant(asked.to, zone),
        ascending=asked.sort in ("asc", "ts"),
    )


def parse_list_query(parameters: QueryParams, *, zone: tzinfo, with_history: bool) -> ListQuery:
    """Return the query.

    ``zone`` is the time zone of a date without a time. ``with_history`` says whether this path shows the entry of the
    history import.

    Raises:
        BadRequestError: a parameter is unknown, given twice or invalid. The error lists every such parameter.
    """
    asked = SignalsParameters.read(parameters)
    query = signal_query(asked, zone, cursor=asked.cursor, limit=asked.limit)
    only_history = [word.lower() for word in asked.type] == [HISTORY_TYPE]
    filters = {
        name
        for name in SignalsParameters.model_fields.keys() - _NO_FILTERS
        if getattr(asked, name) not in (None, ())
    }
    joined = {name: ",".join(filter(None, parameters.getlist(name))) for name in parameters}
    given = {name: value for name, value in joined.items() if value}
    # daemons of other time zones may share the pages, so a date is no key
    given |= {
        name: at.isoformat() for name, at in (("from", query.since), ("to", query.until)) if at is not None
    }
    return ListQuery(
        signals=None if with_history and only_history else query,
        # the entry is on the first page of the unfiltered list, or alone
        history=with_history and (not filters or (only_history and filters == {"type"})),
        key="&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(given.items())),
    )
