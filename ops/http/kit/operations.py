"""Operations: one entry each, from which both the routes and the OpenAPI document are made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ops.http.kit.parameters import Parameters, check_utf8
from ops.http.kit.problems import problem

__all__ = ["API_PREFIX", "Answer", "Handler", "Operation", "routes_of", "versioned"]

Handler = Callable[[Request], Awaitable[Response]]
#: under it stand the same resources as without it
API_PREFIX = "/api/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a good answer holds: ``body`` by media type, as a model or as a plain JSON schema."""

    description: str
    body: Mapping[str, type[BaseModel] | Mapping[str, object]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    #: OpenAPI links: what can be asked next with what is in this answer
    links: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path. ``name`` is unique; ``problems`` are the statuses it may fail with."""

    method: str
    path: str
    name: str
    summary: str
    tag: str
    handler: Handler
    answers: Mapping[int, Answer]
    query: type[Parameters] | None = None
    body: type[BaseModel] | None = None
    #: JSON schemas of what stands in the path; the id of a row where nothing is said
    path_schemas: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    header_parameters: Mapping[str, str] = field(default_factory=dict)
    problems: Sequence[int] = ()


def versioned(operations: Iterable[Operation]) -> list[Operation]:
    """Return the operations under :data:`API_PREFIX`."""
    return [
        replace(operation, path=API_PREFIX + operation.path, name=f"{operation.name}V1")
        for operation in operations
    ]


def routes_of(operations: Iterable[Operation]) -> list[Route]:
    """Return a route for each path, in the order in which paths are first named."""
    by_path: dict[str, dict[str, Handler]] = {}
    for operation in operations:
        handler = operation.handler if operation.query is None else _checked(operation.handler)
        by_path.setdefault(operation.path, {})[operation.method] = handler
    return [Route(path, _Resource(path, handlers)) for path, handlers in by_path.items()]


def _checked(handler: Handler) -> Handler:
    """Return the handler of an operation that reads parameters: it is given those that can be read."""

    async def checked(request: Request) -> Response:
        check_utf8(request.scope["query_string"])
        return await handler(request)

    return checked


class _Resource:
    """All methods of one path; another one is told which there are, and that it did nothing."""

    def __init__(self, path: str, handlers: Mapping[str, Handler]) -> None:
        self._path = path
        self._handlers = dict(handlers)
        if "GET" in handlers:
            self._handlers["HEAD"] = handlers["GET"]
        self._allow = ", ".join(sorted(self._handlers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        scope.setdefault("state", {})["resource"] = self._path
        request = Request(scope, receive, send)
        handler = self._handlers.get(request.method)
        if handler is None:
            detail = f"{request.method} cannot be done here, nothing was changed; {self._allow} can."
            response = problem(405, detail, headers={"Allow": self._allow})
        else:
            response = await handler(request)
        await response(scope, receive, send)
