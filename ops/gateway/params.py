"""The query strings and bodies of the gateway's requests, as models."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request

from ops.gateway.records import CHANNEL_ID, STATUSES, utc_from_iso
from ops.http.kit.parameters import Parameters, Whole, lowered
from ops.http.kit.problems import BadRequestError

__all__ = [
    "BODY_MAX_BYTES",
    "HistoryQuery",
    "MarkBody",
    "ReprocessBody",
    "RowRead",
    "SyncBody",
    "UnprocessedQuery",
    "Waiting",
    "asked_of",
    "no_such_message",
    "row_id",
]

#: enough for an escaped text of 1 MB, or for 10,000 message ids
BODY_MAX_BYTES = 4 * 1024 * 1024
LIMIT_MAX = 10_000
WAIT_MAX_S = 30.0
#: of PostgreSQL's bigint
BIGINT_MAX = 2**63 - 1
LARGEST = 10**18 - 1
DEFAULT_STATUSES = ("queued", "received")


def _channel(text: str) -> str:
    if not CHANNEL_ID.fullmatch(text):
        raise ValueError("must be the number of a channel, for instance -1001649127710")
    return text


def _channel_of_json(value: object) -> object:
    """Accept a number too, because some senders use numbers."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) else value


def _statuses(text: str) -> tuple[str, ...] | None:
    names = {name.strip() for name in text.split(",")} - {""}
    if not names <= STATUSES:
        raise ValueError("must be a comma-separated list of: " + ", ".join(sorted(STATUSES)))
    return tuple(sorted(names)) or None


def _instant(value: object) -> datetime:
    try:
        return utc_from_iso(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError("must be an ISO 8601 time, for instance 2025-11-12T13:04:31Z") from None


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not hold a NUL character")
    return text


def _consumer(text: str) -> str:
    if not text.strip():
        raise ValueError("must be the name of the consumer")
    return _without_nul(text.strip())


Channel = Annotated[str, AfterValidator(_channel)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
Limit = Annotated[int, Whole(1, LARGEST), AfterValidator(lambda number: min(number, LIMIT_MAX))]


class _Query(Parameters):
    """A query string. If a parameter is given twice, the last one counts. Unknown parameters are ignored."""

    @classmethod
    def read(cls, query: QueryParams) -> Self:
        known = {field.alias or name for name, field in cls.model_fields.items()}
        return super().read(
            QueryParams({name: value.strip() for name, value in query.items() if name in known})
        )


def asked_of(request: Request) -> QueryParams:
    """Return the query of a request. The header of our consumers stands for its parameter ``deleted``."""
    word = [("deleted", "true")] if request.headers.get("x-include-deleted") == "true" else []
    return QueryParams([*word, *request.query_params.multi_items()])


class UnprocessedQuery(_Query):
    """The parameters of a poll. Without ``exclude`` only the plain status counts."""

    channel: Channel = Field("", validate_default=True)
    statuses: Annotated[
        tuple[str, ...], BeforeValidator(lambda text: _statuses(text) or DEFAULT_STATUSES)
    ] = Field(DEFAULT_STATUSES, alias="status")
    exclude: str | None = Field(None, alias="excludeProcessedBy")
    limit: Limit = 1000
    #: also messages that their channel has deleted since the consumer marked them, with their last text
    deleted: bool = False


class Waiting(_Query):
    """How many seconds a request may wait for a result."""

    wait: Annotated[
        float, Field(ge=0, allow_inf_nan=False), AfterValidator(lambda seconds: min(seconds, WAIT_MAX_S))
    ] = 0.0


class HistoryQuery(_Query):
    """A page of the history. ``since`` is inclusive and ``before`` exclusive. Both are times of receipt."""

    channel: Channel | None = Field(None, alias="channelId")
    statuses: Annotated[tuple[str, ...] | None, BeforeValidator(_statuses)] = Field(None, alias="status")
    since: Instant | None = Field(None, alias="from")
    #: answers show milliseconds, and a row must not lie beyond the time that is shown for it
    before: Annotated[Instant, AfterValidator(lambda instant: instant + timedelta(milliseconds=1))] | None = (
        Field(None, alias="to")
    )
    search: str | None = None
    sort: Annotated[Literal["asc", "desc"], BeforeValidator(lowered)] = "desc"
    limit: Limit = 100
    offset: Annotated[int, Whole(0, LARGEST)] = 0
    #: also messages that their channel has deleted, with their last text
    deleted: bool = False


class RowRead(BaseModel):
    """A row as a consumer read it. Missing fields are not compared."""

    id: int
    updated_at: Instant | None = Field(None, alias="updatedAt")
    status: str | None = None


def _rows_of_ours(value: object) -> object:
    """Leave out entries that cannot be our rows. Of a row that is named twice, keep the last entry."""
    if not isinstance(value, list):
        return value
    if len(value) > LIMIT_MAX:
        raise ValueError(f"must be a list of at most {LIMIT_MAX} rows")
    rows: dict[int, dict[str, Any]] = {}
    for row in value:
        if not isinstance(row, dict):
            raise ValueError("must be a list of objects with id, updatedAt and status")  # noqa: TRY004 - pydantic reports ValueError
        own_id = row.get("id")
        if isinstance(own_id, str) and own_id.isascii() and own_id.isdigit() and len(own_id) <= 18:
            rows[int(own_id)] = row | {"id": int(own_id)}
    return list(rows.values())


def _with_a_usable_id(entries: list[Any]) -> list[Any]:
    if not any(map(_is_usable, entries)):
        raise ValueError("must hold a usable id: a string or an integer")
    return entries


def _is_usable(entry: object) -> bool:
    if isinstance(entry, str):
        return bool(entry.strip()) and "\0" not in entry
    return isinstance(entry, int) and not isinstance(entry, bool)


class MarkBody(BaseModel):
    """The messages to mark, and the consumer. ``read`` holds the rows as the consumer read them. Without it all are marked.

    A bad entry in ``entries`` does not fail the others. A list without any usable entry is refused.
    """

    model_config = ConfigDict(frozen=True)

    entries: Annotated[
        list[Any], Field(min_length=1, max_length=LIMIT_MAX), AfterValidator(_with_a_usable_id)
    ] = Field(alias="messageIds")
    consumer: Annotated[str, AfterValidator(_consumer)] = Field(alias="processedBy")
    channel: Annotated[Channel | None, BeforeValidator(_channel_of_json)] = Field(None, alias="channelId")
    read: Annotated[list[RowRead] | None, BeforeValidator(_rows_of_ours)] = None

    @property
    def ids(self) -> list[str]:
        """The entries that can be ids."""
        return [str(entry).strip() for entry in self.entries if _is_usable(entry)]


class ReprocessBody(BaseModel):
    """The new text of a message, if one is given."""

    text: Annotated[str, AfterValidator(_without_nul)] | None = None


class SyncBody(BaseModel):
    """The most messages to fetch."""

    limit: Annotated[int, Whole(1, LARGEST, of_json=True)] | None = None


def row_id(request: Request) -> int:
    """Return the id of the path."""
    text = str(request.path_params["id"])
    if not (text.isascii() and text.isdigit()):
        raise BadRequestError([("id", "must be a number")])
    if len(text) > 19 or int(text) > BIGINT_MAX:
        raise no_such_message()
    return int(text)


def no_such_message() -> HTTPException:
    """Return the error for an id that no message has."""
    return HTTPException(404, "there is no message with this id")
