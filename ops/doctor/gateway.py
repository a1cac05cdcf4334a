"""The Telegram Gateway: whether it answers, accepts our key, refuses requests without a key, and has messages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime

from ops.client import Client, ClientError
from ops.doctor.context import CheckContext
from ops.doctor.findings import CheckResult, fail, ok, skipped, warn
from storage.errors import (
    GatewayAnswerError,
    GatewayError,
    GatewayRateLimitedError,
    GatewayTimeoutError,
    GatewayUnauthorizedError,
    GatewayUnreachableError,
)
from storage.gateway.client import GatewayClient

__all__ = ["examine_gateway"]

_CONNECTION, _KEY, _OPEN, _CHANNELS = "gateway.connection", "gateway.key", "gateway.open", "gateway.channels"
_TELEGRAM = "gateway.telegram"


def examine_gateway(around: CheckContext) -> Iterator[CheckResult]:
    """Send the engine's read requests. They neither mark nor change a message."""
    settings = around.settings.gateway
    key = settings.api_key.get_secret_value() if settings.api_key else None
    _note_clock(around)
    error, session = _refusal(around, key)
    if isinstance(error, GatewayUnreachableError | GatewayTimeoutError):
        yield fail(
            _CONNECTION,
            f"{settings.url} cannot be reached: {error}",
            "start the gateway, or set TELEGRAM_GATEWAY_URL",
        )
        yield from (
            skipped(name, "no connection to the gateway") for name in (_KEY, _OPEN, _CHANNELS, _TELEGRAM)
        )
        return
    if isinstance(error, GatewayUnauthorizedError):
        yield ok(_CONNECTION, f"{settings.url} answers")
        yield fail(
            _KEY,
            f"the key is {'wrong' if key else 'missing'} ({error.status})",
            "set TELEGRAM_GATEWAY_API_KEY to the key of the gateway",
        )
        yield ok(_OPEN, "the gateway requires a key")
        yield from (
            skipped(name, "nothing can be read without a valid key") for name in (_CHANNELS, _TELEGRAM)
        )
        return
    if isinstance(error, GatewayRateLimitedError):
        yield warn(
            _CONNECTION,
            f"{settings.url} received too many requests: {error}",
            "find other clients at this address, or raise GATEWAY_POLLING_INTERVAL_MS",
        )
        yield from (skipped(name, "too many requests") for name in (_KEY, _OPEN, _CHANNELS, _TELEGRAM))
        return
    if error is not None:
        yield _not_ours(settings.url, error)
        yield from (skipped(name, "no answer from a gateway") for name in (_KEY, _OPEN, _CHANNELS, _TELEGRAM))
        return
    yield ok(_CONNECTION, f"{settings.url} answers as a gateway")
    yield ok(_KEY, "the gateway accepts the key" if key else "no key is set, and the gateway requires none")
    yield _check_open(around, key)
    yield _check_channels(around, key)
    yield _check_session(session)


def _client(around: CheckContext, key: str | None) -> GatewayClient:
    address = around.settings.gateway.address
    return GatewayClient(
        address.url, api_key=key, login=address.login, timeout_s=around.answer_s, timers=around.timers
    )


def _check_session(said: str | None) -> CheckResult:
    """Judge what the gateway says of its reader of Telegram."""
    if said is None:
        return skipped(_TELEGRAM, "the gateway does not say that it reads Telegram itself")
    status, _, cause = said.partition("; ")
    if status == "healthy":
        return ok(_TELEGRAM, "the gateway reads Telegram")
    judged = fail if status == "unhealthy" else warn
    return judged(
        _TELEGRAM,
        f"the gateway does not read Telegram, or not all of it: {cause or status}",
        "do what docs/telegram.md says of that cause; a lost session takes tp-capital gateway login",
    )


def _refusal(around: CheckContext, key: str | None) -> tuple[GatewayError | None, str | None]:
    """Return the error of a request for messages, or None if it succeeds; and what is said of the session with Telegram."""
    client = _client(around, key)
    try:
        client.unprocessed(around.settings.gateway.channels[0], limit=1)
    except GatewayError as error:
        return error, None
    finally:
        client.close()
    return None, client.telegram_session


def _not_ours(url: str, error: GatewayError) -> CheckResult:
    if isinstance(error, GatewayAnswerError):
        return fail(
            _CONNECTION,
            f"the server at {url} is no Telegram Gateway: {error}",
            "set TELEGRAM_GATEWAY_URL to the gateway's address",
        )
    return fail(
        _CONNECTION,
        f"{url} answers {error}",
        "if another product answers there, correct TELEGRAM_GATEWAY_URL; otherwise look at the gateway's log",
    )


def _check_open(around: CheckContext, key: str | None) -> CheckResult:
    """Send a request without a key (fault 18: by default the real gateway needs none for messages)."""
    error = _refusal(around, None)[0] if key else None
    if isinstance(error, GatewayUnauthorizedError):
        return ok(_OPEN, "the gateway refuses requests without a key")
    if error is not None:
        return skipped(_OPEN, f"the request without the key failed: {error}")
    return warn(
        _OPEN,
        "the gateway requires no key: anyone who reaches it can read all messages and mark them as processed",
        "restrict access to its port, or make it require a key (the reference gateway: tp-capital gateway"
        " --api-key) and set TELEGRAM_GATEWAY_API_KEY",
    )


def _check_channels(around: CheckContext, key: str | None) -> CheckResult:
    channels = around.settings.gateway.channels
    client = _client(around, key)
    try:
        unknown = [channel for channel in channels if not client.history(channel, offset=0, limit=1).messages]
    except GatewayError as error:
        return fail(_CHANNELS, f"the history cannot be read: {error}", "look at the gateway's log")
    finally:
        client.close()
    if not unknown:
        return ok(_CHANNELS, f"the gateway has messages of {', '.join(channels)}")
    return warn(
        _CHANNELS,
        f"the gateway has no message of {', '.join(unknown)}",
        "compare TP_CAPITAL_SIGNALS_CHANNEL_ID with the gateway's channels, or wait for the first message",
    )


def _note_clock(around: CheckContext) -> None:
    """Measure the gateway's clock by the Date header of an answer."""
    try:
        with Client(around.settings.gateway.url, timeout_s=around.answer_s) as client:
            asked_at, start_s = around.clock.now(), around.clock.monotonic_s()
            date = client.ask("GET", "/health").headers.get("Date")
            took_s = around.clock.monotonic_s() - start_s
    except ClientError:
        return
    if date is None:
        return
    try:
        theirs = parsedate_to_datetime(date)
    except ValueError:
        return
    # A date without a zone is UTC (RFC 9110). It is cut to whole seconds, so add half a second on average.
    ahead_s = (theirs.replace(tzinfo=theirs.tzinfo or UTC) - asked_at).total_seconds() + 0.5 - took_s / 2
    around.clocks.note("gateway", ahead_s)
