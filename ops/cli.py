"""The command line: ``tp-capital``, all its words in one table."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.commands.asking import backfill, dead_letters, logs
from ops.commands.backup import backup, restore
from ops.commands.data import migrate_data
from ops.commands.doctor import doctor
from ops.commands.reading import parse, replay
from ops.commands.running import demo, run, status
from ops.commands.schema import migrate_schema
from ops.commands.setup import init_env
from ops.commands.stack import app as stack_app
from ops.exit_codes import EXIT_OK
from ops.gateway.commands import app as gateway_app
from ops.terminal import guarded, say
from ops.version import VERSION

__all__ = ["app", "main"]

app = typer.Typer(
    name="tp-capital",
    help="Reads trading signals out of Telegram channels and serves them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(run)
app.command()(demo)
app.command()(status)
app.command()(doctor)
app.command()(logs)
app.command()(backfill)
app.command("migrate")(migrate_schema)
app.command("init-env")(init_env)
app.command()(backup)
app.command()(restore)
app.command("migrate-data")(migrate_data)
app.command()(parse)
app.command()(replay)
app.add_typer(dead_letters, name="dead-letters")
app.add_typer(stack_app, name="stack")
app.add_typer(gateway_app, name="gateway")


@app.callback(invoke_without_command=True)
def _version(
    *, version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False
) -> None:
    if version:
        say(VERSION)
        raise typer.Exit(EXIT_OK)


def main() -> None:
    """Run the command line."""
    guarded(app)


if __name__ == "__main__":
    main()
