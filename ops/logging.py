"""Structured logging: one JSON object a line on stdout, or a console form for people."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from ops.recent_logs import RecentLogs

__all__ = ["configure_logging"]

#: a value this short would also hide innocent words
_SHORTEST_SECRET = 4


def configure_logging(
    *,
    level: str,
    form: Literal["json", "console"],
    secrets: Sequence[str] = (),
    stream: TextIO | None = None,
) -> RecentLogs:
    """Send the logs of this project and of its libraries to one stream, in one form; return the last of them.

    Args:
        level: Name of the lowest level shown.
        form: ``json`` or ``console``.
        secrets: Values that are blacked out wherever they turn up, an exception's text included.
        stream: Standard output when not given.

    """
    stream = stream or sys.stdout
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Processor = structlog.processors.JSONRenderer()
    if form == "console":
        # its own formatter of exceptions would show local variables, secrets and texts among them
        renderer = structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    recent = RecentLogs()
    rendering: list[Processor] = [
        *(structlog.processors.format_exc_info, _redactor(secrets), recent.remember, renderer)
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _name_foreign],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # the pool says at each attempt what our own events say once
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    for name in ("urllib3", "asyncio", "uvicorn"):
        logging.getLogger(name).setLevel(max(logging.getLevelName(level), logging.WARNING))
    return recent


def _name_foreign(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Give a library's line the shape of ours: its text is the message, its event the library's name."""
    record: logging.LogRecord | None = event.get("_record")
    event["message"] = event.pop("event")
    event["event"] = f"{record.name if record else 'library'}.logged"
    return event


def _redactor(secrets: Sequence[str]) -> Processor:
    words = tuple(secret for secret in secrets if len(secret) >= _SHORTEST_SECRET)

    def clean(value: object) -> object:
        if isinstance(value, str):
            for word in words:
                if word in value:
                    value = value.replace(word, "***")
            # lone surrogates cannot be written to a UTF-8 stream
            return value.encode("utf-8", "backslashreplace").decode()
        if isinstance(value, dict):
            return {str(clean(key)): clean(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [clean(item) for item in value]
        # what no form has a notation for would be shown by its repr, uncleaned
        return value if value is None or isinstance(value, bool | int | float) else clean(repr(value))

    def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        return {str(clean(key)): clean(value) for key, value in event.items()}

    return redact
