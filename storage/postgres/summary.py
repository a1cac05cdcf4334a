"""Counts signals for each day and by status, and messages by outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from psycopg import sql

from storage.postgres.current import status_of
from storage.postgres.database import Cursor, Database

__all__ = ["DayCount", "Summaries", "Summary"]

#: the most assets in a summary, the most frequent ones
MOST_ASSETS = 200

_FIRST_DAY = "select (now() at time zone %(zone)s)::date - %(days)s + 1 as first_day"
# %(first)s is midnight of the first day in the reader's time zone
_WANTED = """
with wanted as (
    select channel, message_id, position, ts, side, signal_type, asset from {schema}.tp_capital_signals
    where ts > now() - %(retention)s and ts >= %(first)s::timestamp at time zone %(zone)s)
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
# Each signal's events become one short text, in their order. There are few different texts, however many signals there
# are. Only status_of decides what such a text means.
_STORIES = """,
stories as (
    select string_agg(
        case when kind = 'cancel' then 'c' when stop_hit then 's' when target is not null then 't' || target end,
        ' ' order by event.ts, length(event.message_id), event.message_id, event.position) as story
    from wanted join {schema}.signal_events as event on event.channel = wanted.channel
        and event.signal_message_id = wanted.message_id and event.signal_position = wanted.position
    where event.kind in ('cancel', 'result')
    group by wanted.channel, wanted.message_id, wanted.position)
select story, count(*) as signals from stories where story is not null group by story
"""
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
    and entry.received_at >= %(first)s::timestamp at time zone %(zone)s
group by outcome
"""
_NEWEST = """
select max((select max(received_at) from {schema}.ledger where ledger.channel = channels.channel)) as at
from channels
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """The signals of one day in the reader's time zone."""

    day: date
    buy: int
    sell: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Counts of the last days, including today.

    ``days`` has every day in order. ``outcomes`` counts signals by status (``status_of``). ``types`` and ``assets``
    count by name, the most frequent first. ``messages`` counts all messages received in these days by outcome.
    ``newest_message_at`` is when the gateway received the newest message of any outcome.
    """

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
        schema = sql.Identifier(database.schema)
        wanted, days, names, stories, channels, messages, newest = (
            sql.SQL(text).format(schema=schema)
            for text in (_WANTED, _DAYS, _NAMES, _STORIES, _CHANNELS, _MESSAGES, _NEWEST)
        )
        self._days, self._names, self._stories = wanted + days, wanted + names, wanted + stories
        self._messages, self._newest = channels + messages, channels + newest

    def read(self, *, days: int, zone: str) -> Summary:
        """Return the counts of the last ``days`` days of the time zone ``zone``, for instance America/Sao_Paulo.

        Raises:
            RowsRefusedError: the database does not know this zone.
            StorageError: the database cannot be read.
        """

        def work(cursor: Cursor) -> Summary:
            row = cursor.execute(sql.SQL(_FIRST_DAY), {"zone": zone, "days": days}).fetchone()
            assert row is not None  # noqa: S101 - a select without a table has one row
            first: date = row["first_day"]
            values = {"retention": self._retention, "first": first, "zone": zone}
            by_day = Counter[tuple[date, str]]()
            for count in cursor.execute(self._days, values):
                by_day[count["day"], count["side"]] = count["signals"]
            told = cursor.execute(self._stories, values).fetchall()
            names = cursor.execute(self._names, values).fetchall()
            messages = {row["outcome"]: row["messages"] for row in cursor.execute(self._messages, values)}
            newest = cursor.execute(self._newest).fetchone()
            return Summary(
                days=tuple(
                    DayCount(day=day, buy=by_day[day, "buy"], sell=by_day[day, "sell"])
                    for day in (first + timedelta(days=number) for number in range(days))
                ),
                outcomes=_outcomes(by_day.total(), {row["story"]: row["signals"] for row in told}),
                messages=messages,
                types={row["name"]: row["signals"] for row in names if row["of_type"]},
                assets=dict(
                    [(row["name"], row["signals"]) for row in names if not row["of_type"]][:MOST_ASSETS]
                ),
                newest_message_at=newest["at"] if newest else None,
            )

        return self._database.read(work)


def _outcomes(signals: int, told: Mapping[str, int]) -> dict[str, int]:
    """Return how many of ``signals`` have each status. Signals without events are open.

    >>> _outcomes(9, {"t1 t2": 3, "t1 s": 2})
    {'target_2': 3, 'stopped': 2, 'open': 4}
    """
    outcomes = Counter[str]()
    for story, count in told.items():
        outcomes[status_of([_event(word) for word in story.split()])] += count
    outcomes["open"] += signals - sum(told.values())
    return dict(outcomes)


def _event(word: str) -> dict[str, object]:
    """Return the event of a text, in the form that ``status_of`` needs."""
    return {
        "kind": "cancel" if word == "c" else "result",
        "stop_hit": word == "s",
        "target": int(word[1:]) if word.startswith("t") else None,
    }
