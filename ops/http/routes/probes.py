"""The endpoints for monitoring: health, liveness, readiness and metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from actors.shown.metrics import Metrics
from engine.snapshot import Snapshots
from ops.http.kit.answers import JSON, json_answer, packed_answer
from ops.http.kit.operations import Answer, Handler, Operation
from ops.http.routes.health import health_body, is_live, readiness
from ops.http.routes.models import Health, Probe

__all__ = ["probe_operations"]

_TAG = "probes"
_WORDS: Final[Mapping[bool, Literal["healthy", "unhealthy"]]] = {True: "healthy", False: "unhealthy"}


def probe_operations(snapshots: Snapshots, counters: Metrics) -> Sequence[Operation]:
    """Return the operations."""

    async def health(request: Request) -> Response:
        status, body = health_body(snapshots, cache_hit_rate=counters.cache_hit_rate())
        if not _tells_all(request):
            body = {name: body[name] for name in ("status", "checks")}
        return json_answer(body, status, {"Cache-Control": "no-store"})

    async def live(_: Request) -> Response:
        alive = is_live(snapshots)
        return json_answer(Probe(status=_WORDS[alive]), 200 if alive else 503)

    async def ready(request: Request) -> Response:
        well, why = readiness(snapshots)
        reason = {"reason": why} if _tells_all(request) else {}
        return json_answer(Probe(status=_WORDS[well], **reason), 200 if well else 503)

    async def metrics(request: Request) -> Response:
        return packed_answer(
            request.headers, generate_latest(counters.registry), media_type=CONTENT_TYPE_LATEST
        )

    healthy = Answer(description="Healthy, or degraded: the answers are still correct", body={JSON: Health})
    unhealthy = Answer(description="Unhealthy", body={JSON: Health})
    return [
        Operation(
            method="GET",
            path="/health",
            name="health",
            summary="The health of each part, with times and causes",
            tag=_TAG,
            handler=health,
            answers={200: healthy, 503: unhealthy},
        ),
        *(_probe(path, "Whether the process is alive", live) for path in ("/healthz", "/livez")),
        *(_probe(path, "Whether the process can serve requests", ready) for path in ("/ready", "/readyz")),
        Operation(
            method="GET",
            path="/metrics",
            name="metrics",
            summary="Metrics in the exposition format of Prometheus",
            tag=_TAG,
            handler=metrics,
            answers={200: Answer(description="Metrics", body={"text/plain": {"type": "string"}})},
        ),
    ]


def _tells_all(request: Request) -> bool:
    """Return whether the client may read. Others get only the status, without names, addresses and causes."""
    return bool(request.scope.get("state", {}).get("may_read", True))


def _probe(path: str, summary: str, handler: Handler) -> Operation:
    yes, no = Answer(description="Yes", body={JSON: Probe}), Answer(description="No", body={JSON: Probe})
    return Operation(
        method="GET",
        path=path,
        name=path.strip("/"),
        summary=summary,
        tag=_TAG,
        handler=handler,
        answers={200: yes, 503: no},
    )
