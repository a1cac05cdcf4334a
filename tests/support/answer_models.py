"""Every JSON answer of the service held to the model that its OpenAPI document is made of, in every test."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from dataclasses import replace

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from ops.http.kit.answers import JSON
from ops.http.kit.operations import Handler, Operation

__all__ = ["held_to_their_models"]


def held_to_their_models(operations: Iterable[Operation]) -> Iterator[Operation]:
    """Yield operations whose handlers fail on an answer that is not as it is told of (fault 74)."""
    for operation in operations:
        yield replace(operation, handler=_held(operation, operation.handler))


def _held(operation: Operation, handler: Handler) -> Handler:
    async def held(request: Request) -> Response:
        response = await handler(request)
        told = operation.answers.get(response.status_code)
        model = told.body.get(JSON) if told else None
        body = bytes(getattr(response, "body", b""))
        sent_as = response.headers.get("content-type", "").partition(";")[0]
        if isinstance(model, type) and issubclass(model, BaseModel) and body and sent_as == JSON:
            if response.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            model.model_validate_json(body)
        return response

    return held
