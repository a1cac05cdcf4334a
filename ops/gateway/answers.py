"""The gateway's answers: JSON with ``success``, and what each error becomes."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ops.http.kit.answers import json_answer
from ops.http.kit.problems import BadRequestError
from storage.errors import RowsRefusedError, StorageError

__all__ = ["EXCEPTION_HANDLERS", "json_of", "refuse", "unexpected"]

log = structlog.get_logger("gateway")


def json_of(status_code: int, /, *, headers: Mapping[str, str] | None = None, **content: Any) -> Response:
    """Return an answer in the form of this API."""
    return json_answer({"success": status_code < 400, **content}, status_code, headers)


def refuse(status: int, detail: str, *, headers: Mapping[str, str] | None = None) -> Response:
    """Return a refusal in the form of this API."""
    return json_answer({"success": False, "message": detail}, status, headers)


async def _bad_request(_request: Request, exc: Exception) -> Response:
    return json_of(400, message=str(exc))


async def _refused_value(_request: Request, exc: Exception) -> Response:
    return json_of(400, message=f"the database refused a value: {exc}")


async def _unavailable(_request: Request, exc: Exception) -> Response:
    return json_of(503, message=f"the database is not available: {exc}")


async def _http_error(_request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)  # noqa: S101 - registered for this class only
    detail = exc.detail
    if detail == HTTPStatus(exc.status_code).phrase:
        words = {404: "there is no such path", 405: "this path does not take this method"}
        detail = words.get(exc.status_code, "the request cannot be answered")
    return refuse(exc.status_code, detail, headers=exc.headers)


async def unexpected(_request: Request, exc: Exception) -> Response:
    """Return the answer to an error that nobody foresaw. The log has the error."""
    log.error("request.failed", error=type(exc).__name__, exc_info=exc)
    return json_of(500, message="internal error")


EXCEPTION_HANDLERS: Mapping[Any, Any] = {
    BadRequestError: _bad_request,
    RowsRefusedError: _refused_value,
    StorageError: _unavailable,
    HTTPException: _http_error,
    Exception: unexpected,
}
