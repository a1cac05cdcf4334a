"""Errors as problem documents: the shape of RFC 9457, and nothing of our insides in it."""

import json
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from structlog.testing import capture_logs

from ops.http.kit.problems import (
    BadRequestError,
    problem,
    problem_of_bad_request,
    problem_of_http,
    problem_of_unexpected,
)

REQUEST = Request(
    {
        "type": "http",
        "method": "GET",
        "path": "/signals",
        "headers": [],
        "query_string": b"",
        "server": ("h", 1),
    }
)


def body(response: Response) -> dict[str, Any]:
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = json.loads(bytes(response.body))
    assert document["status"] == response.status_code
    return document


def answered(coroutine: Any) -> Response:
    """Run a handler, which never waits."""
    with pytest.raises(StopIteration) as ended:
        coroutine.send(None)
    response = ended.value.value
    assert isinstance(response, Response)
    return response


@pytest.mark.parametrize(
    ("status", "title"), [(400, "Bad Request"), (421, "Misdirected Request"), (503, "Service Unavailable")]
)
def test_a_problem_has_the_members_of_the_standard(status: int, title: str) -> None:
    document = body(problem(status, "Words for a person."))
    assert document == {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": "Words for a person.",
        "message": "Words for a person.",
    }


def test_headers_go_with_it() -> None:
    assert problem(503, "Later.", headers={"Retry-After": "5"}).headers["Retry-After"] == "5"


def test_bad_input_names_each_field_fault_21() -> None:
    error = BadRequestError([("limit", "too large"), ("side", "must be buy or sell")])
    response = answered(problem_of_bad_request(REQUEST, error))
    assert response.status_code == 400
    assert body(response)["errors"] == [
        {"field": "limit", "message": "too large"},
        {"field": "side", "message": "must be buy or sell"},
    ]
    assert body(response)["detail"] == "limit: too large; side: must be buy or sell"


def test_the_detail_of_many_errors_is_bounded() -> None:
    error = BadRequestError([(f"x{number}", "unknown") for number in range(1000)])
    document = body(answered(problem_of_bad_request(REQUEST, error)))
    assert document["detail"].endswith("x4: unknown; and 995 more, see `errors`")
    assert len(document["errors"]) == 1000


def test_what_the_framework_refuses_is_a_problem_with_its_headers() -> None:
    error = HTTPException(405, "Method Not Allowed", headers={"Allow": "GET"})
    response = answered(problem_of_http("all", REQUEST, error))
    assert body(response)["title"] == "Method Not Allowed"
    assert response.headers["Allow"] == "GET"


def test_a_bug_is_named_by_an_incident_that_stands_in_the_log_and_says_no_more_fault_21() -> None:
    with capture_logs() as lines:
        response = answered(problem_of_unexpected(REQUEST, KeyError("s3cret inside")))
    document = body(response)
    assert document["status"] == 500
    assert "s3cret" not in json.dumps(document)
    assert "Traceback" not in json.dumps(document)
    (line,) = lines
    assert line["event"] == "request.failed"
    assert line["path"] == "/signals"
    assert line["incident"] in document["detail"]
    assert isinstance(line["exc_info"], KeyError)
