"""Request bodies: read within a size limit and a time limit, then validated as a model."""

from __future__ import annotations

import asyncio
from typing import TypeVar

import orjson
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from ops.http.kit.parameters import errors_of
from ops.http.kit.problems import BadRequestError

__all__ = ["MAX_BODY_BYTES", "body_of", "read_body"]

MAX_BODY_BYTES = 64 * 1024
#: a client that needs longer for so little data is only holding a connection
BODY_S = 10.0

B = TypeVar("B", bound=BaseModel)


async def read_body(request: Request, model: type[B], *, most_bytes: int = MAX_BODY_BYTES) -> B:
    """Return the body as ``model``. An empty body counts as ``{}``.

    Raises:
        HTTPException: the body is too large (413) or too slow (408).
        BadRequestError: the body is not a JSON object, or has invalid fields.
    """
    declared = request.headers.get("content-length", "0")
    if len(declared) > 9 or int(declared) > most_bytes:
        raise _too_large(most_bytes)
    received = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.stream():
                received += chunk
                if len(received) > most_bytes:
                    raise _too_large(most_bytes)
    except TimeoutError:
        raise HTTPException(
            408, f"The body did not come within {BODY_S:g} s.", headers={"Connection": "close"}
        ) from None
    return body_of(bytes(received), model)


def body_of(body: bytes, model: type[B]) -> B:
    """Return the received bytes as ``model``.

    Raises:
        BadRequestError: the bytes are not a valid model. The error lists every problem.
    """
    try:
        value = orjson.loads(body) if body.strip() else {}
    except orjson.JSONDecodeError:
        raise BadRequestError([("body", "must be JSON")]) from None
    if not isinstance(value, dict):
        raise BadRequestError([("body", "must be a JSON object")])
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise BadRequestError(errors_of(error)) from None


def _too_large(most_bytes: int) -> HTTPException:
    # the rest of the body is not read, so the connection cannot be used again
    return HTTPException(413, f"A body has at most {most_bytes} bytes.", headers={"Connection": "close"})
