"""Settings: one typed tree from environment and ``.env``. It reports all problems at once and prints no secret."""

from config.settings import (
    AlertSettings,
    BreakerSettings,
    BrokerSettings,
    ConfigurationError,
    DatabaseSettings,
    EngineSettings,
    GatewaySettings,
    HttpSettings,
    LogSettings,
    PriceSettings,
    RedisSettings,
    Settings,
    load_settings,
)

__all__ = [
    "AlertSettings",
    "BreakerSettings",
    "BrokerSettings",
    "ConfigurationError",
    "DatabaseSettings",
    "EngineSettings",
    "GatewaySettings",
    "HttpSettings",
    "LogSettings",
    "PriceSettings",
    "RedisSettings",
    "Settings",
    "load_settings",
]
