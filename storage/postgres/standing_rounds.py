"""Rounds over the standings: signals whose time has passed, and once a day those that were missed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from storage.postgres.database import Cursor, Database
from storage.postgres.ledger import Ledger
from storage.postgres.standing import day_of, midnight_after
from storage.postgres.standings import Key, Standings, key_of

__all__ = ["LOOK_EVERY_S", "SettledStandings", "StandingRounds"]

#: a day that begins is noticed after at most this time, also when a clock was set
LOOK_EVERY_S: Final = 600.0
#: ids that one round looks through, and signals that it lets expire
_STEP: Final = 20_000
_MOST_DUE: Final = 500

_Found = tuple[list[dict[str, Any]], set[Key]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledStandings:
    """The result of a round. The next one is due after ``again_s``.

    ``commit_number`` is that of the changes, and None without any.
    """

    again_s: float
    commit_number: int | None = None


class StandingRounds:
    """Settles what no writer settles, a part in each round. ``now`` is the database's clock."""

    def __init__(self, database: Database, ledger: Ledger, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._ledger = ledger
        self._now = now
        self._standings = Standings(database.schema)
        self._day: date | None = None
        #: today, the ids up to this one have been looked through; None is all of them
        self._after: int | None = 0

    def settle(self) -> SettledStandings:
        """Settle a part.

        Raises:
            StorageError: the database cannot do it now.
        """
        now = self._now()
        today = day_of(now)
        if today != self._day:
            self._day, self._after = today, 0
        expired = self._write(
            lambda cursor: ([], self._standings.due(cursor, today=today, limit=_MOST_DUE)), today
        )
        if expired is not None:
            return expired
        if self._after is not None:
            return self._look_through(self._after, today) or SettledStandings(again_s=0)
        return SettledStandings(again_s=min(LOOK_EVERY_S, (midnight_after(today) - now).total_seconds()))

    def _look_through(self, after: int, today: date) -> SettledStandings | None:
        upto = after + _STEP

        def find(cursor: Cursor) -> _Found:
            missed = self._standings.missed(cursor, after=after, upto=upto)
            return missed, set(map(key_of, missed))

        def clean(cursor: Cursor) -> int:
            self._standings.drop_left_over(cursor, after=after, upto=upto)
            return self._standings.newest_id(cursor)

        settled = self._write(find, today)
        self._after = upto if self._database.write(clean) > upto else None
        return settled

    def _write(self, find: Callable[[Cursor], _Found], today: date) -> SettledStandings | None:
        def work(cursor: Cursor) -> SettledStandings | None:
            if not any(find(cursor)):
                return None
            number = self._ledger.draw(cursor)
            # only from here on no other transaction changes them
            came, touched = find(cursor)
            self._standings.settle(cursor, came, touched, number=number, today=today)
            return SettledStandings(again_s=0, commit_number=number)

        return self._database.write(work)
