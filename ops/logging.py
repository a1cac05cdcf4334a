"""Structured logging: one JSON object per line on standard output, or a console form for people."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Sequence
from functools import partial
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from engine.safe_text import keep_hidden, shown_values
from ops.recent_logs import RecentLogs

__all__ = ["configure_logging"]


def configure_logging(
    *,
    level: str,
    form: Literal["json", "console"] | None,
    secrets: Sequence[str] | None = None,
    stream: TextIO | None = None,
) -> RecentLogs:
    """Send the logs of this project and its libraries to one stream. Return the buffer of the last entries.

    Args:
        level: Name of the lowest level to log.
        form: ``json`` or ``console``. None: ``console`` on a terminal, else ``json``.
        secrets: Values to hide everywhere, including exception texts. None: keep the values that are already hidden.
        stream: The stream; standard output by default.

    """
    stream = stream or sys.stdout
    form = form or ("console" if stream.isatty() else "json")
    if secrets is not None:
        keep_hidden(secrets)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Processor = structlog.processors.JSONRenderer()
    # JSON escapes line breaks, but in console form they would split a log line in two
    keep = "\n\t" if form == "json" else ""
    if form == "console":
        # the default exception formatter shows local variables, which may hold secrets and message texts
        renderer = structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    recent = RecentLogs()
    rendering: list[Processor] = [
        *(structlog.processors.format_exc_info, partial(_cover, keep=keep), recent.remember, renderer)
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
    handler = _Handler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _name_foreign],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("urllib3", "asyncio", "uvicorn"):
        logging.getLogger(name).setLevel(max(logging.getLevelName(level), logging.WARNING))
    return recent


class _Handler(logging.StreamHandler[TextIO]):
    """Reports a failure to write (a full disk, a closed pipe) once, not with a traceback for each line."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._failing = self._failed = False

    def emit(self, record: logging.LogRecord) -> None:
        self._failed = False
        super().emit(record)
        self._failing = self._failed

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, ARG002 - the library's name
        self._failed = True
        error = sys.exc_info()[1]
        if not self._failing and self.stream is not sys.stderr:
            with contextlib.suppress(OSError, ValueError):
                reason = error.strerror if isinstance(error, OSError) else error
                sys.stderr.write(f"tp-capital: the log cannot be written: {reason}\n")


def _name_foreign(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Convert a library's line to our form: the text becomes ``message``, the logger's name the event."""
    record: logging.LogRecord | None = event.get("_record")
    event["message"] = event.pop("event")
    event["event"] = f"{record.name if record else 'library'}.logged"
    return event


def _cover(_: WrappedLogger, __: str, event: EventDict, *, keep: str) -> EventDict:
    """Hide secrets and escape untrusted text. A traceback keeps its line breaks."""
    lines = {name: event.pop(name) for name in ("exception", "stack") if name in event}
    covered = shown_values(event, keep=keep)
    assert isinstance(covered, dict)  # noqa: S101 - as was given
    return covered | {name: shown_values(value, keep="\n\t") for name, value in lines.items()}
