"""The endpoints for monitoring: health, liveness, readiness and metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Literal

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from actors.names import HEALTH
from actors.shown.health_report import HealthReport
from actors.shown.metrics import Metrics
from engine.children import SupervisorSnapshot
from engine.clock import Clock
from engine.snapshot import Published, Snapshots
from engine.spec import SUPERVISOR
from ops.http.kit.answers import JSON, json_answer, packed_answer
from ops.http.kit.operations import Answer, Handler, Operation
from ops.http.routes.health import OLDEST_S, health_body, is_live, readiness
from ops.http.routes.models import Health, Probe
from ops.http.server.ready import ReadyAnswers

__all__ = ["probe_operations"]

_TAG = "probes"
#: how long an answer is kept: until the next report, and no longer than this, because it shows the rate of hits too
KEEP_S = 0.25
_Newest = Callable[[], Published[Any] | None]
_WORDS: Final[Mapping[bool, Literal["healthy", "unhealthy"]]] = {True: "healthy", False: "unhealthy"}


def probe_operations(
    snapshots: Snapshots, clock: Clock, counters: Metrics, answers: ReadyAnswers
) -> Sequence[Operation]:
    """Return the operations."""
    kept = _KeptProbes(clock, answers).answer
    report = partial(snapshots.read, HEALTH, HealthReport)
    supervisor = partial(snapshots.read, SUPERVISOR, SupervisorSnapshot)

    async def health(request: Request) -> Response:
        def build() -> Response:
            status, body = health_body(snapshots, cache_hit_rate=counters.cache_hit_rate())
            if not _tells_all(request):
                body = {name: body[name] for name in ("status", "checks")}
            return json_answer(body, status, {"Cache-Control": "no-store"})

        return kept(request, build, report)

    async def live(request: Request) -> Response:
        def build() -> Response:
            alive = is_live(snapshots)
            return json_answer(Probe(status=_WORDS[alive]), 200 if alive else 503)

        return kept(request, build, supervisor)

    async def ready(request: Request) -> Response:
        def build() -> Response:
            well, why = readiness(snapshots)
            reason = {"reason": why} if _tells_all(request) else {}
            return json_answer(Probe(status=_WORDS[well], **reason), 200 if well else 503)

        return kept(request, build, report, supervisor)

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


class _KeptProbes:
    """Keeps an answer ready as long as the snapshots that it shows are the newest and not too old."""

    def __init__(self, clock: Clock, answers: ReadyAnswers) -> None:
        self._clock = clock
        self._answers = answers

    def answer(self, request: Request, build: Callable[[], Response], *shown: _Newest) -> Response:
        """Build an answer and keep it. ``shown`` read the snapshots that it shows."""
        seen = [
            newest() for newest in shown
        ]  # before it is built: what is published meanwhile ends the answer
        response = build()
        times_s = [published.at_s for published in seen if published is not None]
        if len(times_s) == len(seen):
            until_s = min(self._clock.monotonic_s() + KEEP_S, min(times_s) + OLDEST_S)

            def holds() -> bool:
                same = all(newest() is published for newest, published in zip(shown, seen, strict=True))
                return same and self._clock.monotonic_s() < until_s

            self._answers.keep(request.scope, response, holds=holds)
        return response


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
