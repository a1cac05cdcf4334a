"""The present state of a signal: its status, and its stop, targets, entry and size as they hold now.

Pure functions over a signal as posted and its events in order of time. Only a text changes a status (format
catalogue, section 14.2): it reports a stop that was hit, a target that was reached, or a cancellation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

__all__ = ["Current", "current_of", "decisive_event", "is_last_target_reached", "status_of"]

_ALL = Decimal(1)
_NONE = Decimal(0)


@dataclass(slots=True, kw_only=True)
class Current:
    """The values that hold now. Null means unknown.

    ``fraction`` is the part of the position that is still held, from 1 to 0. Each closed part is a fraction of the
    whole position. ``breakeven`` says that the stop stands at the entry; where the entry is a range, ``stop`` is then
    null, since the price that each trader paid is not known.
    """

    status: str
    stop: Decimal | None
    targets: tuple[Decimal, ...]
    target_final: Decimal | None
    buy_min: Decimal | None
    buy_max: Decimal | None
    fraction: Decimal = _ALL
    breakeven: bool = False


def status_of(events: Sequence[Mapping[str, Any]]) -> str:
    """Return the status of a signal: open, target_n, target_final, stopped or cancelled.

    A signal whose message was deleted is cancelled. The furthest target counts. After a stop or a cancellation, later events change nothing.
    """
    return decisive_event(events)[0]


def decisive_event(events: Sequence[Mapping[str, Any]]) -> tuple[str, Mapping[str, Any] | None]:
    """Return the status that the events give a signal, and the first event that gave it. Without events it is None."""
    furthest: int | None = None
    decisive = events[0] if events else None
    for event in events:
        if (ended := _end(event)) is not None:
            return ended, event
        target = event["target"]
        # the final target, 0, is beyond every numbered one
        if event["kind"] != "result" or target is None or furthest == 0:
            continue
        if furthest is None or target == 0 or target > furthest:
            furthest, decisive = target, event
    if furthest is None:
        return "open", decisive
    return f"target_{furthest}" if furthest else "target_final", decisive


def is_last_target_reached(last: int | None, events: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a channel has told that the last target was reached, and has set no further one since.

    ``last`` is the number of the last target as posted, if that is the final one too. Such a signal is over, though its
    channel gave the target's number and did not call it final.
    """
    reached = False
    for event in events:
        named, new, result = event["target"], event["new_targets"], event["kind"] == "result"
        reached = reached or (result and named is not None and last is not None and named >= last)
        if new:
            reached = False
            # as `_move_targets` does
            if result or named is None or len(new) != 1:
                last = len(new)
            elif last is not None and named == last + 1:
                last = named
    return reached


def current_of(signal: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> Current:
    """Return the values of a signal's row that hold now, after the rows of its events in order of time.

    The row has its ``status``.
    """
    now = Current(
        status=signal["status"],
        stop=signal["stop"],
        targets=tuple(signal["targets"]),
        target_final=signal["target_final"],
        buy_min=signal["buy_min"],
        buy_max=signal["buy_max"],
    )
    for event in events:
        if _end(event) is not None:
            now.fraction = _NONE
            break
        _apply(now, event)
    return now


def _end(event: Mapping[str, Any]) -> str | None:
    """Return the final status that an event gives a signal, or None if the signal stays open."""
    if event["kind"] in ("cancel", "deleted"):
        return "cancelled"
    return "stopped" if event["kind"] == "result" and event["stop_hit"] else None


def _apply(now: Current, event: Mapping[str, Any]) -> None:
    if event["fraction"] is not None:
        now.fraction = max(_NONE, now.fraction - event["fraction"])
    result = event["kind"] == "result"
    if event["new_entry"]:
        now.buy_min, now.buy_max = event["new_entry"]
    if event["new_targets"]:
        # the target of a result is the one that was reached, not the one that is changed
        _move_targets(now, event["new_targets"], None if result else event["target"])
    if event["new_stop"] is not None:
        now.stop, now.breakeven = event["new_stop"], False
    elif event["breakeven"] and not (result and event["fraction"] == _ALL):
        # a result that closes everything at the entry leaves nothing to stop
        now.breakeven = True
    if now.breakeven:
        now.stop = now.buy_min if now.buy_min == now.buy_max else None


def _move_targets(now: Current, new: Sequence[Decimal], number: int | None) -> None:
    """Move the one target that the event names, or replace all targets."""
    if number is None or len(new) != 1:
        now.targets, now.target_final = tuple(new), new[-1]
        return
    targets = list(now.targets)
    if number == 0 or number == len(targets):
        targets[-1:] = new
        now.target_final = new[0]
    elif number == len(targets) + 1:
        targets.append(new[0])
        now.target_final = new[0]
    elif number < len(targets):
        targets[number - 1] = new[0]
    now.targets = tuple(targets)
