"""The gateway's request quota. All callers of one daemon share it and spread their calls over its window.

A gateway counts requests by address. Its answers say how many requests are left and when the window ends. A client
that asks as fast as it can uses them up early and gets no answer until the end of the window. Here each caller gets
the next free place in a queue, and the remaining requests decide how far apart the places are.

One lock covers all state, because every actor with a client calls from its own thread. No call waits under the lock:
a caller learns how long to wait, and its own timer waits. A caller keeps its place until it uses it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["Quota", "read_quota", "read_reset"]

#: a longer window is cut to this, because it would stop our requests for that long
_LONGEST_WINDOW_S = 3600.0
#: seconds from the first limit on are no window; numbers from the others on are an instant, in s or in ms
_NO_WINDOW_S, _EPOCH_S, _EPOCH_MS = 1e6, 1e9, 1e12
_HEADERS = (
    ("RateLimit-Remaining", "RateLimit-Reset"),
    ("X-RateLimit-Remaining", "X-RateLimit-Reset-After"),
    ("X-RateLimit-Remaining", "X-RateLimit-Reset"),
)


class Quota:
    """The remaining calls to one gateway. The caller passes monotonic seconds. It is safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until_s = float("-inf")
        self._apart_s = 0.0
        self._next_s = float("-inf")
        self._places: dict[object, float] = {}

    def wait_s(self, caller: object, now_s: float) -> float:
        """Return the seconds until ``caller`` may call. 0: it may call now, and its place is used up."""
        with self._lock:
            place = self._places.get(caller)
            if place is None:
                place = max(self._next_s, now_s)
                self._next_s = place + self._spacing(now_s)
            if place <= now_s:
                self._places.pop(caller, None)
                return 0.0
            self._places[caller] = place
            return place - now_s

    def spend(self, now_s: float) -> None:
        """Count a call that did not wait for a place: an acknowledgement or a sync."""
        with self._lock:
            self._next_s = max(self._next_s, now_s) + self._spacing(now_s)

    def heard(self, remaining: int, window_s: float, now_s: float) -> None:
        """Record the quota of an answer: ``remaining`` calls in the next ``window_s`` seconds."""
        with self._lock:
            window_s = min(window_s, _LONGEST_WINDOW_S)
            self._until_s = now_s + window_s
            if remaining > 0:
                self._apart_s = window_s / remaining
                return
            self._apart_s = 0.0
            if self._next_s < self._until_s:
                # No call is left. All places move behind the end of the window and keep their order.
                shift_s = self._until_s - now_s
                self._places = {caller: max(place, now_s) + shift_s for caller, place in self._places.items()}
                self._next_s = max(self._next_s, now_s) + shift_s

    def _spacing(self, now_s: float) -> float:
        return self._apart_s if now_s < self._until_s else 0.0


def read_quota(headers: Mapping[str, str], *, now: datetime) -> tuple[int, float] | None:
    """Return (remaining calls, remaining seconds of the window) from the headers, or None without a quota.

    ``now`` is our time. It is used when the gateway names the instant of the reset but does not date its answer.
    """
    combined = headers.get("RateLimit", "")
    pairs = [(headers.get(left, ""), headers.get(reset, "")) for left, reset in _HEADERS]
    pairs.append((_named(combined, "remaining|r"), _named(combined, "reset|t")))
    for left, reset in pairs:
        if re.fullmatch(r"[0-9]{1,9}", left.strip()):
            window_s = _window_s(reset.strip(), headers, now)
            if window_s is not None:
                return int(left), window_s
    return None


def read_reset(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Return the seconds until the quota's window ends, from the headers, or None if they do not say."""
    resets = [headers.get(reset, "") for _, reset in _HEADERS]
    resets.append(_named(headers.get("RateLimit", ""), "reset|t"))
    found = (_window_s(reset.strip(), headers, now) for reset in resets)
    return next((window_s for window_s in found if window_s is not None), None)


def _window_s(reset: str, headers: Mapping[str, str], now: datetime) -> float | None:
    """Read a number of seconds, or the instant of the reset in seconds or milliseconds since 1970."""
    if not re.fullmatch(r"[0-9]{1,13}(\.[0-9]{1,9})?", reset):
        return None
    value = float(reset)
    if value < _NO_WINDOW_S:
        return value
    if value >= _EPOCH_MS:
        value /= 1000
    if value < _EPOCH_S:
        return None
    with suppress(ValueError, TypeError, OverflowError):
        # The instant is of the gateway's clock, so compare it with the gateway's date.
        now = parsedate_to_datetime(headers.get("Date", "")).replace(tzinfo=UTC)
    return max(0.0, value - now.timestamp())


def _named(header: str, names: str) -> str:
    found = re.search(rf"(?:^|[;,\s])(?:{names})=([0-9]{{1,9}})(?![0-9])", header)
    return found[1] if found else ""
