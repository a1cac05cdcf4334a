"""Values as the actors hand them to storage, with everything filled in that a test does not care for."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from engine.model import ChannelMessage, MalformedMessage, Outcome, OutcomeKind, Side, Signal

__all__ = [
    "CHANNEL",
    "OTHER_CHANNEL",
    "a_message",
    "a_signal",
    "item",
    "malformed",
    "not_signal",
    "signal_outcome",
]

CHANNEL = "-1001649127710"
OTHER_CHANNEL = "-1002000000002"


def item(**changes: Any) -> dict[str, Any]:
    """Return a message object as the gateway gives it; a change to ``...`` leaves the key out."""
    whole = {
        "id": "17",
        "channelId": CHANNEL,
        "messageId": "5001",
        "text": "Ativo: PETR4\nCompra: 30,10",
        "caption": None,
        "source": "telegram",
        "status": "received",
        "receivedAt": "2026-11-02T10:00:01.250Z",
        "telegramDate": "2026-11-02T10:00:00+00:00",
        "updatedAt": "2026-11-02T10:00:02Z",
        "metadata": {"replyTo": "4999"},
    } | changes
    return {key: value for key, value in whole.items() if value is not ...}


def a_message(number: int = 1, **changes: Any) -> ChannelMessage:
    """Return message ``number`` of the channel, received a little while ago."""
    received_at = datetime.now(UTC) - timedelta(hours=1)
    values: dict[str, Any] = {
        "channel": CHANNEL,
        "message_id": str(number),
        "gateway_id": f"g{number}",
        "ack_id": str(number),
        "text": f"text {number}",
        "caption": None,
        "source": "telegram",
        "status": "received",
        "received_at": received_at,
        "telegram_date": received_at,
        "updated_at": received_at,
    }
    return ChannelMessage(**values | changes)


def a_signal(asset: str = "PETR4", **changes: Any) -> Signal:
    """Return a signal at position 0."""
    values: dict[str, Any] = {
        "position": 0,
        "side": Side.BUY,
        "asset": asset,
        "signal_type": "Swing Trade",
        "buy_min": Decimal("30.10"),
        "buy_max": Decimal("30.50"),
        "targets": (Decimal("31.00"), Decimal("32.0")),
        "target_final": Decimal("32.0"),
        "stop": Decimal(29),
        "valid_until": None,
        "warnings": (),
    }
    return Signal(**values | changes)


def signal_outcome(message: ChannelMessage, *signals: Signal) -> Outcome:
    """Return the outcome of a message that holds signals."""
    return Outcome(
        message=message,
        kind=OutcomeKind.SIGNAL,
        reason="labels",
        ts=message.telegram_date,
        signals=signals or (a_signal(),),
        body=message.text or message.caption or "",
    )


def not_signal(message: ChannelMessage, reason: str = "chat") -> Outcome:
    """Return the outcome of a message that holds no signal."""
    return Outcome(message=message, kind=OutcomeKind.NOT_SIGNAL, reason=reason, ts=message.telegram_date)


def malformed(number: int = 1, *, error: str = "text: the key is missing") -> Outcome:
    """Return the dead letter of a message that cannot be read."""
    message = MalformedMessage(
        channel=CHANNEL,
        message_id=str(number),
        gateway_id=f"g{number}",
        ack_id=str(number),
        error=error,
        raw=f'{{"id":"g{number}"}}',
    )
    return Outcome(message=message, kind=OutcomeKind.DEAD_LETTER, reason="malformed", ts=None, error=error)
