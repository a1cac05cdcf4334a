"""A rate limit for each client without a key. It answers 429 and sends RateLimit-* headers (IETF draft)."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.clock import Clock
from ops.http.kit.problems import problem
from ops.http.server.clients import Requester, asker_of
from ops.http.server.guard import Refuse
from ops.http.server.seats import PROBES

__all__ = ["RateLimit", "RatePolicy", "Rates"]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class RateUse:
    """What one request has left: the headers that tell the client, and whether it is one too many."""

    headers: Mapping[str, str]
    most: int
    reset_s: int
    over: bool


class Rates:
    """The windows of all clients. Only the thread that serves requests uses them, so they need no lock."""

    def __init__(self, policy: RatePolicy, clock: Clock) -> None:
        self.policy = policy
        #: the headers where nothing is counted; what is left is not among them, or clients would spread their requests
        self.told_to_all: Mapping[str, str] = self._told_policy(policy.most)
        self._clock = clock
        #: ordered by the start of the window, oldest first
        self._windows: OrderedDict[str, _RateWindow] = OrderedDict()

    def has_room(self, asker: Requester) -> bool:
        """Return whether the client's next request is within the limit. This counts nothing."""
        narrow, wide = self._used(asker.address), self._used(asker.site) if _has_site(asker) else 0
        return narrow < self.policy.most and wide < self.policy.most * SITE_TIMES

    def use(self, asker: Requester) -> RateUse:
        """Count one request of a client."""
        window, most = self._window(asker.address), self.policy.most
        window.used += 1
        if _has_site(asker):
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
        return RateUse(headers=told, most=most, reset_s=reset_s, over=window.used > most)

    def _told_policy(self, most: int) -> dict[str, str]:
        return {"ratelimit-policy": f"{most};w={self.policy.window_s:g}", "ratelimit-limit": str(most)}

    def _used(self, address: str) -> int:
        window = self._windows.get(address)
        return window.used if window is not None and window.ends_s > self._clock.monotonic_s() else 0

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
        window = self._windows[address] = _RateWindow(now_s + self.policy.window_s)
        return window


class RateLimit:
    """Limits requests by client. Probes, programs of this machine and requests with a key are exempt."""

    def __init__(
        self, app: ASGIApp, *, rates: Rates, has_key: Callable[[Scope], bool], refuse: Refuse = problem
    ) -> None:
        self._refuse = refuse
        self._app = app
        self._rates = rates
        self._has_key = has_key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asker = asker_of(scope)
        if asker.local or scope["path"] in PROBES or self._has_key(scope):
            await self._app(scope, receive, _telling(send, self._rates.told_to_all))
            return
        use = self._rates.use(asker)
        if use.over:
            refusal = self._refuse(
                429,
                f"A client without the API key may send {use.most} requests in {self._rates.policy.window_s:g} s. "
                f"Try again in {use.reset_s} s.",
                headers={**use.headers, "Retry-After": str(use.reset_s)},
            )
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, _telling(send, use.headers))


def _has_site(asker: Requester) -> bool:
    """Return whether the client's network is part of a wider one that may be one customer's."""
    return asker.site not in ("", asker.address)


def _telling(send: Send, told: Mapping[str, str]) -> Send:
    """Return ``send`` with more headers in the answer."""

    async def send_on(message: Message) -> None:
        if message["type"] == "http.response.start":
            encoded = ((name.encode(), value.encode()) for name, value in told.items())
            message["headers"] = [*message.get("headers", []), *encoded]
        await send(message)

    return send_on
