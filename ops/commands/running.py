"""``demo`` and ``status``: start a whole system, or show the health of a daemon."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live

from config import ConfigurationError
from ops.client import DaemonClient, DaemonError, fetch_health
from ops.commands.common import daemon_and_key, listen, stop, tell_setting_notes
from ops.commands.status import health_tables, status_exit_code
from ops.exit_codes import EXIT_FAILED
from ops.local.demo import Demo, DemoError
from ops.process_signals import stop_on_signals
from ops.terminal import say_json

__all__ = ["demo", "status"]

_WATCH_S = 2.0


def demo(
    *,
    port: Annotated[
        int, typer.Option(min=1, max=65533, help="The engine's port; the gateway uses this port plus 2.")
    ] = 4008,
    messages: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="File with messages to serve instead of the sample history."
        ),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--for", min=0, help="Stop after this many seconds.")
    ] = None,
    state: Annotated[Path, typer.Option(help="Folder for the database and logs.")] = Path(".tp-capital/demo"),
) -> None:
    """Run the whole system without any installed server: embedded PostgreSQL, reference gateway, engine."""
    tell_setting_notes(env_file=None)  # the demo does not read .env
    listening = listen("127.0.0.1", port)
    try:
        raise typer.Exit(Demo(listening, messages=messages, state=state).run(seconds=seconds))
    except (DemoError, ConfigurationError) as error:
        listening.close()
        stop(EXIT_FAILED, *getattr(error, "problems", [str(error)]))


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
