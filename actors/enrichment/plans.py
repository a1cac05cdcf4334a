"""Rows of signals as plans of trades and as claims."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from actors.analysis.claims import Claim
from actors.analysis.plan import Plan, Terms
from engine.model import Side
from engine.sessions import midnight_after
from storage.postgres.current import current_of
from storage.postgres.reward_risk import DOUBTFUL
from storage.postgres.standing import period_of

__all__ = ["claims_of", "plan_of"]

Row = Mapping[str, Any]

_ALL = Decimal(1)


def plan_of(row: Row, *, kept: timedelta) -> Plan:
    """Return the plan of a signal's row with its events. It is followed for the time ``kept``.

    Updates and cancellations change the plan, and so does a stop that a result moves. Whatever else a result says is a
    claim. A deleted message changes nothing: who has read it holds the position.
    """
    valid_on, session_on = period_of(row["ts"], row["signal_type"], row["valid_until"])
    followed: list[Row] = []
    terms = [_terms(row, followed)]
    for event in row["events"]:
        if event["kind"] == "cancel":
            terms.append(_terms(row, followed, since=event["ts"], cancelled=True))
            break
        if (change := _change(event)) is not None:
            followed.append(change)
            terms.append(_terms(row, followed, since=event["ts"]))
    enter_on = valid_on or session_on
    return Plan(
        side=Side(row["side"]),
        posted_at=row["ts"],
        terms=terms,
        enter_until=midnight_after(enter_on) if enter_on else None,
        close_at=midnight_after(session_on) if session_on else row["ts"] + kept,
        doubtful=not DOUBTFUL.isdisjoint(row["warnings"]),
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


def _change(event: Row) -> Row | None:
    """Return what an event tells a trader to do, None if it tells nothing."""
    if event["kind"] == "update":
        return event
    moves = event["new_stop"] is not None or event["breakeven"]
    if event["kind"] != "result" or not moves or event["fraction"] == _ALL or event["stop_hit"]:
        return None
    return {**event, "target": None, "fraction": None, "new_targets": (), "new_entry": None}


def _terms(row: Row, events: list[Row], *, since: Any = None, cancelled: bool = False) -> Terms:
    now = current_of(row, events)
    entry = None if now.buy_min is None or now.buy_max is None else (now.buy_min, now.buy_max)
    final = () if now.target_final is None else (now.target_final,)
    return Terms(
        since=row["ts"] if since is None else since,
        entry=entry,
        targets=(*now.targets, *final),
        stop=now.stop,
        breakeven=now.breakeven,
        held=now.fraction,
        cancelled=cancelled,
    )
