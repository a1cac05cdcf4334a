"""``/backfill``: the progress of the history import, and a request to reread the history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Annotated, Literal

from pydantic import Field, StrictBool
from starlette.requests import Request
from starlette.responses import Response

from actors.names import BACKFILL
from actors.shown.snapshots import BackfillSnapshot
from engine.directory import Directory
from engine.messages import StartBackfill
from engine.snapshot import Snapshots
from ops.http.kit.answers import JSON, json_answer
from ops.http.kit.bodies import read_body
from ops.http.kit.operations import Answer, Operation
from ops.http.kit.parameters import Instant, NoParameters
from ops.http.kit.problems import Body, problem
from ops.http.routes.channel_models import ChannelId
from ops.http.routes.channel_objects import history_fields
from ops.http.routes.models import BackfillAnswer, ChannelBackfill
from ops.instants import first_instant

__all__ = ["backfill_operations"]

_TAG = "control"


class BackfillRequest(Body):
    """A request to the history import."""

    again: StrictBool = Field(default=False, description="read the history again even if it was completed")
    channels: Annotated[list[ChannelId], Field(max_length=100)] = Field(
        default=[], description="only these channels; empty for all"
    )
    since: Instant | None = Field(
        default=None,
        description="read messages that the gateway received at this time or later, completed or not",
    )


class BackfillStarted(Body):
    """The import starts, or continues, at once."""

    queued: Literal[True] = Field(description="always true")


def backfill_operations(snapshots: Snapshots, directory: Directory, zone: tzinfo) -> Sequence[Operation]:
    """Return the operations. ``zone`` is the time zone of a date without a time."""

    async def show(request: Request) -> Response:
        NoParameters.read(request.query_params)
        published = snapshots.read(BACKFILL, BackfillSnapshot)
        if published is None:
            return _not_yet()
        found = published.value
        return json_answer(
            BackfillAnswer(
                phase=found.phase.value,
                completed=found.completed,
                error=found.error,
                failing_since=found.failing_since,
                requests_taken=found.requests_taken,
                channels=[
                    ChannelBackfill(
                        id=progress.channel,
                        check_rows_read=progress.check_rows_read,
                        check_total=progress.check_total,
                        **history_fields(progress),
                    )
                    for progress in found.channels
                ],
            )
        )

    async def start(request: Request) -> Response:
        NoParameters.read(request.query_params)
        asked = await read_body(request, BackfillRequest)
        published = snapshots.read(BACKFILL, BackfillSnapshot)
        if published is None:
            return _not_yet()
        known = {progress.channel for progress in published.value.channels}
        if unknown := sorted(set(asked.channels) - known):
            names = ", ".join(sorted(known)) or "none"
            return problem(404, f"Channel {', '.join(unknown)} is not read here; known are {names}.")
        since = None if asked.since is None else first_instant(asked.since, zone)
        command = StartBackfill(again=asked.again, channels=tuple(asked.channels), since=since)
        if not directory.send(BACKFILL, command):
            return _not_yet()
        return json_answer(BackfillStarted(queued=True), 202)

    return [
        Operation(
            method="GET",
            path="/backfill",
            name="getBackfill",
            summary="The progress of each channel's history import",
            tag=_TAG,
            handler=show,
            query=NoParameters,
            answers={200: Answer(description="The state of the import", body={JSON: BackfillAnswer})},
            problems=(400, 503),
        ),
        Operation(
            method="POST",
            path="/backfill",
            name="startBackfill",
            summary="Read the history now; with `again`, read it again even if it was completed",
            tag=_TAG,
            handler=start,
            query=NoParameters,
            body=BackfillRequest,
            answers={
                202: Answer(
                    description="The import starts, or continues, at once", body={JSON: BackfillStarted}
                )
            },
            problems=(400, 401, 403, 404, 408, 413, 503),
        ),
    ]


def _not_yet() -> Response:
    return problem(503, "The history import is not running yet.", headers={"Retry-After": "1"})
