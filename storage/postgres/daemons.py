"""Which daemons write into this database: two by mistake keep their effects single, and are told of."""

from __future__ import annotations

from psycopg import sql

from storage.postgres.database import Cursor, Database

__all__ = ["GONE_AFTER", "Daemons", "living_daemons"]

#: a daemon that has not shown itself for so long is gone; by the database's clock, like any lease
GONE_AFTER = "30 seconds"

_SHOW = """
insert into {schema}.daemons as known (daemon_id, place) values (%(daemon_id)s, %(place)s)
on conflict (daemon_id) do update set seen_at = now()
"""
# Only who has renewed its lease since ours began is alive: the lease of a daemon that was killed and
# started again stands for a while yet.
_OTHERS = """
select other.place from {schema}.daemons as other
join {schema}.daemons as own on own.daemon_id = %(daemon_id)s
where other.daemon_id <> own.daemon_id and other.seen_at > own.started_at
    and other.seen_at > now() - %(gone_after)s::interval
order by other.place
"""
_LIVING = "select place from {schema}.daemons where seen_at > now() - %s::interval order by place"
_TIDY = "delete from {schema}.daemons where seen_at < now() - interval '1 day'"
_LEAVE = "delete from {schema}.daemons where daemon_id = %(daemon_id)s"


class Daemons:
    """The leases of the daemons. ``place`` tells a person which one it is: host and process id."""

    def __init__(self, database: Database, *, daemon_id: str, place: str) -> None:
        self._database = database
        self._values = {"daemon_id": daemon_id, "place": place, "gone_after": GONE_AFTER}
        schema = sql.Identifier(database.schema)
        self._show, self._others, self._tidy, self._leave = (
            sql.SQL(text).format(schema=schema) for text in (_SHOW, _OTHERS, _TIDY, _LEAVE)
        )

    def beat(self) -> tuple[str, ...]:
        """Renew our lease and return the places of the other daemons that hold one."""

        def work(cursor: Cursor) -> tuple[str, ...]:
            cursor.execute(self._show, self._values)
            cursor.execute(self._tidy)
            return tuple(row["place"] for row in cursor.execute(self._others, self._values))

        return self._database.check(work)

    def leave(self) -> None:
        """Give our lease up."""
        self._database.check(lambda cursor: cursor.execute(self._leave, self._values))


def living_daemons(cursor: Cursor, *, schema: str) -> tuple[str, ...]:
    """Return the places of all daemons that hold a lease, for one who holds none."""
    statement = sql.SQL(_LIVING).format(schema=sql.Identifier(schema))
    return tuple(row["place"] for row in cursor.execute(statement, [GONE_AFTER]))
