"""The settings of the market's prices."""

from __future__ import annotations

from pydantic import Field

from config.fields import Group, env_names

__all__ = ["PriceSettings"]


class PriceSettings(Group):
    """How long the market's prices are kept."""

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
