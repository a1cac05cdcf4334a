"""Messages for whole-system tests: what is put into the gateway, and what must come out."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg

from ops.gateway.importer import import_messages

__all__ = [
    "CHANNEL",
    "OTHER_CHANNEL",
    "expected_price",
    "processed_count",
    "put",
    "raw_message",
    "signal_message",
    "stored_signals",
]

CHANNEL = "-1001649127710"
OTHER_CHANNEL = "-1002000000002"


def expected_price(number: int) -> Decimal:
    """Return the entry price that message ``number`` names: another one for each, to the last digit."""
    return Decimal(1000 + number) / 100


def signal_message(number: int, *, channel: str = CHANNEL, ago_s: float = 3600.0) -> dict[str, Any]:
    """Return message ``number`` of the channel: one signal in the classic layout."""
    price = expected_price(number)
    entry, target, stop = (f"{value:.2f}".replace(".", ",") for value in (price, price * 2, price / 2))
    text = f"🟢Swing Trade\n\nAtivo: PETR4\nCompra: {entry}\nAlvo 1: {target}\nStop: {stop}"
    return raw_message(number, text, channel=channel, ago_s=ago_s)


def raw_message(
    number: int, text: str | None, *, channel: str = CHANNEL, ago_s: float = 3600.0, **more: object
) -> dict[str, Any]:
    """Return message ``number`` with any text, received ``ago_s`` seconds ago; later numbers later."""
    at = datetime.now(UTC) - timedelta(seconds=ago_s) + timedelta(microseconds=1000 * (number % 100_000))
    return {
        "channelId": channel,
        "messageId": str(number),
        "text": text,
        "receivedAt": at.isoformat(),
        "telegramDate": at.isoformat(),
        **more,
    }


def put(gateway_dsn: str, messages: Iterable[dict[str, Any]]) -> None:
    """Store messages at the gateway, as its Telegram session would."""
    report = import_messages(gateway_dsn, list(messages))
    assert not report.bad


def processed_count(gateway_dsn: str) -> int:
    """Return how many messages the gateway has as processed by the engine."""
    with psycopg.connect(gateway_dsn, autocommit=True) as connection:
        row = connection.execute(
            "select count(*) from telegram_gateway.messages where processed_by = 'tp-capital'"
        ).fetchone()
    return int(row[0]) if row else 0


def stored_signals(engine_dsn: str) -> list[tuple[str, str, Decimal]]:
    """Return (channel, message id, entry price) of every stored signal, in order; doubles show."""
    with psycopg.connect(engine_dsn, autocommit=True) as connection:
        if connection.execute("select to_regclass('signals.tp_capital_signals') is null").fetchone() == (
            True,
        ):
            return []  # the engine has not made its tables yet
        rows = connection.execute(
            "select channel, message_id, buy_min from signals.tp_capital_signals order by channel, message_id::bigint"
        )
        return [(str(channel), str(message_id), Decimal(price)) for channel, message_id, price in rows]
