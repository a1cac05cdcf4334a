"""The status of a signal on a day: what its channel has said, or that its time has passed.

Pure functions. A day is a day in São Paulo, where the exchange is. Statuses change by themselves only when a day begins
there. A validity covers its whole day. Signals for one session, day trades and scalps, cover the session of their day,
or the next one when they are posted after the close or on a day without a session.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from engine.sessions import FUTURES_HOURS, day_of, midnight_after, session_from
from storage.postgres.current import decisive_event, is_last_target_reached

__all__ = ["Standing", "day_of", "last_target_of", "midnight_after", "period_of", "standing_of"]

_ENDS = ("target_final", "stopped", "cancelled")
_ONE_SESSION = ("day trade", "scalping")
_DATE = re.compile(r"(0[1-9]|[12][0-9]|3[01])/(0[1-9]|1[0-2])(?:/([1-9][0-9]{3}))?")
#: the rest of a day on which nothing trades any more
_AFTER_THE_CLOSE = timedelta(days=1) - timedelta(hours=FUTURES_HOURS[1].hour, minutes=FUTURES_HOURS[1].minute)
#: a date without a year is the next such date, or one of so many last months
_MONTHS_BACK = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A status, since when it holds, and why.

    ``reason`` is the kind of the event that decided it. Without such an event it is ``posted``, or, of an expired
    signal, ``validity``, ``session`` or ``prices``. ``valid`` says that the signal still counts: it waits, is open, or has reached a target
    that is not its last one, and its time has not passed. After the day ``ends_on`` it does not; None is never.
    """

    status: str
    since: datetime
    reason: str
    valid: bool
    ends_on: date | None = None

    @property
    def columns(self) -> dict[str, Any]:
        """Return it by the columns of a signal's row."""
        return {
            "status": self.status,
            "status_since": self.since,
            "status_reason": self.reason,
            "valid": self.valid,
        }


def period_of(ts: datetime, signal_type: str, valid_until: str | None) -> tuple[date | None, date | None]:
    """Return the last day of a signal's validity, and the day of its session. None is no such day."""
    posted = day_of(ts)
    valid_on = session_on = None
    if match := _DATE.fullmatch(valid_until or ""):
        day, month = int(match[1]), int(match[2])
        year = int(match[3] or posted.year + (month + _MONTHS_BACK < posted.month))
        # the days are counted from the first of the month, so that no date fails
        valid_on = date(year, month, 1) + timedelta(days=day - 1)
    if signal_type.lower() in _ONE_SESSION:
        session_on = session_from(day_of(ts + _AFTER_THE_CLOSE))
    return valid_on, session_on


def last_target_of(signal: Mapping[str, Any]) -> int | None:
    """Return the number of a signal's last target, if that is its final one too."""
    targets = signal["targets"]
    return len(targets) if targets and targets[-1] == signal["target_final"] else None


def standing_of(signal: Mapping[str, Any], events: Sequence[Mapping[str, Any]], *, today: date) -> Standing:
    """Return the standing of a signal on a day, after its events in order of time.

    ``signal`` has the columns of a signal, or its ``ts`` and what :func:`period_of` and :func:`last_target_of` return,
    as ``valid_on``, ``session_on`` and ``last_target``. The end of its session ends a signal that is open or has reached
    a target. The end of its validity ends only one of which its channel has said nothing: it is the time to enter, and a
    position that was taken goes on. A target that was reached stays the status of a signal whose session is over.
    An open signal has also expired at ``priced_out_at``, if it has one: its time has passed by the market's prices.
    """
    status, event = decisive_event(events)
    if "valid_on" in signal:
        valid_on, session_on, last_target = signal["valid_on"], signal["session_on"], signal["last_target"]
    else:
        valid_on, session_on = period_of(signal["ts"], signal["signal_type"], signal["valid_until"])
        last_target = last_target_of(signal)
    valid = status not in _ENDS and not is_last_target_reached(last_target, events)
    ends_on = (valid_on or session_on) if valid and (event is None or session_on) else None
    if ends_on and ends_on < today:
        valid = False
        if status == "open":
            # a validity may have passed before the signal was posted
            since, reason = max(midnight_after(ends_on), signal["ts"]), "validity" if valid_on else "session"
            return Standing(status="expired", since=since, reason=reason, valid=False)
        ends_on = None
    priced_out_at = signal.get("priced_out_at")
    if status == "open" and priced_out_at is not None:
        return Standing(
            status="expired", since=max(priced_out_at, signal["ts"]), reason="prices", valid=False
        )
    if event is None:
        return Standing(status="waiting", since=signal["ts"], reason="posted", valid=True, ends_on=ends_on)
    return Standing(status=status, since=event["ts"], reason=event["kind"], valid=valid, ends_on=ends_on)
