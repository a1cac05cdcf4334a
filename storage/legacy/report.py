"""What has become of the old rows: counts and exact sums of both sides, and what a person should look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from psycopg import sql

from storage.legacy.rows import NUMBER, PRICES
from storage.postgres.database import Cursor, Database
from storage.postgres.ledger_rows import LEGACY_PREFIX

__all__ = ["Comparison", "FateTotal", "LegacyReport", "ReportNote", "report"]

_SLICE = 5000
_SUMS = ", ".join(
    f"coalesce(sum(case when original->>'{name}' ~ '{NUMBER}' then (original->>'{name}')::numeric end), 0) as {name}"
    for name in PRICES
)
_FATES = f"""
select fate, count(*) as rows, count(replaced_at) as replaced, {_SUMS} from {{schema}}.legacy_rows group by fate
"""  # noqa: S608 - our own words
_LAST = "select coalesce(max(place), 0) as place from {schema}.legacy_rows"
_VERDICTS = """
select verdict, count(*) as rows from {schema}.legacy_rows where fate in ('kept', 'expired') group by verdict
"""

# Each kept row beside its signal, price by price. Left out is what may rightly differ: a message that has been read
# again since, and what retention has dropped. In slices, and by whole keys: right after taking a hundred thousand
# rows the server has no statistics of them, and would choose plans of quadratic time.
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

_VALUES = ("asset", *PRICES)
_NOTES = f"""
with message as materialized (
    select channel, date_trunc('milliseconds', coalesce(telegram_date, ts)) as sent_at, message_id
    from {{schema}}.ledger where not starts_with(message_id, %(prefix)s))
select place, legacy_id, coalesce(channel, '') as channel, coalesce(original->>'asset', '') as asset, 'reading' as what, detail
from {{schema}}.legacy_rows where fate in ('kept', 'expired') and verdict = 'legacy_reading'
union all
select place, legacy_id, coalesce(channel, ''), coalesce(original->>'asset', ''), 'refused', detail
from {{schema}}.legacy_rows where fate = 'refused'
union all
select other.place, other.legacy_id, other.channel, coalesce(other.original->>'asset', ''), 'double',
    'not taken, the same text at the same instant as row ' || first.legacy_id || ', with other values'
from {{schema}}.legacy_rows as other join {{schema}}.legacy_rows as first on first.legacy_id = other.double_of
where other.fate = 'double' and ({", ".join(f"other.original->'{name}'" for name in _VALUES)})
    is distinct from ({", ".join(f"first.original->'{name}'" for name in _VALUES)})
union all
select distinct on (old.place) old.place, old.legacy_id, old.channel, coalesce(old.original->>'asset', ''), 'edited',
    'message ' || message.message_id || ' of the same instant has another text: edited since?'
from {{schema}}.legacy_rows as old
join message on message.channel = old.channel and message.sent_at = old.sent_at
where old.fate = 'kept'
order by what, place
"""  # noqa: S608 - our own words


@dataclass(frozen=True, slots=True, kw_only=True)
class FateTotal:
    """The rows of one fate, ``replaced`` of them by a message that came after them; sums of their old prices."""

    rows: int
    replaced: int
    sums: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One column of prices over the kept rows: what the old table says, what is stored."""

    column: str
    old: Decimal
    stored: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportNote:
    """A row that a person should look at; ``what``: reading, refused, double or edited."""

    #: its rank in the order in which rows were taken
    place: int
    legacy_id: str
    channel: str
    asset: str
    what: str
    detail: str

    def __str__(self) -> str:
        return f"{self.what:<8} row {self.legacy_id} {self.channel} {self.asset}: {self.detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyReport:
    """All of it. ``verdicts`` count kept and expired rows; ``problems`` is what must not be, empty as a rule."""

    fates: Mapping[str, FateTotal]
    verdicts: Mapping[str, int]
    comparisons: tuple[Comparison, ...]
    notes: tuple[ReportNote, ...]
    problems: tuple[str, ...]

    @property
    def rows(self) -> int:
        """The number of all rows."""
        return sum(total.rows for total in self.fates.values())


def report(database: Database, *, retention: timedelta) -> LegacyReport:
    """Return what stands in the database. Looks through all of it, in many short transactions."""
    schema = sql.Identifier(database.schema)
    values = {"retention": retention, "prefix": LEGACY_PREFIX}

    def ask(text: str, **more: int) -> list[dict[str, Any]]:
        statement = sql.SQL(text).format(schema=schema)

        def work(cursor: Cursor) -> list[dict[str, Any]]:
            return cursor.execute(statement, values | more).fetchall()

        # nothing is written; that lane's deadline is the longer one
        return database.write(work)

    stored = {name: dict.fromkeys(("rows", "signals", "old", "new", "wrong"), Decimal(0)) for name in PRICES}
    without_message = 0
    for after in range(0, int(ask(_LAST)[0]["place"]), _SLICE):
        for row in ask(_STORED, after=after, until=after + _SLICE):
            totals = stored[row["name"]]
            for key in totals:
                totals[key] += row[key]
        without_message += ask(_WITHOUT_MESSAGE, after=after, until=after + _SLICE)[0]["rows"]
    return LegacyReport(
        fates={
            row["fate"]: FateTotal(
                rows=row["rows"], replaced=row["replaced"], sums={name: row[name] for name in PRICES}
            )
            for row in ask(_FATES)
        },
        verdicts={row["verdict"]: row["rows"] for row in ask(_VERDICTS)},
        comparisons=tuple(
            Comparison(column=name, old=totals["old"], stored=totals["new"])
            for name, totals in stored.items()
            if totals["rows"]
        ),
        notes=tuple(ReportNote(**row) for row in ask(_NOTES)),
        problems=tuple(_problems(stored, without_message, ask(_WITHOUT_ROW)[0]["rows"])),
    )


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
