"""Counts signals for each day and by status, and messages by outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from psycopg import sql

from storage.postgres.database import Cursor, Database
from storage.postgres.page_query import SignalQuery, conditions_of, statuses_of

__all__ = ["DayCount", "Summaries", "Summary", "SummaryQuery"]

#: the most assets in a summary, the most frequent ones
MOST_ASSETS = 200

# the days that are counted, and the first instant. Nothing older than the retention is counted.
_PERIOD = """
select first_day, last_day, coalesce(given, first_day::timestamp at time zone %(zone)s) as since
from (
    select given, last_day, coalesce((given at time zone %(zone)s)::date, last_day - %(days)s + 1) as first_day
    from (
        select (least(%(until)s, now()) at time zone %(zone)s)::date as last_day,
            case when %(since)s::timestamptz is not null
                then greatest(%(since)s, now() - %(retention)s) end as given) as ends) as period
"""
# The table of standings holds all that is counted, and has no weeks. A search needs the texts too.
_WANTED = """
with wanted as (
    select ts, side, signal_type, asset, status from {schema}.signal_standings where {condition})
"""
_SEARCHED = """
with wanted as (
    select found.ts, side, signal_type, asset, status
    from (select id, ts, side, signal_type, asset from {schema}.tp_capital_signals where {condition}) as found
    join (select id, status from {schema}.signal_standings where {of_status}) as standing on standing.id = found.id)
"""
# The day of an instant is dear, so it is asked once for each quarter of an hour: no zone's midnight lies inside one.
_DAYS = """
select (quarter at time zone %(zone)s)::date as day, side, sum(signals)::bigint as signals
from (
    select date_bin('15 minutes', ts, 'epoch') as quarter, side, count(*) as signals from wanted group by 1, 2) as counted
group by 1, 2
"""
_NAMES = """
select grouping(asset) = 1 as of_type, coalesce(asset, signal_type) as name, count(*) as signals
from wanted group by grouping sets ((asset), (signal_type)) order by 3 desc, 2
"""
_OUTCOMES = "select status, count(*) as signals from wanted group by status order by 2 desc, 1"
# The ledger is kept for good. Its index begins with the channel, so the query first finds the few channels, with one
# index look-up for each.
_CHANNELS = """
with recursive channels as (
    (select channel from {schema}.ledger order by channel limit 1)
    union all
    select (select min(ledger.channel) from {schema}.ledger where ledger.channel > channels.channel)
    from channels where channels.channel is not null)
"""
_MESSAGES = """
select outcome, count(*) as messages from channels join {schema}.ledger as entry
    on entry.channel = channels.channel
    and entry.received_at >= %(since)s and (%(until)s::timestamptz is null or entry.received_at <= %(until)s)
where %(channels)s::text[] = '{{}}' or channels.channel = any(%(channels)s)
group by outcome
"""
_NEWEST = """
select max((select max(received_at) from {schema}.ledger where ledger.channel = channels.channel)) as at
from channels
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryQuery:
    """Which signals to count: those of the list of ``signals``, whose limit, order and cursor are not used.

    Without a ``since`` they are those of the last ``days`` days of the time zone ``zone``.
    """

    days: int
    zone: str
    signals: SignalQuery = field(default_factory=SignalQuery)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """The signals of one day in the reader's time zone."""

    day: date
    buy: int
    sell: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Counts of signals and messages from ``since`` to ``until``; None is without an end.

    ``days`` has every day in order. ``outcomes`` counts signals by status. ``types`` and ``assets`` count by name. All
    begin with the most frequent. ``messages`` counts the messages received in this period by outcome, of the query's
    channels. ``newest_message_at`` is when the gateway received the newest message of any channel and outcome.
    """

    since: datetime
    until: datetime | None
    days: tuple[DayCount, ...]
    outcomes: Mapping[str, int]
    messages: Mapping[str, int]
    types: Mapping[str, int]
    assets: Mapping[str, int]
    newest_message_at: datetime | None


class Summaries:
    """Counts in the database. ``retention`` hides older signals, even if they are still stored."""

    def __init__(self, database: Database, *, retention: timedelta) -> None:
        self._database = database
        self._retention = retention
        self._schema = schema = sql.Identifier(database.schema)
        self._messages, self._newest = (
            sql.SQL(_CHANNELS + text).format(schema=schema) for text in (_MESSAGES, _NEWEST)
        )

    def read(self, query: SummaryQuery) -> Summary:
        """Return the counts.

        Raises:
            RowsRefusedError: the database does not know the time zone.
            StorageError: the database cannot be read.
        """

        def work(cursor: Cursor) -> Summary:
            signals = query.signals
            period = cursor.execute(
                _PERIOD,
                {
                    "zone": query.zone,
                    "days": query.days,
                    "since": signals.since,
                    "until": signals.until,
                    "retention": self._retention,
                },
            ).fetchone()
            assert period is not None  # noqa: S101 - a select without a table has one row
            first: date = period["first_day"]
            wanted, values = self._wanted(signals, period["since"])
            values |= {"zone": query.zone}

            def count(text: str) -> Cursor:
                return cursor.execute(wanted + sql.SQL(text), values)

            by_day = Counter[tuple[date, str]]()
            for row in count(_DAYS):
                by_day[row["day"], row["side"]] = row["signals"]
            names = count(_NAMES).fetchall()
            outcomes = {row["status"]: row["signals"] for row in count(_OUTCOMES)}
            received = {"since": period["since"], "until": signals.until, "channels": list(signals.channel)}
            messages = {row["outcome"]: row["messages"] for row in cursor.execute(self._messages, received)}
            newest = cursor.execute(self._newest).fetchone()
            return Summary(
                since=period["since"],
                until=signals.until,
                days=tuple(
                    DayCount(day=day, buy=by_day[day, "buy"], sell=by_day[day, "sell"])
                    for day in (
                        first + timedelta(days=number)
                        for number in range((period["last_day"] - first).days + 1)
                    )
                ),
                outcomes=outcomes,
                messages=messages,
                types={row["name"]: row["signals"] for row in names if row["of_type"]},
                assets=dict(
                    [(row["name"], row["signals"]) for row in names if not row["of_type"]][:MOST_ASSETS]
                ),
                newest_message_at=newest["at"] if newest else None,
            )

        return self._database.read(work)

    def _wanted(self, query: SignalQuery, since: datetime) -> tuple[sql.Composed, dict[str, object]]:
        conditions, values = conditions_of(replace(query, after=None), (since, query.until))
        conditions.append("ts > now() - %(retention)s")
        of_status = "true"
        if statuses := statuses_of(query):
            of_status, values["statuses"] = "status = any(%(statuses)s)", statuses
            conditions += [] if query.search else [of_status]
        values["retention"] = self._retention
        text = sql.SQL(_SEARCHED if query.search else _WANTED)
        return text.format(
            schema=self._schema,
            condition=sql.SQL(" and ".join(conditions)),
            of_status=sql.SQL(of_status),
        ), values
