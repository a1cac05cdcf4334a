"""What the engine serves, where, and to whom."""

from __future__ import annotations

from pydantic import Field, model_validator

from config.fields import LOOPBACK_HOSTS, ApiKey, Group, Names, Port, env_names

__all__ = ["HttpSettings"]


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
        description="further names this machine is asked by while it listens on loopback",
    )
    origins: Names = Field(
        default=(),
        validation_alias=env_names("CORS_ORIGIN"),
        description="origins of web pages that may write here",
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
