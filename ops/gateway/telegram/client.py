"""The client of a user's session, its file, and what Telegram's refusals mean."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from telethon import TelegramClient, errors
from telethon.sessions import SQLiteSession

from ops.gateway.telegram_settings import UserSessionSettings
from storage.errors import StorageError

__all__ = ["LOST", "open_client", "plain_words", "remove_session", "session_file"]

#: after these the session is of no use any more: somebody must log in again
LOST = (
    errors.UnauthorizedError,
    errors.AuthKeyDuplicatedError,
    errors.AuthKeyNotFound,
    errors.UserDeactivatedError,
    errors.UserDeactivatedBanError,
    errors.PhoneNumberBannedError,
)
_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (errors.UserDeactivatedBanError, "Telegram has banned this account"),
    (errors.PhoneNumberBannedError, "Telegram has banned this phone number"),
    (errors.UserDeactivatedError, "this account was deleted"),
    (
        errors.AuthKeyDuplicatedError,
        "the session was used from two places at once and Telegram ended it: log in again, and keep its file in one place",
    ),
    (
        errors.SessionRevokedError,
        "the session was ended in another Telegram app: run tp-capital gateway login",
    ),
    (errors.AuthKeyNotFound, "Telegram has ended the session: run tp-capital gateway logout, then login"),
    (errors.UnauthorizedError, "there is no session: run tp-capital gateway login"),
    (errors.ApiIdInvalidError, "TELEGRAM_API_ID and TELEGRAM_API_HASH do not belong together"),
    (
        errors.PhoneNumberInvalidError,
        "this is no phone number: write it with its country, as in +5511912345678",
    ),
    (errors.PhoneCodeInvalidError, "the code is wrong"),
    (errors.PhoneCodeExpiredError, "the code has expired: begin again"),
    (errors.PasswordHashInvalidError, "the password is wrong"),
    (errors.ChannelPrivateError, "this account is no longer in it"),
    (sqlite3.OperationalError, "another process uses the session's file, or it cannot be written"),
)


def session_file(folder: Path) -> Path:
    """Return the file of the session in its folder."""
    return folder / "user.session"


def open_client(settings: UserSessionSettings, *, updates: bool = True) -> TelegramClient:
    """Return a client on the session's file. Its folder is 0700 and the file 0600: whoever has it, has the account.

    It must be used in one event loop. It does not reconnect by itself, and no wait that Telegram asks for is hidden in it.
    Without ``updates`` it takes none away from a gateway that runs beside it.

    Raises:
        OSError: the folder or the file cannot be made.
    """
    folder = settings.folder
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    file = session_file(folder)
    os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    file.chmod(0o600)
    return TelegramClient(
        SQLiteSession(str(file)),
        settings.api_id,
        settings.api_hash,
        auto_reconnect=False,
        connection_retries=1,
        request_retries=2,
        flood_sleep_threshold=0,
        raise_last_call_error=True,
        receive_updates=updates,
        catch_up=updates,
        device_model="tp-capital gateway",
    )


def remove_session(folder: Path) -> bool:
    """Remove the session's file. Return whether there was one."""
    file = session_file(folder)
    found = file.exists()
    for path in (file, file.with_name(file.name + "-journal")):
        path.unlink(missing_ok=True)
    return found


def plain_words(error: BaseException) -> str:
    """Return what an error means, in one line without secrets."""
    if isinstance(error, errors.FloodWaitError):
        return f"Telegram asks to wait {error.seconds} s"
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return words
    if isinstance(error, errors.RPCError):
        return f"Telegram refused: {error.message}"
    if isinstance(error, TimeoutError):
        return "Telegram did not answer in time"
    if isinstance(error, StorageError):
        return str(error)
    if isinstance(error, EOFError):
        return "Telegram cannot be reached: the connection was cut, perhaps by a firewall or proxy"
    if isinstance(error, OSError):
        return f"Telegram cannot be reached: {error.strerror or type(error).__name__}"
    return f"{type(error).__name__}"
