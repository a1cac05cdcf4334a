"""Request bodies: read within a size and a time, and made a model of."""

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
#: a client that takes longer to send so little holds a connection and nothing else
BODY_S = 10.0

B = TypeVar("B", bound=BaseModel)


async def read_body(request: Request, model: type[B]) -> B:
    """Return the body as ``model``; an empty one stands for ``{}``.

    Raises:
        HTTPException: it is too large (413) or too slow (408).
        BadRequestError: it is no JSON object, or one with fields that cannot be used.
    """
    declared = request.headers.get("content-length", "0")
    if len(declared) > 9 or int(declared) > MAX_BODY_BYTES:
        raise _too_large()
    received = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.stream():
                received += chunk
                if len(received) > MAX_BODY_BYTES:
                    raise _too_large()
    except TimeoutError:
        raise HTTPException(
            408, f"The body did not come within {BODY_S:g} s.", headers={"Connection": "close"}
        ) from None
    return body_of(bytes(received), model)


def body_of(body: bytes, model: type[B]) -> B:
    """Return what was received as ``model``.

    Raises:
        BadRequestError: with everything that is wrong about it.
    """
    try:
        value = orjson.loads(body) if body.strip() else {}
    except orjson.JSONDecodeError:
        raise BadRequestError([("body", "JSON is wanted")]) from None
    if not isinstance(value, dict):
        raise BadRequestError([("body", "a JSON object is wanted")])
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise BadRequestError(errors_of(error)) from None


def _too_large() -> HTTPException:
    # what is still to come of it is not read
    return HTTPException(413, f"A body has at most {MAX_BODY_BYTES} bytes.", headers={"Connection": "close"})
