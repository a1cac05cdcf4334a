"""The database as the engine reaches it: connection, server, and what the engine's role may and holds."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Iterator
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ops.doctor.connection import CheckConnection, refusal
from ops.doctor.context import CheckContext
from ops.doctor.findings import CheckResult, fail, ok, skipped, warn
from ops.doctor.rights import check_least_privilege, check_rights, check_role_limits
from ops.doctor.schema import check_extension, check_retention, check_schema
from storage.postgres.connect_failures import setting_of
from storage.postgres.daemons import living_daemons
from storage.postgres.session import encoding_remedy, wrong_encoding

__all__ = ["examine_database", "judge_tls", "judge_version", "judge_writable"]

#: major versions that are tested (CONTRACT)
_OLDEST, _NEWEST = 15, 18


def examine_database(around: CheckContext) -> Iterator[CheckResult]:
    """Connect as the engine does, and ask."""
    name = "database.connection"
    try:
        with CheckConnection.connected(around) as asker:
            yield asker.check(name, _describe)
            for each, check in _CHECKS.items():
                yield asker.check(each, check)
    except psycopg.Error as error:
        yield refusal(name, error)
        yield from (skipped(each, "no connection to the database") for each in _CHECKS)


def _describe(name: str, asker: CheckConnection) -> CheckResult:
    info = asker.connection.info
    asker.row("select 1")
    return ok(name, f"{info.host or 'local socket'}:{info.port}/{info.dbname} as {info.user}")


def _check_tls(name: str, asker: CheckConnection) -> CheckResult:
    settings = asker.around.settings.database
    mode = conninfo_to_dict(settings.conninfo).get("sslmode")
    return judge_tls(
        name,
        encrypted=asker.connection.pgconn.ssl_in_use,
        verified=mode in ("verify-ca", "verify-full"),
        loopback=asker.peer().loopback,
        strategy=settings.strategy,
    )


def judge_tls(name: str, *, encrypted: bool, verified: bool, loopback: bool, strategy: str) -> CheckResult:
    """Judge how a connection is protected on its way to the server or its pooler."""
    if encrypted and verified:
        return ok(name, "encrypted, and the server's certificate is verified")
    if encrypted:
        return ok(name, "encrypted; the server's certificate is not verified (sslmode=verify-full would)")
    if loopback:
        return ok(name, "not encrypted, and it does not leave this machine")
    found = "not encrypted, and the server is on another machine"
    remedy = f"add sslmode=require, better verify-full, to {setting_of('address')}"
    return (fail if strategy == "neon" else warn)(name, found, remedy)


def _check_version(name: str, asker: CheckConnection) -> CheckResult:
    # the server itself is asked: a pooler tells what it saw at its first login
    row = asker.row("select current_setting('server_version_num')::int as number")
    return judge_version(name, int(row["number"]))


def judge_version(name: str, number: int) -> CheckResult:
    """Judge a server's version, given as ``server_version_num`` (150007 is 15.7)."""
    major, minor = divmod(number, 10_000)
    found = f"PostgreSQL {major}.{minor}"
    if major < _OLDEST:
        return fail(
            name, f"{found}, older than {_OLDEST}", f"upgrade the server to PostgreSQL {_OLDEST} to {_NEWEST}"
        )
    if major > _NEWEST:
        return warn(
            name,
            f"{found}, newer than {_NEWEST}, the last one tested",
            "see whether there is a newer tp-capital; else use a server that was tested",
        )
    return ok(name, found)


def _check_writable(name: str, asker: CheckConnection) -> CheckResult:
    row = asker.row(
        "select pg_is_in_recovery() as standby, current_setting('transaction_read_only') = 'on' as read_only"
    )
    return judge_writable(name, standby=row["standby"], read_only=row["read_only"])


def judge_writable(name: str, *, standby: bool, read_only: bool) -> CheckResult:
    """Judge what a server says of itself."""
    if standby:
        return fail(
            name,
            "this is a standby: nothing can be written",
            f"set {setting_of('host')} to the primary (with several hosts add target_session_attrs=read-write)",
        )
    if read_only:
        return fail(
            name,
            "transactions are read-only here",
            "alter role ... reset default_transaction_read_only, and the same for the database",
        )
    return ok(name, "the primary, and it takes writes")


def _check_encoding(name: str, asker: CheckConnection) -> CheckResult:
    row = asker.row(
        "select pg_encoding_to_char(encoding) as encoding, datname from pg_database"
        " where datname = current_database()"
    )
    if row["encoding"] != "UTF8":
        return fail(
            name,
            f"the database's encoding is {row['encoding']}: messages with other characters are refused",
            encoding_remedy(row["datname"]),
        )
    if wrong := wrong_encoding(asker.connection):
        found, _, remedy = wrong.rstrip(")").partition(" (")
        return fail(name, found, remedy)
    if not asker.row("select 'Ç' ilike 'ç' as folds")["folds"]:
        return warn(
            name,
            "UTF8, but the locale knows upper and lower case of ASCII letters only: a search for ação misses AÇÃO",
            "tp-capital backup, make the database anew with ops/deploy/init-database.sql, tp-capital restore",
        )
    return ok(name, "UTF8, and upper and lower case of every letter are known")


def _check_size(name: str, asker: CheckConnection) -> CheckResult:
    row = asker.row("select pg_size_pretty(pg_database_size(current_database())) as size")
    return ok(name, f"the database has {row['size']}; how full its disk is cannot be seen from here")


def _check_daemons(name: str, asker: CheckConnection) -> CheckResult:
    schema = asker.around.settings.database.schema_name
    try:
        places = asker.run(lambda cursor: living_daemons(cursor, schema=schema))
    except psycopg.errors.UndefinedTable:
        return skipped(name, "the schema is not there yet")
    if not places:
        return ok(name, "no daemon holds a lease")
    if len(places) == 1 and _runs_here(places[0]):
        return ok(name, f"one daemon holds a lease, on this machine: {places[0]}")
    return warn(
        name,
        f"{'daemons hold leases' if len(places) > 1 else 'a daemon elsewhere holds a lease'}: {', '.join(places)}",
        "two on one database keep every effect single, but do all work twice: stop those that are not meant",
    )


def _runs_here(place: str) -> bool:
    """Tell whether a lease's place (``HOST pid NUMBER``) is a living process of this machine."""
    found = re.fullmatch(r"(?P<host>.*) pid (?P<pid>\d+)", place)
    if found is None or found["host"] != platform.node():
        return False
    try:
        os.kill(int(found["pid"]), 0)
    except PermissionError:
        return True  # it lives, and is another user's
    except (OSError, OverflowError):
        return False
    return True


def _check_latency(name: str, asker: CheckConnection) -> CheckResult:
    """Measure only: the gateway's clock is needed to tell whose is wrong (:mod:`ops.doctor.clocks`)."""
    around = asker.around
    asked_at, start_s = around.clock.now(), around.clock.monotonic_s()
    theirs = asker.row("select clock_timestamp() as instant")["instant"]
    took_s = around.clock.monotonic_s() - start_s
    # they looked at their clock about half-way
    around.clocks.note("database", (theirs - asked_at).total_seconds() - took_s / 2)
    return ok(name, f"answers in {took_s * 1000:.0f} ms")


_CHECKS: Final[dict[str, Callable[[str, CheckConnection], CheckResult]]] = {
    "database.latency": _check_latency,
    "database.tls": _check_tls,
    "database.version": _check_version,
    "database.writable": _check_writable,
    "database.encoding": _check_encoding,
    "database.extension": check_extension,
    "database.schema": check_schema,
    "database.retention": check_retention,
    "database.rights": check_rights,
    "database.least_privilege": check_least_privilege,
    "database.role_limits": check_role_limits,
    "database.daemons": _check_daemons,
    "database.size": _check_size,
}
