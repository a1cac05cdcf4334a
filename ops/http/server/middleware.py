"""The entrance: the outermost layer, which every request and every answer passes.

It determines the client, counts and times requests, adds the common headers, and turns an unexpected exception
into a problem document.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from actors.shown.metrics import Metrics
from engine.clock import Clock
from ops.http.kit.problems import problem_of_unexpected
from ops.http.server.clients import Proxies

__all__ = ["OTHER", "SECURITY_HEADERS", "RequestMiddleware", "with_security"]

#: the label of a path that is not served, and of an unknown method
OTHER = "other"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
#: Sent with every answer, pages and data alike. Content and scripts come only from this service, and no other page
#: may frame it.
SECURITY_HEADERS = {
    b"content-security-policy": (
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        b"manifest-src 'self'; worker-src 'self'; "
        b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=()",
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
}


def with_security(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer with those of :data:`SECURITY_HEADERS` that it does not set itself."""
    own = list(headers)
    names = {name.lower() for name, _ in own}
    return [*own, *(pair for pair in SECURITY_HEADERS.items() if pair[0] not in names)]


class RequestMiddleware:
    """The outermost layer of the application."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        proxies: Proxies,
        metrics: Metrics,
        clock: Clock,
        root_path: str = "",
        unexpected: Callable[[Request, Exception], Awaitable[Response]] = problem_of_unexpected,
    ) -> None:
        self._app = app
        self._root_path = root_path
        self._unexpected = unexpected
        self._proxies = proxies
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = self._clock.monotonic_s()
        self._proxies.introduce(scope, root_path=self._root_path)
        state, path = scope["state"], scope["path"]
        prefix = state["prefix"]
        # some proxies strip the prefix, and some pass it on
        if prefix and path == prefix:
            # without the trailing slash, relative links would leave the prefix
            await RedirectResponse(f"{prefix}/", 308)(scope, receive, send)
            return
        if prefix and path.startswith(f"{prefix}/"):
            path = path[len(prefix) :]
        # a path with and without a trailing slash is the same resource
        scope["path"] = path.rstrip("/") or "/"
        state["slash"] = scope["path"] != path
        status = 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = with_security(message.get("headers", []))
                self._count(scope, status, self._clock.monotonic_s() - began_s)
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except ClientDisconnect:
            pass  # there is no client left to answer
        except Exception as error:
            response = await self._unexpected(Request(scope), error)
            if status:
                self._metrics.http_failures.labels(_route(scope)).inc()
                raise  # part of the answer was sent, so only closing the connection can signal the error
            await response(scope, receive, send_on)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = _route(scope)
        # Clients can invent any path or method. One time series for each would fill the memory of Prometheus.
        method = scope["method"] if scope["method"] in _METHODS else OTHER
        self._metrics.count_answer(route, method, status, seconds)
        if status == 500:
            self._metrics.http_failures.labels(route).inc()


def _route(scope: Scope) -> str:
    """Return the template of the path, or ``other`` if the request was refused before routing."""
    return str(scope["state"].get("resource", OTHER))
