"""The gateway's HTTP API. Every answer is JSON with ``success``. During a database outage it answers 503."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import structlog
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from actors.shown.metrics import Metrics
from engine.clock import SystemClock
from ops.gateway.answers import EXCEPTION_HANDLERS, json_of, refuse, unexpected
from ops.gateway.background import Background
from ops.gateway.database import open_database
from ops.gateway.listener import listen
from ops.gateway.live_state import LiveReader, SyncUnavailableError
from ops.gateway.live_store import LiveStore
from ops.gateway.longpoll import LongPoll
from ops.gateway.metrics import metrics_text
from ops.gateway.outbox import Outbox
from ops.gateway.params import (
    BODY_MAX_BYTES,
    HistoryQuery,
    MarkBody,
    ReprocessBody,
    SyncBody,
    UnprocessedQuery,
    Waiting,
    asked_of,
    no_such_message,
    row_id,
)
from ops.gateway.store import Store
from ops.http.kit.bodies import read_body
from ops.http.server.clients import Proxies
from ops.http.server.guard import GuardPolicy
from ops.http.server.layers import Access, request_layers
from ops.http.server.limits import RatePolicy, Rates
from storage.errors import StorageError
from storage.postgres.database import Database

if TYPE_CHECKING:
    from ops.gateway.publisher import OutboxPublisher

__all__ = ["Gateway", "create_app"]

#: the limit for a remote client without the key, as at the gateway that this one replaces
RATE = RatePolicy(most=300, window_s=60.0)
#: tells each poll how the reader of Telegram is
SESSION_HEADER = "X-Telegram-Session"
#: how long the start waits for the database, which may also come later
START_S = 4.0

log = structlog.get_logger("gateway")


class Gateway:
    """The endpoints, their store and the long polls. A waiting client holds no thread."""

    def __init__(
        self,
        store: Store,
        publisher: OutboxPublisher | None,
        reader: LiveReader | None,
        background: Background,
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._reader = reader
        self._background = background
        self._ask, self._repository = store.ask, store.repository
        self.long_poll = LongPoll(self._has_changed)

    def routes(self) -> list[Route]:
        """Return all routes, unversioned and versioned. Specific ones come before ``/{id}``."""
        routes = [Route("/health", self.health), Route("/metrics", self.metrics)]
        for prefix in ("/api", "/api/v1"):
            for path, method, handler in (
                ("/messages/unprocessed", "GET", self.unprocessed),
                ("/messages/mark-processed", "POST", self.mark_processed),
                ("/messages", "GET", self.history),
                ("/messages/{id}/reprocess", "POST", self.reprocess),
                ("/messages/{id}", "GET", self.message),
                ("/telegram-gateway/sync-messages", "POST", self.sync_messages),
            ):
                routes.append(Route(prefix + path, handler, methods=[method]))
        return routes

    async def health(self, _request: Request) -> Response:
        try:
            await self._store.ping()
        except StorageError as exc:
            checks = {"database": "unhealthy"}
            return json_of(503, status="unhealthy", checks=checks, message=str(exc))
        checks = {"database": "healthy"}
        more: dict[str, Any] = {}
        if self._publisher is not None:
            outbox = await self._ask(self._publisher.state)
            checks["broker"], more = outbox.status, {"outbox": asdict(outbox)}
        if self._reader is not None:
            live = self._reader.state()
            checks["telegramSession"], more = live.status, more | {"telegram": live.to_json()}
        if self._background.failures:
            checks["background"], more = "degraded", more | {"background": self._background.failures}
        status = "healthy" if set(checks.values()) == {"healthy"} else "degraded"
        return json_of(200, status=status, checks=checks, waiting=self.long_poll.waiting, **more)

    async def metrics(self, _request: Request) -> Response:
        outbox = None if self._publisher is None else await self._ask(self._publisher.state)
        return Response(metrics_text(outbox), media_type=CONTENT_TYPE_LATEST)

    def ring(self, channel: str | None) -> None:
        """Wake who waits for a channel's messages: the long polls, and the publisher."""
        self.long_poll.ring(channel)
        if self._publisher is not None:
            self._publisher.ring()

    async def unprocessed(self, request: Request) -> Response:
        query = UnprocessedQuery.read(asked_of(request))
        if self._reader is not None:
            self._reader.want(query.channel)
        wait_s = Waiting.read(request.query_params).wait
        if wait_s > 0:
            found = await self._held(request, query, wait_s)
        else:
            found = await self._ask(self._repository.find_unprocessed, query)
        filters = {
            "channel": query.channel,
            "status": query.statuses,
            "excludeProcessedBy": query.exclude,
            "limit": query.limit,
        }
        headers = None if self._reader is None else {SESSION_HEADER: self._reader.state().headline}
        return json_of(200, headers=headers, data=found, count=len(found), filters=filters)

    async def _held(self, request: Request, query: UnprocessedQuery, wait_s: float) -> list[dict[str, Any]]:
        """Wait until there are messages, the time is over or the client is gone. Return the messages."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        gone = asyncio.create_task(_disconnected(request))
        try:
            while True:
                # The wait begins before the table is read. A later commit then rings it.
                waiter = asyncio.create_task(self.long_poll.wait(query, deadline - loop.time()))
                try:
                    found = await self._ask(self._repository.find_unprocessed, query)
                    if found:
                        return found
                    await asyncio.wait({waiter, gone}, return_when=asyncio.FIRST_COMPLETED)
                    if not waiter.done() or not waiter.result():
                        return []
                finally:
                    if not waiter.cancel():
                        waiter.exception()  # mark the error as seen; otherwise asyncio logs it
        finally:
            gone.cancel()

    async def mark_processed(self, request: Request) -> Response:
        body = await read_body(request, MarkBody, most_bytes=BODY_MAX_BYTES)
        ids, requested, by, channel = body.ids, len(body.entries), body.consumer, body.channel
        updated, left = await self._ask(
            self._repository.mark_processed, ids, by=by, channel=channel, read=body.read
        )
        log.info(
            "messages.marked",
            processed_by=by,
            channel=channel,
            requested=requested,
            updated=updated,
            left=len(left),
        )
        data: dict[str, Any] = {"requested": requested, "updated": updated, "processedBy": by}
        if body.read is not None:
            data["left"] = left
        if left:
            # an unmarked row is news for the waiting clients
            self.long_poll.ring()
        if len(ids) < requested:
            data["unusable"] = requested - len(ids)
        return json_of(200, message=f"{updated} messages marked as processed", data=data)

    async def history(self, request: Request) -> Response:
        query = HistoryQuery.read(asked_of(request))
        page, total = await self._ask(self._repository.history, query)
        pagination = {
            "total": total,
            "limit": query.limit,
            "offset": query.offset,
            "hasMore": query.offset + len(page) < total and bool(page),
        }
        return json_of(200, data=page, pagination=pagination)

    async def message(self, request: Request) -> Response:
        found = await self._ask(self._repository.get, row_id(request))
        if found is None:
            raise no_such_message()
        return json_of(200, data=found)

    async def reprocess(self, request: Request) -> Response:
        own_id = row_id(request)
        text = (await read_body(request, ReprocessBody, most_bytes=BODY_MAX_BYTES)).text
        found = await self._ask(self._repository.reprocess, own_id, text)
        if found is None:
            raise no_such_message()
        self.long_poll.ring()
        log.info("message.reprocess_requested", id=own_id, edited=text is not None)
        return json_of(200, message="the message will be reread", data=found)

    async def sync_messages(self, request: Request) -> Response:
        await read_body(request, SyncBody, most_bytes=BODY_MAX_BYTES)
        if self._reader is not None:
            return await self._compared_with_telegram(self._reader)
        data = {
            "totalMessagesSynced": 0,
            "totalMessagesSaved": 0,
            "channelsSynced": await self._ask(self._repository.channels),
        }
        return json_of(
            200, message="this gateway has no Telegram session: there is nothing to fetch", data=data
        )

    async def _compared_with_telegram(self, reader: LiveReader) -> Response:
        try:
            done = await asyncio.wrap_future(reader.sync())
        except SyncUnavailableError as exc:
            return json_of(503, message=str(exc))
        data = {
            "totalMessagesSynced": done.synced,
            "totalMessagesSaved": done.saved,
            "channelsSynced": list(done.channels),
        }
        return json_of(200, message=f"{done.saved} messages were missing or had changed", data=data)

    async def _has_changed(self, query: UnprocessedQuery, age_s: float) -> bool:
        return await self._ask(self._repository.changed_since, query, age_s)


def create_app(
    database_url: str,
    *,
    policy: GuardPolicy,
    metrics: Metrics,
    broker_url: str | None = None,
    open_reader: Callable[[LiveStore], LiveReader] | None = None,
) -> Starlette:
    """Return the application behind the same layers as the engine. With a broker it publishes messages there.

    ``open_reader`` makes the reader of Telegram, if there is one. After the start ``app.state.gateway`` is its :class:`Gateway`.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        with open_database(database_url) as database:
            store = Store(database, outbox=broker_url is not None)
            publisher = _publisher(database, broker_url) if broker_url is not None else None
            reader = None if open_reader is None else open_reader(LiveStore(database))
            background = Background()
            gateway = app.state.gateway = Gateway(store, publisher, reader, background)
            app.router.routes.extend(gateway.routes())
            background.keep("schema", store.keep_schema)
            background.keep("listen", lambda: listen(database_url, gateway.ring))
            await store.wait_for_schema(START_S)
            if publisher is not None:
                publisher.start()
            if reader is not None:
                reader.start()
            try:
                yield
            finally:
                gateway.long_poll.close()
                if reader is not None:
                    await asyncio.to_thread(reader.stop)
                if publisher is not None:
                    await asyncio.to_thread(publisher.stop)
                store.close()
                background.cancel()
        # their running calls were cut
        await background.ended()

    clock = SystemClock()
    access = Access(
        policy=policy, rates=Rates(RATE, clock), proxies=Proxies([]), metrics=metrics, clock=clock
    )
    return Starlette(
        lifespan=lifespan,
        middleware=request_layers(access, refuse=refuse, unexpected=unexpected),
        exception_handlers=EXCEPTION_HANDLERS,
    )


def _publisher(database: Database, broker_url: str) -> OutboxPublisher:
    from ops.gateway.publisher import OutboxPublisher  # noqa: PLC0415 - pika is loaded only where it is used

    return OutboxPublisher(Outbox(database), broker_url)


async def _disconnected(request: Request) -> None:
    with suppress(RuntimeError):
        while (await request.receive())["type"] != "http.disconnect":
            pass
