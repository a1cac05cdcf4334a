"""Signals as rows, made by one SQL statement: a million of them would take the engine minutes."""

from __future__ import annotations

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from storage.postgres.standings import fill

__all__ = ["ABSENT_WORD", "add_signals", "rare_word"]

#: every signal is of another instant of the last 80 days, in one of 8 channels, of one of 500 assets; its text is
#: as long as those of the sample history and holds a word that no other text holds
_ADD = """
insert into {table} (ts, channel, message_id, position, signal_type, side, asset, buy_min, buy_max, targets,
    target_final, stop, warnings, raw_message, source, provenance, grammar_version, commit_number, ingested_at)
select at, '-10016491271' || g % 8, 'made' || g, 0, case g % 4 when 0 then 'Day Trade' else 'Swing Trade' end,
    case g % 3 when 0 then 'sell' else 'buy' end, 'PETR' || h % 500, p, p + 0.15, array[p + 0.5, p + 1, p + 1.5],
    p + 2, p - 1, '{{}}',
    format(E'🟢Swing Trade\n\nAtivo: PETR%s\nCompra: %s a %s\nAlvo 1: %s\nAlvo 2: %s\nAlvo final: %s\nStop: %s\nOrdem X%sX',
        h % 500, p, p + 0.15, p + 0.5, p + 1, p + 2, p - 1, g),
    'telegram', '{{}}', 'bench', 0, at
from (select g, now() - interval '80 days' * (1 - g / {count}::float8) as at, abs(hashint4(g)) as h,
        (abs(hashint4(g)) % 9000 + 1000) / 100.0 as p from generate_series({first}, {count}) as g) as made
"""
_ADD_MESSAGES = """
insert into {ledger} (channel, message_id, gateway_id, outcome, reason, reading, ts, text, source, telegram_date,
    received_at, message_updated_at, grammar_version, commit_number)
select channel, message_id, message_id, 'signal', '', '', ts, raw_message, source, ts, ts, ts, 'bench', 0
from {table} where grammar_version = 'bench' on conflict do nothing
"""
#: in no signal
ABSENT_WORD = "QZ{n}ZQ"


def rare_word(number: int) -> str:
    """Return the word of the text of one signal."""
    return f"X{number}X"


def add_signals(url: str, *, schema: str, count: int, first: int = 1) -> None:
    """Add signals ``first`` to ``count``, and the messages they were in; the tables are analyzed then."""
    table, ledger = sql.Identifier(schema, "tp_capital_signals"), sql.Identifier(schema, "ledger")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL(_ADD).format(table=table, count=count, first=first))
        connection.execute(sql.SQL(_ADD_MESSAGES).format(table=table, ledger=ledger))
        fill(connection.cursor(row_factory=dict_row), schema)
        standings = sql.Identifier(schema, "signal_standings")
        connection.execute(sql.SQL("vacuum analyze {}, {}, {}").format(table, ledger, standings))
