"""The HTTP client of commands: for a running daemon, for the children of demo and stack, and for doctor.

It uses no proxy and no .netrc from the environment, follows no redirect (which could send the key to another host),
shows no secret from the address, and limits the size of answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeGuard
from urllib.parse import urlsplit

import orjson
import requests
import urllib3

from config import Settings
from config.addresses import HttpAddress
from config.fields import LOOPBACK_HOSTS
from engine.safe_text import shown
from engine.timers import TimerThread
from storage.deadline import cut_after
from storage.http_connection import KeptConnections, plain_cause, read_at_most

__all__ = [
    "Client",
    "ClientAnswer",
    "ClientError",
    "DaemonClient",
    "DaemonError",
    "daemon_url",
    "fetch_health",
    "is_daemon_of",
    "local_url",
]

_TIMEOUT_S, _HEALTH_TIMEOUT_S = 10.0, 5.0
#: the whole answer may take this many times as long as its first byte
_WHOLE_ANSWER = 3
_LARGEST_BYTES = 256 * 1024 * 1024
_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - read, not bound


class ClientError(Exception):
    """There is no answer, or it is unusable. The text is for a person and holds no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientAnswer:
    """An answer with any status."""

    status: int
    reason: str
    headers: Mapping[str, str]
    content: bytes

    @property
    def ok(self) -> bool:
        """Whether the status is a success."""
        return 200 <= self.status < 300

    @property
    def words(self) -> str:
        """The beginning of the body, for a person."""
        return shown(self.content[:300].decode(errors="replace"))

    def object(self) -> dict[str, Any] | None:
        """Return the body as a JSON object, or None if it is no JSON object."""
        try:
            body = orjson.loads(self.content)
        except ValueError:
            return None
        return body if isinstance(body, dict) else None


class Client:
    """Sends requests to one address. Each request carries ``api_key``, and a user and password from the address.

    ``url`` is the address without secrets.
    """

    def __init__(self, url: str, *, api_key: str | None = None, timeout_s: float = _TIMEOUT_S) -> None:
        try:
            address = HttpAddress.of(url)
        except ValueError as error:
            raise ClientError(str(error)) from None
        self.url = address.url
        self._timeout_s = timeout_s
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = address.login
        self._adapter = KeptConnections()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, self._adapter)
        if api_key:
            self._session.headers["X-API-Key"] = api_key
        self._timers = TimerThread()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()
        self._timers.close()

    def ask(self, method: str, path: str, **arguments: Any) -> ClientAnswer:
        """Return the answer with any status except a redirect.

        Raises:
            ClientError: there is no answer, it is too large, or it is a redirect.
        """
        limit_s = _WHOLE_ANSWER * self._timeout_s
        self._adapter.begin_call()
        with cut_after(self._timers, limit_s, self._adapter.shut_down) as cut:
            try:
                with self._session.request(
                    method,
                    self.url + path,
                    timeout=self._timeout_s,
                    allow_redirects=False,
                    stream=True,
                    **arguments,
                ) as response:
                    content = read_at_most(response, _LARGEST_BYTES)
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                cause = f"no complete answer within {limit_s:g} s" if cut.happened else plain_cause(error)
                raise ClientError(shown(cause)) from None
        if content is None:
            raise ClientError(f"the answer is larger than {_LARGEST_BYTES} bytes")
        if 300 <= response.status_code < 400 and "Location" in response.headers:
            elsewhere = urlsplit(response.headers["Location"])
            place = shown(f"{elsewhere.scheme}://{elsewhere.netloc.rpartition('@')[2]}"[:200])
            raise ClientError(
                f"the answer redirects to {place if elsewhere.netloc else 'another path'}, which is not followed"
            )
        return ClientAnswer(
            status=response.status_code, reason=response.reason, headers=response.headers, content=content
        )


def local_url(host: str, port: int) -> str:
    """Return the URL on this machine of a service that listens on ``host`` and ``port``."""
    host = _EVERYWHERE.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{host}:{port}"


def daemon_url(settings: Settings) -> str:
    """Return the URL on this machine of a daemon with these settings."""
    return local_url(settings.http.host, settings.http.port)


def is_daemon_of(settings: Settings, url: str) -> bool:
    """Return whether a URL leads to the daemon of these settings, so that their key may be sent there.

    The URL may use HOST and PORT. It may also use a name of TP_CAPITAL_ALLOWED_HOSTS, with PORT, with the port listed
    there, or with TLS.
    """
    http = settings.http
    try:
        place, own = urlsplit(url), urlsplit(daemon_url(settings))
        host, port = place.hostname, place.port or (443 if place.scheme == "https" else 80)
    except ValueError:
        return False
    if host is None:
        return False
    if port == own.port and (host == own.hostname or LOOPBACK_HOSTS.issuperset({host, own.hostname})):
        return True
    names = {name.lower() for name in http.allowed_hosts}
    at_home = place.scheme == "https" or port == own.port
    return f"{host}:{port}" in names or (at_home and host in names)


class DaemonError(Exception):
    """The daemon cannot be reached, or refused the request. The text is for a person.

    ``status`` is the status of the answer, or None if there was no answer.
    """

    def __init__(self, text: str, *, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


class DaemonClient:
    """Sends requests to one daemon. Each request carries ``api_key``.

    Raises:
        DaemonError: the address is invalid.
    """

    def __init__(self, url: str, *, api_key: str | None) -> None:
        try:
            self._client = Client(url, api_key=api_key)
        except ClientError as error:
            raise DaemonError(f"{error}; set the daemon's address with --url") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.__exit__(kind, error, trace)

    def get(self, path: str, **parameters: object) -> dict[str, Any]:
        """Send GET, and return the body of the answer.

        Raises:
            DaemonError: the daemon cannot be reached, or refused the request.
        """
        return self._ask("GET", path, params={name: str(value) for name, value in parameters.items()})

    def post(self, path: str, body: dict[str, object] | None = None) -> dict[str, Any]:
        """Send POST, and return the body of the answer.

        Raises:
            DaemonError: the daemon cannot be reached, or refused the request.
        """
        return self._ask("POST", path, json=body or {})

    def delete(self, path: str) -> dict[str, Any]:
        """Send DELETE, and return the body of the answer.

        Raises:
            DaemonError: the daemon cannot be reached, or refused the request.
        """
        return self._ask("DELETE", path)

    def pages(self, path: str, **parameters: object) -> Iterator[dict[str, Any]]:
        """Yield the items of all pages.

        Raises:
            DaemonError: the daemon cannot be reached, or refused the request.
        """
        while True:
            page = self.get(path, **parameters)
            yield from page["data"]
            if page["nextCursor"] is None:
                return
            parameters["cursor"] = page["nextCursor"]

    def _ask(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        url = self._client.url
        try:
            answer = self._client.ask(method, path, **arguments)
        except ClientError as error:
            raise DaemonError(
                f"no daemon answers at {url}: {error}; start one, or set its address with --url"
            ) from None
        body = answer.object()
        if body is None:
            raise DaemonError(f"the server at {url} is no tp-capital")
        if not answer.ok:
            raise DaemonError(shown(str(body.get("detail", answer.reason))), status=answer.status)
        return body


def fetch_health(
    url: str, *, api_key: str | None = None, timeout_s: float = _HEALTH_TIMEOUT_S
) -> dict[str, Any]:
    """Return the body of ``/health``. Missing ``details`` become empty, and an unreachable daemon is unhealthy."""
    try:
        client = Client(url, api_key=api_key, timeout_s=timeout_s)
    except ClientError as error:
        return _without_health(f"not reachable: {error}")
    try:
        with client:
            body = client.ask("GET", "/health").object()
    except ClientError as error:
        return _without_health(f"not reachable at {client.url}: {error}")
    if isinstance(body, dict):
        # if reads need a key, a request without one gets no details
        body = {"details": {}, **body}
    return body if _has_shape(body) else _without_health(f"the server at {client.url} is no tp-capital")


def _without_health(error: str) -> dict[str, Any]:
    return {"status": "unhealthy", "checks": {}, "details": {"daemon": {"error": error}}}


def _has_shape(body: object) -> TypeGuard[dict[str, Any]]:
    """Return whether a body has the shape of ``/health``."""
    return (
        isinstance(body, dict)
        and isinstance(body.get("status"), str)
        and isinstance(body.get("checks"), dict)
        and isinstance(body.get("details"), dict)
    )
