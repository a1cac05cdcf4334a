"""The settings of the engine itself and of its log."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field

from config.fields import Group, Names, env_names, upper

__all__ = ["EngineSettings", "LogSettings", "level_name"]


#: names of levels that Node's loggers have and Python's have not
_LEVELS = {
    "warn": "warning",
    "fatal": "critical",
    "http": "info",
    **dict.fromkeys(("trace", "verbose", "silly"), "debug"),
}


def level_name(value: object) -> object:
    """Return a level in small letters and under Python's name, whatever logger it comes from."""
    return _LEVELS.get(value.lower(), value.lower()) if isinstance(value, str) else value


def _level(value: object) -> object:
    name = level_name(value)
    return "ERROR" if name == "critical" else upper(name)


class LogSettings(Group):
    """Logging."""

    level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_level)] = Field(
        default="INFO", validation_alias=env_names("LOG_LEVEL"), description="lowest level that is logged"
    )
    format: Literal["json", "console"] | None = Field(
        default=None,
        validation_alias=env_names("LOG_FORMAT"),
        description="`json`: one JSON object per line; `console`: a form for people; default: `console` on a terminal, "
        "else `json`",
    )


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            "must be in this machine's time zone database (package tzdata), such as America/Sao_Paulo"
        ) from None
    return name


class EngineSettings(Group):
    """The engine's own behaviour."""

    role: Literal["all", "ingest", "serve"] = Field(
        default="all",
        validation_alias=env_names("TP_CAPITAL_ROLE"),
        description="`all`: one process does everything; `ingest`: it reads and writes, and serves health and metrics only; "
        "`serve`: it answers and streams what others have written",
    )
    timezone: Annotated[str, AfterValidator(_zone)] = Field(
        default="America/Sao_Paulo",
        validate_default=True,
        validation_alias=env_names("TP_CAPITAL_TIMEZONE"),
        description="time zone of a date without a time, in `from=2026-11-20` and `--since 2026-11-20`: the whole day there",
    )
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

    @property
    def zone(self) -> ZoneInfo:
        """Return the time zone of a date without a time."""
        return ZoneInfo(self.timezone)
