"""``tp-capital status``: the health of a running daemon, for a person or a script."""

from __future__ import annotations

from typing import Any, TypeGuard

import requests
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ops.exit_codes import EXIT_DEGRADED, EXIT_OK, EXIT_UNHEALTHY

__all__ = ["fetch_health", "health_table", "show_health", "status_exit_code"]

_TIMEOUT_S = 5.0
_COLOURS = {"healthy": "green", "degraded": "yellow", "unhealthy": "red"}


def fetch_health(url: str, *, timeout_s: float = _TIMEOUT_S) -> dict[str, Any]:
    """Return the body of ``/health``; an unreachable daemon is unhealthy."""
    try:
        with requests.Session() as session:
            session.trust_env = False  # a proxy of the environment has no say in what runs here
            body = session.get(f"{url.rstrip('/')}/health", timeout=timeout_s).json()
    except (requests.RequestException, ValueError) as error:
        return {
            "status": "unhealthy",
            "checks": {},
            "details": {"daemon": {"error": f"not reachable: {error}"}},
        }
    if _has_shape(body):
        return body
    return {"status": "unhealthy", "checks": {}, "details": {"daemon": {"error": "that is no tp-capital"}}}


def _has_shape(body: object) -> TypeGuard[dict[str, Any]]:
    """Tell whether a body is one of ``/health``."""
    return (
        isinstance(body, dict)
        and isinstance(body.get("status"), str)
        and isinstance(body.get("checks"), dict)
        and isinstance(body.get("details"), dict)
    )


def status_exit_code(body: dict[str, Any]) -> int:
    """Return 0 for healthy, 1 for degraded, 2 for all else."""
    return {"healthy": EXIT_OK, "degraded": EXIT_DEGRADED}.get(str(body.get("status")), EXIT_UNHEALTHY)


def show_health(body: dict[str, Any], console: Console) -> None:
    """Print the checks as a table, each with its cause."""
    console.print(health_table(body))


def health_table(body: dict[str, Any]) -> Table:
    """Return the checks as a table, each with its cause."""
    table = Table(title=f"tp-capital: {body['status']}", title_style=_COLOURS.get(str(body["status"]), "red"))
    table.add_column("check")
    table.add_column("status")
    table.add_column("since")
    table.add_column("cause", overflow="fold")
    details = body.get("details", {})
    for name, status in body.get("checks", {}).items():
        detail = details.get(name) if isinstance(details.get(name), dict) else {}
        style = _COLOURS.get(str(status), "red")
        table.add_row(
            name,
            f"[{style}]{status}[/]",
            str(detail.get("since") or ""),
            escape(str(detail.get("error") or "")),
        )
    if "daemon" in details:
        table.add_row("daemon", "[red]unhealthy[/]", "", escape(str(details["daemon"].get("error"))))
    return table
