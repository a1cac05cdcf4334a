"""``GET /daemons``: the processes of this database, and what each of them does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal

from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from ops.http.kit.answers import JSON, json_answer
from ops.http.kit.operations import Answer, Operation
from ops.http.kit.parameters import NoParameters
from ops.http.kit.problems import Body, problem
from storage.errors import StorageError
from storage.postgres.daemons import DaemonAtWork

__all__ = ["daemon_operations"]


class LivingDaemon(Body):
    """A process of this database."""

    place: str = Field(description="host and process id")
    role: Literal["all", "ingest", "serve"] = Field(description="what it is for")
    started_at: datetime = Field(description="when it began")
    seen_at: datetime = Field(
        description="when it last said that it lives; after half a minute it is left out"
    )
    jobs: list[str] = Field(
        description="what it does of the work that one process is enough for, named after its actors; `poller` polls all channels"
    )


class DaemonList(Body):
    """The living processes."""

    data: list[LivingDaemon] = Field(description="by role and place")


def daemon_operations(at_work: Callable[[], Sequence[DaemonAtWork]]) -> Sequence[Operation]:
    """Return the operation."""

    async def listing(request: Request) -> Response:
        NoParameters.read(request.query_params)
        try:
            found = await run_in_threadpool(at_work)
        except StorageError as error:
            return problem(503, f"The processes cannot be read now: {error}", headers={"Retry-After": "5"})
        data = [LivingDaemon.model_validate(daemon, from_attributes=True) for daemon in found]
        return json_answer(DaemonList(data=data))

    return [
        Operation(
            method="GET",
            path="/daemons",
            name="listDaemons",
            summary="The processes of this database, and who does what",
            tag="control",
            handler=listing,
            query=NoParameters,
            answers={200: Answer(description="The living processes", body={JSON: DaemonList})},
            problems=(400, 503),
        )
    ]
