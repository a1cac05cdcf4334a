"""The settings of the Telegram Gateway, of polling and of the circuit breaker."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_settings import NoDecode

from config.addresses import HttpAddress
from config.fields import CHANNEL_ID, ApiKey, GatewayAddress, Group, Names, env_names

__all__ = ["BreakerSettings", "GatewaySettings"]


def _pairs(value: object) -> object:
    """Read ``-1001=forex,-1002=crypto``. Blanks are ignored."""
    if not isinstance(value, str):
        return value
    pairs = {}
    for part in filter(None, (part.strip() for part in value.split(","))):
        channel, equals, market = (word.strip() for word in part.partition("="))
        if not equals:
            raise ValueError(f"{part!r} must be a pair such as -1001649127710=forex")
        if channel in pairs:
            raise ValueError(f"channel {channel} is listed twice")
        pairs[channel] = market.lower()
    return pairs


#: the market of each channel id; a channel without an entry is b3
Markets = Annotated[dict[str, Literal["b3", "forex", "crypto"]], NoDecode, BeforeValidator(_pairs)]


class GatewaySettings(Group):
    """The Telegram Gateway and how it is polled."""

    address: GatewayAddress = Field(
        default=HttpAddress("http://127.0.0.1:4010"),
        validation_alias=env_names("TELEGRAM_GATEWAY_URL"),
        description="address of the gateway; a user and password in it (`http://user:password@host`) are sent but "
        "never shown",
    )
    api_key: ApiKey | None = Field(
        default=None,
        validation_alias=env_names("TELEGRAM_GATEWAY_API_KEY"),
        description="key sent to the gateway, as `X-API-Key` and `X-Gateway-Token`",
    )
    channels: Names = Field(
        default=("-1001649127710",),
        min_length=1,
        validation_alias=env_names("TP_CAPITAL_SIGNALS_CHANNEL_ID", "SIGNALS_CHANNEL_ID"),
        description="ids of the channels to read",
    )
    markets: Markets = Field(
        default={},
        validation_alias=env_names("TP_CAPITAL_CHANNEL_MARKETS"),
        description="markets of channels, such as `-1001649127710=forex,-1002=crypto`; default for a channel: `b3`",
    )
    polling_interval_ms: int = Field(
        default=5000,
        ge=50,
        le=3_600_000,
        validation_alias=env_names("GATEWAY_POLLING_INTERVAL_MS"),
        description="milliseconds between two polls of a channel",
    )
    batch_size: int = Field(
        default=100,
        ge=1,
        le=10_000,
        validation_alias=env_names("GATEWAY_BATCH_SIZE"),
        description="largest number of messages that one poll requests",
    )
    tail_check_ms: int = Field(
        default=300_000,
        ge=1000,
        le=86_400_000,
        validation_alias=env_names("GATEWAY_TAIL_CHECK_MS"),
        description="milliseconds between two checks of the end of the history for messages that polling missed",
    )
    full_check_ms: int = Field(
        default=86_400_000,
        ge=1000,
        le=2_592_000_000,
        validation_alias=env_names("GATEWAY_FULL_CHECK_MS"),
        description="milliseconds between two slow readings of the whole history for edits of messages of any age",
    )
    sync_timeout_ms: int = Field(
        default=180_000,
        ge=1000,
        le=3_600_000,
        validation_alias=env_names("GATEWAY_SYNC_TIMEOUT_MS"),
        description="milliseconds that a sync with Telegram may take",
    )

    @property
    def url(self) -> str:
        """The address without its login."""
        return self.address.url

    @field_validator("markets")
    @classmethod
    def _are_of_channels(cls, markets: dict[str, str]) -> dict[str, str]:
        _check_channel_ids(markets)
        return markets

    @field_validator("channels")
    @classmethod
    def _are_channel_ids(cls, channels: tuple[str, ...]) -> tuple[str, ...]:
        _check_channel_ids(channels)
        if len(set(channels)) != len(channels):
            raise ValueError("a channel is listed twice")
        return channels


def _check_channel_ids(channels: Iterable[str]) -> None:
    for channel in channels:
        if not CHANNEL_ID.fullmatch(channel):
            raise ValueError(f"{channel!r} is not a channel id such as -1001649127710")


class BreakerSettings(Group):
    """When the circuit breaker opens and for how long."""

    timeout_ms: int = Field(
        default=5000,
        ge=50,
        le=600_000,
        validation_alias=env_names("CIRCUIT_BREAKER_TIMEOUT"),
        description="milliseconds that a call to the gateway may take; a longer call counts as failed",
    )
    error_threshold: float = Field(
        default=50,
        gt=0,
        le=100,
        validation_alias=env_names("CIRCUIT_BREAKER_ERROR_THRESHOLD"),
        description="percent of failed calls in the window at which the breaker opens",
    )
    reset_timeout_ms: int = Field(
        default=30_000,
        ge=50,
        le=3_600_000,
        validation_alias=env_names("CIRCUIT_BREAKER_RESET_TIMEOUT"),
        description="milliseconds an open breaker waits before it tries a single call",
    )
    window: int = Field(
        default=20,
        ge=1,
        le=10_000,
        validation_alias=env_names("CIRCUIT_BREAKER_WINDOW"),
        description="number of latest calls that the breaker counts",
    )
    minimum: int = Field(
        default=5,
        ge=1,
        le=10_000,
        validation_alias=env_names("CIRCUIT_BREAKER_MINIMUM"),
        description="calls that must be in the window before the breaker may open",
    )

    @model_validator(mode="after")
    def _minimum_fits(self) -> BreakerSettings:
        if self.minimum > self.window:
            raise ValueError("CIRCUIT_BREAKER_MINIMUM must not be larger than CIRCUIT_BREAKER_WINDOW")
        return self
