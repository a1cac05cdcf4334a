"""The settings of the market's prices."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from config.fields import ApiKey, GatewayAddress, Group, env_names

__all__ = ["PriceSettings"]


class PriceSettings(Group):
    """How long the market's prices are kept, and the service that tells them."""

    day_bars_days: int = Field(
        default=3660,
        ge=400,
        le=36_600,
        validation_alias=env_names("TP_CAPITAL_DAY_BARS_DAYS"),
        description="days for which bars of days are kept; indicators look back a year",
    )
    minute_bars_days: int = Field(
        default=180,
        ge=100,
        le=36_600,
        validation_alias=env_names("TP_CAPITAL_MINUTE_BARS_DAYS"),
        description="days for which bars of minutes and hours are kept; signals are kept for 90 days",
    )
    quotes: GatewayAddress | None = Field(
        default=None,
        validation_alias=env_names("QUOTES_URL"),
        description="address of a quote service that answers as `https://brapi.dev` does; without it none is asked",
    )
    quotes_token: ApiKey | None = Field(
        default=None,
        validation_alias=env_names("QUOTES_TOKEN"),
        description="token for the quote service, sent as `Authorization: Bearer`",
    )
    quotes_interval: Literal["1m", "5m", "15m", "30m", "1h", "1d"] = Field(
        default="1d",
        validation_alias=env_names("QUOTES_INTERVAL"),
        description="how long the bars are that the quote service is asked for",
    )
    quotes_range: Literal["1d", "5d", "1mo", "3mo", "6mo", "1y", "2y", "5y", "10y"] = Field(
        default="3mo",
        validation_alias=env_names("QUOTES_RANGE"),
        description="how far back the quote service is asked; plans differ",
    )
    quotes_daily_requests: int = Field(
        default=500,
        ge=1,
        le=1_000_000,
        validation_alias=env_names("QUOTES_DAILY_REQUESTS"),
        description="requests to the quote service on one day in São Paulo, since the start of the daemon",
    )

    def secrets(self) -> tuple[str, ...]:
        """Return the values that must not appear in a log."""
        token = (self.quotes_token.get_secret_value(),) if self.quotes_token else ()
        return (*token, *((self.quotes.login or ()) if self.quotes else ()))
