"""Ports of this machine: a free one, whether one is taken, and what answers there."""

from __future__ import annotations

import socket
from typing import Final

from engine.safe_text import shown
from ops.client import Client, ClientAnswer, ClientError

__all__ = ["HOST", "engine_health", "free_port", "http_problem", "is_taken"]

#: where all local servers listen
HOST: Final = "127.0.0.1"
_ASK_S = 3.0


def free_port(host: str = HOST) -> int:
    """Return a TCP port that is free now. Another program may take it before its user does."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
    return port


def is_taken(port: int) -> bool:
    """Return whether a program uses a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def http_problem(port: int, path: str) -> str | None:
    """Return the problem with the answer to ``path``, or None if it is a success."""
    try:
        answer = _get(port, path)
    except ClientError:
        return "does not answer"
    if answer.ok:
        return None
    body = answer.object() or {}
    why = body.get("message") or body.get("reason")
    return shown(f"{body.get('status')}: {why}"[:300]) if why else answer.words


def engine_health(port: int) -> str:
    """Return an engine's health in a few words. It is empty if the engine does not answer."""
    try:
        body = _get(port, "/health").object()
    except ClientError:
        return ""
    checks = body.get("checks") if body else None
    if body is None or not isinstance(checks, dict):
        return ""
    unwell = [name for name, status in checks.items() if status != "healthy"]
    return f"{body.get('status')}{': ' + ', '.join(unwell) if unwell else ''}"


def _get(port: int, path: str) -> ClientAnswer:
    with Client(f"http://{HOST}:{port}", timeout_s=_ASK_S) as client:
        return client.ask("GET", path)
