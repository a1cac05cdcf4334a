"""``POST /sync-messages``: the gateway fetches from Telegram, then the pollers poll at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from actors.shown.snapshots import PollerSnapshot
from engine.directory import Directory
from engine.messages import PollNow
from engine.snapshot import Snapshots
from ops.http.kit.answers import JSON, json_answer
from ops.http.kit.bodies import read_body
from ops.http.kit.operations import Answer, Operation
from ops.http.kit.parameters import NoParameters
from ops.http.kit.problems import problem
from ops.http.routes.models import SyncAnswer, SyncCounts, SyncRequest
from storage.errors import GatewayError
from storage.gateway.client import SyncResult

__all__ = ["SYNC_PATH", "sync_operations"]

SYNC_PATH = "/sync-messages"
#: the most syncs at once; each may hold a thread for minutes, and readers need threads too
_AT_ONCE = 2


def sync_operations(
    sync: Callable[[int], SyncResult], snapshots: Snapshots, directory: Directory
) -> Sequence[Operation]:
    """Return the operation."""
    places = asyncio.Semaphore(_AT_ONCE)

    async def sync_messages(request: Request) -> Response:
        NoParameters.read(request.query_params)
        asked = await read_body(request, SyncRequest)
        if places.locked():
            return problem(
                503, "Other syncs are in progress: try again later.", headers={"Retry-After": "10"}
            )
        async with places:
            try:
                result = await run_in_threadpool(sync, asked.limit)
            except GatewayError as error:
                return problem(503, f"The gateway could not be asked to sync: {error}")
        for poller in snapshots.all_of(PollerSnapshot):
            directory.send(poller, PollNow(reason="sync-messages"))
        counts = SyncCounts(
            total_messages_synced=result.synced,
            total_messages_saved=result.saved,
            channels_synced=list(result.channels),
        )
        message = (
            f"{result.synced} mensagem(ns) sincronizada(s) de {len(result.channels)} canal(is). "
            f"{result.saved} salvas no banco."
        )
        return json_answer(SyncAnswer(success=True, message=message, data=counts))

    return [
        Operation(
            method="POST",
            path=SYNC_PATH,
            name="syncMessages",
            summary="Ask the gateway to fetch from Telegram, then poll at once",
            tag="control",
            handler=sync_messages,
            query=NoParameters,
            body=SyncRequest,
            answers={200: Answer(description="What the gateway fetched", body={JSON: SyncAnswer})},
            problems=(400, 401, 403, 408, 413, 503),
        )
    ]
