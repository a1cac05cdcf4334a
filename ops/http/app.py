"""The HTTP child: all operations, built from the settings and stores, behind the layers that every request passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import cache, partial
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from actors.names import JOBS, RESPONDER
from actors.responder import Responder
from actors.shown.metrics import Metrics
from config import Settings
from engine.spec import ChildSpec, Services
from ops.alerts.notifying import AlertParts
from ops.events.asyncapi import asyncapi_document
from ops.http.kit.answers import JSON, ConditionalResponses, json_answer
from ops.http.kit.openapi import openapi_document
from ops.http.kit.operations import Answer, Operation, routes_of, serves, versioned
from ops.http.kit.problems import (
    BadRequestError,
    problem_of_bad_request,
    problem_of_http,
    problem_of_unexpected,
)
from ops.http.routes.alert_routes import AlertRoutes
from ops.http.routes.alert_targets import TargetMaker
from ops.http.routes.alerts import alert_operations
from ops.http.routes.backfill import backfill_operations
from ops.http.routes.channels import channel_operations
from ops.http.routes.daemons import daemon_operations
from ops.http.routes.dead_letters import dead_letter_operations
from ops.http.routes.docs import asyncapi_operation, doc_operations, openapi_operation
from ops.http.routes.export import Exports
from ops.http.routes.health import stream_trouble
from ops.http.routes.logs import log_operations
from ops.http.routes.pages import PageReader
from ops.http.routes.probes import probe_operations
from ops.http.routes.record import record_operations
from ops.http.routes.score import score_operations
from ops.http.routes.signals import signal_operations
from ops.http.routes.static import Dashboard, permalink, wants_page
from ops.http.routes.streaming import StreamLimits, Streams
from ops.http.routes.summary import SummaryReader, summary_operations
from ops.http.routes.syncing import sync_operations
from ops.http.server.clients import Proxies, prefix_of
from ops.http.server.guard import GuardPolicy
from ops.http.server.hosts import served_hosts
from ops.http.server.keys import KeyRing
from ops.http.server.layers import Access, request_layers
from ops.http.server.limits import RatePolicy, Rates
from ops.http.server.listening import Listening
from ops.http.server.middleware import OTHER
from ops.http.server.protocol import bounded_protocol
from ops.http.server.ready import ReadyAnswers
from ops.http.server.seats import ConnectionLimits
from ops.http.server.shortcut import Shortcut
from ops.recent_logs import RecentLogs
from ops.stores import RETENTION, Stores, settings_markets
from ops.version import VERSION
from storage.gateway.client import SyncResult
from storage.postgres.daemons import daemons_at_work
from storage.postgres.history_requests import HistoryRequests
from storage.postgres.score_models import ScoreModels
from storage.postgres.summary import Summaries
from storage.postgres.track_record import Outcomes
from storage.postgres.whole_list import WholeList

__all__ = ["responder_spec"]


def responder_spec(
    settings: Settings,
    services: Services,
    stores: Stores,
    *,
    listening: Listening,
    metrics: Metrics,
    logs: RecentLogs,
    keys: KeyRing,
) -> ChildSpec:
    """Return the child that serves the application on the sockets of ``listening``."""
    access, ready = _access(settings, services, metrics, keys), ReadyAnswers()
    streams = Streams(
        stores.event_log,
        stores.signals,
        failure=partial(stream_trouble, services.snapshots),
        certain_number=stores.ledger.certain_number,
        limits=StreamLimits(most=settings.http.max_streams),
        metrics=metrics,
    )
    app = _create_app(
        settings,
        services,
        stores,
        streams=streams,
        access=access,
        ready=ready,
        logs=logs,
    )
    factory = partial(
        Responder.start,
        app=app,
        bind=listening.duplicates,
        end_streams=streams.end,
        # each start needs its own: it counts the open connections of one server
        make_protocol=partial(
            bounded_protocol,
            ConnectionLimits.of_this_process(),
            metrics,
            proxies=access.proxies,
            shortcut=Shortcut(ready, access),
        ),
    )
    return ChildSpec(name=RESPONDER, factory=factory, shutdown_s=4.0)


def _access(settings: Settings, services: Services, metrics: Metrics, keys: KeyRing) -> Access:
    http = settings.http
    policy = GuardPolicy(
        hosts=served_hosts(http.host, http.allowed_hosts),
        keys=keys,
        allow_open=http.allow_open,
        read_key_required=http.read_key_required,
        origins=http.origins,
        sync_open=http.sync_open,
    )
    rate = RatePolicy(most=http.rate_limit_max, window_s=http.rate_limit_window_ms / 1000)
    return Access(
        policy=policy,
        rates=Rates(rate, services.clock),
        proxies=Proxies(http.trusted_proxies),
        metrics=metrics,
        clock=services.clock,
        root_path=http.root_path,
    )


def _create_app(
    settings: Settings,
    services: Services,
    stores: Stores,
    *,
    streams: Streams,
    access: Access,
    ready: ReadyAnswers,
    logs: RecentLogs,
) -> Starlette:
    """Return the ASGI application."""
    policy, metrics = access.policy, access.metrics
    responses = ConditionalResponses(stores.memory)
    pages = PageReader(
        snapshots=services.snapshots,
        directory=services.directory,
        clock=services.clock,
        pages=stores.pages,
        last_good=stores.memory,
        signals=stores.signals,
        metrics=metrics,
        ttl_s=float(settings.redis.ttl_s),
    )
    exports = Exports(
        WholeList(stores.database, stores.signals, retention=RETENTION), zone=settings.engine.zone
    )
    reading = pages, stores.signals, streams, responses, ready
    role, zone = settings.engine.role, settings.engine.zone
    probes = probe_operations(services.snapshots, services.clock, metrics, ready)
    resources = _resources(settings, services, stores, responses, logs)
    dashboard = Dashboard(responses)

    @cache
    def document() -> Mapping[str, Any]:
        return openapi_document(
            operations,
            key_for_writes=bool(policy.keys) or not policy.allow_open,
            key_for_reads=policy.read_key_required,
        )

    if role == "ingest":
        operations = [*probes, *versioned(probes)]
    else:
        operations = [
            *probes,
            *signal_operations(*reading, exports=exports, zone=zone, with_history=True),
            *resources,
            *versioned(signal_operations(*reading, exports=exports, zone=zone, with_history=False)),
            *versioned(resources),
            *versioned(probes),
            *doc_operations(responses),
            openapi_operation(responses, document),
            asyncapi_operation(responses, asyncapi_document),
            *dashboard.others(),
            dashboard.assets(),
            dashboard.worker(),
            permalink(),
        ]
    operations.append(_index(operations, None if role == "ingest" else dashboard))
    metrics.begin_routes([OTHER, *dict.fromkeys(operation.path for operation in operations)])
    routes = routes_of(operations)
    app = Starlette(
        routes=[*routes],
        middleware=request_layers(access, is_served=partial(serves, routes)),
        exception_handlers={
            BadRequestError: problem_of_bad_request,
            HTTPException: partial(problem_of_http, role),
            Exception: problem_of_unexpected,
        },
    )
    app.router.redirect_slashes = False
    return app


def _resources(
    settings: Settings,
    services: Services,
    stores: Stores,
    responses: ConditionalResponses,
    logs: RecentLogs,
) -> list[Operation]:
    """Return the operations beside signals and probes."""
    snapshots, directory = services.snapshots, services.directory
    alerts = AlertParts.of(settings, stores)
    summaries = SummaryReader(
        summaries=Summaries(stores.database, retention=RETENTION), snapshots=snapshots, clock=services.clock
    )

    def sync(limit: int) -> SyncResult:
        # each request has a connection of its own, because a sync may take minutes
        with closing(stores.gateway()) as client:
            return client.sync(limit=limit, timeout_s=settings.gateway.sync_timeout_ms / 1000)

    return [
        *summary_operations(summaries, settings.engine.zone),
        *record_operations(Outcomes(stores.database), settings.engine.zone),
        *score_operations(ScoreModels(stores.database)),
        *dead_letter_operations(stores.letters, directory, responses),
        *alert_operations(
            AlertRoutes(
                alerts.rules,
                alerts.deliveries,
                TargetMaker(alerts.addresses),
                alerts.forms,
                directory,
                now=stores.database.now,
            )
        ),
        *daemon_operations(partial(daemons_at_work, stores.database, JOBS)),
        *log_operations(logs, services.clock.now()),
        *channel_operations(
            snapshots,
            directory,
            stores.channels,
            settings=settings.gateway.channels,
            markets=settings_markets(settings),
        ),
        *backfill_operations(snapshots, directory, HistoryRequests(stores.database), settings.engine.zone),
        *sync_operations(sync, snapshots, directory),
    ]


def _index(operations: Sequence[Operation], dashboard: Dashboard | None) -> Operation:
    """Return the operation of ``/``: the dashboard for a browser if there is one, the list of paths for a program."""
    paths = list(dict.fromkeys(["/", *(operation.path for operation in operations)]))

    async def index(request: Request) -> Response:
        if dashboard is not None and wants_page(request.headers.get("accept", "")):
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
