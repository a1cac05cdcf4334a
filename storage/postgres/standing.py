"""The status of a signal on a day: what its channel has said, or that its time has passed.

A day is a day in São Paulo, where the exchange is. Statuses change by themselves only when a day begins there. A
validity covers its whole day. Signals for one session, day trades and scalps, cover the session of their day, or the
next one when they are posted after the close or on a weekend. An exchange's holiday is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import sql

from storage.postgres.current import decisive_event

__all__ = ["PERIOD_COLUMNS", "STATUS", "Standing", "day_of", "standing_of"]

_ZONE = ZoneInfo("America/Sao_Paulo")
# DD/MM is the next such date, or one of the last half year. The day is added to the first of the month, so that no
# date can fail.
_POSTED = "(ts at time zone 'America/Sao_Paulo')"
_VALID_ON = f"""case
    when valid_until ~ '^[0-9][0-9]/(0[1-9]|1[0-2])(/[1-9][0-9][0-9][0-9])?$' then make_date(
        case when length(valid_until) > 5 then right(valid_until, 4)::integer
            else date_part('year', {_POSTED})::integer
                + (substr(valid_until, 4, 2)::integer + 6 < date_part('month', {_POSTED}))::integer end,
        substr(valid_until, 4, 2)::integer, 1) + left(valid_until, 2)::integer - 1 end"""
# nothing trades after 18:30
_NEXT = f"({_POSTED} + interval '5 hours 30 minutes')::date"
_SESSION_ON = f"""case
    when lower(signal_type) in ('day trade', 'scalping')
    then {_NEXT} + case date_part('isodow', {_NEXT}) when 6 then 2 when 7 then 1 else 0 end end"""
#: the last day of a signal's validity, and the day of its session; null where there is none
PERIOD_COLUMNS = sql.SQL(f"{_VALID_ON} as valid_on, {_SESSION_ON} as session_on")
#: the status of a row of tp_capital_signals on the day ``today``; the same as of :func:`standing_of`
STATUS = f"""(
select case
    when ended = 'cancel' then 'cancelled'
    when ended = 'result' then 'stopped'
    when final then 'target_final'
    when furthest is not null then 'target_' || furthest
    when coalesce({_VALID_ON}, {_SESSION_ON}) < %(today)s and (not told or {_SESSION_ON} is not null) then 'expired'
    when told then 'open' else 'waiting' end
from (
    select (array_agg(kind order by event.ts, length(event.message_id), event.message_id, event.position)
            filter (where kind = 'cancel' or kind = 'result' and stop_hit))[1] as ended,
        bool_or(target = 0) filter (where kind = 'result') as final,
        max(target) filter (where kind = 'result') as furthest,
        count(*) > 0 as told
    from {{schema}}.signal_events as event
    where event.channel = tp_capital_signals.channel
        and event.signal_message_id = tp_capital_signals.message_id
        and event.signal_position = tp_capital_signals.position) as said)"""  # noqa: S608 - constants only


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A status, since when it holds, and why.

    ``reason`` is the kind of the event that decided it. Without such an event it is ``posted``, or, of an expired
    signal, ``validity`` or ``session``.
    """

    status: str
    since: datetime
    reason: str


def day_of(instant: datetime) -> date:
    """Return the day of an instant.

    >>> str(day_of(datetime.fromisoformat("2026-11-29T02:59:59Z")))
    '2026-11-28'
    """
    return instant.astimezone(_ZONE).date()


def standing_of(signal: Mapping[str, Any], events: Sequence[Mapping[str, Any]], *, today: date) -> Standing:
    """Return the status of a signal's row on a day, after the rows of its events in order of time.

    The end of its session ends a signal that is open. The end of its validity ends only one of which its channel has
    said nothing: it is the time to enter, and a position that was taken goes on.
    """
    status, event = decisive_event(events)
    valid_on, session_on = signal["valid_on"], signal["session_on"]
    ends_on = valid_on or session_on
    if status == "open" and ends_on and ends_on < today and (event is None or session_on):
        ended = datetime.combine(ends_on + timedelta(days=1), time(), _ZONE)
        reason = "validity" if valid_on else "session"
        # a validity may have passed before the signal was posted
        return Standing(status="expired", since=max(ended, signal["ts"]), reason=reason)
    if event is None:
        return Standing(status="waiting", since=signal["ts"], reason="posted")
    return Standing(status=status, since=event["ts"], reason=event["kind"])
