"""The filter of a list by status and by what prices say, in SQL and for a row. List, count, summary and files all use it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["ENDED", "StatusFilter"]

#: the highest number of a target that the grammar reads
_TARGETS = (*(f"target_{number}" for number in range(1, 21)), "target_final")
#: each signal with one of these is valid, and an index has them in the order of a page
_WITHOUT_END = ("waiting", "open")
# the words of the index `signal_standings_running`
_RUNNING = "valid and status not in ('waiting', 'open')"
#: the outcomes of signals that prices have ended
ENDED = ("target", "stopped", "closed", "cancelled", "expired")
# the words of the index `signal_standings_lasting`
_NOT_ENDED = "(outcome is null or outcome not in ('target', 'stopped', 'closed', 'cancelled', 'expired'))"


@dataclass(frozen=True, slots=True)
class StatusFilter:
    """Selects signals by two conditions: what channels say, and what prices say.

    They have one of ``statuses``, or are valid if ``valid`` is set. They have one of ``outcomes``, or prices have not ended
    them if ``not_ended`` is set. A condition of which nothing is given selects all.
    """

    statuses: tuple[str, ...]
    valid: bool
    outcomes: tuple[str, ...] = ()
    not_ended: bool = False

    @classmethod
    def of(cls, words: Iterable[str], outcomes: Iterable[str] = ()) -> StatusFilter | None:
        """Return the filter of an API's words; without any there is none.

        ``target`` is any reached target. Of outcomes, ``ended`` is each that ends a signal.
        """
        given, told = set(words), set(outcomes)
        if not given and not told:
            return None
        statuses = given - {"valid", "target"} | (set(_TARGETS) if "target" in given else set())
        states = told - {"ended", "not_ended"} | (set(ENDED) if "ended" in told else set())
        if "not_ended" in told:
            # the others are among those that have not ended
            states &= set(ENDED)
        return cls(tuple(sorted(statuses)), "valid" in given, tuple(sorted(states)), "not_ended" in told)

    @property
    def condition(self) -> str:
        """The condition for a row of standings."""
        by_status = "(valid or status = any(%(statuses)s))" if self.valid else "status = any(%(statuses)s)"
        return " and ".join(filter(None, (by_status if self._asks_status else "", self._by_outcome)))

    @property
    def branches(self) -> list[str]:
        """Conditions that exclude each other. An index finds each in the order of time."""
        if not self._asks_status:
            names = [f"outcome = %(outcome_{number})s" for number in range(len(self.outcomes))]
            return [*names, _NOT_ENDED] if self.not_ended else names
        if self.valid and self.not_ended and not self.statuses and not self.outcomes:
            return [f"valid and {_NOT_ENDED}"]
        names = [f"status = %(status_{number})s" for number in range(len(self.statuses))]
        if self.valid:
            others = [f"{name} and not valid" for name in names]
            names = [*(f"status = '{status}'" for status in _WITHOUT_END), _RUNNING, *others]
        return [f"{name} and {self._by_outcome}" if self._by_outcome else name for name in names]

    @property
    def values(self) -> dict[str, object]:
        """The values of both, by their placeholders."""
        named = {f"status_{number}": status for number, status in enumerate(self.statuses)}
        named |= {f"outcome_{number}": state for number, state in enumerate(self.outcomes)}
        return {"statuses": list(self.statuses), "outcomes": list(self.outcomes), **named}

    def wants(self, row: Mapping[str, Any]) -> bool:
        """Return whether it selects a signal's row, which has what prices say as ``enriched``."""
        by_status = row["status"] in self.statuses or (self.valid and row["valid"])
        state = row["enriched"]["state"] if row["enriched"] else None
        return bool(by_status or not self._asks_status) and self.fits(state)

    def fits(self, state: str | None) -> bool:
        """Return whether it selects what prices say; None is nothing."""
        wanted = state in self.outcomes or (self.not_ended and state not in ENDED)
        return wanted or not self._by_outcome

    @property
    def _asks_status(self) -> bool:
        return self.valid or bool(self.statuses)

    @property
    def _by_outcome(self) -> str:
        if self.not_ended and self.outcomes:
            return f"({_NOT_ENDED} or outcome = any(%(outcomes)s))"
        return _NOT_ENDED if self.not_ended else "outcome = any(%(outcomes)s)" if self.outcomes else ""
