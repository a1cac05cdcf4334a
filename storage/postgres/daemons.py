"""The daemons of this database. Two of them that do the same work do no harm, and ``/health`` warns of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from storage.postgres.database import Cursor, Database

__all__ = ["GONE_AFTER", "DaemonAtWork", "Daemons", "daemons_at_work", "living_daemons"]

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
_LIVING = """
select place from {schema}.daemons where seen_at > now() - %s::interval and role = 'all' order by place
"""
_LEAVE = "delete from {schema}.daemons where daemon_id = %(daemon_id)s"
# A daemon of role all needs no lease: it does every job itself.
_AT_WORK = """
select place, role, started_at, seen_at, case when role = 'all' then %(jobs)s else array(
    select job from {schema}.leases where leases.daemon_id = daemons.daemon_id and until > now() order by job
) end as jobs
from {schema}.daemons where seen_at > now() - %(gone_after)s::interval order by role, place
"""
_UNDONE = """
select job from unnest(%(jobs)s::text[]) as job
where not exists (select from {schema}.leases where leases.job = job.job and until > now()) and not exists (
    select from {schema}.daemons where role = 'all' and seen_at > now() - %(gone_after)s::interval
) order by job
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonAtWork:
    """A living daemon: where it runs, what it is for, when it last said that it lives, and the jobs that it does."""

    place: str
    role: str
    started_at: datetime
    seen_at: datetime
    jobs: tuple[str, ...]


class Daemons:
    """The leases of the daemons. ``place`` names this one for people: host and process id."""

    def __init__(self, database: Database, *, daemon_id: str, place: str, role: str = "all") -> None:
        self._database = database
        self._values = {"daemon_id": daemon_id, "place": place, "role": role, "gone_after": GONE_AFTER}
        schema = sql.Identifier(database.schema)
        self._beat, self._leave, self._undone = (
            sql.SQL(text).format(schema=schema) for text in (_BEAT, _LEAVE, _UNDONE)
        )

    def beat(self) -> tuple[str, ...]:
        """Renew our lease and return the places of the other daemons that hold one and do work of ours, or all of it."""

        def work(cursor: Cursor) -> tuple[str, ...]:
            return tuple(row["place"] for row in cursor.execute(self._beat, self._values))

        return self._database.check(work)

    def undone(self, jobs: Collection[str]) -> tuple[str, ...]:
        """Return those of ``jobs`` that no living daemon does."""
        values = {"jobs": list(jobs), "gone_after": GONE_AFTER}
        return self._database.check(
            lambda cursor: tuple(row["job"] for row in cursor.execute(self._undone, values))
        )

    def leave(self) -> None:
        """Give up our lease."""
        self._database.check(lambda cursor: cursor.execute(self._leave, self._values))


def living_daemons(cursor: Cursor, *, schema: str) -> tuple[str, ...]:
    """Return the places of all daemons that hold a lease and do everything. The caller is no daemon."""
    statement = sql.SQL(_LIVING).format(schema=sql.Identifier(schema))
    return tuple(row["place"] for row in cursor.execute(statement, [GONE_AFTER]))


def daemons_at_work(database: Database, jobs: Collection[str]) -> tuple[DaemonAtWork, ...]:
    """Return the living daemons. ``jobs`` are all that there are."""
    statement = sql.SQL(_AT_WORK).format(schema=sql.Identifier(database.schema))
    values = {"jobs": sorted(jobs), "gone_after": GONE_AFTER}

    def work(cursor: Cursor) -> tuple[DaemonAtWork, ...]:
        rows = cursor.execute(statement, values)
        return tuple(DaemonAtWork(**{**row, "jobs": tuple(row["jobs"])}) for row in rows)

    return database.read(work)
