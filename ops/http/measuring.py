"""Measuring: every answer counted and timed by its route's template, never by the path that was asked.

Paths are anybody's to invent: one series each would fill the memory of who scrapes us. All that no route
serves are one value, and so are all methods that HTTP does not name.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from actors.instruments import Instruments
from engine.clock import Clock

__all__ = ["OTHER", "Measuring"]

#: the route of a path that nothing serves, and the method that nobody knows
OTHER = "other"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Measuring:
    """The outermost layer: it sees what the layers within refuse as well."""

    def __init__(
        self, app: ASGIApp, *, routes: Sequence[BaseRoute], instruments: Instruments, clock: Clock
    ) -> None:
        self._app = app
        self._routes = [route for route in routes if isinstance(route, Route | Mount)]
        self._instruments = instruments
        self._clock = clock
        instruments.begin_routes([OTHER, *(route.path for route in self._routes)])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = self._clock.monotonic_s()
        status = 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                # to the head of the answer: a stream's body ends when its reader goes
                self._count(scope, status, self._clock.monotonic_s() - began_s)
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except ClientDisconnect:
            raise  # nobody was answered, and nobody is at fault
        except Exception:  # of any kind: it is counted here and answered further out
            if not status:
                self._count(scope, 500, self._clock.monotonic_s() - began_s)
            else:
                self._instruments.http_failures.labels(self._route(scope)).inc()
            raise

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = self._route(scope)
        method = scope["method"] if scope["method"] in _METHODS else OTHER
        self._instruments.http_requests.labels(route, method, str(status)).inc()
        self._instruments.http_seconds.labels(route).observe(seconds)
        if status == 500:
            self._instruments.http_failures.labels(route).inc()

    def _route(self, scope: Scope) -> str:
        """Return the template; found anew, since what is refused before routing has a route too."""
        return next((r.path for r in self._routes if r.matches(scope)[0] is not Match.NONE), OTHER)
