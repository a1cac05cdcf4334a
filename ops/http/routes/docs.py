"""``/openapi.json`` and ``/docs``: the OpenAPI document, and a page that shows it without any other host."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ops.http.kit.answers import JSON, ConditionalResponses
from ops.http.kit.encoding import encode
from ops.http.kit.operations import Answer, Operation
from ops.http.server.clients import prefix_of

__all__ = ["asyncapi_operation", "doc_operations", "openapi_operation"]

_TYPES = {
    "index.html": "text/html; charset=utf-8",
    "docs.css": "text/css; charset=utf-8",
    "docs.js": "text/javascript; charset=utf-8",
    "schema.js": "text/javascript; charset=utf-8",
    "trying.js": "text/javascript; charset=utf-8",
}
_TEXT = {"type": "string"}
_TAG = "documentation"


def doc_operations(responses: ConditionalResponses) -> Sequence[Operation]:
    """Return the operations for the page and its files."""
    folder = files("ops.http.routes").joinpath("docs_page")
    kept = {name: folder.joinpath(name).read_bytes() for name in _TYPES}

    def file(request: Request, name: str) -> Response:
        if name not in kept:
            raise HTTPException(404, "There is no such file.")
        return responses.answer(request.headers, kept[name], media_type=_TYPES[name])

    async def page(request: Request) -> Response:
        if request.scope["state"].get("slash"):
            # the page loads its files by relative links, which a trailing slash would break
            return RedirectResponse("../docs", 308)
        return file(request, "index.html")

    async def part(request: Request) -> Response:
        return file(request, request.path_params["name"])

    return [
        Operation(
            method="GET",
            path="/docs",
            name="docs",
            summary="This documentation as a page",
            tag=_TAG,
            handler=page,
            answers={200: Answer(description="The page", body={"text/html": _TEXT})},
        ),
        Operation(
            method="GET",
            path="/docs/{name}",
            name="docsFile",
            summary="A file of the documentation page",
            tag=_TAG,
            handler=part,
            path_schemas={"name": {"description": "name of the file", "enum": sorted(kept)}},
            answers={
                200: Answer(
                    description="The file",
                    body={"text/css": _TEXT, "text/html": _TEXT, "text/javascript": _TEXT},
                )
            },
            problems=(404,),
        ),
    ]


def asyncapi_operation(
    responses: ConditionalResponses, document: Callable[[], Mapping[str, Any]]
) -> Operation:
    """Return the operation that serves the description of the events for other systems."""

    async def asyncapi(request: Request) -> Response:
        return responses.answer(request.headers, encode(document()))

    return Operation(
        method="GET",
        path="/asyncapi.json",
        name="asyncapi",
        summary="The events for other systems as an AsyncAPI 3.0 document",
        tag=_TAG,
        handler=asyncapi,
        answers={200: Answer(description="The document", body={JSON: {"type": "object"}})},
    )


def openapi_operation(
    responses: ConditionalResponses, document: Callable[[], Mapping[str, Any]]
) -> Operation:
    """Return the operation that serves the document.

    ``document`` is called by a request, because it describes this operation too, and most daemons are never asked.
    """
    encoded: list[bytes] = []

    async def openapi(request: Request) -> Response:
        if prefix := prefix_of(request.scope):
            return responses.answer(request.headers, encode({**document(), "servers": [{"url": prefix}]}))
        if not encoded:
            encoded.append(encode(document()))
        return responses.answer(request.headers, encoded[0])

    return Operation(
        method="GET",
        path="/openapi.json",
        name="openapi",
        summary="This documentation as an OpenAPI 3.1 document",
        tag=_TAG,
        handler=openapi,
        answers={200: Answer(description="The document", body={JSON: {"type": "object"}})},
    )
