"""The database checks of ``/health``: whether readers can read, and whether they recently did."""

from __future__ import annotations

from typing import Final

from psycopg import sql

from storage.errors import DatabaseMisconfiguredError
from storage.postgres.channels import CHANNEL_COLUMNS
from storage.postgres.database import Database
from storage.postgres.signals import EVENT_COLUMNS, SIGNAL_COLUMNS

__all__ = ["DatabaseProbe"]

#: how long a reader's failure is shown: there may be few readers, but ten seconds after a failover health is right
_TOLD_S: Final = 7.0
_REMEDY: Final = (
    "a table, column or right is missing: `tp-capital doctor` names it, `tp-capital migrate` as the owner gives"
    " the engine's role its rights again"
)
# this reads no row, but it uses each right and column that readers need, by their own lists of columns
_READABLE = """
select from (select {columns} from {schema}.tp_capital_signals where false) as signals,
    (select {columns}, superseded_by, superseded_at
        from {schema}.signals_history as tp_capital_signals where false) as history,
    (select {event_columns} from {schema}.signal_events where false) as events,
    (select id, ts, told, status, since, reason, valid, updated_at from {schema}.signal_standings where false) as standings,
    (select {channel_columns} from {schema}.channels where false) as channels
"""


class DatabaseProbe:
    """Uses the probe's pool, which no other call can keep busy."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._readable = sql.SQL(_READABLE).format(
            columns=SIGNAL_COLUMNS,
            event_columns=EVENT_COLUMNS,
            channel_columns=sql.SQL(CHANNEL_COLUMNS),
            schema=sql.Identifier(database.schema),
        )

    def look(self) -> None:
        """Run a query that needs all that readers need.

        Raises:
            StorageError: readers cannot be served; the text has the reason and the remedy.
        """
        try:
            self._database.check(lambda cursor: cursor.execute(self._readable))
        except DatabaseMisconfiguredError as error:
            raise DatabaseMisconfiguredError(f"readers cannot read: {error} ({_REMEDY})") from error

    def readers_trouble(self) -> str | None:
        """Return why a recent read failed, or None if none did."""
        return self._database.reading_failed_within(_TOLD_S)

    def machine_ahead_s(self) -> float | None:
        """Return by how many seconds this machine's clock is ahead of the database's; None while unknown."""
        return self._database.clock.machine_ahead_s()

    def write_runs_s(self) -> float:
        """Return how long the oldest running write has run."""
        return self._database.stats()["write"].longest_s
