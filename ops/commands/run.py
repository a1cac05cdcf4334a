"""``run``: the daemon in the foreground."""

from __future__ import annotations

import typer

from ops.commands.common import listen, usable_settings
from ops.daemon import main as daemon

__all__ = ["run"]


def run() -> None:
    """Run the daemon in the foreground. The environment and .env configure it."""
    settings = usable_settings(told=False)
    listening = listen(settings.http.host, settings.http.port)
    raise typer.Exit(daemon.run(settings, listening))
