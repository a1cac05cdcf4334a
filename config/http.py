"""The settings of the HTTP server: addresses, keys, limits and permissions."""

from __future__ import annotations

import os
import re
import socket
from ipaddress import ip_address, ip_network

from pydantic import Field, SecretStr, field_validator, model_validator

from config.fields import LOOPBACK_HOSTS, ApiKey, Group, Names, Port, env_names
from config.keys import DEFAULT_KEY, SHORTEST_KEY, ApiKeyEntry, parse_keys

__all__ = ["HttpSettings", "no_address", "short_keys"]

_PORT = r"(:[1-9][0-9]{0,4})?"
_ASKED_NAME = re.compile(rf"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]){_PORT}")
#: an origin as browsers send it: in small letters, and nothing after the port
_ORIGIN = re.compile(rf"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\]){_PORT}")
#: ``*`` allows reads by any page; ``null`` is the origin of a page without an address, such as a file
_ORIGIN_WORDS = frozenset({"*", "null"})
_ROOT_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_NAME = re.compile(r"[\w-]{1,63}(\.[\w-]{1,63})*\.?")


class HttpSettings(Group):
    """The HTTP server of the engine."""

    host: str = Field(
        default="127.0.0.1", validation_alias=env_names("HOST"), description="address to listen on"
    )
    port: Port = Field(default=4008, validation_alias=env_names("PORT"), description="port to listen on")
    api_key: ApiKey | None = Field(
        default=None,
        validation_alias=env_names("TP_CAPITAL_API_KEY"),
        description="key for writes, sent as `X-API-Key`; when `HOST` is not loopback a key is required and must have "
        f"at least {SHORTEST_KEY} characters",
    )
    api_keys: SecretStr | None = Field(
        default=None,
        validation_alias=env_names("TP_CAPITAL_API_KEYS"),
        description="further keys, `name:read:key` or `name:write:key`, separated by commas or one per line",
    )
    sync_open: bool = Field(
        default=False,
        validation_alias=env_names("TP_CAPITAL_SYNC_OPEN"),
        description="whether programs of this machine may `POST /sync-messages` without a key even when keys are set; "
        "on loopback only",
    )
    allowed_hosts: Names = Field(
        default=(),
        validation_alias=env_names("TP_CAPITAL_ALLOWED_HOSTS"),
        description="host names under which clients reach this service, `name` or `name:port`; loopback names are always "
        "allowed. When `HOST` is not loopback, the default is the addresses and names of this machine",
    )
    root_path: str = Field(
        default="",
        validation_alias=env_names("TP_CAPITAL_ROOT_PATH"),
        description="path under which a proxy serves this, such as `/tp`; trusted proxies may send `X-Forwarded-Prefix`",
    )
    origins: Names = Field(
        default=(),
        validation_alias=env_names("CORS_ORIGIN"),
        description="origins of web pages that may read and write, such as `https://page.example`; `*`: any may read",
    )
    max_streams: int = Field(
        default=256,
        ge=1,
        le=10_000,
        validation_alias=env_names("TP_CAPITAL_MAX_STREAMS"),
        description="largest number of open streams of signals; a further one is answered 503",
    )
    trusted_proxies: Names = Field(
        default=(),
        validation_alias=env_names("TP_CAPITAL_TRUSTED_PROXIES"),
        description="addresses and networks of proxies whose forwarding headers are trusted",
    )
    rate_limit_window_ms: int = Field(
        default=60_000,
        ge=1000,
        le=3_600_000,
        validation_alias=env_names("RATE_LIMIT_WINDOW_MS"),
        description="milliseconds over which requests without a key are counted",
    )
    rate_limit_max: int = Field(
        default=120,
        ge=1,
        le=1_000_000,
        validation_alias=env_names("RATE_LIMIT_MAX_REQUESTS"),
        description="requests that a client without a key may make in that time; loopback is not counted",
    )
    allow_open: bool = Field(
        default=False,
        validation_alias=env_names("TP_CAPITAL_ALLOW_OPEN"),
        description="whether everyone may write when no key is set, even from other machines",
    )
    read_key_required: bool = Field(
        default=False,
        validation_alias=env_names("TP_CAPITAL_READ_KEY_REQUIRED"),
        description="whether reads need a key too",
    )

    @field_validator("host")
    @classmethod
    def _can_be_an_address(cls, host: str) -> str:
        if not (_is_address(host) or _NAME.fullmatch(host)):
            raise ValueError("must be an address of this machine such as 127.0.0.1, or its name")
        return host

    @field_validator("allowed_hosts")
    @classmethod
    def _are_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not (_is_address(name) or _ASKED_NAME.fullmatch(name)):
                raise ValueError(f"{name!r} must be a name or name:port, without scheme and path")
        return names

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if origin not in _ORIGIN_WORDS and not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"{origin!r} must be an origin as browsers send it, such as https://page.example: "
                    "scheme, host and port in small letters, without a path"
                )
        return origins

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in proxies:
            try:
                ip_network(proxy, strict=False)
            except ValueError:
                raise ValueError(f"{proxy!r} must be an address or network such as 10.0.0.0/8") from None
        return proxies

    @field_validator("api_keys")
    @classmethod
    def _can_be_read(cls, keys: SecretStr | None) -> SecretStr | None:
        if keys is not None and not parse_keys(keys.get_secret_value()):
            raise ValueError("it contains no key")
        return keys

    @field_validator("root_path")
    @classmethod
    def _without_slash(cls, path: str) -> str:
        bare = path.rstrip("/")
        if bare and not _ROOT_PATH.fullmatch(bare):
            raise ValueError("must be a path such as /tp: letters, digits and . _ ~ - between slashes")
        return bare

    @model_validator(mode="after")
    def _not_open_to_the_world(self) -> HttpSettings:
        keys = self.all_keys()
        outside = self.host not in LOOPBACK_HOSTS
        if outside and not keys and not self.allow_open:
            if not _has_address(self.host):
                raise ValueError(no_address(self.host))
            raise ValueError(
                f"HOST={self.host} is reachable from outside and TP_CAPITAL_API_KEY is not set: "
                "set the key, or set TP_CAPITAL_ALLOW_OPEN=1 if everyone may write"
            )
        if outside and (short := short_keys(keys)):
            raise ValueError(
                f"HOST={self.host} is reachable from outside and {_settings_of(short)} has fewer than "
                f"{SHORTEST_KEY} characters: use a longer key (openssl rand -hex 32)"
            )
        if self.read_key_required and not keys:
            raise ValueError("TP_CAPITAL_READ_KEY_REQUIRED=1 needs TP_CAPITAL_API_KEY or TP_CAPITAL_API_KEYS")
        for what, seen in (("name", [k.name for k in keys]), ("key", [k.secret for k in keys])):
            if len(set(seen)) < len(seen):
                raise ValueError(
                    f"TP_CAPITAL_API_KEYS: an entry has the {what} of TP_CAPITAL_API_KEY, which is named {DEFAULT_KEY}"
                )
        return self

    def all_keys(self) -> tuple[ApiKeyEntry, ...]:
        """Return every key. The key of `TP_CAPITAL_API_KEY` comes first."""
        alone = (
            [ApiKeyEntry(name=DEFAULT_KEY, scope="write", secret=self.api_key.get_secret_value())]
            if self.api_key
            else []
        )
        return (*alone, *(parse_keys(self.api_keys.get_secret_value()) if self.api_keys else ()))


def short_keys(keys: tuple[ApiKeyEntry, ...]) -> tuple[ApiKeyEntry, ...]:
    """Return the keys that are short enough to be guessed."""
    return tuple(key for key in keys if len(key.secret) < SHORTEST_KEY)


def _settings_of(keys: tuple[ApiKeyEntry, ...]) -> str:
    """Return the settings of these keys, for an error message."""
    return " and ".join(
        "TP_CAPITAL_API_KEY" if key.name == DEFAULT_KEY else f"the key {key.name} of TP_CAPITAL_API_KEYS"
        for key in keys
    )


def no_address(host: str) -> str:
    """Return the error message for a host name without an address. It says where the name was set."""
    place = "the environment (conda and some shells set it to a name of their own)"
    if "HOST" not in os.environ:
        place = ".env"
    return f"HOST={host}, from {place}: this name has no address; set HOST=127.0.0.1 or another address of this machine"


def _has_address(host: str) -> bool:
    if _is_address(host):
        return True
    try:
        return bool(socket.getaddrinfo(host, None))
    except (OSError, UnicodeError):
        return False


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
