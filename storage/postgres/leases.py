"""Leases: which daemon does a job that one daemon is enough for. The database's clock decides when one ends."""

from __future__ import annotations

from collections.abc import Collection

from psycopg import sql

from storage.postgres.database import Cursor, Database

__all__ = ["LEASE_S", "JobLeases"]

#: how long a lease lasts. With a look each two seconds, the job of a frozen daemon has another holder within 12 s
LEASE_S = 9.0

# One statement, because no connection outlives a transaction in a pooler. Jobs are locked in one order, so two daemons
# cannot wait for each other.
_TAKE = """
insert into {schema}.leases as held (job, daemon_id, until)
select job, %(daemon_id)s, now() + make_interval(secs => %(lasts_s)s) from unnest(%(jobs)s::text[]) as job order by job
on conflict (job) do update set daemon_id = excluded.daemon_id, until = excluded.until,
    since = case when held.daemon_id = excluded.daemon_id then held.since else now() end
where held.daemon_id = excluded.daemon_id or held.until < now()
returning job
"""
_GIVE_BACK = "delete from {schema}.leases where daemon_id = %(daemon_id)s"


class JobLeases:
    """The leases of one daemon."""

    def __init__(self, database: Database, *, daemon_id: str) -> None:
        self._database = database
        self._daemon_id = daemon_id
        schema = sql.Identifier(database.schema)
        self._take, self._give_back = (sql.SQL(text).format(schema=schema) for text in (_TAKE, _GIVE_BACK))

    def take(self, jobs: Collection[str]) -> frozenset[str]:
        """Renew our leases, take those that nobody holds, and return the jobs that we hold now."""
        values = {"daemon_id": self._daemon_id, "jobs": list(jobs), "lasts_s": LEASE_S}

        def work(cursor: Cursor) -> frozenset[str]:
            return frozenset(row["job"] for row in cursor.execute(self._take, values))

        return self._database.check(work)

    def give_back(self) -> None:
        """End our leases, so that another daemon takes the jobs at its next look."""
        values = {"daemon_id": self._daemon_id}
        self._database.check(lambda cursor: cursor.execute(self._give_back, values))
