"""The command line ``tp-capital``: all its commands in one table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from typer.core import TyperGroup

from config.words import plain_words
from ops.commands.common import stop
from ops.commands.examples import EXAMPLES
from ops.exit_codes import EXIT_OK, EXIT_USAGE
from ops.terminal import guarded, say
from ops.version import VERSION

__all__ = ["COMMANDS", "app", "command_line", "main"]


#: where each command is defined. Only the module of the given command is imported, because all take a second
COMMANDS = {
    "run": "ops.commands.run:run",
    "demo": "ops.commands.demo:demo",
    "status": "ops.commands.watching:status",
    "doctor": "ops.commands.doctor:doctor",
    "logs": "ops.commands.logs:logs",
    "backfill": "ops.commands.asking:backfill",
    "migrate": "ops.commands.setup:migrate_schema",
    "init-env": "ops.commands.setup:init_env",
    "backup": "ops.commands.backup:backup",
    "restore": "ops.commands.backup:restore",
    "migrate-data": "ops.commands.data:migrate_data",
    "parse": "ops.commands.reading:parse",
    "replay": "ops.commands.reading:replay",
    "enrich": "ops.commands.enrich:enrich",
    "record": "ops.commands.record:record",
    "score": "ops.commands.score:score",
    "dead-letters": "ops.commands.asking:dead_letters",
    "channels": "ops.commands.channels:channels",
    "prices": "ops.commands.prices:prices",
    "alerts": "ops.commands.alerts:alerts",
    "stack": "ops.commands.stack:app",
    "relay": "ops.commands.relay:relay",
    "gateway": "ops.commands.gateway:app",
}


class _Commands(TyperGroup):
    """Imports a command when it is asked for, and reports an invalid option of any command in one plain line."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the signature of typer
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the signature of typer
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        found = getattr(import_module(module), name)
        alone = typer.Typer()
        if isinstance(found, typer.Typer):
            alone.add_typer(found, name=cmd_name)
        else:
            alone.command(cmd_name)(found)
        return _with_examples(typer.main.get_group(alone).commands[cmd_name], cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the given command. An unknown one is answered with the nearest."""
        if nearest := get_close_matches(args[0], COMMANDS) if args[0] not in COMMANDS else []:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {', '.join(map(repr, nearest))}?")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the given command."""
        with _wrong_use_in_one_line():
            return super().invoke(ctx)

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Read the options that stand before a command."""
        with _wrong_use_in_one_line():
            return super().make_context(*args, **kwargs)


@contextmanager
def _wrong_use_in_one_line() -> Iterator[None]:
    try:
        yield
    except typer.BadParameter as error:
        if isinstance(error.__cause__, ValidationError):
            error.message = plain_words(error.__cause__.errors()[0])
        stop(EXIT_USAGE, error.format_message())
    except typer.TyperException as error:
        # typer has public names neither for wrong use, nor for the help that a group shows without a command
        if getattr(error, "exit_code", None) != EXIT_USAGE or type(error).__name__ == "NoArgsIsHelpError":
            raise
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "tp-capital"
        stop(EXIT_USAGE, f"{getattr(error, 'message', error)} (see {command} --help)")


app = typer.Typer(
    name="tp-capital",
    cls=_Commands,
    help="Read trading signals from Telegram channels, and serve them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def _version(
    *, version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False
) -> None:
    if version:
        say(VERSION)
        raise typer.Exit(EXIT_OK)


def command_line() -> Any:
    """Return the root of all commands."""
    return _with_examples(typer.main.get_command(app), "")


def _with_examples(command: Any, words: str) -> Any:
    """Return a command with examples in its help."""
    _plain_flags(command, words)
    examples = (f"  tp-capital {example}" for example in EXAMPLES.get(words, ()))
    command.epilog = "\n".join(["Examples:", *examples])
    for name, child in getattr(command, "commands", {}).items():
        _with_examples(child, f"{words} {name}")
    return command


def _plain_flags(command: Any, words: str) -> None:
    """Leave out of a command's help the type of options that take no value."""
    for parameter in command.get_params(typer.Context(command, info_name=words)):
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""


def main() -> None:
    """Run the command line."""
    guarded(command_line())


if __name__ == "__main__":
    main()
