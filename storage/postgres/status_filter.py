"""The filter of a list by status, in SQL and for a row. List, count, summary and files all use it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["StatusFilter"]

#: the highest number of a target that the grammar reads
_TARGETS = (*(f"target_{number}" for number in range(1, 21)), "target_final")
#: each signal with one of these is valid, and an index has them in the order of a page
_WITHOUT_END = ("waiting", "open")
# the words of the index `signal_standings_running`
_RUNNING = "valid and status not in ('waiting', 'open')"


@dataclass(frozen=True, slots=True)
class StatusFilter:
    """Selects signals that have one of ``statuses``, or that are valid if ``valid`` is set."""

    statuses: tuple[str, ...]
    valid: bool

    @classmethod
    def of(cls, words: Iterable[str]) -> StatusFilter | None:
        """Return the filter of an API's words; without any there is none. ``target`` is any reached target."""
        given = set(words)
        statuses = given - {"valid", "target"} | (set(_TARGETS) if "target" in given else set())
        return cls(tuple(sorted(statuses)), "valid" in given) if given else None

    @property
    def condition(self) -> str:
        """The condition for a row of standings."""
        return "(valid or status = any(%(statuses)s))" if self.valid else "status = any(%(statuses)s)"

    @property
    def branches(self) -> list[str]:
        """Conditions that exclude each other. An index finds each in the order of time."""
        names = [f"status = %(status_{number})s" for number in range(len(self.statuses))]
        if not self.valid:
            return names
        others = [f"{name} and not valid" for name in names]
        return [*(f"status = '{status}'" for status in _WITHOUT_END), _RUNNING, *others]

    @property
    def values(self) -> dict[str, object]:
        """The values of both, by their placeholders."""
        named = {f"status_{number}": status for number, status in enumerate(self.statuses)}
        return {"statuses": list(self.statuses), **named}

    def wants(self, row: Mapping[str, Any]) -> bool:
        """Return whether it selects a signal's row."""
        return row["status"] in self.statuses or (self.valid and row["valid"])
