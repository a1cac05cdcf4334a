"""A container's health check: ``python -m ops.probe URL`` exits with 0 if the URL answers 200.

The image has no curl. This program needs only the standard library, and ignores proxies of the environment.
"""

from __future__ import annotations

import http.client
import sys
from urllib.parse import urlsplit

__all__ = ["answers"]

_TIMEOUT_S = 4.0


def answers(url: str) -> bool:
    """Return whether ``url`` (http) answers 200 in time."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if answers(sys.argv[1]) else 1)
