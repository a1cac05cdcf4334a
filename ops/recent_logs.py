"""The last log entries, kept in memory for ``GET /logs``. Secrets are removed before they get here."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from structlog.typing import EventDict, WrappedLogger

__all__ = ["LEVELS", "RecentLogs", "RecentPage"]

LEVELS = ("debug", "info", "warning", "error", "critical")
MOST_ENTRIES = 2000
#: longer values are cut, so that no entry holds the whole text of a message
LONGEST_CHARACTERS = 300
_MOST_ITEMS = 20
_SHOWN_APART = frozenset({"event", "level", "timestamp"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentPage:
    """Entries, newest first. ``last`` is the number to continue after. ``missed`` means that some were discarded."""

    entries: Sequence[Mapping[str, Any]]
    last: int
    missed: bool


class RecentLogs:
    """A ring buffer of entries, numbered from 1 since the start of the process. Thread-safe."""

    def __init__(self, *, most: int = MOST_ENTRIES) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=most)
        self._lock = threading.Lock()
        self._number = 0

    def remember(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        """Keep an entry. This is a structlog processor; it must run after the one that removes secrets."""
        entry = {key: _cut(value) for key, value in event.items() if key != "exception"}
        if "exception" in event:
            # keep only the last line, which names the error; the log itself has the traceback
            entry["exception"] = _cut(str(event["exception"]).strip().rpartition("\n")[2])
        entry.setdefault("message", _words(entry))
        with self._lock:
            self._number += 1
            self._entries.append({"number": self._number, **entry})
        return event

    def page(self, *, level: str, limit: int, after: int | None) -> RecentPage:
        """Return the newest ``limit`` entries of at least ``level``, or with ``after`` the oldest after that number."""
        with self._lock:
            entries, newest = list(self._entries), self._number
        lowest = LEVELS.index(level)
        oldest = entries[0]["number"] if entries else newest + 1
        found = [e for e in entries if _rank(e) >= lowest and e["number"] > (after or 0)]
        if after is None:
            return RecentPage(entries=found[-limit:][::-1], last=newest, missed=False)
        last = found[limit - 1]["number"] if len(found) > limit else newest
        return RecentPage(entries=found[:limit][::-1], last=last, missed=oldest > after + 1)


def _words(entry: Mapping[str, Any]) -> str:
    """Return an entry without words of its own in one line, for clients that show only ``message``."""
    values = (f"{name}={value}" for name, value in entry.items() if name not in _SHOWN_APART)
    return str(_cut(" ".join((str(entry.get("event", "")), *values))))


def _rank(entry: Mapping[str, Any]) -> int:
    level = entry.get("level")
    return LEVELS.index(level) if level in LEVELS else LEVELS.index("info")


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= LONGEST_CHARACTERS else f"{value[:LONGEST_CHARACTERS]}…"
    if isinstance(value, list):
        return [_cut(item) for item in value[:_MOST_ITEMS]]
    if isinstance(value, dict):
        return {key: _cut(item) for key, item in list(value.items())[:_MOST_ITEMS]}
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        # the JSON encoder supports only 64-bit numbers
        return _cut(f"{value:#x}")
    return value
