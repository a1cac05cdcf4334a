"""The settings of the dedicated database, with the variable names of both strategies."""

from __future__ import annotations

from typing import Literal

from psycopg.conninfo import make_conninfo
from pydantic import AliasChoices, AliasGenerator, Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from config.conninfo import conninfo_problem, demand_tls
from config.env_file import name_in_use
from config.fields import Group, Port, env_names
from config.secret_files import FILE_SUFFIX

__all__ = ["DatabaseSettings", "NeonSettings", "TimescaleSettings"]


_URL = "TP_CAPITAL_DATABASE_URL"


def _database_names(*prefixes: str) -> AliasGenerator:
    """Return the variable names of a field: TP_CAPITAL_DB_FIELD, then those of older deployments."""
    return AliasGenerator(
        validation_alias=lambda field: env_names(
            *(f"{prefix}_{field.upper()}" for prefix in ("TP_CAPITAL_DB", *prefixes))
        )
    )


class DatabaseSettings(Group):
    """The dedicated database. The parts are ignored when a complete URL is set."""

    model_config = SettingsConfigDict(alias_generator=_database_names())

    strategy: Literal["timescale", "neon"] = Field(
        default="timescale",
        validation_alias=env_names("TP_CAPITAL_DB_STRATEGY"),
        description="TimescaleDB, or Neon and any other plain PostgreSQL",
    )
    url: SecretStr | None = Field(
        default=None,
        validation_alias=env_names(_URL),
        description="complete address, `postgresql://user:password@host:port/name`; the parts below are then ignored",
    )
    host: str = Field(
        default="127.0.0.1", description="host of the database, or of the pooler in front of it"
    )
    port: Port = Field(default=6435, description="port of the database, or of the pooler in front of it")
    name: str = Field(default="tp_capital_db", description="name of the database")
    user: str = Field(default="tp_capital", description="the engine's role")
    password: SecretStr | None = Field(default=None, description="password of the engine's role")
    schema_name: str = Field(
        default="signals",
        validation_alias=env_names("TP_CAPITAL_DB_SCHEMA", "TIMESCALEDB_SCHEMA", "NEON_SCHEMA"),
        pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$",
        description="schema that holds all tables",
    )
    migration_url: SecretStr | None = Field(
        default=None,
        validation_alias=env_names("TP_CAPITAL_MIGRATION_DATABASE_URL"),
        description="complete address with the owner's role, directly to the server, for `migrate`, `backup` and "
        "`restore`; default: the engine's own address",
    )
    scratch_url: SecretStr | None = Field(
        default=None,
        validation_alias=env_names("TP_CAPITAL_SCRATCH_DATABASE_URL"),
        description="complete address of the server on which `backup` restores each backup once to check it; default: "
        "the owner's address. With TimescaleDB only a superuser can restore",
    )
    pool_max: int = Field(
        default=25,
        ge=4,
        le=1000,
        validation_alias=env_names("TP_CAPITAL_POOL_MAX"),
        description="largest number of connections; 3 of them are reserved for the writer and the probe",
    )

    @field_validator("url", "migration_url", "scratch_url")
    @classmethod
    def _can_be_tried(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            problem = conninfo_problem(value.get_secret_value())
            if problem is not None:
                raise ValueError(problem)
        return value

    @field_validator("host")
    @classmethod
    def _is_a_host(cls, host: str) -> str:
        if "@" in host[1:] or "://" in host:
            raise ValueError("must be a host alone; a complete address belongs in TP_CAPITAL_DATABASE_URL")
        return host

    @property
    def places(self) -> dict[str, str]:
        """The variables that set address, host, name and password, for the remedies in error messages."""
        if self.url is not None:
            url = name_in_use((_URL, _URL + FILE_SUFFIX))
            return dict.fromkeys(("address", "host", "name", "password"), url)
        host, port, name, password = (
            name_in_use(self._names(field)) for field in ("host", "port", "name", "password")
        )
        return {
            "address": f"{_URL}, which takes the place of {host} and its like",
            "host": f"{host} and {port}",
            "name": name,
            "password": password,
        }

    @classmethod
    def _names(cls, field: str) -> tuple[str, ...]:
        alias = cls.model_fields[field].validation_alias
        names = tuple(map(str, alias.choices)) if isinstance(alias, AliasChoices) else (field,)
        return (*names, *(name + FILE_SUFFIX for name in names)) if field == "password" else names

    @property
    def conninfo(self) -> str:
        """The engine's connection string with its password, for the driver and never for a log."""
        if self.url is not None:
            return self.with_tls(self.url.get_secret_value())
        password = self.password.get_secret_value() if self.password else None
        return self.with_tls(
            make_conninfo(
                "", host=self.host, port=self.port, dbname=self.name, user=self.user, password=password
            )
        )

    @property
    def migration_conninfo(self) -> str:
        """The connection string of the owner's role; by default the engine's own."""
        return self.with_tls(self.migration_url.get_secret_value()) if self.migration_url else self.conninfo

    @property
    def scratch_conninfo(self) -> str | None:
        """The connection string of the server for scratch databases; None means the owner's."""
        return self.with_tls(self.scratch_url.get_secret_value()) if self.scratch_url else None

    def with_tls(self, conninfo: str) -> str:
        """Return the connection string with the TLS that the strategy requires: neon needs it to other machines."""
        return demand_tls(conninfo) if self.strategy == "neon" else conninfo


class TimescaleSettings(DatabaseSettings):
    """Strategy timescale, which reads TIMESCALEDB_* names too."""

    model_config = SettingsConfigDict(alias_generator=_database_names("TIMESCALEDB"))


class NeonSettings(DatabaseSettings):
    """Strategy neon, which reads NEON_* names too."""

    model_config = SettingsConfigDict(alias_generator=_database_names("NEON"))
