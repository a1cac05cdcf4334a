"""The database as the engine reaches it: the connection, the server, the schema and the engine's role."""

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
from ops.doctor.schema import check_extension, check_retention, check_schema, check_search
from storage.postgres.connect_failures import setting_of
from storage.postgres.daemons import living_daemons
from storage.postgres.session import encoding_remedy, wrong_encoding

__all__ = ["examine_database", "judge_tls", "judge_version", "judge_writable"]

#: the tested major versions (CONTRACT)
_OLDEST, _NEWEST = 15, 18


def examine_database(around: CheckContext) -> Iterator[CheckResult]:
    """Connect as the engine does, and run every check."""
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
    """Judge how the connection to the server or its pooler is protected."""
    if encrypted and verified:
        return ok(name, "encrypted, and the server's certificate is verified")
    if encrypted:
        return ok(
            name, "encrypted; the server's certificate is not verified (sslmode=verify-full verifies it)"
        )
    if loopback:
        return ok(name, "not encrypted, and it does not leave this machine")
    found = "not encrypted, and the server is on another machine"
    remedy = f"add sslmode=verify-full, or at least sslmode=require, to {setting_of('address')}"
    return (fail if strategy == "neon" else warn)(name, found, remedy)


def _check_version(name: str, asker: CheckConnection) -> CheckResult:
    # ask the server itself: a pooler reports the version of its first login
    row = asker.row("select current_setting('server_version_num')::int as number")
    return judge_version(name, int(row["number"]))


def judge_version(name: str, number: int) -> CheckResult:
    """Judge a server's ``server_version_num`` (150007 is 15.7)."""
    major, minor = divmod(number, 10_000)
    found = f"PostgreSQL {major}.{minor}"
    if major < _OLDEST:
        return fail(
            name, f"{found}, older than {_OLDEST}", f"upgrade the server to PostgreSQL {_OLDEST} to {_NEWEST}"
        )
    if major > _NEWEST:
        return warn(
            name,
            f"{found}, newer than {_NEWEST}, the newest tested version",
            "look for a newer tp-capital, or use a tested server version",
        )
    return ok(name, found)


def _check_writable(name: str, asker: CheckConnection) -> CheckResult:
    row = asker.row(
        "select pg_is_in_recovery() as standby, current_setting('transaction_read_only') = 'on' as read_only"
    )
    return judge_writable(name, standby=row["standby"], read_only=row["read_only"])


def judge_writable(name: str, *, standby: bool, read_only: bool) -> CheckResult:
    """Judge whether a server accepts writes."""
    if standby:
        return fail(
            name,
            "this is a standby: it accepts no writes",
            f"set {setting_of('host')} to the primary (with several hosts, add target_session_attrs=read-write)",
        )
    if read_only:
        return fail(
            name,
            "transactions are read-only here",
            "run alter role ... reset default_transaction_read_only, and the same for the database",
        )
    return ok(name, "this is the primary, and it accepts writes")


def _check_encoding(name: str, asker: CheckConnection) -> CheckResult:
    row = asker.row(
        "select pg_encoding_to_char(encoding) as encoding, datname from pg_database"
        " where datname = current_database()"
    )
    if row["encoding"] != "UTF8":
        return fail(
            name,
            f"the database's encoding is {row['encoding']}: it refuses messages with other characters",
            encoding_remedy(row["datname"]),
        )
    if wrong := wrong_encoding(asker.connection):
        found, _, remedy = wrong.rstrip(")").partition(" (")
        return fail(name, found, remedy)
    if not asker.row("select 'Ç' ilike 'ç' as folds")["folds"]:
        return warn(
            name,
            "UTF8, but the locale folds the case of ASCII letters only: a search for ação misses AÇÃO",
            "run tp-capital backup, create a new database with ops/deploy/init-database.sql, run tp-capital restore",
        )
    return ok(name, "UTF8, and the locale folds the case of all letters")


def _check_size(name: str, asker: CheckConnection) -> CheckResult:
    row = asker.row("select pg_size_pretty(pg_database_size(current_database())) as size")
    return ok(name, f"the database has {row['size']}; the free space of its disk cannot be checked from here")


def _check_daemons(name: str, asker: CheckConnection) -> CheckResult:
    schema = asker.around.settings.database.schema_name
    try:
        places = asker.run(lambda cursor: living_daemons(cursor, schema=schema))
    except psycopg.errors.UndefinedTable:
        return skipped(name, "the schema does not exist yet")
    except psycopg.errors.UndefinedColumn:
        return skipped(name, "the schema is of an earlier version")
    if not places:
        return ok(name, "no daemon of role all holds a lease")
    if len(places) == 1 and _runs_here(places[0]):
        return ok(name, f"one daemon holds a lease, on this machine: {places[0]}")
    return warn(
        name,
        f"{'daemons hold leases' if len(places) > 1 else 'a daemon elsewhere holds a lease'}: {', '.join(places)}",
        "two daemons on one database store everything once, but do all the work twice: stop the unwanted ones, or give"
        " them roles (TP_CAPITAL_ROLE)",
    )


def _runs_here(place: str) -> bool:
    """Return whether a lease's place (``HOST pid NUMBER``) is a running process of this machine."""
    found = re.fullmatch(r"(?P<host>.*) pid (?P<pid>\d+)", place)
    if found is None or found["host"] != platform.node():
        return False
    try:
        os.kill(int(found["pid"]), 0)
    except PermissionError:
        return True  # the process exists and belongs to another user
    except (OSError, OverflowError):
        return False
    return True


def _check_latency(name: str, asker: CheckConnection) -> CheckResult:
    """Measure latency and clock offset. :mod:`ops.doctor.clocks` judges the offset with the gateway's."""
    around = asker.around
    asked_at, start_s = around.clock.now(), around.clock.monotonic_s()
    theirs = asker.row("select clock_timestamp() as instant")["instant"]
    took_s = around.clock.monotonic_s() - start_s
    # the server read its clock about half-way through the round trip
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
    "database.search": check_search,
    "database.retention": check_retention,
    "database.rights": check_rights,
    "database.least_privilege": check_least_privilege,
    "database.role_limits": check_role_limits,
    "database.daemons": _check_daemons,
    "database.size": _check_size,
}
