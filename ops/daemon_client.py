"""A running daemon asked over HTTP, by commands."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import requests

from config import Settings
from storage.http_causes import plain_cause
from storage.http_connection import KeptConnections

__all__ = ["DaemonClient", "DaemonError", "daemon_url"]

_TIMEOUT_S = 10.0


class DaemonError(Exception):
    """The daemon cannot be asked, or said no; the text is for a person.

    ``status`` is the answer's, None where there was none.
    """

    def __init__(self, text: str, *, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


def daemon_url(settings: Settings) -> str:
    """Return where a daemon with these settings answers on this machine."""
    host = settings.http.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.http.port}"


class DaemonClient:
    """Asks one daemon; ``api_key`` goes with every request."""

    def __init__(self, url: str, *, api_key: str | None) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy of the environment has no say in what runs here
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, KeptConnections())
        if api_key:
            self._session.headers["X-API-Key"] = api_key

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def get(self, path: str, **parameters: object) -> dict[str, Any]:
        """Return the body of an answer.

        Raises:
            DaemonError: there is no daemon, or it said no.
        """
        return self._ask("GET", path, params={name: str(value) for name, value in parameters.items()})

    def post(self, path: str, body: dict[str, object] | None = None) -> dict[str, Any]:
        """Have something done and return the body of the answer.

        Raises:
            DaemonError: there is no daemon, or it said no.
        """
        return self._ask("POST", path, json=body or {})

    def pages(self, path: str, **parameters: object) -> Iterator[dict[str, Any]]:
        """Yield the items of all pages.

        Raises:
            DaemonError: there is no daemon, or it said no.
        """
        while True:
            page = self.get(path, **parameters)
            yield from page["data"]
            if page["nextCursor"] is None:
                return
            parameters["cursor"] = page["nextCursor"]

    def _ask(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        try:
            answer = self._session.request(method, self._url + path, timeout=_TIMEOUT_S, **arguments)
        except requests.RequestException as error:
            raise DaemonError(
                f"no daemon answers at {self._url}: {plain_cause(error)}; start one, or name it by --url"
            ) from None
        try:
            body = answer.json()
        except ValueError:
            raise DaemonError(f"what answers at {self._url} is no tp-capital") from None
        if not isinstance(body, dict):
            raise DaemonError(f"what answers at {self._url} is no tp-capital")
        if not answer.ok:
            wrong = "; ".join(f"{one['field']}: {one['message']}" for one in body.get("errors") or [])
            said = f"{body.get('detail', answer.reason)}{f' ({wrong})' if wrong else ''}"
            raise DaemonError(said, status=answer.status_code)
        return body
