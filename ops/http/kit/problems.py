"""Errors as problem documents (RFC 9457)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import structlog
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

__all__ = [
    "BadRequestError",
    "Body",
    "CamelBody",
    "Problem",
    "problem",
    "problem_of_bad_request",
    "problem_of_http",
    "problem_of_unexpected",
]

#: errors in the detail of a problem; a query may have thousands
_MOST_TOLD = 5
_log = structlog.get_logger("http")


class Body(BaseModel):
    """A body that has exactly the declared fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CamelBody(Body):
    """A body whose public field names are in camel case."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, validate_by_alias=True)


class ProblemError(Body):
    """One error of a request."""

    field: str = Field(description="the parameter or field")
    message: str = Field(description="what is wrong with it")


class Problem(Body):
    """A problem document (RFC 9457)."""

    type: str = Field(description="always `about:blank`")
    title: str = Field(description="the phrase of the status")
    status: int = Field(description="the HTTP status")
    detail: str = Field(description="what was wrong, in words")
    message: str = Field(description="the same as `detail`, for clients of the former service")
    errors: list[ProblemError] | None = Field(default=None, description="each invalid parameter or field")


class BadRequestError(Exception):
    """The request is invalid. ``errors`` holds pairs of a parameter and a message."""

    def __init__(self, errors: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{field}: {message}" for field, message in errors))
        self.errors = tuple(errors)


def problem(
    status: int,
    detail: str,
    *,
    errors: Sequence[tuple[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a problem document."""
    body = Problem(
        type="about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        message=detail,
        errors=[ProblemError(field=field, message=message) for field, message in errors] or None,
    )
    return Response(
        body.model_dump_json(exclude_none=True),
        status_code=status,
        media_type="application/problem+json",
        headers=headers,
    )


async def problem_of_bad_request(_: Request, error: Exception) -> Response:
    """Answer an invalid request."""
    assert isinstance(error, BadRequestError)  # noqa: S101 - registered for this class only
    told = [f"{field}: {message}" for field, message in error.errors]
    rest = len(told) - _MOST_TOLD
    detail = "; ".join(told[:_MOST_TOLD]) + (f"; and {rest} more, see `errors`" if rest > 0 else "")
    return problem(400, detail, errors=error.errors)


async def problem_of_http(role: str, request: Request, error: Exception) -> Response:
    """Answer an HTTP error: a path that a daemon of this role does not serve, or an error that a handler raised."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    detail = error.detail
    if detail == HTTPStatus(error.status_code).phrase:  # the framework found no such path
        whom = "" if role == "all" else f" by this daemon, whose role is {role}"
        detail = f"Nothing is served at {request.url.path[:200]}{whom}; / lists the paths."
    return problem(error.status_code, detail, headers=error.headers)


async def problem_of_unexpected(request: Request, error: Exception) -> Response:
    """Answer an internal error. The log gets the traceback; the client gets the incident id of that log line."""
    incident = secrets.token_hex(6)
    _log.error("request.failed", path=request.url.path, incident=incident, exc_info=error)
    return problem(500, f"Something went wrong here. The log has details under incident {incident}.")
