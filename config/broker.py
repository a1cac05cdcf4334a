"""The settings of the broker, and where messages come from."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from config.fields import GatewayAddress, Group, env_names
from config.secret_files import secret_of

__all__ = ["BrokerSettings", "broker_url"]

_URL = "AMQP_URL"
_WANTED = (
    "must be amqp://user:password@host:port/vhost, or amqps:// for TLS; "
    "in a password, @ / : # ? and % are written %40 %2F %3A %23 %3F %25"
)


def _checked(url: str) -> str:
    """Refuse a text that is no address of a RabbitMQ. The error does not quote it."""
    try:
        parts = urlsplit(url)
        whole = bool(parts.hostname) and (parts.port is None or parts.port > 0)
        plain = not parts.query and not parts.fragment and parts.netloc.count("@") <= 1
        valid = parts.scheme in ("amqp", "amqps") and whole and plain and "/" not in parts.path[1:]
    except ValueError:
        valid = False
    if not valid:
        raise ValueError(_WANTED)
    return url


def _url(value: SecretStr) -> SecretStr:
    _checked(value.get_secret_value())
    return value


def broker_url() -> str | None:
    """Return the broker's address from the environment, for a command without settings; None without a broker.

    Raises:
        ValueError: it is malformed, or its file cannot be read.
    """
    url = secret_of(_URL)
    try:
        return None if url is None else _checked(url)
    except ValueError as error:
        raise ValueError(f"{_URL}: {error}") from None


class BrokerSettings(Group):
    """RabbitMQ, and whether messages come through it. Without it, messages are polled."""

    source: Literal["poll", "broker", "both"] = Field(
        default="poll",
        validation_alias=env_names("TP_CAPITAL_SOURCE"),
        description="`poll`: messages are polled; `both`: they come through the broker, and polling looks once a minute, or at its "
        "interval while the broker is away; `broker`: they come through the broker only",
    )
    url: Annotated[SecretStr, AfterValidator(_url)] | None = Field(
        default=None,
        validation_alias=env_names(_URL),
        description="complete address of the broker, `amqp://user:password@host:port/vhost`, or `amqps://` for TLS; the reference "
        "gateway publishes there if it is set",
    )
    queue: str = Field(
        default="tp-capital.messages",
        pattern=r"^[A-Za-z0-9._-]{1,200}$",
        validation_alias=env_names("AMQP_QUEUE"),
        description="queue that the engines of one database share; another database needs another queue",
    )
    management: GatewayAddress | None = Field(
        default=None,
        validation_alias=env_names("AMQP_MANAGEMENT_URL"),
        description="address of RabbitMQ's management plugin, such as `http://host:15672`, for `doctor` to see policies; asked with the "
        "user of `AMQP_URL`",
    )
    events: bool = Field(
        default=False,
        validation_alias=env_names("TP_CAPITAL_EVENTS"),
        description="publish what happens to signals and channels as CloudEvents to the exchange `tp-capital.events`; needs `AMQP_URL`",
    )

    @model_validator(mode="after")
    def _has_address(self) -> BrokerSettings:
        if self.source != "poll" and self.url is None:
            raise ValueError("TP_CAPITAL_SOURCE is not poll, and AMQP_URL is not set: set both, or neither")
        if self.events and self.url is None:
            raise ValueError("TP_CAPITAL_EVENTS is set, and AMQP_URL is not: set both, or neither")
        return self

    def secrets(self) -> tuple[str, ...]:
        """Return every value that must not appear in a log."""
        if self.url is None:
            return ()
        url = self.url.get_secret_value()
        password = urlsplit(url).password
        return (url, *((password, unquote(password)) if password else ()))
