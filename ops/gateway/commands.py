"""``gateway``: runs the reference gateway."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from config.broker import broker_url
from config.conninfo import conninfo_problem
from config.fields import LOOPBACK_HOSTS
from config.keys import SHORTEST_KEY
from config.secret_files import secret_of
from ops.gateway.database import URL_SETTING
from ops.gateway.live_state import LiveReader
from ops.gateway.live_store import LiveStore
from ops.gateway.server import ReferenceGatewaySettings, serve
from ops.gateway.telegram_settings import BotSettings, LiveSettings, live_settings
from ops.terminal import say

__all__ = ["DatabaseUrl", "app", "checked_url"]

EXIT_FAILED = 1
EXIT_USAGE = 2
_KEY = "TELEGRAM_GATEWAY_API_KEY"

app = typer.Typer(
    help="The reference Telegram Gateway: serve its HTTP API, or import messages into it.",
    invoke_without_command=True,
    no_args_is_help=False,
)

DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        envvar=URL_SETTING,
        show_envvar=True,
        help="PostgreSQL, for instance postgresql://user@localhost/telegram",
    ),
]


@app.callback()
def gateway(
    context: typer.Context,
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0: any free one.")] = 4010,
    database_url: DatabaseUrl = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            help="The required key; by default TELEGRAM_GATEWAY_API_KEY, or its _FILE. Without a key the API is open."
        ),
    ] = None,
    allowed_hosts: Annotated[
        str,
        typer.Option(
            envvar="TELEGRAM_GATEWAY_ALLOWED_HOSTS",
            show_envvar=True,
            help="Host names to serve, comma-separated; by default addresses and the machine's own names.",
        ),
    ] = "",
    allow_open: Annotated[
        bool,
        typer.Option(
            "--allow-open",
            envvar="TELEGRAM_GATEWAY_ALLOW_OPEN",
            show_envvar=True,
            help="Run without a key even if other machines can reach it.",
        ),
    ] = False,
    telegram: Annotated[
        bool,
        typer.Option(
            "--telegram",
            envvar="TELEGRAM_GATEWAY_LIVE",
            show_envvar=True,
            help="Read Telegram itself: by the session of `gateway login`, or as the bot of TELEGRAM_BOT_TOKEN.",
        ),
    ] = False,
) -> None:
    """Run the gateway in the foreground until SIGTERM or Ctrl-C."""
    context.obj = database_url
    if context.invoked_subcommand is not None:
        return
    url = checked_url(database_url)

    def read_key() -> str | None:
        return _checked_key(api_key or secret_of(_KEY), host=host, allow_open=allow_open)

    try:
        settings = ReferenceGatewaySettings(
            host=host,
            port=port,
            database_url=url,
            api_key=read_key(),
            allowed_hosts=tuple(name.strip() for name in allowed_hosts.split(",") if name.strip()),
            broker_url=broker_url(),
            open_reader=_reader_of(live_settings()) if telegram else None,
        )
    except ValueError as exc:
        raise _stop(EXIT_USAGE, str(exc)) from exc
    try:
        serve(settings, read_key=read_key)
    except OSError as exc:
        raise _stop(EXIT_FAILED, f"cannot listen on {host} port {port}: {exc.strerror or exc}") from exc


def _reader_of(live: LiveSettings) -> Callable[[LiveStore], LiveReader]:
    """Return what makes the reader of Telegram. Its libraries are loaded only where it is used."""
    if isinstance(live, BotSettings):
        from ops.gateway.telegram.bot import BotReader  # noqa: PLC0415

        return lambda store: BotReader(live, store)
    from ops.gateway.telegram.client import open_client  # noqa: PLC0415
    from ops.gateway.telegram.session import SessionReader  # noqa: PLC0415

    return lambda store: SessionReader(lambda: open_client(live), store, channels=live.channels)


def _checked_key(key: str | None, *, host: str, allow_open: bool) -> str | None:
    """Return the key if it is good enough for the address.

    Raises:
        ValueError: the text tells what to change, without the key.
    """
    if key is not None and not all("!" <= character <= "~" for character in key):
        raise ValueError(f"{_KEY} must be printable ASCII characters without blanks")
    if host in LOOPBACK_HOSTS:
        return key
    if key is None and not allow_open:
        raise ValueError(
            f"--host {host} is reachable from outside and there is no key: set {_KEY}, or give --allow-open"
            " if everyone may read, mark and change messages"
        )
    if key is not None and len(key) < SHORTEST_KEY:
        raise ValueError(
            f"{_KEY} has fewer than {SHORTEST_KEY} characters and --host {host} is reachable from outside: "
            "take a longer one (openssl rand -hex 32)"
        )
    return key


def checked_url(database_url: str | None) -> str:
    """Return the address of the gateway's database, or end the command."""
    try:
        database_url = database_url or secret_of(URL_SETTING)
    except ValueError as exc:
        raise _stop(EXIT_USAGE, str(exc)) from exc
    if not database_url:
        raise _stop(
            EXIT_USAGE,
            f"no database: give --database-url or set {URL_SETTING}; docs/telegram.md has a start that needs none",
        )
    problem = conninfo_problem(database_url)
    if problem is not None:
        raise _stop(EXIT_USAGE, f"the database URL is malformed: {problem}")
    return database_url


def _stop(code: int, line: str) -> typer.Exit:
    say(f"tp-capital: {line}", err=True)
    return typer.Exit(code)
