"""A table as the former service left it, with its faults, and the gateway's messages it was made from.

For the tests of ``migrate-data`` and for the measure ``migrate_data``: the same number gives the same history.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import psycopg
from psycopg import sql

from actors.grammar import read
from actors.grammar.outcome import OutcomePolicy, settle
from engine.model import ChannelMessage
from ops.stores import RETENTION
from storage.legacy.rounds import LegacyRounds
from storage.postgres.ledger import Ledger

__all__ = [
    "CHANNEL",
    "COLUMNS",
    "Posted",
    "create_old_table",
    "deliver",
    "old_history",
    "old_row",
    "put_old_rows",
    "settle_rows",
    "write",
]

CHANNEL = "-1001649127710"
#: the history reaches this far back: its first tenth is past retention
SPAN = timedelta(days=100)

_KEYS = {"bigint": "bigserial", "uuid": "uuid", "text": "text"}
_TABLE = """
create schema if not exists {schema};
create table {schema}.tp_capital_signals (
    id {key} primary key, channel text not null, signal_type text, asset text, buy_min numeric(12, 2),
    buy_max numeric(12, 2), target_1 numeric(12, 2), target_2 numeric(12, 2), target_final numeric(12, 2),
    stop numeric(12, 2), raw_message text, source text, ingested_at timestamptz default now(), ts bigint,
    created_at timestamptz default now(), updated_at timestamptz default now())
"""
COLUMNS = (
    *(
        "channel",
        "signal_type",
        "asset",
        "buy_min",
        "buy_max",
        "target_1",
        "target_2",
        "target_final",
        "stop",
    ),
    *("raw_message", "source", "ingested_at", "ts"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """One message: as the gateway has it (None: no longer), and the rows the former service made of it."""

    message: ChannelMessage | None
    rows: tuple[dict[str, Any], ...]


def create_old_table(conninfo: str, *, schema: str = "old", key: str = "bigint") -> str:
    """Make an empty old table and return its name; ``key`` is the type of its ids."""
    statement = sql.SQL(_TABLE).format(schema=sql.Identifier(schema), key=sql.SQL(_KEYS[key]))
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(statement)
    return f"{schema}.tp_capital_signals"


def put_old_rows(conninfo: str, rows: Sequence[dict[str, Any]], *, schema: str = "old") -> None:
    """Write rows into the old table, in this order; an ``id`` is written where there is one."""
    names = ["id", *COLUMNS] if rows and "id" in rows[0] else list(COLUMNS)
    copy = sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier(schema, "tp_capital_signals"), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    with psycopg.connect(conninfo) as connection, connection.cursor().copy(copy) as stream:
        for row in rows:
            stream.write_row([row.get(name) for name in names])


def deliver(ledger: Ledger, messages: Sequence[ChannelMessage], *, page: int = 500) -> None:
    """Write messages, page by page, and settle the old rows: what back-fill comes to within a minute."""
    for start in range(0, len(messages), page):
        write(ledger, messages[start : start + page])
    settle_rows(ledger)


def write(ledger: Ledger, messages: Sequence[ChannelMessage]) -> None:
    """Make messages durable as parser and writer do."""
    policy = OutcomePolicy(retention=RETENTION)
    now = datetime.now(UTC)
    ledger.record([settle(m, now=now, policy=policy) for m in messages])


def settle_rows(ledger: Ledger) -> None:
    """Settle old rows as maintenance does."""
    rounds = LegacyRounds(ledger._database, ledger)
    while rounds.settle():
        pass


def old_history(count: int, *, now: datetime) -> Iterator[Posted]:
    """Yield ``count`` messages over the last 100 days, oldest first, with all that the former service did to them."""
    start = now.replace(microsecond=0) - SPAN
    text = ""
    for number in range(1, count + 1):
        at = start + SPAN * number / (count + 1)
        at = at.replace(microsecond=0)
        # some texts are posted twice: two messages
        text = text if number % 97 == 0 else _text(number)
        # some messages have no date: the former service took the time at which it came by
        dated = number % 30 != 11
        message = ChannelMessage(
            channel=CHANNEL,
            message_id=str(number),
            gateway_id=f"g{number}",
            ack_id=str(number),
            text=f"\n{text} \r\n".replace("\n", "\r\n") if number % 60 == 13 else text,
            caption=None,
            source="telegram",
            status="received",
            received_at=at + timedelta(seconds=2),
            telegram_date=at if dated else None,
            updated_at=at + timedelta(seconds=2),
        )
        row = old_row(text, at if dated else at + timedelta(seconds=7))
        if number % 40 == 1:
            row["buy_min"] = row["buy_max"] = row["buy_min"] * 1000  # 1.065 read as 1065
        rows = [row] if number % 17 != 5 else []  # some it never had
        if number % 25 == 7:
            rows *= 2  # two of it at once
        if number % 500 == 0:
            rows.append(old_row("", at) | {"asset": "__checkpoint__", "raw_message": "{}", "buy_min": None})
        yield Posted(message=message if number % 10 != 3 else None, rows=tuple(rows))


def old_row(text: str, at: datetime, **changes: object) -> dict[str, Any]:
    """Return the row of a text as the former service wrote it: two places, always a swing trade."""
    signals = read(text).signals
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row |= {
        "channel": CHANNEL,
        "signal_type": "Swing Trade",
        "asset": "PETR4",
        "raw_message": text,
        "source": "telegram",
        "ingested_at": at + timedelta(seconds=9),
        "ts": round(at.timestamp() * 1000),
    }
    if signals:
        signal = signals[0]
        targets = [*signal.targets, None, None]
        row |= {
            "asset": signal.asset,
            "buy_min": _rounded(signal.buy_min),
            "buy_max": _rounded(signal.buy_max),
            "target_1": _rounded(targets[0]),
            "target_2": _rounded(targets[1]),
            "target_final": _rounded(signal.target_final),
            "stop": _rounded(signal.stop),
        }
    else:
        row["buy_min"] = Decimal("10.00")
    return row | changes


def _text(number: int) -> str:
    if number % 50 == 0:
        return f"Bom dia! Hoje é o dia {number}, PETR4 segue em observação"
    places = 3 if number % 5 == 2 else 2
    entry = Decimal(1000 + number).scaleb(-places)
    head = "Day Trade" if number % 7 == 0 else "Swing Trade"
    prices = [_comma(price) for price in (entry, entry * 2, entry * 3, entry / 2)]
    return (
        f"🟢{head}\n\nAtivo: PETR4\nCompra: {prices[0]}\nAlvo 1: {prices[1]}\nAlvo final: {prices[2]}\n"
        f"Stop: {prices[3]}"
    )


def _comma(price: Decimal) -> str:
    return format(price, "f").replace(".", ",")


def _rounded(price: Decimal | None) -> Decimal | None:
    return None if price is None else price.quantize(Decimal("0.01"), ROUND_HALF_UP)
