"""Responder: starts, watches and stops the embedded HTTP server.

The application is passed in. It reads snapshots and storage and asks no actor.
"""

from __future__ import annotations

import asyncio
import contextlib
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
DATE_EVERY_S = 1.0
#: how long running requests may take during the stop
GRACE_S = 2


def server_config(app: ASGIApp, protocol: type[asyncio.Protocol]) -> uvicorn.Config:
    """Return the configuration to serve ``app``. ``protocol`` handles each connection."""
    return uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        # uvicorn would trust X-Forwarded-For from every program on this machine. The application decides that.
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=30,
    )


class Responder(Actor):
    """Runs uvicorn in its own thread on the sockets that ``bind`` returns.

    uvicorn waits for open streams without limit, so ``end_streams`` ends them before uvicorn is told to stop.
    """

    def __init__(
        self,
        context: Context,
        *,
        app: ASGIApp,
        bind: Callable[[], Sequence[socket.socket]],
        end_streams: Callable[[], None],
        make_protocol: Callable[[], type[asyncio.Protocol]],
    ) -> None:
        super().__init__(context)
        self._end_streams = end_streams
        self._sockets = list(bind())
        self._server = _ThreadServer(server_config(app, make_protocol()))
        self._thread = threading.Thread(target=self._serve, name="http", daemon=True)
        self._error: BaseException | None = None

    def _open(self) -> None:
        self._thread.start()
        if not self._server.ready.wait(START_S) or self._error is not None:
            raise RuntimeError(f"the HTTP server did not start: {self._error or 'no answer in time'}")
        hosts = [one.getsockname()[0] for one in self._sockets]
        self.log.info("responder.started", host=",".join(hosts), port=self._sockets[0].getsockname()[1])
        self.tick_each("watch", WATCH_EVERY_S)

    def _close(self) -> None:
        self._end_streams()
        self._server.end()
        if self._thread.is_alive():
            self._thread.join(GRACE_S + 1)
        for one in self._sockets:
            one.close()

    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        if tick.purpose == "watch":
            if not self._thread.is_alive():
                raise RuntimeError(f"the HTTP server ended: {self._error}")
            self.tick_each("watch", WATCH_EVERY_S)

    def _serve(self) -> None:
        try:
            self._server.run(sockets=self._sockets)
        except BaseException as error:  # noqa: BLE001 - the actor runs in another thread and reports it
            self._error = error
        finally:
            self._server.ready.set()


class _ThreadServer(uvicorn.Server):
    """A server that sets ``ready`` when it listens. It leaves signals to the main thread.

    uvicorn looks ten times a second whether it is to end. This server is told.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._ending = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self.ready.set()

    async def main_loop(self) -> None:
        """Wait for the end. Each second, renew the date that answers carry."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DATE_EVERY_S):
                    await self._ending.wait()

    def end(self) -> None:
        """Begin to stop. Any thread may call it, also when the server has not started or has ended."""
        self.should_exit = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._ending.set)
