"""What a measure finds: one value a round, the goal, and whether it was met."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = ["Figure", "Goal", "in_turn", "quantile", "ratios"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A limit that the median keeps: at least this much, or at most."""

    least: float | None = None
    most: float | None = None

    def met_by(self, value: float) -> bool:
        """Tell whether a value keeps the limit."""
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def __str__(self) -> str:
        limits = (("≥", self.least), ("≤", self.most))
        return " and ".join(f"{sign} {limit:,g}" for sign, limit in limits if limit is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table. ``values`` has one value for each round, in the order they were measured."""

    name: str
    unit: str
    values: tuple[float, ...]
    goal: Goal | None = None

    @property
    def median(self) -> float:
        """The value that is judged."""
        return statistics.median(self.values)

    @property
    def met(self) -> bool | None:
        """Whether the goal was met; None without a goal."""
        return None if self.goal is None else self.goal.met_by(self.median)

    def as_json(self) -> dict[str, Any]:
        """Return the figure for the file."""
        return {
            "name": self.name,
            "unit": self.unit,
            "median": self.median,
            "lowest": min(self.values),
            "highest": max(self.values),
            "rounds": list(self.values),
            "goal": None if self.goal is None else str(self.goal),
            "met": self.met,
        }


def in_turn(rounds: int, works: Mapping[str, Callable[[], T]]) -> dict[str, list[T]]:
    """Do all works, again and again: what disturbs the machine for a while disturbs all of them."""
    found: dict[str, list[T]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            found[name].append(work())
    return found


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, ...]:
    """Return how each round of ours compares with the round of theirs beside it."""
    return tuple(our / their for our, their in zip(ours, theirs, strict=True))


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that this share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
