"""Keys and passwords of a demo or a stack. The first start creates them in its folder, and commands find them there."""

from __future__ import annotations

import os
import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from config.fields import LOOPBACK_HOSTS
from config.secret_files import FILE_SUFFIX
from ops.local.private_files import kept_words, write_private
from ops.local.roles import RolePasswords

__all__ = [
    "API_KEY_FILE",
    "FOLDERS",
    "GATEWAY_KEY_FILE",
    "SETTINGS_FILE",
    "broker_password",
    "cache_password",
    "kept_key",
    "key_of_local_daemon",
    "own_api_key",
    "role_passwords",
    "settings_of",
    "take_settings",
    "with_settings",
    "write_settings",
]

#: the engine's settings as a shell file, in the folder of a demo or a stack
SETTINGS_FILE = "engine.env"
API_KEY_FILE, GATEWAY_KEY_FILE = "api-key", "gateway-key"
#: where the demo and the stack of the present folder are
FOLDERS: Mapping[str, Path] = {"demo": Path(".tp-capital/demo"), "stack": Path(".tp-capital/stack")}
_API_KEY = "TP_CAPITAL_API_KEY"


def kept_key(folder: Path, name: str) -> str:
    """Return the key in the file ``name`` of a folder. Create it if it is missing. Only its owner can read the file."""
    return kept_words(folder / name, lambda: secrets.token_hex(32))[0]


def role_passwords(folder: Path) -> RolePasswords:
    """Return the passwords of the database's roles."""
    owner, engine = _passwords(folder / "passwords", 2)
    return RolePasswords(owner=owner, engine=engine)


def cache_password(folder: Path) -> str:
    """Return the password of both Redis servers."""
    return _passwords(folder / "cache-password", 1)[0]


def broker_password(folder: Path) -> str:
    """Return the password of the broker's user."""
    return _passwords(folder / "broker-password", 1)[0]


def _passwords(path: Path, number: int) -> list[str]:
    return kept_words(path, lambda: "\n".join(secrets.token_urlsafe(24) for _ in range(number)))


def own_api_key(folder: Path) -> dict[str, str]:
    """Return the settings that make an engine require the environment's key, otherwise the folder's key.

    The dashboard on this machine can still sync without it.
    """
    in_file = os.environ.get(_API_KEY + FILE_SUFFIX)
    key = {} if in_file else {_API_KEY: os.environ.get(_API_KEY) or kept_key(folder, API_KEY_FILE)}
    return {**key, "TP_CAPITAL_SYNC_OPEN": os.environ.get("TP_CAPITAL_SYNC_OPEN", "1")}


def with_settings(settings: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with these settings. A ``..._FILE`` for one of them is left out."""
    others = {
        name: value for name, value in os.environ.items() if name.removesuffix(FILE_SUFFIX) not in settings
    }
    return {**others, **settings}


def take_settings(settings: Mapping[str, str]) -> None:
    """Make these settings those of this process, before any others."""
    for name in set(os.environ) - set(with_settings(settings)):
        del os.environ[name]
    os.environ.update(settings)


def settings_of(name: str) -> dict[str, str]:
    """Return the settings that the demo or the stack of this folder wrote for commands. Without one there are none."""
    try:
        lines = (FOLDERS[name] / SETTINGS_FILE).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    pairs = (line.partition("=") for line in lines)
    return {setting: "".join(shlex.split(value)) for setting, _, value in pairs}


def write_settings(path: Path, settings: Mapping[str, str]) -> None:
    """Write settings for ``. FILE`` in a shell. Only the owner can read the file."""
    write_private(path, "".join(f"{name}={shlex.quote(value)}\n" for name, value in settings.items()))


def key_of_local_daemon(url: str) -> str | None:
    """Return the key of this folder's demo or stack if it serves ``url``. Return None for any other address."""
    try:
        place = urlsplit(url)
        host, port = place.hostname, place.port
    except ValueError:
        return None
    if host not in LOOPBACK_HOSTS:
        return None
    for settings in map(settings_of, FOLDERS):
        if settings.get("PORT") == str(port) and settings.get(_API_KEY):
            return settings[_API_KEY]
    return None
