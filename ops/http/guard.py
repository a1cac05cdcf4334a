"""Who may ask what: host names, origins and the API key (CONTRACT, "The engine's HTTP API")."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ops.http.clients import asker_of
from ops.http.probes import PROBES
from ops.http.problems import problem

__all__ = ["Guard", "GuardPolicy", "has_key"]

_LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_CHALLENGE = {"WWW-Authenticate": 'ApiKey realm="tp-capital"'}
#: the one write that is open on loopback while no key is set
_OPEN_WRITES = frozenset({"/sync-messages", "/api/v1/sync-messages"})
#: pages and their files hold no data: a browser can send the key only once it has the page that asks for it
_SHELLS = ("/docs", "/assets/")
_OPEN_READS = frozenset({*PROBES, "/", "/openapi.json"})


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardPolicy:
    """The operator's decisions. ``loopback``: the listen address is one that only this machine reaches."""

    loopback: bool
    api_key: str | None
    allow_open: bool
    read_key_required: bool
    allowed_hosts: tuple[str, ...]
    origins: tuple[str, ...]


class Guard:
    """Lets a request through to the application, or answers it with why not."""

    def __init__(self, app: ASGIApp, *, policy: GuardPolicy) -> None:
        self._app = app
        self._policy = policy
        # names are the same in any case; browsers send them in small letters
        self._hosts = frozenset(host.lower() for host in policy.allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and (refusal := self._refusal(scope)) is not None:
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        path, write = scope["path"], scope["method"] not in _READS
        if self._policy.loopback and not self._host_is_ours(headers.get("host", "")):
            # a foreign page whose name was pointed at 127.0.0.1 (DNS rebinding) sends its own name
            return problem(421, "This Host is not served here; TP_CAPITAL_ALLOWED_HOSTS lists more names.")
        origin = headers.get("origin")
        if write and origin is not None and not self._origin_is_ours(origin, headers.get("host", "")):
            return problem(403, "Pages of this Origin may not write here; CORS_ORIGIN lists those that may.")
        if not write and (not self._policy.read_key_required or _is_open_read(path)):
            return None
        local = self._policy.loopback and asker_of(scope).local
        return self._key_refusal(scope, open_here=local and path in _OPEN_WRITES)

    def _key_refusal(self, scope: Scope, *, open_here: bool) -> Response | None:
        if self._policy.api_key is None:
            if self._policy.allow_open or open_here:
                return None
            return problem(
                401,
                "Writing needs an API key: set TP_CAPITAL_API_KEY and send it as X-API-Key.",
                headers=_CHALLENGE,
            )
        if "x-api-key" not in Headers(scope=scope):
            return problem(401, "Send the API key as X-API-Key.", headers=_CHALLENGE)
        return None if has_key(scope, self._policy.api_key) else problem(403, "The API key is wrong.")

    def _host_is_ours(self, host: str) -> bool:
        name = urlsplit(f"//{host}").hostname or "" if _parses(host) else ""
        return name in _LOOPBACK_NAMES or name in self._hosts or host.lower() in self._hosts

    def _origin_is_ours(self, origin: str, host: str) -> bool:
        return origin in self._policy.origins or origin in (f"http://{host}", f"https://{host}")


def has_key(scope: Scope, key: str | None) -> bool:
    """Return whether a request carries the key; compared in a time that tells nothing of it."""
    given = Headers(scope=scope).get("x-api-key")
    if key is None or given is None:
        return False
    return hmac.compare_digest(given.encode("utf-8", "replace"), key.encode())


def _is_open_read(path: str) -> bool:
    return path in _OPEN_READS or path.startswith(_SHELLS)


def _parses(host: str) -> bool:
    try:
        urlsplit(f"//{host}")
    except ValueError:
        return False
    return True
