"""The settings tree. When several names of a setting are set, the first one wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict
from pydantic import AliasChoices, ValidationError
from pydantic_core import ErrorDetails

from config.alerts import AlertSettings
from config.broker import BrokerSettings
from config.conninfo import conninfo_secrets
from config.database import DatabaseSettings, NeonSettings, TimescaleSettings
from config.engine import EngineSettings, LogSettings
from config.fields import Group
from config.former import FORMER
from config.gateway import BreakerSettings, GatewaySettings
from config.http import HttpSettings
from config.prices import PriceSettings
from config.redis import RedisSettings
from config.secret_files import SecretFileError
from config.words import plain_words

__all__ = [
    "AlertSettings",
    "BreakerSettings",
    "BrokerSettings",
    "ConfigurationError",
    "DatabaseSettings",
    "EngineSettings",
    "GatewaySettings",
    "HttpSettings",
    "LogSettings",
    "PriceSettings",
    "RedisSettings",
    "Settings",
    "load_settings",
]

G = TypeVar("G", bound=Group)


class ConfigurationError(Exception):
    """Some settings are wrong. ``problems`` has one line for each, which says what is wrong and how to correct it."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings. Each part of the daemon receives only its own group."""

    database: DatabaseSettings
    gateway: GatewaySettings
    breaker: BreakerSettings
    broker: BrokerSettings
    redis: RedisSettings
    http: HttpSettings
    log: LogSettings
    engine: EngineSettings
    prices: PriceSettings
    alerts: AlertSettings

    def secrets(self) -> tuple[str, ...]:
        """Return every value that must not appear in a log."""
        database = self.database
        keys = (database.password, self.gateway.api_key)
        plain = [key.get_secret_value() for key in keys if key]
        plain += [key.secret for key in self.http.all_keys()]
        plain += (*(self.gateway.address.login or ()), *self.redis.secrets(), *self.broker.secrets())
        plain += self.prices.secrets()
        scratch = [database.scratch_url.get_secret_value()] if database.scratch_url else []
        for conninfo in (database.conninfo, database.migration_conninfo, *scratch):
            plain += [conninfo, *conninfo_secrets(conninfo)]
        # An address contains them in quoted form.
        plain += [quote(secret, safe="") for secret in plain]
        return tuple(dict.fromkeys(secret for secret in plain if secret))

    def describe(self) -> dict[str, object]:
        """Return the settings that may be logged."""
        where = conninfo_to_dict(self.database.conninfo)
        return {
            "dbStrategy": self.database.strategy,
            "database": f"{where.get('host')}:{where.get('port')}/{where.get('dbname')}",
            "schema": self.database.schema_name,
            "gateway": self.gateway.url,
            "channels": list(self.gateway.channels),
            "role": self.engine.role,
            "source": self.broker.source,
            "redis": self.redis.enabled,
            "port": self.http.port,
        }


def load_settings(env_file: Path | None = Path(".env")) -> Settings:
    """Read all settings from the environment. ``env_file`` provides the names that the environment lacks.

    Raises:
        ConfigurationError: It lists every problem of every group.
    """
    problems: list[str] = []

    def load(group: type[G], **usable: object) -> G:
        try:
            # pydantic-settings accepts this argument, but its type checker plugin does not know the subclass.
            return group(_env_file=env_file, **usable)  # type: ignore[call-arg]
        except SecretFileError as error:
            problems.extend(error.problems.values())
            # Load again without these files, to find the other problems too.
            return load(group, **usable, **dict.fromkeys(error.problems))
        except ValidationError as error:
            problems.extend(
                _problem(group, details) for details in error.errors(include_url=False, include_input=False)
            )
            wrong = {field for details in error.errors() if (field := _field(group, details))}
            if usable or not wrong:
                return group.model_construct()
            # Load again with defaults for the wrong values, so that rules over several settings are checked too.
            return load(group, **{_names(group, field)[0]: _default(group, field) for field in wrong})

    _check_readable(env_file)
    strategy = load(DatabaseSettings).strategy
    del problems[:]  # the group of the strategy finds them again, under the right names
    settings = Settings(
        database=load(NeonSettings if strategy == "neon" else TimescaleSettings),
        gateway=load(GatewaySettings),
        breaker=load(BreakerSettings),
        broker=load(BrokerSettings),
        redis=load(RedisSettings),
        http=load(HttpSettings),
        log=load(LogSettings),
        engine=load(EngineSettings),
        prices=load(PriceSettings),
        alerts=load(AlertSettings),
    )
    if problems:
        raise ConfigurationError(problems)
    return settings


def _check_readable(env_file: Path | None) -> None:
    """Read the file once before the groups do, because their errors would be tracebacks."""
    if env_file is None or not env_file.is_file():
        return
    try:
        env_file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigurationError([f"{env_file}: cannot be read: {reason}"]) from None


def _names(group: type[Group], field: str) -> tuple[str, ...]:
    """Return the variables of a field. The one that wins comes first."""
    alias = group.model_fields[field].validation_alias
    return tuple(map(str, alias.choices)) if isinstance(alias, AliasChoices) else (field,)


def _default(group: type[Group], field: str) -> object:
    return group.model_fields[field].default


def _field(group: type[Group], details: ErrorDetails) -> str | None:
    """Return the field that a problem is about, or None for a rule over several fields."""
    place = details["loc"][0] if details["loc"] else None
    return next((name for name in group.model_fields if place in (name, *_names(group, name))), None)


def _problem(group: type[Group], details: ErrorDetails) -> str:
    """Return one line for a person: the variable's names and what the value must be. The value may be a secret."""
    message = plain_words(details)
    field = _field(group, details)
    names = [name for name in _names(group, field) if name not in FORMER] if field else []
    return f"{' or '.join(names)}: {message}" if field else message
