"""The application: routes, and the few lines each of them needs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from actors.instruments import Instruments
from engine.clock import Clock
from engine.directory import Directory
from engine.messages import PollNow
from engine.snapshot import Board
from ops.http.encoding import encode, signal_detail
from ops.http.guard import Guard, GuardPolicy
from ops.http.health import health_body, is_live, readiness
from ops.http.measuring import Measuring
from ops.http.pages import PageReader
from ops.http.problems import (
    BadRequestError,
    problem,
    problem_of_bad_request,
    problem_of_http,
    problem_of_unexpected,
)
from ops.http.query import parse_list_query
from ops.version import VERSION
from storage.errors import GatewayError, StorageError
from storage.gateway import SyncResult
from storage.signals import Signals

__all__ = ["AppParts", "create_app"]

_MAX_BODY_BYTES = 64 * 1024
_JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppParts:
    """What the application reads and whom it tells. ``sync`` asks the gateway to fetch from Telegram."""

    board: Board
    clock: Clock
    directory: Directory
    pages: PageReader
    signals: Signals
    registry: CollectorRegistry
    instruments: Instruments
    sync: Callable[[int], SyncResult]
    pollers: tuple[str, ...]
    guard: GuardPolicy


def create_app(parts: AppParts) -> Starlette:
    """Return the ASGI application."""
    routes = [
        Route(
            "/",
            lambda _: _json({"service": "tp-capital", "version": VERSION, "paths": _PATHS}),
            methods=["GET"],
        ),
        Route("/health", _health(parts), methods=["GET"]),
        Route("/healthz", _livez(parts), methods=["GET"]),
        Route("/livez", _livez(parts), methods=["GET"]),
        Route("/ready", _readyz(parts), methods=["GET"]),
        Route("/readyz", _readyz(parts), methods=["GET"]),
        Route("/metrics", _metrics(parts), methods=["GET"]),
    ]
    for prefix, with_history in (("", True), ("/api/v1", False)):
        routes += [
            Route(f"{prefix}/signals", _signals(parts, with_history=with_history), methods=["GET"]),
            Route(f"{prefix}/signals/{{signal_id}}", _signal(parts), methods=["GET"]),
            Route(f"{prefix}/sync-messages", _sync_messages(parts), methods=["POST"]),
        ]
    return Starlette(
        routes=routes,
        middleware=[
            Middleware(Measuring, routes=routes, instruments=parts.instruments, clock=parts.clock),
            Middleware(Guard, policy=parts.guard),
        ],
        exception_handlers={
            BadRequestError: problem_of_bad_request,
            HTTPException: problem_of_http,
            Exception: problem_of_unexpected,
        },
    )


_PATHS = ["/health", "/livez", "/readyz", "/signals", "/sync-messages", "/metrics", "/api/v1/signals"]
Endpoint = Callable[[Request], object]


def _json(value: object, status: int = 200) -> Response:
    return Response(encode(value), status_code=status, media_type=_JSON)


def _health(parts: AppParts) -> Endpoint:
    async def health(_: Request) -> Response:
        status, body = health_body(parts.board, cache_hit_rate=parts.instruments.cache_hit_rate())
        return _json(body, status)

    return health


def _livez(parts: AppParts) -> Endpoint:
    async def livez(_: Request) -> Response:
        live = is_live(parts.board)
        return _json({"status": "alive" if live else "dead"}, 200 if live else 503)

    return livez


def _readyz(parts: AppParts) -> Endpoint:
    async def readyz(_: Request) -> Response:
        ready, why = readiness(parts.board)
        return _json({"status": "ready" if ready else "not ready", "reason": why}, 200 if ready else 503)

    return readyz


def _metrics(parts: AppParts) -> Endpoint:
    async def metrics(_: Request) -> Response:
        return Response(generate_latest(parts.registry), media_type=CONTENT_TYPE_LATEST)

    return metrics


def _signals(parts: AppParts, *, with_history: bool) -> Endpoint:
    async def signals(request: Request) -> Response:
        query = parse_list_query(request.query_params, with_history=with_history)
        try:
            page = await run_in_threadpool(parts.pages.page, query)
        except StorageError as error:
            return problem(503, f"Signals cannot be read now: {error}", headers={"Retry-After": "5"})
        etag = f'"{hashlib.blake2b(page.body, digest_size=12).hexdigest()}"'
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        if page.age_s is not None:
            headers["Age"] = str(page.age_s)
        if etag in [
            tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")
        ]:
            return Response(status_code=304, headers=headers)
        return Response(page.body, media_type=_JSON, headers=headers)

    return signals


def _signal(parts: AppParts) -> Endpoint:
    async def signal(request: Request) -> Response:
        text = request.path_params["signal_id"]
        if not re.fullmatch(r"[0-9]{1,18}", text):
            raise BadRequestError([("id", "a whole number is wanted")])
        try:
            row = await run_in_threadpool(parts.signals.get, int(text))
        except StorageError as error:
            return problem(503, f"Signals cannot be read now: {error}", headers={"Retry-After": "5"})
        if row is None:
            return problem(404, f"There is no signal {text}, or it is past the retention.")
        return _json(signal_detail(row))

    return signal


def _sync_messages(parts: AppParts) -> Endpoint:
    async def sync_messages(request: Request) -> Response:
        limit = await _sync_limit(request)
        try:
            result = await run_in_threadpool(parts.sync, limit)
        except GatewayError as error:
            return problem(503, f"The gateway could not be asked to sync: {error}")
        for poller in parts.pollers:
            parts.directory.send(poller, PollNow(reason="sync-messages"))
        return _json(
            {
                "success": True,
                "data": {
                    "totalMessagesSynced": result.synced,
                    "totalMessagesSaved": result.saved,
                    "channelsSynced": result.channels,
                },
            }
        )

    return sync_messages


async def _sync_limit(request: Request) -> int:
    """Read ``{"limit": n}``; an empty body means the default."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > _MAX_BODY_BYTES:
            raise HTTPException(413, f"A body has at most {_MAX_BODY_BYTES} bytes.")
    if not received.strip():
        return 500
    try:
        value = orjson.loads(received)
    except orjson.JSONDecodeError:
        raise BadRequestError([("body", "JSON is wanted")]) from None
    limit = value.get("limit", 500) if isinstance(value, dict) else None
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= 10_000:
        raise BadRequestError([("limit", "a whole number from 1 to 10000 is wanted")])
    return limit
