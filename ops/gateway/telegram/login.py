"""Logging in to Telegram: by a code that Telegram sends, or by a QR code that a phone scans; and logging out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from telethon import TelegramClient, errors

__all__ = ["LoginDialog", "LoginFailedError", "log_in", "log_out"]

ATTEMPTS = 3
#: a QR code is good for half a minute; this is how often a new one is shown
QR_CODES = 6
#: how long a request may take
LIMIT_S = 30.0


class LoginFailedError(Exception):
    """Nobody was logged in. The text tells why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginDialog:
    """How a person is asked. ``ask`` shows a question, ``ask_secret`` hides the answer, ``show_qr`` draws an address."""

    tell: Callable[[str], None]
    ask: Callable[[str], str]
    ask_secret: Callable[[str], str]
    show_qr: Callable[[str], None]


async def log_in(client: TelegramClient, dialog: LoginDialog, *, phone: str | None, by_qr: bool) -> str:
    """Log in, and return the name of the account. A session that is good is left as it is.

    Raises:
        LoginFailedError: the person gave up, or gave wrong answers.
        errors.RPCError, OSError: Telegram refused, or cannot be reached.
    """
    async with asyncio.timeout(LIMIT_S):
        await client.connect()
        if await client.is_user_authorized():
            return f"{_name(await client.get_me())} (already logged in)"
    try:
        user = await (_by_qr(client, dialog) if by_qr else _by_code(client, dialog, phone))
    except errors.SessionPasswordNeededError:
        user = await _by_password(client, dialog)
    return _name(user)


async def log_out(client: TelegramClient) -> bool:
    """End the session at Telegram, and remove its file. Return whether there was a session."""
    async with asyncio.timeout(LIMIT_S):
        try:
            await client.connect()
            if not await client.is_user_authorized():
                return False
            await client.log_out()
        except errors.AuthKeyNotFound:
            return False  # Telegram has ended it already; a new login needs a new file
        return True


async def _by_code(client: TelegramClient, dialog: LoginDialog, phone: str | None) -> Any:
    phone = phone or dialog.ask("Phone number with country, as in +5511912345678")
    sent = await client.send_code_request(phone)
    place = (
        "in another Telegram app of yours"
        if type(sent.type).__name__ == "SentCodeTypeApp"
        else "to your phone"
    )
    dialog.tell(f"Telegram has sent a code {place}.")
    for _ in range(ATTEMPTS):
        try:
            return await client.sign_in(phone, dialog.ask("Code"))
        except errors.PhoneCodeInvalidError:
            dialog.tell("The code is wrong.")
    raise LoginFailedError(f"{ATTEMPTS} wrong codes: begin again")


async def _by_qr(client: TelegramClient, dialog: LoginDialog) -> Any:
    dialog.tell("On the phone: Settings, Devices, Link Desktop Device. Scan this code:")
    login = await client.qr_login()
    for _ in range(QR_CODES):
        dialog.show_qr(login.url)
        try:
            return await login.wait()
        except TimeoutError:
            await login.recreate()
            # The code may have been scanned in the moment in which it ended. Then there is no other one.
            if (user := await client.get_me()) is not None:
                return user
    raise LoginFailedError("nobody scanned the code: begin again")


async def _by_password(client: TelegramClient, dialog: LoginDialog) -> Any:
    dialog.tell("The account has a two-step password.")
    for _ in range(ATTEMPTS):
        try:
            return await client.sign_in(password=dialog.ask_secret("Two-step password"))
        except errors.PasswordHashInvalidError:
            dialog.tell("The password is wrong.")
    raise LoginFailedError(f"{ATTEMPTS} wrong passwords: begin again")


def _name(user: Any) -> str:
    words = " ".join(word for word in (user.first_name, user.last_name) if word)
    return f"{words} (@{user.username})" if user.username else words
