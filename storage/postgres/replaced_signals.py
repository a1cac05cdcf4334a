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

# Signals whose text an edit has replaced by one without the same trade. What a later version has read otherwise in the same text,
# and the row of another service that has left for its message, were no trades: no edit has replaced their texts.
_REPLACED = """
select replaced.*, 'cancelled' as status, case when former.commit_number = replaced.superseded_by
    then least(former.replaced_at, replaced.superseded_at) else replaced.superseded_at end as written_over_at
from (select {columns}, superseded_at, superseded_by from {schema}.signals_history
    where asset = any(%(assets)s) and ts > now() - %(kept)s) as replaced
join {schema}.ledger as held using (channel, message_id)
join {schema}.message_texts as former on former.channel = replaced.channel and former.message_id = replaced.message_id
    and former.digest = {schema}.text_digest(replaced.raw_message, null) and former.commit_number <= replaced.superseded_by
where not exists (
        select from {schema}.tp_capital_signals as present
        where present.channel = replaced.channel and present.message_id = replaced.message_id and present.ts = held.ts
            and present.commit_number = replaced.superseded_by
            and (present.asset, present.side) = (replaced.asset, replaced.side))
    and not exists (
        select from {schema}.signals_history as following
        where following.channel = replaced.channel and following.message_id = replaced.message_id
            and following.commit_number = replaced.superseded_by
            and (following.asset, following.side) = (replaced.asset, replaced.side))
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
