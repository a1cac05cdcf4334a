"""Second looks that are due. They are stored, so another daemon can make them if the one that owes them dies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from storage.postgres.daemons import GONE_AFTER
from storage.postgres.database import Cursor, Database

__all__ = ["Promise", "SecondLooks"]

# One row for each channel and daemon covers every look it owes. It is written before the gateway marks a message.
_PROMISE = """
insert into {schema}.second_looks as known (channel, daemon_id, received_from, received_until)
values (%(channel)s, %(daemon_id)s, %(since)s, %(until)s)
on conflict (channel, daemon_id) do update set
    received_from = least(known.received_from, excluded.received_from),
    received_until = greatest(known.received_until, excluded.received_until)
"""
_PROMISED = """
select daemon_id, received_from, received_until,
    daemon_id <> %(daemon_id)s and promised_at < now() - %(gone_after)s::interval and not exists (
        select from {schema}.daemons
        where daemons.daemon_id = second_looks.daemon_id and seen_at > now() - %(gone_after)s::interval
    ) as orphaned
from {schema}.second_looks where channel = %(channel)s
"""
_END = "delete from {schema}.second_looks where channel = %(channel)s and daemon_id = %(daemon_id)s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A span of receipt times that a daemon must look at. ``orphaned``: that daemon is gone. ``own``: it is this one."""

    owner: str
    since: datetime
    until: datetime
    own: bool
    orphaned: bool


class SecondLooks:
    """The second looks that are due in this database. ``daemon_id`` names this daemon."""

    def __init__(self, database: Database, *, daemon_id: str) -> None:
        self._database = database
        self._values = {"daemon_id": daemon_id, "gone_after": GONE_AFTER}
        schema = sql.Identifier(database.schema)
        self._promise, self._promised, self._end = (
            sql.SQL(text).format(schema=schema) for text in (_PROMISE, _PROMISED, _END)
        )

    def promise(self, channel: str, since: datetime, until: datetime) -> None:
        """Store that we must look at messages received in this span, besides the spans that are due already."""
        values = self._values | {"channel": channel, "since": since, "until": until}
        self._database.write(lambda cursor: cursor.execute(self._promise, values))

    def keep(self, channel: str) -> None:
        """Store that we have made all looks that were due."""
        self._database.write(lambda cursor: cursor.execute(self._end, self._values | {"channel": channel}))

    def settle(self, channel: str, owner: str) -> None:
        """Store that we have made the looks of a daemon that is gone."""
        values = {"channel": channel, "daemon_id": owner}
        self._database.write(lambda cursor: cursor.execute(self._end, values))

    def promised(self, channel: str) -> tuple[Promise, ...]:
        """Return the looks that are due, of this daemon and of others."""

        def work(cursor: Cursor) -> tuple[Promise, ...]:
            rows = cursor.execute(self._promised, self._values | {"channel": channel})
            return tuple(
                Promise(
                    owner=row["daemon_id"],
                    since=row["received_from"],
                    until=row["received_until"],
                    own=row["daemon_id"] == self._values["daemon_id"],
                    orphaned=row["orphaned"],
                )
                for row in rows
            )

        return self._database.read(work)
