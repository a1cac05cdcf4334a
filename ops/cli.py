"""The command line ``tp-capital``: all its commands in one table."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from typer.core import TyperGroup

from config.words import plain_words
from ops.commands.common import stop
from ops.exit_codes import EXIT_OK, EXIT_USAGE
from ops.terminal import guarded, say
from ops.version import VERSION

__all__ = ["app", "main"]


#: where each command is defined. Only the module of the given command is imported, because all take a second
_COMMANDS = {
    "run": "ops.commands.run:run",
    "demo": "ops.commands.running:demo",
    "status": "ops.commands.running:status",
    "doctor": "ops.commands.doctor:doctor",
    "logs": "ops.commands.asking:logs",
    "backfill": "ops.commands.asking:backfill",
    "migrate": "ops.commands.setup:migrate_schema",
    "init-env": "ops.commands.setup:init_env",
    "backup": "ops.commands.backup:backup",
    "restore": "ops.commands.backup:restore",
    "migrate-data": "ops.commands.data:migrate_data",
    "parse": "ops.commands.reading:parse",
    "replay": "ops.commands.reading:replay",
    "dead-letters": "ops.commands.asking:dead_letters",
    "stack": "ops.commands.stack:app",
    "gateway": "ops.gateway.commands:app",
}


class _Commands(TyperGroup):
    """Imports a command when it is asked for, and reports an invalid option of any command in one plain line."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the signature of typer
        """Return the names of all commands."""
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the signature of typer
        """Import a command."""
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name].split(":")
        found = getattr(import_module(module), name)
        alone = typer.Typer()
        if isinstance(found, typer.Typer):
            alone.add_typer(found, name=cmd_name)
        else:
            alone.command(cmd_name)(found)
        return typer.main.get_group(alone).commands[cmd_name]

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
    cls=_Commands,
    help="Read trading signals from Telegram channels, and serve them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


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
