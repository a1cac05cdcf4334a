"""The settings tree. Names and defaults are the contract's; the first name of each wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from psycopg.conninfo import conninfo_to_dict
from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from config.database import DatabaseSettings, NeonSettings, TimescaleSettings
from config.fields import CHANNEL_ID, LOOPBACK_HOSTS, ApiKey, Group, HttpUrl, Names, Port, env_names, upper

__all__ = [
    "BreakerSettings",
    "ConfigurationError",
    "DatabaseSettings",
    "EngineSettings",
    "GatewaySettings",
    "HttpSettings",
    "LogSettings",
    "RedisSettings",
    "Settings",
    "load_settings",
]

G = TypeVar("G", bound=Group)


class ConfigurationError(Exception):
    """Some settings are wrong. ``problems`` has one line for each: what, where, how to mend it."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class GatewaySettings(Group):
    """The Telegram Gateway and how it is polled."""

    url: HttpUrl = Field(default="http://127.0.0.1:4010", validation_alias=env_names("TELEGRAM_GATEWAY_URL"))
    api_key: ApiKey | None = Field(default=None, validation_alias=env_names("TELEGRAM_GATEWAY_API_KEY"))
    channels: Names = Field(
        default=("-1001649127710",),
        min_length=1,
        validation_alias=env_names("TP_CAPITAL_SIGNALS_CHANNEL_ID", "SIGNALS_CHANNEL_ID"),
    )
    polling_interval_ms: int = Field(
        default=5000, ge=50, le=3_600_000, validation_alias=env_names("GATEWAY_POLLING_INTERVAL_MS")
    )
    batch_size: int = Field(default=100, ge=1, le=10_000, validation_alias=env_names("GATEWAY_BATCH_SIZE"))
    tail_check_ms: int = Field(
        default=300_000, ge=1000, le=86_400_000, validation_alias=env_names("GATEWAY_TAIL_CHECK_MS")
    )
    sync_timeout_ms: int = Field(
        default=180_000, ge=1000, le=3_600_000, validation_alias=env_names("GATEWAY_SYNC_TIMEOUT_MS")
    )

    @field_validator("channels")
    @classmethod
    def _are_channel_ids(cls, channels: tuple[str, ...]) -> tuple[str, ...]:
        for channel in channels:
            if not CHANNEL_ID.fullmatch(channel):
                raise ValueError(f"{channel!r} is not a channel id such as -1001649127710")
        if len(set(channels)) != len(channels):
            raise ValueError("a channel stands there twice")
        return channels


class BreakerSettings(Group):
    """When the circuit breaker opens and for how long."""

    timeout_ms: int = Field(
        default=5000, ge=50, le=600_000, validation_alias=env_names("CIRCUIT_BREAKER_TIMEOUT")
    )
    error_threshold: float = Field(
        default=50, gt=0, le=100, validation_alias=env_names("CIRCUIT_BREAKER_ERROR_THRESHOLD")
    )
    reset_timeout_ms: int = Field(
        default=30_000, ge=50, le=3_600_000, validation_alias=env_names("CIRCUIT_BREAKER_RESET_TIMEOUT")
    )
    window: int = Field(default=20, ge=1, le=10_000, validation_alias=env_names("CIRCUIT_BREAKER_WINDOW"))
    minimum: int = Field(default=5, ge=1, le=10_000, validation_alias=env_names("CIRCUIT_BREAKER_MINIMUM"))

    @model_validator(mode="after")
    def _minimum_fits(self) -> BreakerSettings:
        if self.minimum > self.window:
            raise ValueError("CIRCUIT_BREAKER_MINIMUM must not be larger than CIRCUIT_BREAKER_WINDOW")
        return self


class RedisSettings(Group):
    """The cache. Without Redis pages are kept in the process."""

    enabled: bool = Field(default=False, validation_alias=env_names("REDIS_ENABLED"))
    master_host: str = Field(default="127.0.0.1", validation_alias=env_names("REDIS_MASTER_HOST"))
    master_port: Port = Field(default=6381, validation_alias=env_names("REDIS_MASTER_PORT"))
    replica_host: str | None = Field(default=None, validation_alias=env_names("REDIS_REPLICA_HOST"))
    replica_port: Port = Field(default=6382, validation_alias=env_names("REDIS_REPLICA_PORT"))
    ttl_s: int = Field(default=30, ge=1, le=86_400, validation_alias=env_names("REDIS_CACHE_TTL"))


class HttpSettings(Group):
    """What the engine serves, where, and to whom."""

    host: str = Field(default="127.0.0.1", validation_alias=env_names("HOST"))
    port: Port = Field(default=4008, validation_alias=env_names("PORT"))
    api_key: ApiKey | None = Field(default=None, validation_alias=env_names("TP_CAPITAL_API_KEY"))
    allowed_hosts: Names = Field(default=(), validation_alias=env_names("TP_CAPITAL_ALLOWED_HOSTS"))
    origins: Names = Field(default=(), validation_alias=env_names("CORS_ORIGIN"))
    allow_open: bool = Field(default=False, validation_alias=env_names("TP_CAPITAL_ALLOW_OPEN"))
    read_key_required: bool = Field(default=False, validation_alias=env_names("TP_CAPITAL_READ_KEY_REQUIRED"))

    @model_validator(mode="after")
    def _not_open_to_the_world(self) -> HttpSettings:
        if self.host not in LOOPBACK_HOSTS and self.api_key is None and not self.allow_open:
            raise ValueError(
                f"HOST={self.host} is reachable from outside and TP_CAPITAL_API_KEY is not set: "
                "set the key, or TP_CAPITAL_ALLOW_OPEN=1 if everyone may write"
            )
        if self.read_key_required and self.api_key is None:
            raise ValueError("TP_CAPITAL_READ_KEY_REQUIRED=1 needs TP_CAPITAL_API_KEY")
        return self


class LogSettings(Group):
    """Logging."""

    level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(upper)] = Field(
        default="INFO", validation_alias=env_names("LOG_LEVEL")
    )
    format: Literal["json", "console"] = Field(default="json", validation_alias=env_names("LOG_FORMAT"))


class EngineSettings(Group):
    """The engine's own behaviour."""

    backfill_delay_s: float = Field(
        default=30, ge=0, le=86_400, validation_alias=env_names("TP_CAPITAL_BACKFILL_DELAY_S")
    )
    doorbell: bool = Field(default=True, validation_alias=env_names("TP_CAPITAL_DOORBELL"))
    #: texts that hold one of these words or phrases (without case and accents) get the outcome `filtered`
    text_filter: Names = Field(default=(), validation_alias=env_names("TP_CAPITAL_TEXT_FILTER"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings; each part of the daemon is handed just its own group."""

    database: DatabaseSettings
    gateway: GatewaySettings
    breaker: BreakerSettings
    redis: RedisSettings
    http: HttpSettings
    log: LogSettings
    engine: EngineSettings

    def secrets(self) -> tuple[str, ...]:
        """Return every value that must not stand in a log."""
        database = self.database
        keys = (database.password, self.gateway.api_key, self.http.api_key)
        plain = [key.get_secret_value() for key in keys if key]
        for conninfo in (database.conninfo, database.migration_conninfo):
            plain += [conninfo, str(conninfo_to_dict(conninfo).get("password") or "")]
        return tuple(secret for secret in plain if secret)

    def describe(self) -> dict[str, object]:
        """Return what a log may say of the settings."""
        where = conninfo_to_dict(self.database.conninfo)
        return {
            "dbStrategy": self.database.strategy,
            "database": f"{where.get('host')}:{where.get('port')}/{where.get('dbname')}",
            "schema": self.database.schema_name,
            "gateway": self.gateway.url,
            "channels": list(self.gateway.channels),
            "redis": self.redis.enabled,
            "port": self.http.port,
        }


def load_settings(env_file: Path | None = Path(".env")) -> Settings:
    """Read all settings from the environment, then ``env_file`` for names the environment lacks.

    Raises:
        ConfigurationError: with every problem of every group.
    """
    problems: list[str] = []

    def load(group: type[G], **usable: object) -> G:
        try:
            # pydantic-settings takes this argument; its plugin for type checkers does not know the subclass
            return group(_env_file=env_file, **usable)  # type: ignore[call-arg]
        except ValidationError as error:
            problems.extend(
                _problem(group, details) for details in error.errors(include_url=False, include_input=False)
            )
            wrong = {field for details in error.errors() if (field := _field(group, details))}
            if usable or not wrong:
                return group.model_construct()
            # once more with defaults in place of what is wrong: rules over several settings speak up too
            return load(group, **{_names(group, field)[0]: _default(group, field) for field in wrong})

    _check_readable(env_file)
    strategy = load(DatabaseSettings).strategy
    del problems[:]  # said again, under the right names, by the strategy's own group
    settings = Settings(
        database=load(NeonSettings if strategy == "neon" else TimescaleSettings),
        gateway=load(GatewaySettings),
        breaker=load(BreakerSettings),
        redis=load(RedisSettings),
        http=load(HttpSettings),
        log=load(LogSettings),
        engine=load(EngineSettings),
    )
    if problems:
        raise ConfigurationError(problems)
    return settings


def _check_readable(env_file: Path | None) -> None:
    """Read the file once before the groups do, whose errors would be tracebacks."""
    if env_file is None or not env_file.is_file():
        return
    try:
        env_file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigurationError([f"{env_file}: cannot be read: {reason}"]) from None


def _names(group: type[Group], field: str) -> tuple[str, ...]:
    """Return the variables a field is read from, the one that beats the others first."""
    alias = group.model_fields[field].validation_alias
    return tuple(map(str, alias.choices)) if isinstance(alias, AliasChoices) else (field,)


def _default(group: type[Group], field: str) -> object:
    return group.model_fields[field].default


def _field(group: type[Group], details: ErrorDetails) -> str | None:
    """Return the field whose variable a problem names; None for a rule over several."""
    place = details["loc"][0] if details["loc"] else None
    return next((name for name in group.model_fields if place in (name, *_names(group, name))), None)


def _problem(group: type[Group], details: ErrorDetails) -> str:
    """Return one line for a person: the variable's names and what it should be; its value may be a secret."""
    message = details["msg"].removeprefix("Value error, ")
    field = _field(group, details)
    return f"{' or '.join(_names(group, field))}: {message}" if field else message
