"""The role for migrations: whether it can connect, uses the same database, and has the rights of ``migrate``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import psycopg

from ops.doctor.connection import CheckConnection, refusal
from ops.doctor.context import CheckContext
from ops.doctor.findings import CheckResult, fail, ok, skipped
from storage.postgres.connect_failures import setting_of
from storage.postgres.migration_rights import look_at_rights

__all__ = ["examine_migration"]

_SETTING: Final = "TP_CAPITAL_MIGRATION_DATABASE_URL"
_CONNECTION, _TARGET, _RIGHTS = "migration.connection", "migration.target", "migration.rights"
#: identifies a server and a database even behind a pooler or proxy, where names and addresses may differ
_IDENTITY = "select pg_postmaster_start_time() as started, (select oid from pg_database where datname = current_database())"


def examine_migration(around: CheckContext) -> Iterator[CheckResult]:
    """Connect as the owner's role. Without one in the settings, the engine's own role migrates."""
    settings = around.settings.database
    own = settings.migration_url is None
    if own:
        yield skipped(_CONNECTION, f"{_SETTING} is not set: the engine's own role migrates")
        yield skipped(_TARGET, "the same connection")
    try:
        with CheckConnection.connected(around, settings.migration_conninfo) as asker:
            if not own:
                info = asker.connection.info
                yield ok(
                    _CONNECTION, f"{info.host or 'local socket'}:{info.port}/{info.dbname} as {info.user}"
                )
                yield asker.check(_TARGET, _check_target)
            yield asker.check(_RIGHTS, _check_rights)
    except psycopg.Error as error:
        if not own:
            yield refusal(_CONNECTION, error, setting=_SETTING)
            yield skipped(_TARGET, "no connection")
        yield skipped(_RIGHTS, "no connection")


def _check_target(name: str, asker: CheckConnection) -> CheckResult:
    theirs = asker.row(_IDENTITY)
    try:
        with CheckConnection.connected(asker.around) as engine:
            ours = engine.row(_IDENTITY)
    except psycopg.Error:
        return skipped(name, "the engine itself cannot connect")
    if theirs == ours:
        return ok(name, "the engine's database")
    return fail(
        name,
        f"{_SETTING} names another database than the engine uses",
        f"use the same host, port and name in {_SETTING} and {setting_of('address')}",
    )


def _check_rights(name: str, asker: CheckConnection) -> CheckResult:
    settings = asker.around.settings.database
    rights = asker.run(lambda cursor: look_at_rights(cursor, settings.schema_name))
    if not rights.lacking:
        return ok(name, f"{rights.role} may migrate")
    found = f"{rights.role} {', '.join(rights.lacking)}"
    if settings.migration_url is None:
        # this is fine unless a migration is pending, and database.schema checks that
        return ok(name, f"{found}: migrating to a newer release needs an owner's role ({_SETTING})")
    return fail(
        name,
        found,
        f"use the owner's role in {_SETTING}, or grant the rights: {' '.join(rights.remedies)}",
    )
