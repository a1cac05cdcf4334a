"""The settings of the page cache."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from config.fields import Group, Port, env_names

__all__ = ["RedisPlace", "RedisSettings"]

_URL_WANTED = (
    "must be redis://user:password@host:port/0, or rediss:// for TLS; "
    "in a password, @ / : # ? and % are written %40 %2F %3A %23 %3F %25"
)
_SHORTEST_KEY = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisPlace:
    """The address of a Redis and its user. ``tls_ca`` is a file of authorities; None means the system's."""

    host: str
    port: int
    username: str | None = None
    password: SecretStr | None = None
    database: int = 0
    tls: bool = False
    tls_ca: Path | None = None

    def arguments(self) -> dict[str, Any]:
        """Return the arguments for a client."""
        given: dict[str, Any] = {"host": self.host, "port": self.port, "db": self.database}
        if self.password is not None:
            given |= {"username": self.username, "password": self.password.get_secret_value()}
        if self.tls:
            given |= {"ssl": True, "ssl_cert_reqs": "required", "ssl_check_hostname": True}
            if self.tls_ca is not None:
                given["ssl_ca_certs"] = str(self.tls_ca)
        return given


def _redis_url(value: SecretStr) -> SecretStr:
    """Refuse a text that is no address of a Redis. The error does not quote it."""
    try:
        parts = urlsplit(value.get_secret_value())
        whole = bool(parts.hostname) and (parts.port is None or parts.port > 0)
        plain = not parts.query and not parts.fragment and "@" not in unquote(parts.hostname or "")
        database = parts.path.removeprefix("/")
        valid = parts.scheme in ("redis", "rediss") and whole and plain
        valid = valid and (not database or (database.isdecimal() and len(database) < 6))
        # More than one @ is refused: a part of the password could be taken for the host.
        valid = valid and parts.netloc.count("@") <= 1
    except ValueError:
        valid = False
    if not valid:
        raise ValueError(_URL_WANTED)
    return value


def _cache_key(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < _SHORTEST_KEY:
        raise ValueError(
            f"must have at least {_SHORTEST_KEY} characters, such as the output of `openssl rand -hex 32`"
        )
    return value


def _ca_file(value: Path) -> Path:
    if not value.is_file():
        raise ValueError("must be a file of certificates (PEM), and there is no file of this name")
    return value


RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]


class RedisSettings(Group):
    """The page cache. Without Redis it is in the process. A complete URL replaces host, port and user."""

    enabled: bool = Field(
        default=False,
        validation_alias=env_names("REDIS_ENABLED"),
        description="whether pages are stored in Redis; when `REDIS_URL` is set the default is `1`",
    )
    master_url: RedisUrl | None = Field(
        default=None,
        validation_alias=env_names("REDIS_MASTER_URL", "REDIS_URL"),
        description="complete address of the master, `redis://user:password@host:port/0`, or `rediss://` for TLS",
    )
    master_host: str = Field(
        default="127.0.0.1",
        validation_alias=env_names("REDIS_MASTER_HOST"),
        description="host of the master, which receives the writes",
    )
    master_port: Port = Field(
        default=6381, validation_alias=env_names("REDIS_MASTER_PORT"), description="port of the master"
    )
    replica_url: RedisUrl | None = Field(
        default=None,
        validation_alias=env_names("REDIS_REPLICA_URL"),
        description="complete address of the replica",
    )
    replica_host: str | None = Field(
        default=None,
        validation_alias=env_names("REDIS_REPLICA_HOST"),
        description="host of the replica, which serves the reads; default: the master serves them",
    )
    replica_port: Port = Field(
        default=6382, validation_alias=env_names("REDIS_REPLICA_PORT"), description="port of the replica"
    )
    username: str | None = Field(
        default=None,
        validation_alias=env_names("REDIS_USERNAME"),
        description="user at both servers; default: Redis' default user",
    )
    password: SecretStr | None = Field(
        default=None,
        validation_alias=env_names("REDIS_PASSWORD"),
        description="password of that user",
    )
    tls: bool = Field(
        default=False,
        validation_alias=env_names("REDIS_TLS"),
        description="whether connections to both servers use TLS; the certificates are checked",
    )
    tls_ca: Annotated[Path, AfterValidator(_ca_file)] | None = Field(
        default=None,
        validation_alias=env_names("REDIS_TLS_CA"),
        description="file of the authorities that sign their certificates; default: the system's authorities",
    )
    cache_key: Annotated[SecretStr, AfterValidator(_cache_key)] | None = Field(
        default=None,
        validation_alias=env_names("TP_CAPITAL_CACHE_KEY"),
        description="key that seals the pages in Redis, the same for all daemons of a database; default: the database's "
        "own key, which `migrate` creates once",
    )
    ttl_s: int = Field(
        default=30,
        ge=1,
        le=86_400,
        validation_alias=env_names("REDIS_CACHE_TTL"),
        description="seconds that a page is kept, in Redis or in the process",
    )

    @model_validator(mode="after")
    def _agree(self) -> RedisSettings:
        if self.username is not None and self.password is None:
            raise ValueError("REDIS_USERNAME is set without REDIS_PASSWORD: set both, or neither")
        if self.master_url is not None and "enabled" not in self.model_fields_set:
            object.__setattr__(
                self, "enabled", True
            )  # the object is frozen, but it is still being created here
        return self

    @property
    def master(self) -> RedisPlace:
        """The address of the master."""
        return self._place(self.master_url, self.master_host, self.master_port)

    @property
    def replica(self) -> RedisPlace | None:
        """The address of the replica, or None without one."""
        if self.replica_url is None and self.replica_host is None:
            return None
        return self._place(self.replica_url, self.replica_host or "", self.replica_port)

    def secrets(self) -> tuple[str, ...]:
        """Return every value that must not appear in a log."""
        places = [self.master, *filter(None, [self.replica])]
        keys = [
            self.cache_key,
            self.password,
            self.master_url,
            self.replica_url,
            *(p.password for p in places),
        ]
        return tuple(key.get_secret_value() for key in keys if key)

    def _place(self, url: SecretStr | None, host: str, port: int) -> RedisPlace:
        if url is None:
            return RedisPlace(
                host=host,
                port=port,
                username=self.username,
                password=self.password,
                tls=self.tls,
                tls_ca=self.tls_ca,
            )
        parts = urlsplit(url.get_secret_value())
        return RedisPlace(
            host=parts.hostname or "",
            port=parts.port or 6379,
            username=unquote(parts.username) if parts.username else self.username,
            password=SecretStr(unquote(parts.password)) if parts.password else self.password,
            database=int(parts.path.removeprefix("/") or 0),
            tls=self.tls or parts.scheme == "rediss",
            tls_ca=self.tls_ca,
        )
