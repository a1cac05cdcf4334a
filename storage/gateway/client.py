"""The client of the Telegram Gateway's HTTP API. Every call has a deadline and a size limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import requests
import urllib3

from engine.model import SourceMessage
from engine.timers import Timers
from storage.deadline import cut_after
from storage.errors import GatewayAnswerError, GatewayTimeoutError, GatewayUnreachableError
from storage.gateway.answers import check_status, count_of, decode_answer
from storage.gateway.messages import decode_message, row_read
from storage.gateway.quota import Quota, read_quota
from storage.gateway.rows import page_bytes
from storage.http_connection import KeptConnections, plain_cause, read_at_most

__all__ = ["CONSUMER", "GatewayClient", "HistoryPage", "Marked", "SyncResult"]

#: the consumer name that marks messages as processed at the gateway
CONSUMER = "tp-capital"
#: the size limit of an error answer, from which only the message is quoted
_REFUSAL_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """One page of a channel's history. ``total`` is the gateway's count. It is shown but not relied on."""

    messages: tuple[SourceMessage, ...]
    total: int
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """The result of an acknowledgement.

    ``updated`` counts rows. ``left`` holds the ids of rows that the gateway left unmarked because they were edited.
    It is None from a gateway that does not compare.
    """

    updated: int
    left: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncResult:
    """The result of a sync of the gateway with Telegram."""

    synced: int
    saved: int
    channels: tuple[Any, ...]  # names or objects, as the gateway tells them


class GatewayClient:
    """One caller's client: a kept connection, both key headers, a total deadline for each call.

    It is not safe for threads, so each actor has its own. ``now`` returns the time that limits the
    instants in messages, or None while it is not known. All clients of a daemon share the ``quota`` of the host.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None,
        timeout_s: float,
        timers: Timers,
        login: tuple[str, str] | None = None,
        now: Callable[[], datetime | None] = lambda: datetime.now(UTC),
        quota: Quota | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._timeout_s = timeout_s
        self._timers = timers
        self._now = now
        self._quota = Quota() if quota is None else quota
        self._has_place = False
        #: how the gateway's reader of Telegram is, as its last answer said; None from a gateway that does not say it
        self.telegram_session: str | None = None
        self._session = requests.Session()
        # Proxies and netrc of the environment must not decide where the key is sent.
        self._session.trust_env = False
        self._session.auth = login
        # Every call may be repeated: reads change nothing, and a second mark or sync has no further effect.
        self._adapter = KeptConnections(repeatable=frozenset({"GET", "POST"}))
        self._session.mount("http://", self._adapter)
        self._session.mount("https://", self._adapter)
        self._session.headers["Accept"] = "application/json"
        # also messages that their channel has deleted; a header, because a gateway may refuse a parameter that it does not know
        self._session.headers["X-Include-Deleted"] = "true"
        if api_key:
            # The real gateway requires one or the other header, depending on the route (fault 17).
            self._session.headers.update({"X-API-Key": api_key, "X-Gateway-Token": api_key})

    def wait_s(self) -> float:
        """Return the seconds until the quota allows the next call; 0 when it may be made now."""
        wait_s = self._quota.wait_s(self, time.monotonic())
        self._has_place = wait_s == 0
        return wait_s

    def interrupt(self) -> None:
        """End the running call, from another thread. Its caller gets GatewayUnreachableError."""
        self._adapter.shut_down()

    def close(self) -> None:
        """Close the kept connection."""
        self._session.close()

    # ── the calls ────────────────────────────────────────────────────────────

    def unprocessed(
        self, channel: str, *, limit: int, wait_s: int | None = None, reprocess: bool = False
    ) -> tuple[SourceMessage, ...]:
        """Return up to ``limit`` messages that we have not marked, oldest first.

        ``reprocess`` asks for the messages to reread instead. We have marked those already, so the request does
        not exclude marked messages. ``wait_s``: the gateway holds an empty answer for so long.
        """
        rows = self.unprocessed_rows(channel, limit=limit, wait_s=wait_s, reprocess=reprocess)
        return self._decoded(rows, channel)

    def unprocessed_rows(
        self, channel: str, *, limit: int, wait_s: int | None = None, reprocess: bool = False
    ) -> list[object]:
        """Return the same as :meth:`unprocessed`, as the gateway's own objects."""
        params: dict[str, str] = {"channel": channel, "limit": str(limit)}
        if reprocess:
            params["status"] = "reprocess_pending"
        else:
            params |= {"status": "received,queued", "excludeProcessedBy": CONSUMER}
        if wait_s is not None:
            params["wait"] = str(wait_s)
        timeout_s = self._timeout_s + (wait_s or 0)
        answer = self._call(
            "GET", "/api/messages/unprocessed", params=params, timeout_s=timeout_s, limit=limit
        )
        return _rows(answer)

    def mark_processed(
        self, channel: str, ack_ids: Sequence[str], *, read: Sequence[SourceMessage] = ()
    ) -> Marked:
        """Acknowledge messages in one request.

        ``read`` holds the rows as they were read. A gateway that supports it marks only these and leaves rows that
        were edited since. Another gateway ignores it.
        """
        body: dict[str, object] = {
            "messageIds": list(ack_ids),
            "processedBy": CONSUMER,
            "channelId": channel,
        }
        if read:
            body["read"] = [row_read(message) for message in read]
        answer = self._call("POST", "/api/messages/mark-processed", body=body)
        data = answer.get("data")
        left = data.get("left") if isinstance(data, dict) else None
        return Marked(
            updated=count_of(data, "updated"),
            left=frozenset(str(row) for row in left) if isinstance(left, list) else None,
        )

    def history(
        self,
        channel: str,
        *,
        offset: int,
        limit: int,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> HistoryPage:
        """Return a page of the history, oldest first. ``since`` and ``until`` limit the time of receipt."""
        params = {"channelId": channel, "sort": "asc", "limit": str(limit), "offset": str(offset)}
        if since is not None:
            params["from"] = since.isoformat()
        if until is not None:
            params["to"] = until.isoformat()
        # A page of history may take the gateway longer than a poll, so it has its own limit.
        answer = self._call(
            "GET", "/api/messages", params=params, timeout_s=max(self._timeout_s, 30.0), limit=limit
        )
        pagination = answer.get("pagination")
        return HistoryPage(
            messages=self._decoded(_rows(answer), channel),
            total=count_of(pagination, "total"),
            has_more=isinstance(pagination, dict) and pagination.get("hasMore") is True,
        )

    def sync(self, *, limit: int, timeout_s: float) -> SyncResult:
        """Ask the gateway to fetch from Telegram. The real one takes up to 180 s."""
        answer = self._call(
            "POST", "/api/telegram-gateway/sync-messages", body={"limit": limit}, timeout_s=timeout_s
        )
        data = answer.get("data")
        channels = data.get("channelsSynced") if isinstance(data, dict) else None
        try:
            orjson.dumps(channels)
        except TypeError as error:
            # a number or a text that JSON of ours cannot hold, so it cannot be passed on
            raise GatewayAnswerError(f"channelsSynced: {error}") from error
        return SyncResult(
            synced=count_of(data, "totalMessagesSynced"),
            saved=count_of(data, "totalMessagesSaved"),
            channels=tuple(channels) if isinstance(channels, list) else (),
        )

    # ── one call ─────────────────────────────────────────────────────────────

    def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
        timeout_s: float | None = None,
        limit: int = 0,
    ) -> dict[str, Any]:
        """Make one call. ``limit`` is the number of requested messages and limits the size of the answer."""
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        self._adapter.begin_call()
        if not self._has_place:
            self._quota.spend(time.monotonic())
        self._has_place = False
        with cut_after(self._timers, limit_s, self._adapter.shut_down) as cut:
            try:
                with self._session.request(
                    method,
                    self._url + path,
                    params=params,
                    json=body,
                    timeout=(min(limit_s, 5.0), limit_s),
                    stream=True,
                    allow_redirects=False,
                ) as response:
                    status, headers = response.status_code, response.headers
                    most = page_bytes(limit) if response.ok else _REFUSAL_BYTES
                    content = read_at_most(response, most)
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                if cut.happened or isinstance(error, requests.Timeout):
                    raise GatewayTimeoutError(
                        f"no complete answer within {limit_s:g} s from {path}"
                    ) from error
                raise GatewayUnreachableError(f"{plain_cause(error)} at {path}") from error
            if cut.happened:
                raise GatewayTimeoutError(f"no complete answer within {limit_s:g} s from {path}")
        if (allowed := read_quota(headers, now=self._now() or datetime.now(UTC))) is not None:
            self._quota.heard(*allowed, time.monotonic())
        check_status(status, headers, content or b"", path)
        self.telegram_session = headers.get("X-Telegram-Session", self.telegram_session)
        if content is None:
            raise GatewayAnswerError(
                f"the answer of {path} is larger than {most} bytes, which is too large for the request"
            )
        return decode_answer(content, path, limit=limit)

    def _decoded(self, rows: Sequence[object], channel: str) -> tuple[SourceMessage, ...]:
        now = self._now()
        return tuple(decode_message(row, channel=channel, now=now) for row in rows)


def _rows(answer: Mapping[str, Any]) -> list[object]:
    data = answer.get("data")
    if not isinstance(data, list):
        raise GatewayAnswerError(f"data: must be a list of messages, not {type(data).__name__}")
    return data
