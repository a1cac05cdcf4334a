"""Rows of signals as plans of trades and as claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from actors.analysis.claims import Claim
from actors.analysis.plan import Period, Plan, Terms
from engine.model import Side
from engine.sessions import midnight_after
from storage.postgres.current import current_of
from storage.postgres.reward_risk import DOUBTFUL
from storage.postgres.standing import period_of
from storage.postgres.stored_readings import StoredReading

__all__ = ["claims_of", "plan_of"]

Row = Mapping[str, Any]

_ALL = Decimal(1)


def plan_of(readings: Sequence[StoredReading], *, kept: timedelta) -> Plan:
    """Return the plan of a signal with its events, from its readings in order. It is followed for the time ``kept``.

    An edit of its message changes the plan from the edit on, as an update of the channel does: nobody could follow it
    before, and who followed the former text holds its position. A reading with a doubtful price moves nothing.

    Updates and cancellations change the plan, and so does a stop that a result moves. Whatever else a result says is a
    claim. A deleted message changes nothing: who has read it holds the position.
    """
    events = readings[-1].row["events"]
    sound = [reading for reading in readings if not _is_doubtful(reading.row)]
    readings = sound or readings[-1:]
    first = readings[0]
    said, followed, terms = first.row, list[Row](), list[Terms]()
    for since, reading, event in _changes(readings, events):
        cancelled = event is not None and event["kind"] == "cancel"
        if reading is not None:
            said = reading.row
        elif event is not None and not cancelled:
            followed.append(event)
        # what was told before the trade could be read holds from then on
        if since < first.since and not cancelled:
            continue
        terms.append(_terms(said, followed, since=max(since, first.since), kept=kept, cancelled=cancelled))
        if cancelled:
            break
    return Plan(
        side=Side(first.row["side"]),
        starts_at=first.since,
        terms=terms,
        period=_period(first.row, kept),
        doubtful=not sound,
    )


def claims_of(row: Row) -> list[Claim]:
    """Return the results that the channel told of a signal, as far as prices can tell the same."""
    targets = len({*row["targets"], row["target_final"]} - {None})
    claims = [
        Claim(at=event["ts"], target=None if event["stop_hit"] else event["target"] or targets)
        for event in row["events"]
        if event["kind"] == "result" and (event["stop_hit"] or event["target"] is not None)
    ]
    return [claim for claim in claims if claim.target is None or 1 <= claim.target <= targets]


def _period(row: Row, kept: timedelta) -> Period:
    valid_on, session_on = period_of(row["ts"], row["signal_type"], row["valid_until"])
    enter_on = valid_on or session_on
    return Period(
        enter_until=midnight_after(enter_on) if enter_on else None,
        close_at=midnight_after(session_on) if session_on else row["ts"] + kept,
    )


def _changes(
    readings: Sequence[StoredReading], events: Sequence[Row]
) -> list[tuple[datetime, StoredReading | None, Row | None]]:
    """Return what changes a trade, in order of time: a reading before what is told at the same instant."""
    told = [event if event["kind"] == "cancel" else _change(event) for event in events]
    changes: list[tuple[datetime, StoredReading | None, Row | None]] = [
        *((reading.since, reading, None) for reading in readings),
        *((event["ts"], None, event) for event in told if event is not None),
    ]
    return sorted(changes, key=lambda change: change[0])


def _is_doubtful(row: Row) -> bool:
    return not DOUBTFUL.isdisjoint(row["warnings"])


def _change(event: Row) -> Row | None:
    """Return what an event tells a trader to do, None if it tells nothing."""
    if event["kind"] == "update":
        return event
    moves = event["new_stop"] is not None or event["breakeven"]
    if event["kind"] != "result" or not moves or event["fraction"] == _ALL or event["stop_hit"]:
        return None
    return {**event, "target": None, "fraction": None, "new_targets": (), "new_entry": None}


def _terms(row: Row, events: Sequence[Row], *, since: datetime, kept: timedelta, cancelled: bool) -> Terms:
    now = current_of(row, events)
    entry = None if now.buy_min is None or now.buy_max is None else (now.buy_min, now.buy_max)
    final = () if now.target_final is None else (now.target_final,)
    return Terms(
        since=since,
        entry=entry,
        targets=(*now.targets, *final),
        stop=now.stop,
        breakeven=now.breakeven,
        held=now.fraction,
        cancelled=cancelled,
        period=_period(row, kept),
    )
