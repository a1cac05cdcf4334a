"""Responder: the embedded HTTP server's life - started, watched and stopped by its actor.

It serves snapshots and storage and asks no actor; what it serves is an application handed in.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence

import uvicorn
from starlette.types import ASGIApp

from engine.actor import Actor, handles
from engine.messages import Tick
from engine.spec import Context

__all__ = ["Responder", "server_config"]

START_S = 5.0
WATCH_EVERY_S = 1.0
#: time for requests under way when stopping
GRACE_S = 2


def server_config(app: ASGIApp, protocol: type[asyncio.Protocol]) -> uvicorn.Config:
    """Return how ``app`` is served; ``protocol`` is what a connection is served by."""
    return uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        # uvicorn would believe X-Forwarded-For of every program of this machine; whom to believe is the application's
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=30,
    )


class Responder(Actor):
    """Runs uvicorn in a thread of its own on sockets that ``bind`` gives.

    uvicorn waits for open streams without limit: ``end_streams`` ends them before it is told to stop.
    """

    def __init__(
        self,
        context: Context,
        *,
        app: ASGIApp,
        bind: Callable[[], Sequence[socket.socket]],
        end_streams: Callable[[], None],
        protocol: type[asyncio.Protocol],
    ) -> None:
        super().__init__(context)
        self._end_streams = end_streams
        self._sockets = list(bind())
        self._server = _ThreadServer(server_config(app, protocol))
        self._thread = threading.Thread(target=self._serve, name="http", daemon=True)
        self._error: BaseException | None = None

    def _open(self) -> None:
        self._thread.start()
        if not self._server.ready.wait(START_S) or self._error is not None:
            raise RuntimeError(f"the HTTP server did not start: {self._error or 'no sign of it'}")
        hosts = [one.getsockname()[0] for one in self._sockets]
        self.log.info("responder.started", host=",".join(hosts), port=self._sockets[0].getsockname()[1])
        self.tick_later("watch", WATCH_EVERY_S)

    def _close(self) -> None:
        self._end_streams()
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(GRACE_S + 1)
        for one in self._sockets:
            one.close()

    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        if tick.purpose == "watch":
            if not self._thread.is_alive():
                raise RuntimeError(f"the HTTP server ended: {self._error}")
            self.tick_later("watch", WATCH_EVERY_S)

    def _serve(self) -> None:
        try:
            self._server.run(sockets=self._sockets)
        except BaseException as error:  # noqa: BLE001 - told to the actor, which cannot catch it
            self._error = error
        finally:
            self._server.ready.set()


class _ThreadServer(uvicorn.Server):
    """A server that says when it listens and leaves signals to the main thread."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()
