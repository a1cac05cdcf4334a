"""What the engine serves, where, and to whom."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network

from pydantic import Field, field_validator, model_validator

from config.fields import LOOPBACK_HOSTS, ApiKey, Group, Names, Port, env_names

__all__ = ["HttpSettings"]

_PORT = r"(:[1-9][0-9]{0,4})?"
_ASKED_NAME = re.compile(rf"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]){_PORT}")
#: as a browser sends it: in small letters, and nothing behind the host
_ORIGIN = re.compile(rf"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\]){_PORT}")
#: any page, for reads; a page without an address, such as a file's
_ORIGIN_WORDS = frozenset({"*", "null"})
_NAME = re.compile(r"[\w-]{1,63}(\.[\w-]{1,63})*\.?")


class HttpSettings(Group):
    """What the engine serves, where, and to whom."""

    host: str = Field(
        default="127.0.0.1", validation_alias=env_names("HOST"), description="address to listen on"
    )
    port: Port = Field(default=4008, validation_alias=env_names("PORT"), description="port to listen on")
    api_key: ApiKey | None = Field(
        default=None,
        validation_alias=env_names("TP_CAPITAL_API_KEY"),
        description="key that writes ask for, sent as `X-API-Key`; needed when `HOST` is not loopback",
    )
    allowed_hosts: Names = Field(
        default=(),
        validation_alias=env_names("TP_CAPITAL_ALLOWED_HOSTS"),
        description="further names this machine is asked by while it listens on loopback: `name` or `name:port`",
    )
    origins: Names = Field(
        default=(),
        validation_alias=env_names("CORS_ORIGIN"),
        description="origins of web pages that may ask and write here, such as `https://page.example`; `*`: any may ask",
    )
    max_streams: int = Field(
        default=256,
        ge=1,
        le=10_000,
        validation_alias=env_names("TP_CAPITAL_MAX_STREAMS"),
        description="streams of signals open at once; a further one is answered 503",
    )
    trusted_proxies: Names = Field(
        default=(),
        validation_alias=env_names("TP_CAPITAL_TRUSTED_PROXIES"),
        description="addresses and networks of proxies whose forwarding headers are believed",
    )
    rate_limit_window_ms: int = Field(
        default=60_000,
        ge=1000,
        le=3_600_000,
        validation_alias=env_names("RATE_LIMIT_WINDOW_MS"),
        description="period that requests without a key are counted over, in ms",
    )
    rate_limit_max: int = Field(
        default=120,
        ge=1,
        le=1_000_000,
        validation_alias=env_names("RATE_LIMIT_MAX_REQUESTS"),
        description="requests a client without a key may make in that period; loopback is not counted",
    )
    allow_open: bool = Field(
        default=False,
        validation_alias=env_names("TP_CAPITAL_ALLOW_OPEN"),
        description="whether everyone may write where no key is set, also from other machines",
    )
    read_key_required: bool = Field(
        default=False,
        validation_alias=env_names("TP_CAPITAL_READ_KEY_REQUIRED"),
        description="whether reads ask for the key too",
    )

    @field_validator("host")
    @classmethod
    def _can_be_an_address(cls, host: str) -> str:
        if not (_is_address(host) or _NAME.fullmatch(host)):
            raise ValueError("an address of this machine such as 127.0.0.1, or its name, is wanted")
        return host

    @field_validator("allowed_hosts")
    @classmethod
    def _are_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not (_is_address(name) or _ASKED_NAME.fullmatch(name)):
                raise ValueError(f"{name!r} is no name or name:port; neither scheme nor path belong to it")
        return names

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if origin not in _ORIGIN_WORDS and not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"{origin!r} is no origin as browsers send it, such as https://page.example: "
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
                raise ValueError(f"{proxy!r} is no address or network such as 10.0.0.0/8") from None
        return proxies

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


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
