"""Log lines for refused requests and for writes: client, request and result. They never contain a key."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from starlette.types import Scope

from engine.clock import Clock
from ops.http.server.clients import asker_of

__all__ = ["AccessLog"]

_log = structlog.get_logger("http")

#: the most lines in a window, for one address and status, and for all; the rest is counted and logged afterwards
EACH, ALL = 5, 100
WINDOW_S = 60.0
#: the most pairs of address and status that are remembered
MOST_ADDRESSES = 1000
_LONGEST_PATH = 200


@dataclass(slots=True)
class _RefusalWindow:
    ends_s: float
    lines: int = 0
    suppressed: int = 0


class AccessLog:
    """Writes the log lines, and limits their number for a client that repeats its requests.

    ``later`` calls a function after a delay in seconds, in the thread that serves requests. So only that thread
    touches the windows, and they need no lock.
    """

    def __init__(self, clock: Clock, later: Callable[[float, Callable[[], None]], object]) -> None:
        self._clock = clock
        self._later = later
        self._waits = False
        #: by address and status, so that one kind of refusal cannot hide another; oldest window first
        self._windows: OrderedDict[tuple[str, int], _RefusalWindow] = OrderedDict()
        self._all = _RefusalWindow(0.0)

    def refused(self, scope: Scope, status: int, reason: str) -> None:
        """Log a refused request."""
        self._tell_suppressed()
        asker = asker_of(scope)
        window = self._window((asker.address, status))
        if window.lines >= EACH or self._all.lines >= ALL:
            window.suppressed += 1
            self._wait()
            return
        window.lines += 1
        self._all.lines += 1
        _log.warning("request.refused", reason=reason, status=status, address=asker.shown, **_what(scope))

    def wrote(self, scope: Scope, status: int, key: str | None) -> None:
        """Log a request that may have changed something. ``key`` is the name of its key."""
        _log.info("write.served", key=key, status=status, address=asker_of(scope).shown, **_what(scope))

    def _wait(self) -> None:
        """Schedule the log of suppressed lines for the end of their first window, even if no request comes."""
        ends_s = [window.ends_s for window in (*self._windows.values(), self._all) if window.suppressed]
        if ends_s and not self._waits:
            self._waits = True
            self._later(max(0.0, min(ends_s) - self._clock.monotonic_s()), self._over)

    def _over(self) -> None:
        self._waits = False
        self._tell_suppressed()
        self._wait()

    def _tell_suppressed(self) -> None:
        """Log the count of suppressed lines of each window that has ended."""
        now_s = self._clock.monotonic_s()
        while self._windows:
            place, oldest = next(iter(self._windows.items()))
            if oldest.ends_s > now_s:
                break
            self._forget(place)
        if self._all.ends_s <= now_s:
            if self._all.suppressed:
                _log.warning("request.refusals_suppressed", address="others", count=self._all.suppressed)
            self._all = _RefusalWindow(now_s + WINDOW_S)

    def _window(self, place: tuple[str, int]) -> _RefusalWindow:
        window = self._windows.get(place)
        if window is None:
            if len(self._windows) >= MOST_ADDRESSES:
                # Its suppressed lines count for all addresses. Logging each forgotten window would let a client with
                # many addresses fill the log.
                _, oldest = self._windows.popitem(last=False)
                self._all.suppressed += oldest.suppressed
            window = self._windows[place] = _RefusalWindow(self._clock.monotonic_s() + WINDOW_S)
        return window

    def _forget(self, place: tuple[str, int]) -> None:
        window = self._windows.pop(place)
        if not window.suppressed:
            return
        if self._all.lines >= ALL:
            self._all.suppressed += window.suppressed
        else:
            self._all.lines += 1
            address, status = place
            _log.warning(
                "request.refusals_suppressed", address=address, status=status, count=window.suppressed
            )


def _what(scope: Scope) -> dict[str, str]:
    # without the query, because a client may put a key there by mistake
    return {"method": scope["method"][:20], "path": scope["path"][:_LONGEST_PATH]}
