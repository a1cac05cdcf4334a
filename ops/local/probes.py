"""Short questions to what listens on a port of this machine."""

from __future__ import annotations

import socket
from typing import Any

import requests

from ops.local.postgres import HOST

__all__ = ["engine_health", "http_problem", "is_taken"]

_ASK_S = 3.0


def is_taken(port: int) -> bool:
    """Tell whether somebody holds a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def http_problem(port: int, path: str) -> str | None:
    """Return why ``path`` is not answered well; None when it is."""
    try:
        answer = _get(port, path)
    except requests.RequestException:
        return "does not answer"
    return None if answer.ok else answer.text[:300]


def engine_health(port: int) -> str:
    """Return what an engine says of itself in a few words, empty when it says nothing."""
    try:
        body: dict[str, Any] = _get(port, "/health").json()
        unwell = [name for name, status in body["checks"].items() if status != "healthy"]
        return f"{body['status']}{': ' + ', '.join(unwell) if unwell else ''}"
    except (requests.RequestException, ValueError, KeyError):
        return ""


def _get(port: int, path: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False  # a proxy of the environment has no say in what runs here
        return session.get(f"http://{HOST}:{port}{path}", timeout=_ASK_S)
