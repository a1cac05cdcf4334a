"""The query parameters of ``/signals`` and its stream, and the storage queries built from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Annotated, Literal, get_args
from urllib.parse import quote

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from starlette.datastructures import QueryParams

from actors.analysis.market_outcome import Ending
from actors.shown.event_log import Position
from ops.http.kit.parameters import MOST_VALUES, Instant, Parameters, Whole, Word, lowered, separated
from ops.http.kit.problems import BadRequestError
from ops.http.routes.frames import read_place
from ops.http.routes.signal_models import SignalObject, SignalStatus
from ops.http.routes.stream_filter import StreamFilter
from ops.instants import first_instant, last_instant
from storage.postgres.orders import Order, decode_cursor
from storage.postgres.page_query import SignalQuery
from storage.postgres.status_filter import StatusFilter

__all__ = [
    "HISTORY_TYPE",
    "CsvParameters",
    "Cursor",
    "ListParameters",
    "ListQuery",
    "Side",
    "SignalFilters",
    "SignalsParameters",
    "StreamParameters",
    "list_query",
    "parse_list_query",
    "signal_query",
]

#: ``type`` of the entry for the completed history import
HISTORY_TYPE = "historical_sync"
#: the parameters that every first page may have
_NO_FILTERS = frozenset({"limit", "sort", "count"})
#: what the index of searches does not know
_NOT_SEARCHED = "does not go with `search`, which finds signals by time only"


def _cursor(value: str) -> str:
    decode_cursor(value)
    return value


def _event_id(value: str) -> str:
    read_place(value)
    return value


def _among(words: tuple[str, ...]) -> AfterValidator:
    def check(value: str) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return value

    return AfterValidator(check)


def _field(value: str) -> str:
    if value not in SignalObject.model_fields:
        raise ValueError(f"must be names of a signal's fields: {', '.join(SignalObject.model_fields)}")
    return value


Side = Annotated[Literal["buy", "sell"], BeforeValidator(lowered)]
Words = Annotated[tuple[Word, ...], Field(max_length=MOST_VALUES), BeforeValidator(separated)]
Sides = Annotated[tuple[Side, ...], Field(max_length=MOST_VALUES), BeforeValidator(separated)]
#: ``target`` is any reached target, ``valid`` is every signal that still counts
_STATUS_WORDS = ("valid", "target", *(status.value for status in SignalStatus))
Status = Annotated[
    str,
    BeforeValidator(lowered),
    _among(_STATUS_WORDS),
    WithJsonSchema({"type": "string", "enum": _STATUS_WORDS}),
]
_OUTCOME_WORDS = ("ended", "not_ended", *(ending.value for ending in Ending))
Outcome = Annotated[
    str,
    BeforeValidator(lowered),
    _among(_OUTCOME_WORDS),
    WithJsonSchema({"type": "string", "enum": _OUTCOME_WORDS}),
]
Outcomes = Annotated[tuple[Outcome, ...], Field(max_length=MOST_VALUES), BeforeValidator(separated)]
_OUTCOME_MEANING = (
    "what prices say; `ended` is every signal that they have ended, `not_ended` every other one"
)
Statuses = Annotated[tuple[Status, ...], Field(max_length=MOST_VALUES), BeforeValidator(separated)]
Cursor = Annotated[
    str,
    AfterValidator(_cursor),
    WithJsonSchema({"type": "string", "pattern": "^(-?[a-z_]+\\..{1,100}_)?[0-9]{1,16}_[0-9]{1,18}$"}),
]
ByTime = Literal["asc", "desc", "ts", "-ts"]
AnyOrder = Literal[ByTime, "asset", "-asset", "updated_at", "reward_risk"]
FieldNames = Annotated[
    tuple[
        Annotated[
            str,
            AfterValidator(_field),
            WithJsonSchema({"type": "string", "enum": [*SignalObject.model_fields]}),
        ],
        ...,
    ],
    BeforeValidator(separated),
]
EventId = Annotated[
    str,
    AfterValidator(_event_id),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,18}(-[0-9]{1,18})?$"}),
]


class FixedFilters(Parameters):
    """Selects signals by what never changes about them, so a stream knows these filters too."""

    several = frozenset({"channel", "asset", "type", "side"})

    channel: Words = Field(default=(), description="ids of channels")
    asset: Words = Field(default=(), description="tickers, in any case")
    type: Words = Field(default=(), description="`signal_type`, in any case")
    side: Sides = Field(default=(), description="sides of the market")


class SignalFilters(FixedFilters):
    """Selects signals."""

    several = FixedFilters.several | {"status", "outcome"}

    status: Statuses = Field(
        default=(),
        description="statuses; `target` is any reached target, and `valid` is every signal that still counts",
    )
    outcome: Outcomes = Field(default=(), description=_OUTCOME_MEANING)
    search: Word | None = Field(default=None, description="part of the asset or the raw message, in any case")
    from_: Instant | None = Field(default=None, alias="from", description="earliest time of a signal")
    to: Instant | None = Field(default=None, description="latest time of a signal")


class ListParameters(SignalFilters):
    """Selects signals and their order."""

    sort: Annotated[ByTime, BeforeValidator(lowered)] = Field(
        default="desc", description="by time: newest first (`desc`, `-ts`), or oldest first (`asc`, `ts`)"
    )


class SignalsParameters(SignalFilters):
    """Selects signals, their order, their number, and what is shown of each."""

    never_empty = frozenset({"limit", "cursor"})
    several = SignalFilters.several | {"fields"}

    sort: Annotated[AnyOrder, BeforeValidator(lowered)] = Field(
        default="desc",
        description="by time: newest first (`desc`, `-ts`), or oldest first (`asc`, `ts`); by `asset`, "
        "or from the last to the first (`-asset`); by `updated_at`, what changed last at the end; by `reward_risk`, the highest first and those without one at the end",
    )
    updated_since: Instant | None = Field(
        default=None,
        description="only signals that were stored, or whose status or events changed, then or later",
    )
    fields: FieldNames = Field(default=(), description="only these fields of each signal")
    count: Annotated[Literal["none", "exact"], BeforeValidator(lowered)] = Field(
        default="none", description="`exact`: tell how many signals match, on all pages together"
    )
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


class StreamParameters(FixedFilters):
    """Selects the signals of a stream, and the place where it starts."""

    several = FixedFilters.several | {"outcome"}

    outcome: Outcomes = Field(
        default=(),
        description=f"{_OUTCOME_MEANING}; a signal that fits no longer is told by the event `left`",
    )
    last_event_id: EventId | None = Field(
        default=None,
        alias="lastEventId",
        description="resume after this event, for tools that cannot send the header `Last-Event-ID`",
    )

    def filter(self) -> StreamFilter:
        """Return the reader's filter."""
        return StreamFilter(
            channel=self.channel,
            asset=self.asset,
            signal_type=self.type,
            side=self.side,
            by_outcome=StatusFilter.of((), self.outcome),
        )

    def place(self) -> Position | None:
        """Return the place to resume after."""
        return read_place(self.last_event_id) if self.last_event_id else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """The query for a page. ``key`` does not depend on the order of the parameters.

    ``fields`` are those that are shown of each signal, or all if it is empty. ``counted`` asks for the number of signals
    on all pages.
    """

    signals: SignalQuery | None
    history: bool
    key: str
    fields: tuple[str, ...] = ()
    counted: bool = False


def signal_query(asked: SignalFilters, zone: tzinfo) -> SignalQuery:
    """Return the storage query of the filters. ``zone`` is the time zone of a date without a time."""
    return SignalQuery(
        channel=asked.channel,
        asset=asked.asset,
        signal_type=asked.type,
        side=asked.side,
        status=asked.status,
        outcome=asked.outcome,
        search=asked.search,
        since=None if asked.from_ is None else first_instant(asked.from_, zone),
        until=None if asked.to is None else last_instant(asked.to, zone),
    )


def list_query(
    asked: ListParameters | CsvParameters | SignalsParameters,
    zone: tzinfo,
    *,
    cursor: str | None = None,
    limit: int = 0,
) -> SignalQuery:
    """Return the storage query of a list."""
    return replace(
        signal_query(asked, zone),
        limit=limit,
        after=decode_cursor(cursor) if cursor else None,
        order=Order.TS if asked.sort in get_args(ByTime) else Order(asked.sort),
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
    query = list_query(asked, zone, cursor=asked.cursor, limit=asked.limit)
    if asked.updated_since is not None:
        query = replace(query, updated_since=first_instant(asked.updated_since, zone))
    if conflicts := list(_conflicts(asked, query)):
        raise BadRequestError(conflicts)
    only_history = [word.lower() for word in asked.type] == [HISTORY_TYPE]
    filters = {
        name
        for name in SignalsParameters.model_fields.keys() - _NO_FILTERS
        if getattr(asked, name) not in (None, ())
    }
    instants = ("from", query.since), ("to", query.until), ("updated_since", query.updated_since)
    joined = {name: ",".join(filter(None, parameters.getlist(name))) for name in parameters}
    given = {name: value for name, value in joined.items() if value}
    # daemons of other time zones may share the pages, so a date is no key
    given |= {name: at.isoformat() for name, at in instants if at is not None}
    return ListQuery(
        signals=None if with_history and only_history else query,
        # the entry is on the first page of the unfiltered list, or alone
        history=with_history and (not filters or (only_history and filters == {"type"})),
        key="&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(given.items())),
        fields=asked.fields,
        counted=asked.count == "exact",
    )


def _conflicts(asked: SignalsParameters, query: SignalQuery) -> Iterator[tuple[str, str]]:
    """Yield what does not go together, because no index finds it."""
    if query.after is not None and query.after.order is not query.order:
        yield "cursor", "is of a list with another `sort`"
    if query.order is Order.UPDATED_AT and (query.since or query.until):
        yield "sort", "`updated_at` goes with `updated_since`, not with `from` and `to`"
    if query.search:
        if query.order is not Order.TS:
            yield "sort", _NOT_SEARCHED
        if query.updated_since is not None:
            yield "updated_since", _NOT_SEARCHED
        if asked.count == "exact":
            yield "count", _NOT_SEARCHED
