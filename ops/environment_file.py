"""The ``.env`` of a new installation: generated secrets, then all settings with their defaults."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ops.configuration import OF_COMMANDS, SettingGroup, setting_groups

__all__ = ["GENERATED", "OF_COMPOSE", "environment_text", "write_new"]

#: 256 bits, in hexadecimal digits, which need no quoting in compose, systemd, a shell, a URL or python-dotenv
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    name: str
    value: str
    about: tuple[str, ...]


#: variables that get a generated secret, with their meanings
GENERATED: dict[str, tuple[str, ...]] = {
    "TP_CAPITAL_DB_PASSWORD": ("the engine's role tp_capital, which may only read and write rows",),
    "TP_CAPITAL_OWNER_PASSWORD": (
        "the role tp_capital_owner, which owns the database and the schema, for migrations and backups",
    ),
    "POSTGRES_PASSWORD": (
        "compose: PostgreSQL's superuser, which creates the roles and the database, and checks backups",
    ),
    "REDIS_PASSWORD": (
        "compose: both Redis servers; otherwise the requirepass of your Redis (docs/deployment.md)",
    ),
    "TP_CAPITAL_API_KEY": ("write requests to the engine's API must send it as X-API-Key",),
    "TELEGRAM_GATEWAY_API_KEY": ("sent to the gateway; for a gateway of your own, set its key here",),
    "TELEGRAM_GATEWAY_DB_PASSWORD": ("compose: the database of the reference gateway",),
    "RABBITMQ_PASSWORD": (
        "compose: the user tp_capital of RabbitMQ, for --profile events (docs/deployment.md)",
    ),
}

#: variables of the file that only compose reads, or that hold a generated secret
OF_COMPOSE = (*GENERATED, "COMPOSE_GATEWAY_URL", "TELEGRAM_GATEWAY_PORT", "PROXY_PORT")

_HEAD = """\
# tp-capital: settings and secrets of one installation. Keep this file secret and out of version control.
# Commands that are started in this folder read it, and so does compose:
#   docker compose --env-file .env -f ops/deploy/compose.yaml up --detach
# A commented line shows the default. docs/configuration.md lists the valid values of each setting.
"""


def environment_text(make_secret: Callable[[], str] | None = None) -> str:
    """Return the text of a new ``.env``. Each call generates new secrets."""
    make_secret = make_secret or (lambda: secrets.token_hex(_SECRET_BYTES))
    values = {name: make_secret() for name in GENERATED}
    owner = (
        f"postgresql://tp_capital_owner:{values['TP_CAPITAL_OWNER_PASSWORD']}@127.0.0.1:5440/tp_capital_db"
    )
    special = [
        _Line(
            name="TP_CAPITAL_MIGRATION_DATABASE_URL",
            value=owner,
            about=(
                "the owner's direct connection to the server, for `migrate`, `backup` and `restore` outside compose;",
                "remove this line for a daemon that must not migrate by itself",
            ),
        ),
        _Line(
            name="COMPOSE_GATEWAY_URL",
            value="http://gateway:4010",
            about=(
                "compose: the gateway's address inside a container. This default is the one of `--profile gateway`;",
                "for your own gateway on this machine, use http://host.docker.internal:4010",
            ),
        ),
        _Line(
            name="TELEGRAM_GATEWAY_PORT",
            value="4010",
            about=("compose: the port of this machine that publishes the reference gateway",),
        ),
        _Line(
            name="PROXY_PORT",
            value="4009",
            about=("compose: the port of this machine that publishes the proxy of --profile scale",),
        ),
    ]
    lines = [_Line(name=name, value=values[name], about=about) for name, about in GENERATED.items()]
    written = {line.name for line in (*lines, *special)}
    parts = [
        _HEAD,
        _headline("Secrets, generated"),
        *map(_shown, lines),
        _headline("Places"),
        *map(_shown, special),
        _live_telegram(),
        *(_group(group, written) for group in setting_groups()),
    ]
    return "\n".join(parts)


def write_new(path: Path, text: str) -> None:
    """Write a new file that only its owner can read. An existing file is never changed.

    Raises:
        FileExistsError: the name exists, even as a dangling link.
        OSError: the file cannot be written. Nothing is left behind.
    """
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _live_telegram() -> str:
    """Return the settings by which the reference gateway reads Telegram itself, as comments without values."""
    shown = [
        f"# {meaning}\n#{name}=\n"
        for name, _, meaning in OF_COMMANDS
        if (name.startswith("TELEGRAM_") and not name.startswith("TELEGRAM_GATEWAY_"))
        or name == "TELEGRAM_GATEWAY_LIVE"
    ]
    return "\n".join([_headline("Live from Telegram (docs/telegram.md)"), *shown])


def _group(group: SettingGroup, written: set[str]) -> str:
    """Return a group's remaining settings as comments with their defaults."""
    shown = [
        f"# {setting.meaning}\n#{setting.name}={setting.default}\n"
        for setting in group.settings
        if setting.name not in written
    ]
    return "\n".join([_headline(group.title), *shown])


def _shown(line: _Line) -> str:
    about = "\n".join(f"# {text}" for text in line.about)
    return f"{about}\n{line.name}={line.value}\n"


def _headline(title: str) -> str:
    return f"# ── {title} " + "─" * (76 - len(title)) + "\n"
