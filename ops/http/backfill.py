"""``/backfill``: how far the history is read, and reading it again."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from actors.snapshots import BackfillSnapshot
from engine.directory import Directory
from engine.messages import StartBackfill
from engine.snapshot import Board
from ops.http.answers import JSON, json_answer
from ops.http.bodies import read_body
from ops.http.channel_objects import history_object
from ops.http.models import BackfillAnswer, BackfillRequest, BackfillStarted
from ops.http.operations import Answer, Operation
from ops.http.parameters import NoParameters
from ops.http.problems import problem

__all__ = ["backfill_operations"]

_ACTOR = "backfill"
_TAG = "control"


def backfill_operations(board: Board, directory: Directory) -> Sequence[Operation]:
    """Return the operations."""

    async def show(request: Request) -> Response:
        NoParameters.read(request.query_params)
        published = board.read(_ACTOR, BackfillSnapshot)
        if published is None:
            return _not_yet()
        found = published.value
        return json_answer(
            {
                "phase": found.phase.value,
                "completed": found.completed,
                "error": found.error,
                "failingSince": found.failing_since,
                "channels": [
                    {"id": progress.channel, **(history_object(progress) or {})}
                    for progress in found.channels
                ],
            }
        )

    async def start(request: Request) -> Response:
        NoParameters.read(request.query_params)
        asked = await read_body(request, BackfillRequest)
        if not directory.send(_ACTOR, StartBackfill(again=asked.again)):
            return _not_yet()
        return json_answer(BackfillStarted(queued=True, again=asked.again).model_dump(), 202)

    return [
        Operation(
            method="GET",
            path="/backfill",
            name="getBackfill",
            summary="How far the history of each channel is read",
            tag=_TAG,
            handler=show,
            query=NoParameters,
            answers={200: Answer(description="The import as it stands", body={JSON: BackfillAnswer})},
            problems=(400, 503),
        ),
        Operation(
            method="POST",
            path="/backfill",
            name="startBackfill",
            summary="Read the history now; with `again` anew, although it was completed",
            tag=_TAG,
            handler=start,
            query=NoParameters,
            body=BackfillRequest,
            answers={202: Answer(description="It begins, or goes on, at once", body={JSON: BackfillStarted})},
            problems=(400, 401, 403, 408, 413, 503),
        ),
    ]


def _not_yet() -> Response:
    return problem(503, "The history import is not running yet.", headers={"Retry-After": "1"})
