"""Cross-origin requests (CORS): only pages of ``CORS_ORIGIN`` are allowed. A refusal is a problem document."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from ops.http.kit.problems import problem

__all__ = ["CrossOrigin", "vary_by_origin"]

_METHODS = ("GET", "HEAD", "POST", "DELETE")
_REQUEST_HEADERS = ("Content-Type", "If-None-Match", "Last-Event-ID", "X-API-Key")
_ANSWER_HEADERS = (
    *("Age", "Content-Disposition", "ETag", "Link", "RateLimit-Limit", "RateLimit-Policy"),
    *("RateLimit-Remaining", "RateLimit-Reset", "Retry-After", "X-Cache", "X-Next-Cursor", "X-Stale-Seconds"),
    "X-Total-Count",
)
_KEEP_PREFLIGHT_S = 600


def vary_by_origin(response: Response) -> None:
    """Add the header that :class:`CrossOrigin` adds to the answer of a request without an origin."""
    response.headers["Vary"] = ", ".join([*response.headers.getlist("Vary"), "Origin"])


class CrossOrigin(CORSMiddleware):
    """Starlette's CORS middleware with the methods and headers of this service."""

    def __init__(self, app: ASGIApp, *, origins: tuple[str, ...]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=_METHODS,
            allow_headers=_REQUEST_HEADERS,
            expose_headers=_ANSWER_HEADERS,
            # a listed page with a public address may ask this service at a private address
            allow_private_network=True,
            max_age=_KEEP_PREFLIGHT_S,
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer a preflight request."""
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        kept = {k: v for k, v in response.headers.items() if k.startswith(("access-control-", "vary"))}
        return problem(403, self._why(request_headers), headers=kept)

    def _why(self, asked: Headers) -> str:
        """Return the reason. Only a page of an allowed origin learns which methods and headers are allowed."""
        if not self.is_allowed_origin(asked["origin"]):
            return "Pages of this origin may not send requests here. CORS_ORIGIN lists the allowed origins."
        method = asked["access-control-request-method"]
        if method not in _METHODS:
            return f"Pages of other origins may not use this method. Allowed: {', '.join(_METHODS)}."
        return f"Pages of other origins may not send these headers. Allowed: {', '.join(_REQUEST_HEADERS)}."
