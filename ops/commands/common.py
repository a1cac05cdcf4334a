"""What commands share: settings or their problems, the port or its taker, the way to end."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, NoReturn

import typer

from config import ConfigurationError, Settings, load_settings
from ops.exit_codes import EXIT_FAILED, EXIT_USAGE
from ops.http.listening import Listening
from ops.listen_failures import explain_listening

__all__ = ["Since", "listen", "stop", "usable_settings"]

Since = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Only messages since then, UTC."),
]


def usable_settings() -> Settings:
    """Return the settings, or end with every problem of theirs."""
    try:
        return load_settings()
    except ConfigurationError as error:
        stop(EXIT_USAGE, *error.problems)


def listen(host: str, port: int) -> Listening:
    """Bind the port, or end with why not."""
    try:
        return Listening(host, port)
    except OSError as error:
        cause, remedy = explain_listening(error)
        stop(EXIT_FAILED, f"cannot listen on {host} port {port}: {cause}; {remedy}")


def stop(code: int, *lines: str) -> NoReturn:
    """End with ``code`` and the lines on standard error."""
    for line in lines:
        typer.echo(f"tp-capital: {line}", err=True)
    raise typer.Exit(code)
