"""The report of the imported rows, read from the database and compared with the stored signals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from psycopg import sql

from storage.legacy.fates import Comparison, LegacyReport, ReportNote, RowFate, note_of, report_of
from storage.legacy.rows import PRICES, decode_row
from storage.postgres.database import Cursor, Database
from storage.postgres.ledger_rows import LEGACY_PREFIX

__all__ = ["report"]

_SLICE = 5000
_LAST = "select coalesce(max(place), 0) as place from {schema}.legacy_rows"
_ROWS = """
select old.place, coalesce(old.channel, '') as channel, old.fate, old.verdict, old.detail,
    old.replaced_at is not null as replaced, old.original::text, old.double_of, first.original::text as original_of_first
from {schema}.legacy_rows as old left join {schema}.legacy_rows as first on first.legacy_id = old.double_of
where old.place > %(after)s and old.place <= %(until)s
"""

# This compares each kept row with its signal, price by price. Messages that were reread since and signals that retention
# dropped are left out, because they may differ. The query reads slices and uses whole keys: right after an import of
# a hundred thousand rows, the server has no statistics of them and would choose plans of quadratic time.
_STORED = """
with old as materialized (
    select * from {schema}.legacy_rows where place > %(after)s and place <= %(until)s and fate = 'kept'),
kept as (
    select old.legacy_id, old.verdict, old.original, signal.id, signal.buy_min, signal.buy_max, signal.targets,
        signal.target_final, signal.stop
    from old join {schema}.ledger as message on message.channel = old.channel and message.message_id = old.message_id
    left join {schema}.tp_capital_signals as signal on signal.channel = old.channel
        and signal.message_id = old.message_id and signal.position = old.position and signal.ts = message.ts
    where message.changed_at = message.recorded_at
        and message.ts > now() - %(retention)s)
select name, count(*) as rows, count(id) as signals,
    coalesce(sum(old), 0) as old, coalesce(sum(new) filter (where old is not null), 0) as new,
    count(*) filter (where old is not null and id is not null and (
        new is null or abs(new - old) > 0.005 or (verdict in ('same', 'legacy_reading') and new <> old))) as wrong
from kept cross join lateral (values
    ('buy_min', (original->>'buy_min')::numeric, buy_min),
    ('buy_max', (original->>'buy_max')::numeric, buy_max),
    ('target_1', (original->>'target_1')::numeric, targets[1]),
    ('target_2', (original->>'target_2')::numeric, targets[case when original->>'target_1' is null then 1 else 2 end]),
    ('target_final', (original->>'target_final')::numeric, target_final),
    ('stop', (original->>'stop')::numeric, stop)) as price (name, old, new)
group by name
"""
_WITHOUT_MESSAGE = """
select count(*) as rows from {schema}.legacy_rows as old
where place > %(after)s and place <= %(until)s and fate in ('kept', 'expired', 'known') and not exists (
    select from {schema}.ledger where ledger.channel = old.channel and ledger.message_id = old.message_id)
"""
_WITHOUT_ROW = """
select count(*) as rows from {schema}.ledger
where starts_with(message_id, %(prefix)s) and not exists (
    select from {schema}.legacy_rows as old
    where old.legacy_id = substr(ledger.message_id, length(%(prefix)s) + 1) and old.channel = ledger.channel
        and fate in ('kept', 'expired'))
"""

_EDITED = """
with message as materialized (
    select channel, date_trunc('milliseconds', coalesce(telegram_date, ts)) as sent_at, message_id
    from {schema}.ledger where not starts_with(message_id, %(prefix)s))
select distinct on (old.place) old.place, old.channel, old.original::text, message.message_id
from {schema}.legacy_rows as old
join message on message.channel = old.channel and message.sent_at = old.sent_at
where old.fate = 'kept'
"""


class _Stored:
    """Reads the report in many short transactions."""

    def __init__(self, database: Database, *, retention: timedelta) -> None:
        self._database = database
        self._schema = sql.Identifier(database.schema)
        self._values = {"retention": retention, "prefix": LEGACY_PREFIX}
        last = self.ask(_LAST)[0]["place"]
        self._slices = [{"after": after, "until": after + _SLICE} for after in range(0, last, _SLICE)]

    def ask(self, text: str, **more: int) -> list[dict[str, Any]]:
        statement = sql.SQL(text).format(schema=self._schema)

        def work(cursor: Cursor) -> list[dict[str, Any]]:
            return cursor.execute(statement, self._values | more).fetchall()

        # this writes nothing, but the writer's pool has the longer deadline
        return self._database.write(work)

    def ask_in_slices(self, text: str) -> Iterator[dict[str, Any]]:
        for part in self._slices:
            yield from self.ask(text, **part)


def report(database: Database, *, retention: timedelta) -> LegacyReport:
    """Return the report. This reads all imported rows."""
    stored = _Stored(database, retention=retention)
    prices = {name: dict.fromkeys(("rows", "signals", "old", "new", "wrong"), Decimal(0)) for name in PRICES}
    for row in stored.ask_in_slices(_STORED):
        for key in prices[row["name"]]:
            prices[row["name"]][key] += row[key]
    without_message = sum(row["rows"] for row in stored.ask_in_slices(_WITHOUT_MESSAGE))
    return report_of(
        map(_fate_of, stored.ask_in_slices(_ROWS)),
        comparisons=[
            Comparison(column=name, old=totals["old"], stored=totals["new"])
            for name, totals in prices.items()
            if totals["rows"]
        ],
        edited=map(_edited, stored.ask(_EDITED)),
        problems=_problems(prices, without_message, stored.ask(_WITHOUT_ROW)[0]["rows"]),
    )


def _fate_of(stored: Mapping[str, Any]) -> RowFate:
    row = decode_row(stored["original"], channel=stored["channel"])
    first = stored["original_of_first"]
    return RowFate(
        row=row,
        other_than=None if first is None or decode_row(first).values == row.values else stored["double_of"],
        **{name: stored[name] for name in ("place", "fate", "verdict", "detail", "replaced")},
    )


def _edited(stored: Mapping[str, Any]) -> ReportNote:
    detail = f"message {stored['message_id']} of the same instant has another text: edited since?"
    row = decode_row(stored["original"], channel=stored["channel"])
    return note_of(stored["place"], row, "edited", detail)


def _problems(
    stored: Mapping[str, Mapping[str, Decimal]], without_message: int, without_row: int
) -> list[str]:
    problems = []
    of_one = stored[PRICES[0]]
    if lost := of_one["rows"] - of_one["signals"]:
        problems.append(f"{lost} kept rows have no signal")
    problems += [
        f"{row['wrong']} signals of kept rows have another {name} than the old table"
        for name, row in stored.items()
        if row["wrong"]
    ]
    if without_message:
        problems.append(f"{without_message} rows have no message in the ledger")
    if without_row:
        problems.append(f"{without_row} messages of the ledger are of an old row that does not say so")
    return problems
