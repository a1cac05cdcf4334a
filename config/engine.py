"""The settings of the engine itself and of its log."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from config.fields import Group, Names, env_names, upper

__all__ = ["EngineSettings", "LogSettings"]


#: level names of Node's loggers
_LEVELS = {"WARN": "WARNING", "FATAL": "ERROR", "CRITICAL": "ERROR", "TRACE": "DEBUG", "VERBOSE": "DEBUG"}


def _level(value: object) -> object:
    """Read a level in any case, also under the names of other loggers."""
    name = upper(value)
    return _LEVELS.get(name, name) if isinstance(name, str) else name


class LogSettings(Group):
    """Logging."""

    level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_level)] = Field(
        default="INFO", validation_alias=env_names("LOG_LEVEL"), description="lowest level that is logged"
    )
    format: Literal["json", "console"] = Field(
        default="json",
        validation_alias=env_names("LOG_FORMAT"),
        description="`json`: one JSON object per line; `console`: a form for people",
    )


class EngineSettings(Group):
    """The engine's own behaviour."""

    backfill_delay_s: float = Field(
        default=30,
        ge=0,
        le=86_400,
        validation_alias=env_names("TP_CAPITAL_BACKFILL_DELAY_S"),
        description="seconds from the start of the daemon until it reads the history",
    )
    doorbell: bool = Field(
        default=True,
        validation_alias=env_names("TP_CAPITAL_DOORBELL"),
        description="whether the gateway's long poll is used, so that new messages are noticed at once",
    )
    text_filter: Names = Field(
        default=(),
        validation_alias=env_names("TP_CAPITAL_TEXT_FILTER"),
        description="words or phrases; a text with one of them, in any case and with any accents, becomes `filtered`",
    )
