"""The ``.env`` of one installation: generated secrets first, then every setting with its default."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ops.configuration import SettingGroup, setting_groups

__all__ = ["GENERATED", "OF_COMPOSE", "environment_text", "write_new"]

#: 256 bits; hexadecimal digits mean the same to compose, systemd, a shell, a URL and python-dotenv
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    name: str
    value: str
    about: tuple[str, ...]


#: variables with a secret of their own, and what each is for
GENERATED: dict[str, tuple[str, ...]] = {
    "TP_CAPITAL_DB_PASSWORD": (
        "the engine's role tp_capital, which may read and write rows and nothing else",
    ),
    "TP_CAPITAL_OWNER_PASSWORD": (
        "the role tp_capital_owner, which owns database and schema: migrations, backups",
    ),
    "POSTGRES_PASSWORD": (
        "compose: PostgreSQL's superuser, which makes roles and database and checks backups",
    ),
    "REDIS_PASSWORD": ("compose: both Redis; outside of it the requirepass of yours (docs/deployment.md)",),
    "TP_CAPITAL_API_KEY": ("writes at the engine's API send it as X-API-Key",),
    "TELEGRAM_GATEWAY_API_KEY": ("sent to the gateway; put the key of yours here, if you do not run ours",),
    "TELEGRAM_GATEWAY_DB_PASSWORD": ("compose: the database of the reference gateway",),
}

#: further variables of the file that compose reads, and no program of ours
OF_COMPOSE = (*GENERATED, "COMPOSE_GATEWAY_URL", "TELEGRAM_GATEWAY_PORT")

_HEAD = """\
# tp-capital: settings and secrets of one installation. Keep it to yourself and out of version control.
# Read by the commands started in this folder, and by compose:
#   docker compose --env-file .env -f ops/deploy/compose.yaml up --detach
# A line that is commented out shows the default. docs/configuration.md has the limits of each.
"""


def environment_text(make_secret: Callable[[], str] | None = None) -> str:
    """Return the text of a new ``.env``; each call has secrets of its own."""
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
                "the owner straight at the server, for `migrate`, `backup` and `restore` outside compose;",
                "a daemon that shall not migrate by itself runs without this line",
            ),
        ),
        _Line(
            name="COMPOSE_GATEWAY_URL",
            value="http://gateway:4010",
            about=(
                "compose: the gateway as a container sees it; ours of `--profile gateway`, or the address of yours,",
                "http://host.docker.internal:4010 for one on this machine",
            ),
        ),
        _Line(
            name="TELEGRAM_GATEWAY_PORT",
            value="4010",
            about=("compose: port of this machine that the reference gateway is published on",),
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
        *(_group(group, written) for group in setting_groups()),
    ]
    return "\n".join(parts)


def write_new(path: Path, text: str) -> None:
    """Write a file that only its owner reads; one that is there is never touched.

    Raises:
        FileExistsError: something of that name exists, a dangling link too.
        OSError: it cannot be written; then nothing is left behind.
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


def _group(group: SettingGroup, written: set[str]) -> str:
    """Return the settings of a group that are not written yet, commented out with their defaults."""
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
