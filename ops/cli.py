"""The command line ``tp-capital``: all its commands in one table."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from pydantic import ValidationError
from typer.core import TyperGroup

from config.words import plain_words
from ops.commands.asking import backfill, dead_letters, logs
from ops.commands.backup import backup, restore
from ops.commands.common import stop
from ops.commands.data import migrate_data
from ops.commands.doctor import doctor
from ops.commands.reading import parse, replay
from ops.commands.running import demo, run, status
from ops.commands.setup import init_env, migrate_schema
from ops.commands.stack import app as stack_app
from ops.exit_codes import EXIT_OK, EXIT_USAGE
from ops.gateway.commands import app as gateway_app
from ops.terminal import guarded, say
from ops.version import VERSION

__all__ = ["app", "main"]


class _PlainWords(TyperGroup):
    """Reports an invalid option of any command in one plain line."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the given command."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            if isinstance(error.__cause__, ValidationError):
                error.message = plain_words(error.__cause__.errors()[0])
            stop(EXIT_USAGE, error.format_message())


app = typer.Typer(
    name="tp-capital",
    cls=_PlainWords,
    help="Read trading signals from Telegram channels, and serve them.",
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
