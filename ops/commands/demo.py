"""``demo``: a whole system in the foreground. What is imported here stays with its daemon as long as it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config import ConfigurationError
from ops.commands.common import listen, stop, tell_setting_notes
from ops.exit_codes import EXIT_FAILED
from ops.local.demo import Demo, DemoError

__all__ = ["demo"]


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
