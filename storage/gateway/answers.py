"""Interprets the gateway's answers: statuses, retry times, shapes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from engine.safe_text import json_fault, printable
from storage.errors import (
    GatewayAnswerError,
    GatewayRateLimitedError,
    GatewayStatusError,
    GatewayUnauthorizedError,
)
from storage.gateway.quota import read_reset
from storage.gateway.rows import TooManyRowsError, read_page
from storage.http_connection import read_retry_after

__all__ = ["check_status", "count_of", "decode_answer"]

#: used when a 429 does not say how long to wait; the real gateway's window is a minute
DEFAULT_RETRY_AFTER_S = 60.0


def check_status(status: int, headers: Mapping[str, str], content: bytes, path: str) -> None:
    """Raise the typed error for an HTTP status other than success."""
    if status == 429:
        raise GatewayRateLimitedError(f"429 at {path}", _retry_after_s(headers))
    if status in (401, 403):
        raise GatewayUnauthorizedError(
            f"{status} at {path}: the gateway does not accept TELEGRAM_GATEWAY_API_KEY", status
        )
    if 300 <= status < 400:
        # A redirect could send the key to another host.
        raise GatewayAnswerError(f"{status} at {path}: redirects are refused; set TELEGRAM_GATEWAY_URL")
    if not 200 <= status < 300:
        raise GatewayStatusError(f"{status} at {path}{_detail(content)}", status)


def decode_answer(content: bytes, path: str, *, limit: int = 0) -> dict[str, Any]:
    """Return the JSON object of a success answer. A page of messages may have at most ``limit`` rows.

    Raises:
        GatewayAnswerError: The answer is anything else.
    """
    try:
        answer = read_page(content, limit=limit)
    except TooManyRowsError as error:
        raise GatewayAnswerError(
            f"the answer of {path} holds more than the {limit} requested messages"
        ) from error
    except (ValueError, RecursionError) as error:
        raise GatewayAnswerError(f"the answer of {path} is not JSON: {json_fault(error)}"[:200]) from error
    if not isinstance(answer, dict):
        raise GatewayAnswerError(f"the answer of {path} is not a JSON object")
    if answer.get("success") is not True:
        raise GatewayAnswerError(f"the answer of {path} reports no success{_detail(content)}")
    return answer


def _detail(content: bytes) -> str:
    """Return the start of the answer's own error message, or an empty text."""
    try:
        message = json.loads(content).get("message")
    except (ValueError, RecursionError, AttributeError):
        return ""
    if not isinstance(message, str):
        return ""
    return f": {printable(message[:120])}"


def _retry_after_s(headers: Mapping[str, str]) -> float:
    """Read Retry-After (RFC 9110: seconds or a date), or else the end of the quota's window; at most an hour."""
    now = datetime.now(UTC)
    delay_s = read_retry_after(headers.get("Retry-After", ""), now=now)
    if delay_s is None:
        delay_s = read_reset(headers, now=now)
    return DEFAULT_RETRY_AFTER_S if delay_s is None else min(max(delay_s, 1.0), 3600.0)


def count_of(data: object, key: str) -> int:
    """Return the whole number at ``key`` of an object in an answer."""
    value = data.get(key) if isinstance(data, dict) else None
    if not isinstance(value, int) or isinstance(value, bool):
        raise GatewayAnswerError(f"{key}: must be a number, not {type(value).__name__}")
    return value
