"""Track records of stored outcomes, whole and by group: for the API and the command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from actors.analysis.claims import Verified
from actors.analysis.market_outcome import Ending
from actors.analysis.record import Judged, TrackRecord, track_record
from engine.sessions import day_of

__all__ = ["Exit", "GroupBy", "Grouped", "grouped_records"]


class Exit(StrEnum):
    """Where a position is sold: all at the first target, all at the final one, or equal parts at each."""

    FIRST = "first"
    FINAL = "final"
    SCALED = "scaled"


class GroupBy(StrEnum):
    """What signals are put together by. A month is that of the posting in São Paulo."""

    CHANNEL = "channel"
    ASSET = "asset"
    TYPE = "type"
    SIDE = "side"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    """The record of all signals, and of each group by its name."""

    total: TrackRecord
    groups: Mapping[str, TrackRecord]
    results: Sequence[Any]


def grouped_records(rows: Sequence[Mapping[str, Any]], *, way_out: Exit, by: GroupBy | None) -> Grouped:
    """Return the records of stored outcomes. Groups come in the order of their names."""
    judged = [(row, _judged(row, way_out)) for row in rows]
    groups: dict[str, list[Judged]] = {}
    for row, one in judged if by else ():
        groups.setdefault(_name(row, by), []).append(one)
    return Grouped(
        total=track_record(one for _, one in judged),
        groups={name: track_record(groups[name]) for name in sorted(groups)},
        results=sorted(one.r for _, one in judged if one.r is not None),
    )


def _judged(row: Mapping[str, Any], way_out: Exit) -> Judged:
    return Judged(
        state=Ending(row["state"]),
        posted_at=row["ts"],
        entered=row["entered_at"] is not None,
        reached=row["reached"],
        r=row[f"{way_out}_r"],
        known_at=row["known_at"],
        claim=None if row["claim"] is None else Verified(row["claim"]),
        key=(row["channel"], row["message_id"], row["position"]),
    )


def _name(row: Mapping[str, Any], by: GroupBy | None) -> str:
    if by is GroupBy.MONTH:
        return f"{day_of(row['ts']):%Y-%m}"
    return str(row["signal_type" if by is GroupBy.TYPE else str(by)])
