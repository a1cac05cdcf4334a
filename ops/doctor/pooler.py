"""The pooler or proxy between us and the server: whether it pools by transaction, and the connection limits."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

import psycopg

from ops.doctor.connection import CheckConnection, NoAnswerError
from ops.doctor.context import CheckContext
from ops.doctor.findings import CheckResult, fail, ok, skipped, warn
from storage.postgres.database import Cursor

__all__ = ["examine_pooler"]

_MODE, _CONNECTIONS = "pooler.mode", "pooler.connections"
_TRIES: Final = 10
_REMEDY = "set pool_mode = transaction in pgbouncer.ini, for the database and the user too, and reload it"
#: some connections are reserved for superusers and pg_use_reserved_connections (reserved_connections: PostgreSQL 16)
_ALLOWED = """
select least(
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true)::int, 0),
    nullif((select rolconnlimit from pg_roles where rolname = current_user), -1),
    nullif((select datconnlimit from pg_database where datname = current_database()), -1)
) as allowed
"""


def examine_pooler(around: CheckContext) -> Iterator[CheckResult]:
    """Test the behaviour, because a pooler does not report its mode and limits to an ordinary role."""
    try:
        with CheckConnection.connected(around) as asker:
            between = _something_between(asker)
            yield asker.check(_CONNECTIONS, _check_pooler_limit if between else _check_server_limit)
            yield (
                asker.check(_MODE, _check_mode)
                if between
                else ok(_MODE, "no pooler: the connection goes directly to the server")
            )
    except (psycopg.Error, NoAnswerError) as error:
        # database.connection reports why there is no connection
        why = "no answer" if isinstance(error, NoAnswerError) else "no connection to the database"
        yield from (skipped(name, why) for name in (_CONNECTIONS, _MODE))


def _backend(asker: CheckConnection) -> int:
    """Return the id of the server process for this transaction."""
    return int(asker.row("select pg_backend_pid() as pid")["pid"])


def _something_between(asker: CheckConnection) -> bool:
    """Return whether a pooler or proxy is between us and the server."""
    row = asker.row("select pg_backend_pid() as pid, inet_client_port() as port")
    # A pooler gives its clients a process id of its own. A TCP proxy passes the server's id on, so compare ports too.
    return bool(row["pid"] != asker.connection.info.backend_pid or row["port"] != asker.peer().own_port)


def _check_mode(name: str, first: CheckConnection) -> CheckResult:
    """Find the pool mode with two connections: one is idle while the other runs a query."""
    own = _backend(first)
    try:
        with CheckConnection.connected(first.around) as second:
            for _ in range(_TRIES):
                # By default the pooler reuses the server connection that was returned last. With
                # server_round_robin or a short server_lifetime it changes with each query, which never happens in a
                # session. The first connection asks twice: two server connections that alternate in step with our
                # two connections would otherwise look like two sessions.
                theirs = _backend(second)
                if {_backend(first), _backend(first)} != {own} or theirs == own:
                    return _check_transactions(name, second)
    except (NoAnswerError, psycopg.OperationalError) as error:
        if isinstance(error, psycopg.OperationalError) and "query_wait_timeout" not in str(error):
            raise
        return fail(
            name,
            "while one connection is idle, another gets no server connection: the pool is exhausted, or"
            " pool_mode is session",
            f"{_REMEDY}; if it is already set, raise default_pool_size",
        )
    return _check_session(name, first, seen={own})


def _check_transactions(name: str, asker: CheckConnection) -> CheckResult:
    """Check that the pooler supports transactions, which statement mode refuses."""

    def work(cursor: Cursor) -> None:
        with cursor.connection.transaction():
            cursor.execute("select 1")

    try:
        asker.run(work)
    except psycopg.Error as error:
        text = " ".join(str(error).split())
        return fail(name, f"the pooler refuses transactions: {text}", _REMEDY)
    return ok(name, "a pooler in transaction mode")


def _check_session(name: str, first: CheckConnection, *, seen: set[int]) -> CheckResult:
    """Distinguish a pooler in session mode, which reuses server connections, from a proxy, which does not."""
    first.connection.close()
    for _ in range(_TRIES):
        with CheckConnection.connected(first.around) as next_one:
            pid = _backend(next_one)
        if pid in seen:
            return fail(
                name,
                "a pooler in session mode: each connection of the daemon holds a server connection, so a few"
                " clients exhaust the pool",
                _REMEDY,
            )
        seen.add(pid)
    return ok(name, "a proxy: each connection has its own server connection")


def _check_server_limit(name: str, asker: CheckConnection) -> CheckResult:
    wanted = asker.around.settings.database.pool_max
    allowed = int(asker.row(_ALLOWED)["allowed"])
    found = f"TP_CAPITAL_POOL_MAX is {wanted}, the server allows this role {allowed} connections"
    if wanted <= allowed:
        return ok(name, found)
    return warn(
        name, found, f"set TP_CAPITAL_POOL_MAX to {allowed} or less, or raise the server's max_connections"
    )


def _check_pooler_limit(name: str, asker: CheckConnection) -> CheckResult:
    """Read the limit from PgBouncer's console, if our role may use it."""
    wanted = asker.around.settings.database.pool_max
    limits: dict[str, str] = {}
    with (
        contextlib.suppress(psycopg.Error, NoAnswerError),
        CheckConnection.connected(asker.around, dbname="pgbouncer") as console,
    ):
        limits = {str(row["key"]): str(row["value"]) for row in console.rows("show config")}
    allowed = limits.get("max_client_conn", "")
    if not allowed.isdecimal():
        return ok(
            name,
            f"TP_CAPITAL_POOL_MAX is {wanted}; this role may not read the pooler's max_client_conn (stats_users"
            " may)",
        )
    found = f"TP_CAPITAL_POOL_MAX is {wanted}, the pooler allows {allowed} clients"
    if wanted <= int(allowed):
        return ok(name, found)
    return warn(
        name,
        found,
        f"set TP_CAPITAL_POOL_MAX below {allowed}, or raise max_client_conn in pgbouncer.ini",
    )
