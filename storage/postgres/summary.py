"""Counts signals for each day and by status, and messages by outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from psycopg import sql

from storage.postgres.database import Cursor, Database
from storage.postgres.page_query import SignalQuery, conditions_of

__all__ = ["DayCount", "Summaries", "Summary", "SummaryQuery"]

#: the most assets in a summary, the most frequent ones
MOST_ASSETS = 200
#: what selects some of the signals of a period
_FILTERS = ("channel", "asset", "signal_type", "side", "status", "outcome", "search", "updated_since")

# The days that are counted, and the first instant. Nothing older than the retention is counted. ``begins`` has the instants
# at which the day changes, from before the first day to the end of the last one, and ``days`` has the day that begins at
# each. The day of an instant is dear, so it is asked only for the quarters of an hour around each midnight: no zone's day
# begins inside one, and a clock that repeats or skips midnight does it by two hours at most.
_PERIOD = """
select first_day, last_day, coalesce(given, first_day::timestamp at time zone %(zone)s) as since, begins, days
from (
    select given, last_day,
        -- a period that begins after its end has no day
        least(coalesce((given at time zone %(zone)s)::date, last_day - %(days)s + 1), last_day + 1) as first_day
    from (
        -- no day before the first year is asked for
        select (greatest(least(%(until)s, now()), '0002-01-01Z') at time zone %(zone)s)::date as last_day,
            case when %(since)s::timestamptz is not null
                then greatest(%(since)s, now() - %(retention)s) end as given) as ends) as period
cross join lateral (
    select array_agg(at order by at) as begins, array_agg(day order by at) as days
    from (
        select at, day, lag(day) over (order by at) as day_before
        from generate_series(0, greatest(last_day - first_day, 0) + 1) as number
        cross join generate_series(-8, 8) as quarter
        cross join lateral (
            select (first_day + number)::timestamp at time zone %(zone)s + quarter * interval '15 minutes' as at) as instants
        cross join lateral (select (at at time zone %(zone)s)::date as day) as its) as quarters
    where day is distinct from day_before) as changes
"""
# The table of standings holds all that is counted, and has no weeks. A search needs the texts too.
_WANTED = """
with wanted as (select ts, side, signal_type, asset, status from {schema}.signal_standings where {condition})
"""
_SEARCHED = """
with wanted as (
    select found.ts, side, signal_type, asset, status
    from (select id, ts, side, signal_type, asset from {schema}.tp_capital_signals where {condition}) as found
    join (select id, status from {schema}.signal_standings where {of_status}) as standing on standing.id = found.id)
"""
# All signals of a day stand together in the index of the newest, which has all columns. So the server reads that index
# alone, one day after another.
_BY_DAY = """
select part, side, signal_type, status, signals
from (
    select part, begins, lead(begins, 1, 'infinity') over (order by begins) as ends
    from unnest(%(begins)s::timestamptz[]) with ordinality as day (begins, part)) as days
cross join lateral (
    select side, signal_type, status, count(*) as signals from wanted where ts >= begins and ts < ends
    group by 1, 2, 3) as of_day
"""
# what filters have found is less, and stands in no order
_FILTERED_BY_DAY = """
select width_bucket(ts, %(begins)s) as part, side, signal_type, status, count(*) as signals
from wanted group by 1, 2, 3, 4
"""
_COUNTS = """
select part, side, signal_type, status, sum(signals)::bigint as signals from ({by_day}) as counted
group by grouping sets ((part, side), (signal_type), (status)) order by signals desc, signal_type, status
"""
# there are too many assets to count them in the same pass
_ASSETS = "select asset, count(*) as signals from wanted group by asset order by 2 desc, 1 limit %(assets)s"
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
select outcome, sum(messages)::bigint as messages from channels cross join lateral (
    select outcome, count(*) as messages from {schema}.ledger as entry
    where entry.channel = channels.channel
        and received_at >= %(since)s and (%(until)s::timestamptz is null or received_at <= %(until)s)
    group by outcome) as entries
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
            filtered = any(getattr(signals, name) for name in _FILTERS)
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
            values |= {"begins": period["begins"], "assets": MOST_ASSETS}
            counts = sql.SQL(_COUNTS).format(by_day=sql.SQL(_FILTERED_BY_DAY if filtered else _BY_DAY))
            by_day, types, outcomes = Counter[tuple[date, str]](), {}, {}
            for row in cursor.execute(wanted + counts, values):
                if row["status"] is not None:
                    outcomes[row["status"]] = row["signals"]
                elif row["signal_type"] is not None:
                    types[row["signal_type"]] = row["signals"]
                else:
                    by_day[period["days"][row["part"] - 1], row["side"]] += row["signals"]
            assets = {
                row["asset"]: row["signals"] for row in cursor.execute(wanted + sql.SQL(_ASSETS), values)
            }
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
                types=types,
                assets=assets,
                newest_message_at=newest["at"] if newest else None,
            )

        return self._database.read(work)

    def _wanted(self, query: SignalQuery, since: datetime) -> tuple[sql.Composed, dict[str, object]]:
        conditions, values = conditions_of(replace(query, after=None), (since, query.until))
        conditions.append("ts > now() - %(retention)s")
        of_status = "true"
        if by_status := query.by_status:
            of_status = by_status.condition
            values |= by_status.values
            conditions += [] if query.search else [of_status]
        values["retention"] = self._retention
        text = sql.SQL(_SEARCHED if query.search else _WANTED)
        return text.format(
            schema=self._schema,
            condition=sql.SQL(" and ".join(conditions)),
            of_status=sql.SQL(of_status),
        ), values
