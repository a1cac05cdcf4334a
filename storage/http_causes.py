"""Says in a few plain words why an HTTP request got no answer."""

from __future__ import annotations

import socket

__all__ = ["plain_cause"]

_LONGEST = 160


def plain_cause(error: Exception) -> str:
    """Return the reason inside the layers that requests and urllib3 wrap around it."""
    if isinstance(error, ValueError):
        # The ValueErrors of requests are about the address.
        return "the address must be a URL such as http://127.0.0.1:4008"
    inner: BaseException = error
    while (cause := inner.__cause__ or inner.__context__) is not None:
        inner = cause
    match inner:
        case ConnectionRefusedError():
            return "connection refused"
        case ConnectionResetError():
            return "connection cut before an answer"
        case socket.gaierror():
            return "no such host"
        case TimeoutError():
            return "no answer in time"
        case _:
            return f"{type(inner).__name__}: {inner}"[:_LONGEST]
