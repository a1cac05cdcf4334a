"""Signals that their channel has written over: who had read them holds the position, so prices judge them too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from psycopg import sql
from psycopg.rows import dict_row

from storage.postgres.database import Database
from storage.postgres.signals import SIGNAL_COLUMNS

__all__ = ["ReplacedSignals"]

# The ledger has told which ones these are when it moved them (storage/postgres/superseded.py).
_REPLACED = """
select {columns}, written_over_at, 'cancelled' as status from {schema}.signals_history
where asset = any(%(assets)s) and ts > now() - %(kept)s and written_over_at is not null
order by id
"""


class ReplacedSignals:
    """Reads them. All calls may raise ``StorageError``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._replaced = sql.SQL(_REPLACED).format(
            schema=sql.Identifier(database.schema), columns=SIGNAL_COLUMNS
        )

    def of(self, assets: Sequence[str], *, kept: timedelta) -> list[Mapping[str, Any]]:
        """Return the rows of signals of these assets that are not older than ``kept``.

        Writing over a signal cancels it at that instant: it is the one event that each row has.
        """
        rows = self._database.ask(
            self._replaced, {"assets": list(assets), "kept": kept}, dict_row, quick=True
        )
        return [{**row, "events": ({"kind": "cancel", "ts": row["written_over_at"]},)} for row in rows]
