"""The Telegram Gateway: reached, the product we speak to, our key taken and anyone else's not."""

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
    """Ask what the engine asks; nothing here marks or changes a message."""
    settings = around.settings.gateway
    key = settings.api_key.get_secret_value() if settings.api_key else None
    _note_clock(around)
    error = _refusal(around, key)
    if isinstance(error, GatewayUnreachableError | GatewayTimeoutError):
        yield fail(
            _CONNECTION,
            f"{settings.url} is not reached: {error}",
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
        yield ok(_OPEN, "the gateway asks for a key")
        yield skipped(_CHANNELS, "without a key that is taken nothing can be read")
        return
    if isinstance(error, GatewayRateLimitedError):
        yield warn(
            _CONNECTION,
            f"{settings.url} has had too many requests: {error}",
            "look who else asks it from this address; raise GATEWAY_POLLING_INTERVAL_MS",
        )
        yield from (skipped(name, "asked too often") for name in (_KEY, _OPEN, _CHANNELS))
        return
    if error is not None:
        yield _not_ours(settings.url, error)
        yield from (skipped(name, "no answer of a gateway") for name in (_KEY, _OPEN, _CHANNELS))
        return
    yield ok(_CONNECTION, f"{settings.url} answers as a gateway does")
    yield ok(_KEY, "the key is taken" if key else "none is set, and none is asked for")
    yield _check_open(around, key)
    yield _check_channels(around, key)


def _client(around: CheckContext, key: str | None) -> GatewayClient:
    address = around.settings.gateway.address
    return GatewayClient(
        address.url, api_key=key, login=address.login, timeout_s=around.answer_s, timers=around.timers
    )


def _refusal(around: CheckContext, key: str | None) -> GatewayError | None:
    """Return why the gateway does not show its messages; None when it does."""
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
            f"what answers at {url} is no Telegram Gateway: {error}",
            "set TELEGRAM_GATEWAY_URL to the gateway's address",
        )
    return fail(
        _CONNECTION,
        f"{url} answers {error}",
        "if that is another product, set TELEGRAM_GATEWAY_URL; else the gateway's log says why",
    )


def _check_open(around: CheckContext, key: str | None) -> CheckResult:
    """Ask without a key (fault 18: the real gateway's message routes need none by default)."""
    error = _refusal(around, None) if key else None
    if isinstance(error, GatewayUnauthorizedError):
        return ok(_OPEN, "without the key it shows nothing")
    if error is not None:
        return skipped(_OPEN, f"asked without the key: {error}")
    return warn(
        _OPEN,
        "anyone who reaches the gateway can read all messages and mark them as processed: it asks for no key",
        "let nobody else reach its port, or have it ask for one (the reference gateway: tp-capital gateway"
        " --api-key) and set TELEGRAM_GATEWAY_API_KEY",
    )


def _check_channels(around: CheckContext, key: str | None) -> CheckResult:
    channels = around.settings.gateway.channels
    client = _client(around, key)
    try:
        unknown = [channel for channel in channels if not client.history(channel, offset=0, limit=1).messages]
    except GatewayError as error:
        return fail(_CHANNELS, f"the history cannot be read: {error}", "the gateway's log says why")
    finally:
        client.close()
    if not unknown:
        return ok(_CHANNELS, f"it holds messages of {', '.join(channels)}")
    return warn(
        _CHANNELS,
        f"it holds no message of {', '.join(unknown)}",
        "compare TP_CAPITAL_SIGNALS_CHANNEL_ID with the gateway's channels, or wait for the first message",
    )


def _note_clock(around: CheckContext) -> None:
    """Note what time the gateway says it is, in the Date header of any answer."""
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
    # a date without a zone is UTC (RFC 9110); cut to whole seconds, it was half of one later on average
    ahead_s = (theirs.replace(tzinfo=theirs.tzinfo or UTC) - asked_at).total_seconds() + 0.5 - took_s / 2
    around.clocks.note("gateway", ahead_s)
