"""A rate limit for each client without a key. It answers 429 and sends RateLimit-* headers (IETF draft)."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.clock import Clock
from ops.http.kit.problems import problem
from ops.http.server.clients import asker_of
from ops.http.server.guard import Refuse
from ops.http.server.seats import PROBES

__all__ = ["RateLimit", "RatePolicy"]

#: the most clients kept in memory; above it, the client with the oldest window is forgotten
MOST_CLIENTS = 10_000
#: an IPv6 site (/48) may hold many clients, so it gets this many times the limit of one client
SITE_TIMES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class RatePolicy:
    """Allows ``most`` requests within ``window_s`` seconds."""

    most: int
    window_s: float


@dataclass(slots=True)
class _RateWindow:
    ends_s: float
    used: int = 0


class RateLimit:
    """Counts requests by client. Probes, programs of this machine and requests with a key are exempt."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        policy: RatePolicy,
        has_key: Callable[[Scope], bool],
        clock: Clock,
        refuse: Refuse = problem,
    ) -> None:
        self._refuse = refuse
        self._app = app
        self._policy = policy
        self._has_key = has_key
        self._clock = clock
        #: ordered by the start of the window, oldest first
        self._windows: OrderedDict[str, _RateWindow] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asker = asker_of(scope)
        if asker.local or scope["path"] in PROBES or self._has_key(scope):
            # nothing is counted, so nothing is said to be left: clients would spread their requests over the window
            await self._app(scope, receive, _telling(send, self._told_policy(self._policy.most)))
            return
        window, most = self._window(asker.address), self._policy.most
        window.used += 1
        if asker.site not in ("", asker.address):
            wide = self._window(asker.site)
            wide.used += 1
            if wide.used > most * SITE_TIMES:
                window, most = wide, most * SITE_TIMES
        reset_s = max(1, math.ceil(window.ends_s - self._clock.monotonic_s()))
        told = {
            **self._told_policy(most),
            "ratelimit-remaining": str(max(0, most - window.used)),
            "ratelimit-reset": str(reset_s),
        }
        if window.used > most:
            refusal = self._refuse(
                429,
                f"A client without the API key may send {most} requests in {self._policy.window_s:g} s. "
                f"Try again in {reset_s} s.",
                headers={**told, "Retry-After": str(reset_s)},
            )
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, _telling(send, told))

    def _told_policy(self, most: int) -> dict[str, str]:
        return {"ratelimit-policy": f"{most};w={self._policy.window_s:g}", "ratelimit-limit": str(most)}

    def _window(self, address: str) -> _RateWindow:
        """Return the client's current window, or start a new one."""
        now_s = self._clock.monotonic_s()
        window = self._windows.get(address)
        if window is not None and window.ends_s > now_s:
            return window
        self._windows.pop(address, None)
        while self._windows:
            oldest = next(iter(self._windows.values()))
            if oldest.ends_s > now_s and len(self._windows) < MOST_CLIENTS:
                break
            self._windows.popitem(last=False)
        window = self._windows[address] = _RateWindow(now_s + self._policy.window_s)
        return window


def _telling(send: Send, told: Mapping[str, str]) -> Send:
    """Return ``send`` with more headers in the answer."""

    async def send_on(message: Message) -> None:
        if message["type"] == "http.response.start":
            encoded = ((name.encode(), value.encode()) for name, value in told.items())
            message["headers"] = [*message.get("headers", []), *encoded]
        await send(message)

    return send_on
