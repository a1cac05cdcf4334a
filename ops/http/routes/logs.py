"""``GET /logs``: the last entries, from memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from starlette.requests import Request
from starlette.responses import Response

from config.engine import level_name
from ops.http.kit.answers import JSON, packed_answer
from ops.http.kit.encoding import encode
from ops.http.kit.operations import Answer, Operation
from ops.http.kit.parameters import Parameters, Whole
from ops.http.routes.models import LogEntry, LogPage
from ops.recent_logs import RecentLogs

__all__ = ["LogsParameters", "log_operations"]


LogLevel = Annotated[Literal["debug", "info", "warning", "error", "critical"], BeforeValidator(level_name)]


class LogsParameters(Parameters):
    """Selects log entries and their number."""

    never_empty = frozenset({"limit", "after"})

    level: LogLevel = Field(
        default="debug",
        description="the lowest level, also under the names of other loggers such as `warn`; entries below LOG_LEVEL "
        "are not kept",
    )
    limit: Annotated[int, Whole(1, 1000)] = Field(default=100, description="maximum number of entries")
    after: Annotated[int, Whole(0, 10**15)] | None = Field(
        default=None, description="only entries after this number; the newest entries if not given"
    )


def log_operations(logs: RecentLogs, started_at: datetime) -> Sequence[Operation]:
    """Return the operation."""

    async def recent(request: Request) -> Response:
        asked = LogsParameters.read(request.query_params)
        page = logs.page(level=asked.level, limit=asked.limit, after=asked.after)
        body = LogPage(
            data=[LogEntry.model_validate(entry) for entry in page.entries],
            last=page.last,
            missed=page.missed,
            started_at=started_at,
        )
        return packed_answer(
            request.headers, encode(body), media_type=JSON, headers={"Cache-Control": "no-store"}
        )

    return [
        Operation(
            method="GET",
            path="/logs",
            name="listLogs",
            summary="The last entries of the log",
            tag="logs",
            handler=recent,
            query=LogsParameters,
            answers={200: Answer(description="Entries, newest first", body={JSON: LogPage})},
            problems=(400,),
        )
    ]
