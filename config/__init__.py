"""Settings: one typed tree out of environment and ``.env``, every problem at once, secrets never printed."""

from config.settings import (
    BreakerSettings,
    ConfigurationError,
    DatabaseSettings,
    EngineSettings,
    GatewaySettings,
    HttpSettings,
    LogSettings,
    RedisSettings,
    Settings,
    load_settings,
)

__all__ = [
    "BreakerSettings",
    "ConfigurationError",
    "DatabaseSettings",
    "EngineSettings",
    "GatewaySettings",
    "HttpSettings",
    "LogSettings",
    "RedisSettings",
    "Settings",
    "load_settings",
]
