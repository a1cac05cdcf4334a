"""The documentation of every setting (names, default, limits, meaning), read from the settings models."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo

from config import (
    AlertSettings,
    BreakerSettings,
    BrokerSettings,
    EngineSettings,
    GatewaySettings,
    HttpSettings,
    LogSettings,
    PriceSettings,
    RedisSettings,
)
from config.database import NeonSettings, TimescaleSettings
from config.fields import Group

__all__ = ["OF_COMMANDS", "Setting", "SettingGroup", "setting_groups"]

#: variables that single commands read, or that the service manager sets, with their meanings
OF_COMMANDS: tuple[tuple[str, str, str], ...] = (
    (
        "TP_CAPITAL_RESTORE_DATABASE_URL",
        "restore",
        "database to restore into; by default, the database of the owner's connection",
    ),
    ("TP_CAPITAL_LEGACY_DATABASE_URL", "migrate-data", "database with the former service's table"),
    (
        "TELEGRAM_GATEWAY_DATABASE_URL",
        "gateway",
        "database of the reference gateway; also `TELEGRAM_GATEWAY_DATABASE_URL_FILE`",
    ),
    (
        "TELEGRAM_GATEWAY_API_KEY",
        "gateway",
        "the key that clients must send; also `TELEGRAM_GATEWAY_API_KEY_FILE`; reread on `SIGHUP`",
    ),
    (
        "TELEGRAM_GATEWAY_ALLOWED_HOSTS",
        "gateway",
        "host names that it accepts; if empty, all addresses and the machine's own names",
    ),
    ("TELEGRAM_GATEWAY_ALLOW_OPEN", "gateway", "`1`: run without a key even if other machines can reach it"),
    (
        "TELEGRAM_GATEWAY_LIVE",
        "gateway",
        "`1`: read Telegram itself, as `--telegram` does ([telegram.md](telegram.md))",
    ),
    ("TELEGRAM_API_ID", "gateway", "the application's id of my.telegram.org; also `TELEGRAM_API_ID_FILE`"),
    ("TELEGRAM_API_HASH", "gateway", "the application's hash; also `TELEGRAM_API_HASH_FILE`"),
    (
        "TELEGRAM_SESSION_FOLDER",
        "gateway",
        "folder of the session's file, made with mode 0700; `.tp-capital/telegram` if empty",
    ),
    (
        "TELEGRAM_CHANNELS",
        "gateway",
        "channels to read beside those that the engine asks for: ids, `@names` or invitations, separated by commas",
    ),
    (
        "TELEGRAM_BOT_TOKEN",
        "gateway",
        "read as this bot instead of a session; also `TELEGRAM_BOT_TOKEN_FILE`",
    ),
    ("TELEGRAM_BOT_API_URL", "gateway", "address of the Bot API; `https://api.telegram.org` if empty"),
    ("NOTIFY_SOCKET", "run", "set by systemd"),
    ("WATCHDOG_USEC", "run", "set by systemd"),
)

#: the groups of settings; the models of one group differ only in the names of their variables
_GROUPS: tuple[tuple[str, tuple[type[Group], ...]], ...] = (
    ("Database", (TimescaleSettings, NeonSettings)),
    ("Gateway", (GatewaySettings,)),
    ("Circuit breaker", (BreakerSettings,)),
    ("Broker", (BrokerSettings,)),
    ("Redis", (RedisSettings,)),
    ("HTTP", (HttpSettings,)),
    ("Log", (LogSettings,)),
    ("Engine", (EngineSettings,)),
    ("Prices", (PriceSettings,)),
    ("Alerts", (AlertSettings,)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting.

    ``names`` holds its variables; the first one that is set wins. ``default`` is written as in ``.env``, and is empty
    if there is none. ``limits`` describes the valid values.
    """

    names: tuple[str, ...]
    default: str
    limits: str
    meaning: str
    secret: bool

    @property
    def name(self) -> str:
        """The current variable. The other ones come from the older deployment."""
        return self.names[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingGroup:
    """Settings that belong together, with a description."""

    title: str
    about: str
    settings: tuple[Setting, ...]


def setting_groups() -> Iterator[SettingGroup]:
    """Yield all groups in the order of the documentation."""
    for title, models in _GROUPS:
        first = models[0]
        # with several models, the docstring of their base class describes the group
        about = (first.__mro__[1] if len(models) > 1 else first).__doc__ or ""
        settings = tuple(_setting(models, field, info) for field, info in first.model_fields.items())
        yield SettingGroup(title=title, about=about.strip(), settings=settings)


def _setting(models: tuple[type[Group], ...], field: str, info: FieldInfo) -> Setting:
    names = [name for model in models for name in _names(model.model_fields[field])]
    kind = _kind(info.annotation)
    return Setting(
        names=tuple(dict.fromkeys(names)),
        default=_written(info.default),
        limits=_limits(kind, info.metadata),
        meaning=info.description or "",
        secret=kind is SecretStr,
    )


def _names(info: FieldInfo) -> tuple[str, ...]:
    alias = info.validation_alias
    return tuple(map(str, alias.choices)) if isinstance(alias, AliasChoices) else ()


def _kind(annotation: Any) -> Any:
    """Return the bare type, without None and without annotations."""
    if get_origin(annotation) in (Union, types.UnionType):
        (annotation,) = (part for part in get_args(annotation) if part is not type(None))
    return (
        getattr(annotation, "__origin__", annotation) if hasattr(annotation, "__metadata__") else annotation
    )


def _written(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, dict):
        return ",".join(f"{name}={item}" for name, item in value.items())
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _limits(kind: Any, metadata: list[Any]) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(f"`{word}`" for word in get_args(kind))
    if kind is bool:
        return "`0` or `1`"
    if get_origin(kind) is tuple:
        least = _rule(metadata, "min_length")
        return "comma-separated" + (f", at least {least}" if least else "")
    if kind is SecretStr:
        return "secret"
    if pattern := _rule(metadata, "pattern"):
        return f"`{pattern}`"
    return _range(kind, metadata)


def _range(kind: Any, metadata: list[Any]) -> str:
    rules = (("", "ge"), ("above ", "gt"), ("to ", "le"), ("below ", "lt"))
    found = ((word, _rule(metadata, name)) for word, name in rules)
    bounds = " ".join(f"{word}{limit}" for word, limit in found if limit is not None)
    return f"{'a whole number, ' if kind is int else 'a number, '}{bounds}" if bounds else ""


def _rule(metadata: list[Any], name: str) -> Any:
    """Return the limit ``name``, or None if the setting has no such limit."""
    return next((value for rule in metadata if (value := getattr(rule, name, None)) is not None), None)
