"""``/backfill``: the progress of the history import, and a request to reread the history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from functools import partial
from typing import Annotated, Literal

from pydantic import Field, StrictBool, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from actors.history_requests import PROGRESS
from actors.names import BACKFILL, HISTORY_REQUESTS
from actors.shown.snapshots import BackfillSnapshot
from engine.directory import Directory
from engine.messages import HistoryRequested
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
from storage.errors import StorageError
from storage.postgres.history_requests import HistoryRequests

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
    """The import starts, or continues, within seconds."""

    queued: Literal[True] = Field(description="always true")


def backfill_operations(
    snapshots: Snapshots, directory: Directory, requests: HistoryRequests, zone: tzinfo
) -> Sequence[Operation]:
    """Return the operations. ``zone`` is the time zone of a date without a time."""
    progress = partial(_progress, snapshots, requests)

    async def show(request: Request) -> Response:
        NoParameters.read(request.query_params)
        try:
            found = await run_in_threadpool(progress)
        except StorageError as error:
            return _unavailable(error)
        if found is None:
            return _not_yet()
        return json_answer(_shown(found))

    async def start(request: Request) -> Response:
        NoParameters.read(request.query_params)
        asked = await read_body(request, BackfillRequest)
        since = None if asked.since is None else first_instant(asked.since, zone)
        try:
            found = await run_in_threadpool(progress)
            if found is None:
                return _not_yet()
            known = {one.channel for one in found.channels}
            if unknown := sorted(set(asked.channels) - known):
                names = ", ".join(sorted(known)) or "none"
                return problem(404, f"Channel {', '.join(unknown)} is not read here; known are {names}.")
            await run_in_threadpool(requests.ask, again=asked.again, channels=asked.channels, since=since)
        except StorageError as error:
            return _unavailable(error)
        # Where the history is imported by another process, nobody hears it; that process looks by itself.
        directory.send(HISTORY_REQUESTS, HistoryRequested())
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
                    description="The import starts, or continues, within seconds",
                    body={JSON: BackfillStarted},
                )
            },
            problems=(400, 401, 403, 404, 408, 413, 503),
        ),
    ]


def _not_yet() -> Response:
    return problem(503, "The history import is not running yet.", headers={"Retry-After": "1"})


def _unavailable(error: StorageError) -> Response:
    return problem(503, f"The history import cannot be asked now: {error}", headers={"Retry-After": "5"})


def _progress(snapshots: Snapshots, requests: HistoryRequests) -> BackfillSnapshot | None:
    """Return the progress of our own import, or as the process that imports has stored it."""
    if (published := snapshots.read(BACKFILL, BackfillSnapshot)) is not None:
        return published.value
    shown = requests.shown()
    try:
        return None if shown is None else PROGRESS.validate_json(shown)
    except ValidationError:  # of another version; that process stores the next one within seconds
        return None


def _shown(found: BackfillSnapshot) -> BackfillAnswer:
    return BackfillAnswer(
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
