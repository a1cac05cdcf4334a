"""The daemons of this database. Two of them that do the same work do no harm, and ``/health`` warns of it."""

from __future__ import annotations

from psycopg import sql

from storage.postgres.database import Cursor, Database

__all__ = ["GONE_AFTER", "Daemons", "living_daemons"]

#: a daemon that has not renewed its lease for this long is gone; the database's clock decides
GONE_AFTER = "30 seconds"

# One statement, because it runs every second. A daemon counts only if it has renewed its lease since ours began: after a
# kill and a restart, our own former lease still lasts for a while. Daemons that only serve disturb nobody, and those that
# only ingest share the work. One of role all does all of it, so it disturbs each other one that writes.
_BEAT = """
with own as (
    insert into {schema}.daemons (daemon_id, place, role) values (%(daemon_id)s, %(place)s, %(role)s)
    on conflict (daemon_id) do update set seen_at = now()
    returning started_at
), tidied as (
    delete from {schema}.daemons where seen_at < now() - interval '1 day' and daemon_id <> %(daemon_id)s
)
select other.place from {schema}.daemons as other, own
where other.daemon_id <> %(daemon_id)s and other.seen_at > own.started_at
    and other.seen_at > now() - %(gone_after)s::interval
    and 'all' in (%(role)s, other.role) and 'serve' not in (%(role)s, other.role)
order by other.place
"""
_LIVING = "select place from {schema}.daemons where seen_at > now() - %s::interval order by place"
_LEAVE = "delete from {schema}.daemons where daemon_id = %(daemon_id)s"


class Daemons:
    """The leases of the daemons. ``place`` names this one for people: host and process id."""

    def __init__(self, database: Database, *, daemon_id: str, place: str, role: str = "all") -> None:
        self._database = database
        self._values = {"daemon_id": daemon_id, "place": place, "role": role, "gone_after": GONE_AFTER}
        schema = sql.Identifier(database.schema)
        self._beat, self._leave = (sql.SQL(text).format(schema=schema) for text in (_BEAT, _LEAVE))

    def beat(self) -> tuple[str, ...]:
        """Renew our lease and return the places of the other daemons that hold one and do work of ours, or all of it."""

        def work(cursor: Cursor) -> tuple[str, ...]:
            return tuple(row["place"] for row in cursor.execute(self._beat, self._values))

        return self._database.check(work)

    def leave(self) -> None:
        """Give up our lease."""
        self._database.check(lambda cursor: cursor.execute(self._leave, self._values))


def living_daemons(cursor: Cursor, *, schema: str) -> tuple[str, ...]:
    """Return the places of all daemons that hold a lease. The caller is no daemon."""
    statement = sql.SQL(_LIVING).format(schema=sql.Identifier(schema))
    return tuple(row["place"] for row in cursor.execute(statement, [GONE_AFTER]))
