"""A log that a running part writes, read from near its end on."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from pathlib import Path
from typing import IO, Self

__all__ = ["LogFile"]


class LogFile:
    """A log to print and to follow. Use it in a ``with``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = self._open()
        self._begun = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def last(self, lines: int) -> str:
        """Return the last lines."""
        return "".join(deque(self._file, maxlen=lines))

    def news(self) -> str:
        """Return the lines that were added since the last call.

        A part that starts may put a new file in the place of a large one. A line that is not yet complete waits, so that
        no secret in it is shown in two pieces.
        """
        text = self._file.read()
        with contextlib.suppress(FileNotFoundError):  # there is no new file yet
            if not text and self._path.stat().st_ino != os.fstat(self._file.fileno()).st_ino:
                self._file.close()
                self._file = self._open()
                text = self._file.read()
        lines, end, self._begun = (self._begun + text).rpartition("\n")
        return lines + end

    def _open(self) -> IO[str]:
        return self._path.open(encoding="utf-8", errors="replace")
