"""Operations: the routes and the OpenAPI document are both built from them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from ops.http.kit.parameters import Parameters, check_utf8
from ops.http.kit.problems import problem

__all__ = ["API_PREFIX", "Answer", "Handler", "Operation", "routes_of", "serves", "versioned"]

Handler = Callable[[Request], Awaitable[Response]]
#: the resources without this prefix are served under it too
API_PREFIX = "/api/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Describes a successful answer. ``body`` maps a media type to a model or to a plain JSON schema."""

    description: str
    body: Mapping[str, type[BaseModel] | Mapping[str, object]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    #: OpenAPI links: operations that can follow, with parameters taken from this answer
    links: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path. ``problems`` lists the error statuses it may return.

    ``name`` is unique, except that an operation and its alias share it.
    """

    method: str
    path: str
    name: str
    summary: str
    tag: str
    handler: Handler
    answers: Mapping[int, Answer]
    query: type[Parameters] | None = None
    body: type[BaseModel] | None = None
    #: JSON schemas with descriptions of the path parameters; a parameter without one is the id of a row
    path_schemas: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    header_parameters: Mapping[str, str] = field(default_factory=dict)
    problems: Sequence[int] = ()


def versioned(operations: Iterable[Operation]) -> list[Operation]:
    """Return the operations under :data:`API_PREFIX`. The ones without it are then their aliases."""
    return [replace(operation, path=API_PREFIX + operation.path) for operation in operations]


def routes_of(operations: Iterable[Operation]) -> list[Route]:
    """Return one route for each path, in the order of the first operation of each path."""
    by_path: dict[str, dict[str, Handler]] = {}
    for operation in operations:
        handler = operation.handler if operation.query is None else _checked(operation.handler)
        by_path.setdefault(operation.path, {})[operation.method] = handler
    return [Route(path, _Resource(path, handlers)) for path, handlers in by_path.items()]


def serves(routes: Iterable[Route], scope: Scope) -> bool:
    """Return whether an operation serves this request. Any other one is answered 404 or 405 and changes nothing."""
    found = (route.endpoint for route in routes if route.matches(scope)[0] is Match.FULL)
    resource = next(found, None)
    return isinstance(resource, _Resource) and resource.has(scope["method"])


def _checked(handler: Handler) -> Handler:
    """Return a handler that refuses a query string that is not UTF-8 before it calls ``handler``."""

    async def checked(request: Request) -> Response:
        check_utf8(request.scope["query_string"])
        return await handler(request)

    return checked


class _Resource:
    """Serves all methods of one path. Any other method gets 405 with the allowed ones."""

    def __init__(self, path: str, handlers: Mapping[str, Handler]) -> None:
        self._path = path
        self._handlers = dict(handlers)
        if "GET" in handlers:
            self._handlers["HEAD"] = handlers["GET"]
        self._allow = ", ".join(sorted(self._handlers))

    def has(self, method: str) -> bool:
        """Return whether this path has the method."""
        return method in self._handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        scope.setdefault("state", {})["resource"] = self._path
        request = Request(scope, receive, send)
        handler = self._handlers.get(request.method)
        if handler is None:
            detail = f"{request.method} is not allowed here; nothing was changed. Allowed: {self._allow}."
            response = problem(405, detail, headers={"Allow": self._allow})
        else:
            response = await handler(request)
        await response(scope, receive, send)
