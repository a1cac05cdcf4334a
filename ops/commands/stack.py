"""``stack``: run the parts of the stack as local processes, all of them or one at a time."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from ops.commands.common import stop, tell_setting_notes
from ops.exit_codes import EXIT_FAILED, EXIT_OK, EXIT_USAGE
from ops.local.log_file import LogFile
from ops.local.parts_file import PartState
from ops.local.process import LocalServerError
from ops.local.stack import Stack
from ops.local.stack_ports import OtherPortsError, StackPorts
from ops.logging import configure_logging
from ops.process_signals import stop_on_signals
from ops.terminal import markup, say, say_json
from storage.errors import StorageError

__all__ = ["app"]

app = typer.Typer(
    help="Run the stack as local processes: PostgreSQL, PgBouncer, Redis master and replica, engine, and on demand "
    "the reference gateway and RabbitMQ.",
    no_args_is_help=True,
)

_LAST_BASE = 65535 - 7
#: how often a followed log is looked at
_LOOK_S = 0.2

State = Annotated[Path, typer.Option(help="Folder for data, passwords and logs.")]
Part = Annotated[
    Literal["database", "pgbouncer", "redis-master", "redis-replica", "epmd", "broker", "gateway", "engine"],
    typer.Argument(help="The part."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_FOLDER = Path(".tp-capital/stack")


@app.callback()
def _log_aside() -> None:
    """Send log lines to standard error, because standard output holds the table or the JSON."""
    configure_logging(level="INFO", form="console", stream=sys.stderr)


@app.command()
def up(
    *,
    base_port: Annotated[
        int | None,
        typer.Option(
            min=1024,
            max=_LAST_BASE,
            help="The first of eight consecutive ports. The default is the ports of the last `stack up`, or after a "
            "`stack down` the usual ports.",
        ),
    ] = None,
    gateway: Annotated[
        bool, typer.Option("--gateway", help="Also run the reference gateway with the sample history.")
    ] = False,
    broker: Annotated[
        bool, typer.Option("--broker", help="Also run RabbitMQ, and take the gateway's messages through it.")
    ] = False,
    state: State = _FOLDER,
    json: Json = False,
) -> None:
    """Start all parts that are not running, and wait until they are ready. They keep running after the command."""
    tell_setting_notes()
    ports = None if base_port is None else StackPorts.from_base(base_port)
    stack = Stack(state, ports, gateway=gateway, broker=broker)
    try:
        stack.up()
    except OtherPortsError as error:
        stop(EXIT_USAGE, str(error))
    except (LocalServerError, StorageError, OSError) as error:
        goes_on = "the parts that were started keep running: see `tp-capital stack status`"
        stop(EXIT_FAILED, str(error), *([goes_on] if stack.has_started else []))
    code = _show(stack.states(), as_json=json)
    if not json:
        where = shlex.quote(os.path.relpath(stack.settings_file))
        engine = next((state.part for state in stack.states() if state.part.name == "engine"), None)
        say(f"dashboard: http://{engine.host}:{engine.port}/" if engine else "the engine does not run")
        say(f"to use these parts with other commands, first run: set -a; . {where}; set +a")
    raise typer.Exit(code)


@app.command()
def down(*, state: State = _FOLDER) -> None:
    """Drain and stop all parts in reverse order. The data is kept."""
    try:
        stopped = Stack(state).down()
    except LocalServerError as error:
        stop(EXIT_FAILED, str(error))
    say(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


@app.command()
def status(*, state: State = _FOLDER, json: Json = False) -> None:
    """Show the state of each part. Exit 0 when all are healthy, else 1."""
    try:
        states = Stack(state).states()
    except LocalServerError as error:
        stop(EXIT_FAILED, str(error))
    raise typer.Exit(_show(states, as_json=json))


@app.command("stop")
def stop_part(part: Part, *, state: State = _FOLDER) -> None:
    """Stop one part. `stack start` and `stack up` start it again."""
    with _told():
        say(f"stopped: {part}" if _stack_with(part, state).stop(part) else f"{part} was not running")


@app.command()
def start(part: Part, *, state: State = _FOLDER) -> None:
    """Start one part that was stopped, and the database if it does not run. Wait until they are ready."""
    with _told():
        _stack_with(part, state).up(only=part)
    say(f"{part} runs")


@app.command()
def restart(part: Part, *, state: State = _FOLDER) -> None:
    """Stop one part and start it again."""
    with _told():
        stack = _stack_with(part, state)
        stack.stop(part)
        stack.up(only=part)
    say(f"{part} runs again")


@app.command()
def logs(
    part: Part,
    *,
    lines: Annotated[int, typer.Option(min=1, max=100_000, help="Number of last lines to print.")] = 100,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Keep printing new lines, also after a restart.")
    ] = False,
    state: State = _FOLDER,
) -> None:
    """Print the end of one part's log. The file is named first."""
    with _told(), stop_on_signals() as left:
        path = Path(Stack(state).part(part).log)
        say(f"==> {path}", err=True)
        with LogFile(path) as log:
            say(log.last(lines), nl=False)
            while follow and not left.wait(_LOOK_S):
                say(log.news(), nl=False)


def _stack_with(part: str, state: Path) -> Stack:
    """Return the stack. Where nothing was started there is no folder, and the part is told to be unknown."""
    stack = Stack(state)
    stack.part(part)
    return stack


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """End the command with one line when a part cannot be found, stopped or started."""
    try:
        yield
    except (LocalServerError, StorageError, OSError) as error:
        stop(EXIT_FAILED, str(error))


def _show(states: list[PartState], *, as_json: bool) -> int:
    if as_json:
        say_json([_object(state) for state in states], indent=True)
    elif not states:
        say("no stack was started here; tp-capital stack up starts one")
    else:
        table = Table(title=f"{sum(state.healthy for state in states)} of {len(states)} parts healthy")
        for column in ("part", "address", "pid", "healthy", "says"):
            table.add_column(column, overflow="fold")
        for state in states:
            healthy = "[green]yes[/]" if state.healthy else "[red]no[/]"
            part = state.part
            table.add_row(part.name, f"{part.host}:{part.port}", str(part.pid), healthy, markup(state.says))
        Console().print(table)
    return EXIT_OK if states and all(state.healthy for state in states) else EXIT_FAILED


def _object(state: PartState) -> dict[str, object]:
    part = state.part
    return {
        "name": part.name,
        "host": part.host,
        "port": part.port,
        "pid": part.pid,
        "healthy": state.healthy,
        "says": state.says,
    }
