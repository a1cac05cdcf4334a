"""The settings of live reading, from the environment or ``.env``, and what to do where one is missing."""

from __future__ import annotations

import importlib.util
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from config.env_file import read_env_file
from config.fields import LOOPBACK_HOSTS
from config.secret_files import text_of

__all__ = ["BotSettings", "LiveSettings", "UserSessionSettings", "live_settings", "user_session_settings"]

DEFAULT_FOLDER = Path(".tp-capital/telegram")
BOT_API_URL = "https://api.telegram.org"
_TOKEN = re.compile(r"(\d{1,19}):[\w-]{20,}", re.ASCII)
_HASH = re.compile(r"[0-9a-fA-F]{32}")
_WHERE = (
    "open https://my.telegram.org with your phone number, choose API development tools, create an application with any "
    "name, and set both values that it shows (docs/telegram.md)"
)
_EXTRA = 'Telethon is not installed: pip install "tp-capital[telegram]"'


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSessionSettings:
    """A user's session: the application's id and hash, the folder of its file, and channels by id, @name or invitation."""

    api_id: int
    api_hash: str = field(repr=False)
    folder: Path = DEFAULT_FOLDER
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BotSettings:
    """A bot of the channel's owner, and the address of the Bot API."""

    token: str = field(repr=False)
    api_url: str = BOT_API_URL

    @property
    def bot_id(self) -> int:
        """The bot's number, which is the public part of its token."""
        return int(self.token.partition(":")[0])


LiveSettings = UserSessionSettings | BotSettings


def user_session_settings() -> UserSessionSettings:
    """Return the settings of a user's session.

    Raises:
        ValueError: one is missing or wrong, or Telethon is not installed. The text tells what to do, without secrets.
    """
    api_id, api_hash = _secret("TELEGRAM_API_ID"), _secret("TELEGRAM_API_HASH")
    missing = [
        name for name, value in (("TELEGRAM_API_ID", api_id), ("TELEGRAM_API_HASH", api_hash)) if not value
    ]
    if missing:
        raise ValueError(f"{' and '.join(missing)} not set: {_WHERE}")
    assert api_id is not None  # noqa: S101 - just looked at
    assert api_hash is not None  # noqa: S101 - likewise
    if not api_id.isdecimal() or not 0 < int(api_id) < 2**31:
        raise ValueError(f"TELEGRAM_API_ID must be a number: {_WHERE}")
    if not _HASH.fullmatch(api_hash):
        raise ValueError(f"TELEGRAM_API_HASH must have 32 hexadecimal digits: {_WHERE}")
    if importlib.util.find_spec("telethon") is None:
        raise ValueError(_EXTRA)
    return UserSessionSettings(
        api_id=int(api_id),
        api_hash=api_hash,
        folder=Path(_plain("TELEGRAM_SESSION_FOLDER") or DEFAULT_FOLDER),
        channels=_words(_plain("TELEGRAM_CHANNELS")),
    )


def live_settings() -> LiveSettings:
    """Return the settings of the bot if there is one, otherwise those of the user's session.

    Raises:
        ValueError: one is missing or wrong, or both readers are set. The text tells what to do, without secrets.
    """
    bot = _bot_settings()
    if bot is None:
        return user_session_settings()
    if _secret("TELEGRAM_API_ID"):
        raise ValueError(
            "TELEGRAM_BOT_TOKEN and TELEGRAM_API_ID are both set: a gateway reads as a bot or as a user, leave one out"
        )
    return bot


def _bot_settings() -> BotSettings | None:
    token = _secret("TELEGRAM_BOT_TOKEN")
    if token is None:
        return None
    if not _TOKEN.fullmatch(token):
        raise ValueError("TELEGRAM_BOT_TOKEN must be the token that @BotFather shows, as in 123456789:AA...")
    url = urlsplit(_plain("TELEGRAM_BOT_API_URL") or BOT_API_URL)
    if url.scheme != "https" and not (url.scheme == "http" and url.hostname in LOOPBACK_HOSTS):
        raise ValueError(
            "TELEGRAM_BOT_API_URL must begin with https://, because the token is part of the address"
        )
    return BotSettings(token=token, api_url=url.geturl().rstrip("/"))


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(word for word in (part.strip() for part in (text or "").split(",")) if word)


def _plain(name: str) -> str | None:
    return os.environ.get(name) or _env_file().get(name.lower()) or None


def _env_file() -> dict[str, str | None]:
    return {name.lower(): value for name, value in read_env_file(Path(".env")).values.items() if value}


def _secret(name: str) -> str | None:
    """Return a secret from the environment, from ``.env``, or from the file that either names.

    Raises:
        ValueError: the file cannot be read, or value and file are both set.
    """
    text = text_of(name, (("the environment", os.environ), (".env", _env_file())))
    return (text or _plain(name) or "").strip() or None
