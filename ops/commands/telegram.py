"""``gateway login``, ``logout`` and ``channels``: the session by which the reference gateway reads Telegram."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ops.commands.common import stop
from ops.exit_codes import EXIT_FAILED, EXIT_USAGE
from ops.gateway.commands import app
from ops.gateway.telegram_settings import UserSessionSettings, user_session_settings
from ops.terminal import say, say_json

if TYPE_CHECKING:
    from telethon import TelegramClient

__all__ = ["app"]

T = TypeVar("T")


@app.command()
def login(
    *,
    phone: Annotated[
        str | None,
        typer.Option(help="Phone number with country, as in +5511912345678; asked for if missing."),
    ] = None,
    qr: Annotated[
        bool, typer.Option("--qr", help="Show a QR code that a phone scans, instead of asking for a code.")
    ] = False,
) -> None:
    """Log in to Telegram once. The gateway then reads the channels of this account with --telegram."""
    from ops.gateway.telegram.login import LoginDialog, log_in  # noqa: PLC0415 - Telethon is loaded only here

    settings = _settings()
    dialog = LoginDialog(
        tell=say,
        ask=lambda question: str(typer.prompt(question)),
        ask_secret=lambda question: str(typer.prompt(question, hide_input=True)),
        show_qr=_show_qr,
    )
    name = _with_client(settings, lambda client: log_in(client, dialog, phone=phone, by_qr=qr))
    say(f"logged in as {name}")
    say(
        f"The session is in {settings.folder.resolve()}. Whoever has this file has the account: keep it private."
    )
    say("Next: tp-capital gateway channels, and tp-capital gateway --telegram")


@app.command()
def logout() -> None:
    """End the session at Telegram, and remove its file."""
    from ops.gateway.telegram.client import remove_session  # noqa: PLC0415 - Telethon is loaded only here
    from ops.gateway.telegram.login import log_out  # noqa: PLC0415 - likewise

    settings = _settings()
    ended = _with_client(settings, log_out)
    remove_session(settings.folder)
    say("logged out" if ended else "there was no session; its file is removed")


@app.command()
def channels(
    *, json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False
) -> None:
    """Show the channels and groups of the account with their ids, for TP_CAPITAL_SIGNALS_CHANNEL_ID or POST /channels."""
    from ops.gateway.telegram.chats import list_chats  # noqa: PLC0415 - Telethon is loaded only here

    async def listed(client: TelegramClient) -> list[dict[str, str | list[str] | None]]:
        await client.connect()
        return [
            {
                "id": chat.id,
                "kind": chat.kind,
                "title": chat.title,
                "names": list(chat.names),
                "movedTo": chat.moved_to,
            }
            for chat in await list_chats(client)
        ]

    found = _with_client(_settings(), listed, updates=False)
    if json:
        say_json(found, indent=True)
        return
    for chat in found:
        names = "".join(f" @{name}" for name in chat["names"] or ())
        say(f"{chat['id']:>15}  {chat['kind']:<10}  {chat['title']}{names}")
    if not found:
        say("this account has joined no channel and no group")


def _settings() -> UserSessionSettings:
    try:
        return user_session_settings()
    except ValueError as error:
        stop(EXIT_USAGE, str(error))


def _with_client(
    settings: UserSessionSettings, work: Callable[[TelegramClient], Awaitable[T]], *, updates: bool = True
) -> T:
    """Run a work with a client of the session. Telegram's refusals end the command with one line."""
    from ops.gateway.telegram.client import open_client, plain_words  # noqa: PLC0415 - Telethon is loaded only here
    from ops.gateway.telegram.login import LoginFailedError  # noqa: PLC0415 - likewise

    async def run() -> T:
        logging.getLogger("telethon").setLevel(logging.CRITICAL)  # a person gets the one line below
        client = open_client(settings, updates=updates)
        try:
            return await work(client)
        finally:
            await client.disconnect()

    try:
        return asyncio.run(run())
    except LoginFailedError as error:
        stop(EXIT_FAILED, str(error))
    except (KeyboardInterrupt, typer.Abort):
        stop(EXIT_FAILED, "given up")
    except Exception as error:  # noqa: BLE001 - no traceback for a person; the words hold no secret
        stop(EXIT_FAILED, plain_words(error))


def _show_qr(address: str) -> None:
    import segno  # noqa: PLC0415 - only a login draws one

    segno.make(address, error="l", micro=False).terminal(out=sys.stdout, compact=True)
