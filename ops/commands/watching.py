"""``status``: the health of a running daemon."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live

from ops.client import DaemonClient, DaemonError, fetch_health
from ops.commands.common import daemon_and_key
from ops.commands.status import health_tables, status_exit_code
from ops.process_signals import stop_on_signals
from ops.terminal import say_json

__all__ = ["status"]

_WATCH_S = 2.0


def status(
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the daemon's answer unchanged.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Refresh every two seconds until Ctrl-C.")] = False,
    url: Annotated[
        str | None,
        typer.Option(help="Address of the daemon; by default HOST and PORT, or what runs in this folder."),
    ] = None,
) -> None:
    """Show the health of a running daemon. Exit 0 healthy, 1 degraded, 2 unhealthy or unreachable."""
    url, key = daemon_and_key(url)
    body = fetch_health(url, api_key=key)
    if watch and not json:
        with (
            stop_on_signals() as left,
            Live(_tables(body, url, key), screen=Console().is_terminal) as live,
        ):
            while not left.wait(_WATCH_S):
                body = fetch_health(url, api_key=key)
                live.update(_tables(body, url, key), refresh=True)
    if json:
        say_json(body, indent=True)
    else:
        Console().print(_tables(body, url, key))
    raise typer.Exit(status_exit_code(body))


def _tables(body: dict[str, Any], url: str, key: str | None) -> Group:
    """Return the tables of a health answer. Labels and counts of channels are left out where they cannot be read."""
    stored: dict[str, Any] = {}
    daemons: list[dict[str, Any]] | None = None
    with suppress(DaemonError), DaemonClient(url, api_key=key) as daemon:
        found = daemon.get("/channels").get("data") if body["checks"] else None
        stored = {str(one.get("id")): one for one in found or [] if isinstance(one, dict)}
        daemons = daemon.get("/daemons").get("data") if body["checks"] else None
    return health_tables(body, url, stored, daemons or ())
