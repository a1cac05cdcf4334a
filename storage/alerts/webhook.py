"""Sends an alert to a webhook, signed by the Standard Webhooks scheme (standardwebhooks.com)."""

from __future__ import annotations

import http.client
import secrets
import socket
import ssl
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from engine.safe_text import shown
from engine.timers import Timers
from storage.alerts.address import AddressRules, ForbiddenAddressError
from storage.alerts.outcome import AlertingUnavailableError, Attempt, Verdict, bounded_wait_s, is_refusal
from storage.deadline import cut_after, shut_down_socket
from storage.http_connection import plain_cause, read_retry_after

__all__ = ["SECRET_PREFIX", "WebhookSender", "is_signing_secret", "new_signing_secret", "signature_headers"]

SECRET_PREFIX = "whsec_"  # noqa: S105 - how a secret begins
#: bytes of a new secret; the scheme wants 24 to 64
_SECRET_BYTES = 32
#: a slow target is given up, so that it holds up nobody for long
CONNECT_S, LONGEST_S = 4.0, 8.0
#: an answer is read no further
_MOST_BYTES = 16 * 1024


def new_signing_secret() -> str:
    """Return a new secret to sign with."""
    return SECRET_PREFIX + b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def is_signing_secret(text: str) -> bool:
    """Return whether a text is a secret of the scheme: the prefix and 24 to 64 bytes in Base64."""
    try:
        key = b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError:
        return False
    return text.startswith(SECRET_PREFIX) and 24 <= len(key) <= 64


def signature_headers(body: bytes, *, identity: str, signing: Sequence[str], at: datetime) -> dict[str, str]:
    """Return the headers that prove who sends a body. There is a signature by each secret, so that one can be replaced.

    Raises:
        AlertingUnavailableError: the library is not installed.
    """
    try:
        from standardwebhooks.webhooks import Webhook  # noqa: PLC0415 - an extra
    except ImportError:
        raise AlertingUnavailableError from None
    at = at.astimezone(UTC)
    signatures = (Webhook(secret).sign(identity, at, body.decode()) for secret in signing)
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


class WebhookSender:
    """Sends to any webhook that the rules allow. It is safe for threads: each alert has a connection of its own."""

    def __init__(
        self,
        rules: AddressRules,
        *,
        timers: Timers,
        agent: str,
        now: Callable[[], datetime],
        longest_s: float = LONGEST_S,
    ) -> None:
        self._rules = rules
        self._timers = timers
        self._agent = agent
        self._now = now
        self._longest_s = longest_s
        self._tls = ssl.create_default_context()

    def send(self, url: str, body: bytes, *, identity: str, signing: Sequence[str]) -> Attempt:
        """Send once. ``identity`` is the same at each attempt, so the receiver can drop what it knows."""
        try:
            headers = signature_headers(body, identity=identity, signing=signing, at=self._now())
            return self._send(url, body, headers)
        except (AlertingUnavailableError, ForbiddenAddressError) as error:
            return Attempt(verdict=Verdict.FAILED, reason=shown(str(error)))
        except (OSError, http.client.HTTPException, ValueError) as error:
            return Attempt(verdict=Verdict.FAILED, reason=shown(plain_cause(error)))

    def _send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Attempt:
        parts = urlsplit(url)
        sock = self._rules.connect(url, timeout_s=min(CONNECT_S, self._longest_s))
        with cut_after(self._timers, self._longest_s, lambda: shut_down_socket(sock)) as cut:
            try:
                sock.settimeout(self._longest_s)
                if parts.scheme == "https":
                    # the socket must be known before the handshake, which may be slow too
                    sock = self._tls.wrap_socket(
                        sock, server_hostname=parts.hostname, do_handshake_on_connect=False
                    )
                    sock.do_handshake()
                answer = self._exchange(sock, url, body, headers)
            except (OSError, http.client.HTTPException):
                if cut.happened:
                    return Attempt(verdict=Verdict.FAILED, reason="no answer in time")
                raise
            finally:
                sock.close()
        return answer

    def _exchange(self, sock: socket.socket, url: str, body: bytes, headers: Mapping[str, str]) -> Attempt:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc)
        connection.sock = sock
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        own = {"Content-Type": "application/json", "User-Agent": self._agent, "Connection": "close"}
        connection.request("POST", target, body, {**own, **headers})
        answer = connection.getresponse()
        answer.read(_MOST_BYTES)
        return self._judged(answer.status, answer.headers.get("Retry-After", ""))

    def _judged(self, status: int, retry_after: str) -> Attempt:
        if 200 <= status < 300:
            return Attempt(verdict=Verdict.SENT)
        if status == 410:
            return Attempt(verdict=Verdict.GONE, reason="the target answered 410: it is gone")
        reason = f"the target answered {status}"
        if is_refusal(status):
            more = "; redirects are not followed" if status < 400 else ""
            return Attempt(verdict=Verdict.REFUSED, reason=reason + more)
        wait_s = read_retry_after(retry_after, now=self._now())
        return Attempt(verdict=Verdict.FAILED, reason=reason, wait_s=bounded_wait_s(wait_s))
