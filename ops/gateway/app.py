"""The gateway's HTTP API. Every answer is JSON with ``success``; an outage of the database is 503."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from actors.shown.metrics import Metrics
from engine.clock import SystemClock
from ops.gateway import params
from ops.gateway.database import Database, DatabaseUnavailableError, RefusedValueError
from ops.gateway.longpoll import LongPoll
from ops.gateway.repository import Repository, UnprocessedQuery
from ops.http.server.clients import Proxies
from ops.http.server.guard import Guard, GuardPolicy
from ops.http.server.limits import RateLimit, RatePolicy
from ops.http.server.middleware import RequestMiddleware

__all__ = ["Gateway", "create_app", "refuse"]

Handler = Callable[[Request], Awaitable[Response]]

#: of a client that is neither of this machine nor has the key, as at the gateway this one stands in for
RATE = RatePolicy(most=300, window_s=60.0)

log = structlog.get_logger("gateway")


class Gateway:
    """The endpoints, the repository behind them and those who wait."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.repository = Repository(database)
        self.long_poll = LongPoll(self.repository.changed_since)

    def routes(self) -> list[Route]:
        """Return all routes, unversioned and versioned, specific ones before ``/{id}``."""
        routes = [Route("/health", _responses(self.health))]
        for prefix in ("/api", "/api/v1"):
            for path, method, handler in (
                ("/messages/unprocessed", "GET", self.unprocessed),
                ("/messages/mark-processed", "POST", self.mark_processed),
                ("/messages", "GET", self.history),
                ("/messages/{id}/reprocess", "POST", self.reprocess),
                ("/messages/{id}", "GET", self.message),
                ("/telegram-gateway/sync-messages", "POST", self.sync_messages),
            ):
                routes.append(Route(prefix + path, _responses(handler), methods=[method]))
        return routes

    async def health(self, _request: Request) -> Response:
        try:
            await self.repository.ping()
        except (DatabaseUnavailableError, RefusedValueError) as exc:
            checks = {"database": "unhealthy"}
            return _json(503, status="unhealthy", checks=checks, message=str(exc))
        return _json(200, status="healthy", checks={"database": "healthy"}, waiting=self.long_poll.waiting)

    async def unprocessed(self, request: Request) -> Response:
        query = params.unprocessed_query(request.query_params)
        rest_s = params.wait_s(request.query_params)
        found = await self.repository.find_unprocessed(query)
        if not found and rest_s > 0:
            found = await self._held(request, query, rest_s)
        filters = {
            "channel": query.channel,
            "status": list(query.statuses),
            "excludeProcessedBy": query.exclude,
            "limit": query.limit,
        }
        return _json(200, data=found, count=len(found), filters=filters)

    async def _held(self, request: Request, query: UnprocessedQuery, wait_s: float) -> list[dict[str, Any]]:
        """Hold an empty result until something comes, time is up or the client is gone."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        gone = asyncio.create_task(_disconnected(request))
        try:
            while (rest_s := deadline - loop.time()) > 0:
                waiter = asyncio.create_task(self.long_poll.wait(query, rest_s))
                try:
                    await asyncio.wait({waiter, gone}, return_when=asyncio.FIRST_COMPLETED)
                    if not waiter.done() or not waiter.result():
                        break
                finally:
                    waiter.cancel()
                found = await self.repository.find_unprocessed(query)
                if found:
                    return found
        finally:
            gone.cancel()
        return []

    async def mark_processed(self, request: Request) -> Response:
        body = await params.body_json(request)
        ids, by, channel, unusable = params.mark_request(body)
        read = params.rows_read(body)
        updated, left = await self.repository.mark_processed(ids, by=by, channel=channel, read=read)
        requested = len(ids) + unusable
        log.info(
            "messages.marked",
            processed_by=by,
            channel=channel,
            requested=requested,
            updated=updated,
            left=len(left),
        )
        data: dict[str, Any] = {"requested": requested, "updated": updated, "processedBy": by}
        if read is not None:
            data["left"] = left
        if left:
            # who waits for messages has one more to read
            self.long_poll.ring()
        if unusable:
            data["unusable"] = unusable
        return _json(200, message=f"{updated} messages marked as processed", data=data)

    async def history(self, request: Request) -> Response:
        query = params.history_query(request.query_params)
        page, total = await self.repository.history(query)
        pagination = {
            "total": total,
            "limit": query.limit,
            "offset": query.offset,
            "hasMore": query.offset + len(page) < total and bool(page),
        }
        return _json(200, data=page, pagination=pagination)

    async def message(self, request: Request) -> Response:
        found = await self.repository.get(params.row_id(request))
        if found is None:
            raise params.BadRequestError("there is no message with this id", status=404)
        return _json(200, data=found)

    async def reprocess(self, request: Request) -> Response:
        row_id = params.row_id(request)
        text = params.reprocess_text(await params.body_json(request))
        found = await self.repository.reprocess(row_id, text)
        if found is None:
            raise params.BadRequestError("there is no message with this id", status=404)
        self.long_poll.ring()
        log.info("message.reprocess_requested", id=row_id, edited=text is not None)
        return _json(200, message="the message will be read again", data=found)

    async def sync_messages(self, request: Request) -> Response:
        params.sync_limit(await params.body_json(request))
        data = {
            "totalMessagesSynced": 0,
            "totalMessagesSaved": 0,
            "channelsSynced": await self.repository.channels(),
        }
        return _json(
            200, message="this gateway has no Telegram session: there is nothing to fetch", data=data
        )


def _responses(handler: Handler) -> Handler:
    """Turn errors into answers."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except params.BadRequestError as exc:
            return _json(exc.status, message=str(exc))
        except RefusedValueError as exc:
            return _json(400, message=f"the database refused a value: {exc}")
        except DatabaseUnavailableError as exc:
            return _json(503, message=f"the database is not available: {exc}")
        except ClientDisconnect:
            return _json(400, message="the client went away")

    return answer


def create_app(database_url: str, *, policy: GuardPolicy, metrics: Metrics) -> Starlette:
    """Return the application, behind the engine's entrance and guards.

    ``app.state.gateway`` is its :class:`Gateway` once it has started.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        database = Database(database_url)
        gateway = Gateway(database)
        app.state.gateway = gateway
        app.router.routes.extend(gateway.routes())
        await database.open()
        try:
            yield
        finally:
            gateway.long_poll.close()
            await database.close()

    clock = SystemClock()
    return Starlette(
        lifespan=lifespan,
        middleware=[
            Middleware(
                RequestMiddleware,
                proxies=Proxies([]),
                metrics=metrics,
                clock=clock,
                unexpected=_unexpected,
            ),
            Middleware(
                RateLimit,
                policy=RATE,
                has_key=lambda scope: policy.keys.key_of(scope) is not None,
                clock=clock,
                refuse=refuse,
            ),
            Middleware(Guard, policy=policy, clock=clock, refuse=refuse),
        ],
        exception_handlers={HTTPException: _http_error, Exception: _unexpected},
    )


def refuse(status: int, detail: str, *, headers: Mapping[str, str] | None = None) -> Response:
    """Return a refusal in this API's own form."""
    response = _json(status, message=detail)
    response.headers.update(headers or {})
    return response


async def _http_error(_request: Request, exc: Exception) -> Response:
    status = exc.status_code if isinstance(exc, HTTPException) else 500
    headers = dict(exc.headers or {}) if isinstance(exc, HTTPException) else {}
    words = {404: "there is no such path", 405: "this path does not take this method"}
    response = _json(status, message=words.get(status, "the request cannot be answered"))
    response.headers.update(headers)
    return response


async def _unexpected(_request: Request, exc: Exception) -> Response:
    log.error("request.failed", error=type(exc).__name__, exc_info=exc)
    return _json(500, message="internal error")


async def _disconnected(request: Request) -> None:
    with suppress(RuntimeError):
        while (await request.receive())["type"] != "http.disconnect":
            pass


def _json(status_code: int, /, **content: Any) -> Response:
    body = orjson.dumps({"success": status_code < 400, **content})
    return Response(body, status_code=status_code, media_type="application/json")
