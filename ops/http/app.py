"""The application: all operations, and the layers every request passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from actors.shown.metrics import Metrics
from engine.clock import Clock
from engine.directory import Directory
from engine.snapshot import Snapshots
from ops.http.kit.answers import JSON, ConditionalResponses, json_answer
from ops.http.kit.openapi import openapi_document
from ops.http.kit.operations import Answer, Operation, routes_of, versioned
from ops.http.kit.problems import (
    BadRequestError,
    problem_of_bad_request,
    problem_of_http,
    problem_of_unexpected,
)
from ops.http.routes.backfill import backfill_operations
from ops.http.routes.channels import ChannelParts, channel_operations
from ops.http.routes.dead_letters import dead_letter_operations
from ops.http.routes.docs import doc_operations, openapi_operation
from ops.http.routes.logs import log_operations
from ops.http.routes.pages import PageReader
from ops.http.routes.probes import probe_operations
from ops.http.routes.signals import signal_operations
from ops.http.routes.static import Dashboard, wants_page
from ops.http.routes.streaming import Streams
from ops.http.routes.summary import SummaryReader, summary_operations
from ops.http.routes.syncing import sync_operations
from ops.http.server.clients import Proxies, prefix_of
from ops.http.server.cors import CrossOrigin
from ops.http.server.guard import Guard, GuardPolicy
from ops.http.server.limits import RateLimit, RatePolicy
from ops.http.server.middleware import OTHER, RequestMiddleware
from ops.recent_logs import RecentLogs
from ops.version import VERSION
from storage.gateway.client import SyncResult
from storage.pages import MemoryPages
from storage.postgres.dead_letters import DeadLetters
from storage.postgres.signals import Signals

__all__ = ["AppParts", "create_app"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppParts:
    """What the application reads and which actors it tells. ``sync`` asks the gateway to fetch from Telegram."""

    snapshots: Snapshots
    clock: Clock
    directory: Directory
    pages: PageReader
    memory: MemoryPages
    signals: Signals
    streams: Streams
    summary: SummaryReader
    registry: CollectorRegistry
    metrics: Metrics
    letters: DeadLetters
    logs: RecentLogs
    sync: Callable[[int], SyncResult]
    channels: ChannelParts
    guard: GuardPolicy
    proxies: Proxies
    root_path: str
    rate: RatePolicy


def create_app(parts: AppParts) -> Starlette:
    """Return the ASGI application."""
    operations = _operations(parts)
    parts.metrics.begin_routes([OTHER, *dict.fromkeys(operation.path for operation in operations)])
    routes: list[BaseRoute] = [*routes_of(operations)]
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(
                RequestMiddleware,
                proxies=parts.proxies,
                metrics=parts.metrics,
                clock=parts.clock,
                root_path=parts.root_path,
            ),
            Middleware(CrossOrigin, origins=parts.guard.origins),
            Middleware(
                RateLimit,
                policy=parts.rate,
                has_key=lambda scope: parts.guard.keys.key_of(scope) is not None,
                clock=parts.clock,
            ),
            Middleware(Guard, policy=parts.guard, clock=parts.clock),
        ],
        exception_handlers={
            BadRequestError: problem_of_bad_request,
            HTTPException: problem_of_http,
            Exception: problem_of_unexpected,
        },
    )
    app.router.redirect_slashes = False
    return app


def _operations(parts: AppParts) -> list[Operation]:
    """Return all operations, the unversioned ones first."""
    responses = ConditionalResponses(parts.memory)
    reading = parts.pages, parts.signals, parts.streams, responses
    resources = [
        *summary_operations(parts.summary),
        *dead_letter_operations(parts.letters, parts.directory, responses),
        *log_operations(parts.logs, parts.clock.now()),
        *channel_operations(parts.channels),
        *backfill_operations(parts.snapshots, parts.directory),
        *sync_operations(parts.sync, parts.snapshots, parts.directory),
    ]
    probes = probe_operations(parts.snapshots, parts.registry, parts.metrics)
    dashboard = Dashboard(responses)
    document: dict[str, Any] = {}
    operations = [
        *probes,
        *signal_operations(*reading, with_history=True),
        *resources,
        *versioned(signal_operations(*reading, with_history=False)),
        *versioned(resources),
        *versioned(probes),
        *doc_operations(responses),
        openapi_operation(responses, document),
        dashboard.assets(),
    ]
    operations.append(_index(operations, dashboard))
    document |= openapi_document(
        operations,
        key_for_writes=bool(parts.guard.keys) or not parts.guard.allow_open,
        key_for_reads=parts.guard.read_key_required,
    )
    return operations


def _index(operations: Sequence[Operation], dashboard: Dashboard) -> Operation:
    """Return the operation of ``/``: the dashboard for a browser, the list of paths for a program."""
    paths = list(dict.fromkeys(["/", *(operation.path for operation in operations)]))

    async def index(request: Request) -> Response:
        if wants_page(request.headers.get("accept", "")):
            return dashboard.page(request)
        prefix = prefix_of(request.scope)
        body = {"service": "tp-capital", "version": VERSION, "paths": [prefix + path for path in paths]}
        return json_answer(body, headers={"Vary": "Accept"})

    schema = {"type": "object", "required": ["service", "version", "paths"]}
    return Operation(
        method="GET",
        path="/",
        name="index",
        summary="The paths served here, or the dashboard when `Accept` is text/html",
        tag="documentation",
        handler=index,
        answers={
            200: Answer(
                description="The paths, or the page", body={JSON: schema, "text/html": {"type": "string"}}
            )
        },
    )
