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


def examine_gateway(around: CheckContext) -> Iterator[CheckResult]:
    """Send the engine's read requests. They neither mark nor change a message."""
    settings = around.settings.gateway
    key = settings.api_key.get_secret_value() if settings.api_key else None
    _note_clock(around)
    error = _refusal(around, key)
    if isinstance(error, GatewayUnreachableError | GatewayTimeoutError):
        yield fail(
            _CONNECTION,
            f"{settings.url} cannot be reached: {error}",
            "start the gateway, or set TELEGRAM_GATEWAY_URL",
        )
        yield from (skipped(name, "no connection to the gateway") for name in (_KEY, _OPEN, _CHANNELS))
        return
    if isinstance(error, GatewayUnauthorizedError):
        yield ok(_CONNECTION, f"{settings.url} answers")
        yield fail(
            _KEY,
            f"the key is {'wrong' if key else 'missing'} ({error.status})",
            "set TELEGRAM_GATEWAY_API_KEY to the key of the gateway",
        )
        yield ok(_OPEN, "the gateway requires a key")
        yield skipped(_CHANNELS, "nothing can be read without a valid key")
        return
    if isinstance(error, GatewayRateLimitedError):
        yield warn(
            _CONNECTION,
            f"{settings.url} received too many requests: {error}",
            "find other clients at this address, or raise GATEWAY_POLLING_INTERVAL_MS",
        )
        yield from (skipped(name, "too many requests") for name in (_KEY, _OPEN, _CHANNELS))
        return
    if error is not None:
        yield _not_ours(settings.url, error)
        yield from (skipped(name, "no answer from a gateway") for name in (_KEY, _OPEN, _CHANNELS))
        return
    yield ok(_CONNECTION, f"{settings.url} answers as a gateway")
    yield ok(_KEY, "the gateway accepts the key" if key else "no key is set, and the gateway requires none")
    yield _check_open(around, key)
    yield _check_channels(around, key)


def _client(around: CheckContext, key: str | None) -> GatewayClient:
    address = around.settings.gateway.address
    return GatewayClient(
        address.url, api_key=key, login=address.login, timeout_s=around.answer_s, timers=around.timers
    )


def _refusal(around: CheckContext, key: str | None) -> GatewayError | None:
    """Return the error of a request for messages, or None if it succeeds."""
    client = _client(around, key)
    try:
        client.unprocessed(around.settings.gateway.channels[0], limit=1)
    except GatewayError as error:
        return error
    finally:
        client.close()
    return None


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
    error = _refusal(around, None) if key else None
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
