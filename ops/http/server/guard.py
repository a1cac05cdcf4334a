"""Access control: host names, origins, content types and API keys (CONTRACT, "The engine's HTTP API")."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config.keys import ApiKeyEntry
from engine.clock import Clock
from ops.http.kit.problems import problem
from ops.http.server.clients import asker_of, forwarded_hosts
from ops.http.server.hosts import ServedHosts
from ops.http.server.keys import KeyRing
from ops.http.server.refusals import AccessLog
from ops.http.server.seats import PROBES

__all__ = ["ENGINE_OPEN_READS", "Guard", "GuardPolicy", "Refuse", "admits_unheard"]

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_ONCE = ("host", "origin", "sec-fetch-site", "content-type")
_CHALLENGE = {"WWW-Authenticate": 'ApiKey realm="tp-capital"'}
#: the only write that needs no key on loopback while no key is set
_SYNC = frozenset({"/sync-messages", "/api/v1/sync-messages"})
#: These pages and files hold no data. They need no key: a browser must load the page before it can send a key.
_SHELLS = ("/docs", "/assets/", "/s/")
ENGINE_OPEN_READS = frozenset({*PROBES, "/", "/openapi.json", "/sw.js", "/alerts.html", "/record.html"})


class Refuse(Protocol):
    """Builds the answer to a refused request."""

    def __call__(self, status: int, detail: str, *, headers: Mapping[str, str] | None = None) -> Response:
        """Return the answer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardPolicy:
    """The operator's decisions.

    ``sync_open`` lets programs of this machine ask for a sync without a key even when keys are set. The three
    ``*_setting`` fields name the settings that a refusal tells the operator to change.
    """

    hosts: ServedHosts
    keys: KeyRing
    allow_open: bool
    read_key_required: bool
    origins: tuple[str, ...]
    sync_open: bool = False
    open_reads: frozenset[str] = ENGINE_OPEN_READS
    hosts_setting: str = "TP_CAPITAL_ALLOWED_HOSTS"
    origins_setting: str | None = "CORS_ORIGIN"
    key_setting: str = "TP_CAPITAL_API_KEY"


class Guard:
    """Passes an allowed request to the application, and refuses any other with the reason."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        policy: GuardPolicy,
        clock: Clock,
        refuse: Refuse = problem,
        is_served: Callable[[Scope], bool] = lambda _: True,
    ) -> None:
        self._app = app
        self._is_served = is_served
        self._policy = policy
        self._refuse = refuse
        self._log = AccessLog(
            clock, later=lambda delay_s, call: asyncio.get_running_loop().call_later(delay_s, call)
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if (refusal := self._refusal(scope)) is not None:
            await refusal(scope, receive, send)
        elif scope["method"] in _READS or not self._is_served(scope):
            await self._app(scope, receive, send)
        else:
            await self._write(scope, receive, send)

    async def _write(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request that may change something, and log it even when it fails."""
        status = 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        finally:
            key = self._policy.keys.key_of(scope)
            self._log.wrote(scope, status, key.name if key else None)

    def _refusal(self, scope: Scope) -> Response | None:
        policy, headers = self._policy, Headers(scope=scope)
        path, write = scope["path"], scope["method"] not in _READS
        if (wrong := _misaddressed(policy, scope, headers)) is not None:
            return self._no(scope, *wrong)
        if write and not self._is_of_ours(headers, (headers.get("host", ""), *forwarded_hosts(scope)[-1:])):
            more = f" {policy.origins_setting} lists the allowed ones." if policy.origins_setting else ""
            return self._no(scope, 403, f"Pages of this Origin may not write here.{more}")
        # A request with a valid key in its own header is not a forged form: a browser sends a preflight first.
        if write and _has_other_body(headers) and policy.keys.key_of(scope) is None:
            return self._no(scope, 415, "The body must be JSON: send Content-Type: application/json.")
        return self._key_refusal(scope, path, write=write)

    def _key_refusal(self, scope: Scope, path: str, *, write: bool) -> Response | None:
        policy = self._policy
        key = policy.keys.key_of(scope)
        scope["state"]["may_read"] = _may_read(policy, key)
        if not write and (scope["state"]["may_read"] or self._is_open_read(path)):
            if key is None and policy.keys and policy.keys.is_given(scope):
                # Only a valid key is exempt from the rate limit, and the answer shows it. Open reads would thus allow
                # guessing keys, so every wrong key is logged.
                self._log.refused(scope, 200, "The API key is wrong; this read needs none.")
            return None
        if not self._is_served(scope):
            return None  # the answer is 404 or 405 whatever the key, and nothing is changed
        if key is not None:
            if write and key.scope != "write":
                return self._no(scope, 403, "This key may read but not write.")
            return None
        # with ``sync_open`` a missing key is accepted, but a wrong one is still refused
        sync_open = not policy.keys or (policy.sync_open and not policy.keys.is_given(scope))
        if sync_open and path in _SYNC and policy.hosts.loopback and asker_of(scope).local:
            return None
        if not policy.keys:
            if policy.allow_open:
                return None
            return self._no(
                scope,
                401,
                f"Writing needs an API key: set {policy.key_setting} and send it as X-API-Key.",
                headers=_CHALLENGE,
            )
        if not policy.keys.is_given(scope):
            return self._no(scope, 401, "Send the API key as X-API-Key.", headers=_CHALLENGE)
        return self._no(scope, 403, "The API key is wrong.")

    def _no(
        self, scope: Scope, status: int, detail: str, *, headers: Mapping[str, str] | None = None
    ) -> Response:
        self._log.refused(scope, status, detail)
        return self._refuse(status, detail, headers=headers)

    def _is_open_read(self, path: str) -> bool:
        shells = _SHELLS if self._policy.open_reads is ENGINE_OPEN_READS else ()
        return path in self._policy.open_reads or path.startswith(shells)

    def _is_of_ours(self, headers: Headers, hosts: tuple[str, ...]) -> bool:
        """Return whether the request comes from no web page or from an allowed one.

        Some browsers send no Origin with a request from their own page; ``Sec-Fetch-Site`` then tells the source.
        """
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site", "none") in ("none", "same-origin")
        own = {f"{scheme}://{host}" for scheme in ("http", "https") for host in hosts}
        return origin in self._policy.origins or origin in own


def admits_unheard(policy: GuardPolicy, scope: Scope) -> bool:
    """Return whether a guard passes a read of this client in silence, if the client may read what it asks for.

    That it may read data is noted in the state, as the guard does it.
    """
    key = policy.keys.key_of(scope)
    if _misaddressed(policy, scope, Headers(scope=scope)) or (key is None and policy.keys.is_given(scope)):
        return False
    scope["state"]["may_read"] = _may_read(policy, key)
    return True


def _misaddressed(policy: GuardPolicy, scope: Scope, headers: Headers) -> tuple[int, str] | None:
    """Return the refusal of a request that nobody may send, whatever it asks for."""
    names = headers.keys()
    for name in (*_ONCE, *policy.keys.headers):
        # a proxy in front may have checked a different value than the one read here
        if names.count(name) > 1:
            return 400, f"Send the header {name} once."
    came_in_by = scope["server"][0] if scope.get("server") else None
    # a page can send its own Host together with one of our names in X-Forwarded-Host, so all must be ours
    for name in (headers.get("host", ""), *forwarded_hosts(scope)):
        if not policy.hosts.serves(name, came_in_by=came_in_by):
            return 421, f"This Host is not served here; {policy.hosts_setting} lists more names."
    return None


def _may_read(policy: GuardPolicy, key: ApiKeyEntry | None) -> bool:
    return not policy.read_key_required or key is not None


def _has_other_body(headers: Headers) -> bool:
    """Return whether there is a body without a JSON content type. A page can send such a body without a preflight."""
    if headers.get("content-length", "0").strip("0") == "" and "transfer-encoding" not in headers:
        return False
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind != "application/json" and not kind.endswith("+json")
