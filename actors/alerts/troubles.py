"""Troubles of the system that are told, each once with its beginning and its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from actors.shown.health_report import HealthReport, Status
from actors.shown.snapshots import PollerSnapshot
from actors.shown.telegram_session import session_is_lost
from engine.breaker import BreakerState
from engine.sessions import is_session

__all__ = ["DATABASE", "TroubleWatch", "session_time", "troubles_of"]

GATEWAY, SILENCE, DATABASE, TELEGRAM = "gateway", "silence", "database", "telegram"
#: a trouble is told, and its end, when it has lasted so long: what comes and goes would only disturb
LASTS_S = 60.0
#: when B3 trades, in São Paulo
_ZONE = ZoneInfo("America/Sao_Paulo")
_OPENS, _CLOSES = time(10), time(18)


def session_time(begin: datetime, end: datetime) -> timedelta:
    """Return how much of the time between two instants B3 was trading. More than ten days count as ten.

    >>> friday, monday = datetime(2026, 11, 27, 20, tzinfo=UTC), datetime(2026, 11, 30, 14, tzinfo=UTC)
    >>> str(session_time(friday, monday))
    '2:00:00'
    """
    day = max(begin, end - timedelta(days=10)).astimezone(_ZONE).date()
    total = timedelta()
    while day <= end.astimezone(_ZONE).date():
        if is_session(day):
            opens, closes = (datetime.combine(day, at, _ZONE).astimezone(UTC) for at in (_OPENS, _CLOSES))
            total += max(timedelta(), min(end, closes) - max(begin, opens))
        day += timedelta(days=1)
    return total


def troubles_of(
    report: HealthReport, pollers: Iterable[PollerSnapshot], *, silence_after: timedelta
) -> frozenset[str]:
    """Return the names of the present troubles. ``silence_after`` of zero: silence is none."""
    found = set()
    known = tuple(pollers)
    if any(poller.breaker is not BreakerState.CLOSED for poller in known):
        found.add(GATEWAY)
    newest = [at for poller in known if (at := report.inputs.newest_message_at(poller)) is not None]
    if silence_after and newest and session_time(max(newest), report.inputs.now) >= silence_after:
        found.add(SILENCE)
    database = report.findings.get("timescaledb")
    if database is not None and database.status is Status.UNHEALTHY:
        found.add(DATABASE)
    if session_is_lost(known):
        found.add(TELEGRAM)
    return frozenset(found)


class TroubleWatch:
    """Compares the troubles of each look with those that were told. ``told`` are the latter, with their beginning."""

    def __init__(self, told: Mapping[str, datetime]) -> None:
        self.told = dict(told)
        #: what is otherwise than told: since when, by both clocks
        self._changes: dict[str, tuple[datetime, float]] = {}

    def look(
        self, troubles: Iterable[str], *, now: datetime, now_s: float
    ) -> tuple[dict[str, datetime], dict[str, datetime]]:
        """Return the troubles that are to be told, with their beginning, and those whose end is, with their end."""
        present = frozenset(troubles)
        other = present ^ self.told.keys()
        self._changes = {name: self._changes.get(name, (now, now_s)) for name in other}
        lasting = {name: at for name, (at, at_s) in self._changes.items() if now_s - at_s >= LASTS_S}
        begun = {name: at for name, at in lasting.items() if name in present}
        return begun, {name: at for name, at in lasting.items() if name not in present}

    def tell(self, begun: Mapping[str, datetime], ended: Iterable[str] = ()) -> None:
        """Note what was told."""
        gone = frozenset(ended)
        self.told = {name: at for name, at in {**self.told, **begun}.items() if name not in gone}
        # another change of these begins anew
        self._changes = {name: at for name, at in self._changes.items() if name not in gone | begun.keys()}
