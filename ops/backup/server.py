"""A connection straight to a PostgreSQL server, what it may do there, and the same for pg_dump."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow, dict_row

from ops.backup.errors import BackupError

__all__ = ["Connection", "Server", "connected", "first_line"]

Connection = psycopg.Connection[DictRow]

_CONNECT_S = 10
#: a table that somebody is rebuilding is waited for, but not for ever
_LOCK_WAIT = "60s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """An open connection and its rights. ``timescale``: version of the extension in this database, if any."""

    conninfo: str
    connection: Connection
    major: int
    tls: bool
    database: str
    user: str
    superuser: bool
    may_create_databases: bool
    timescale: str | None

    @property
    def place(self) -> str:
        """Where that is, for a person."""
        info = self.connection.info
        return f"{info.host}:{info.port}/{self.database}"

    def environment(self) -> dict[str, str]:
        """Return the environment in which PostgreSQL's programs connect to this very server.

        The password goes this way, because arguments are public on the machine. What libpq has no
        variable for (keep-alives) is left to its defaults.
        """
        kept = ("PATH", "HOME", "TMPDIR")
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        environment |= {name: value for name, value in os.environ.items() if name.startswith("PG")}
        variables = {
            option.keyword.decode(): option.envvar.decode()
            for option in psycopg.pq.Conninfo.get_defaults()
            if option.envvar
        }
        # a service's values among them, as they are in use: read anew, its file would beat the variables beside it
        for variable in ("PGSERVICE", "PGSERVICEFILE"):
            environment.pop(variable, None)
        for option in self.connection.pgconn.info:
            name = option.keyword.decode()
            # a dump keeps the encoding of its database
            if option.val and name in variables and name not in ("service", "servicefile", "client_encoding"):
                environment[variables[name]] = option.val.decode()
        info = self.connection.info
        # of several hosts the one that answered; messages in English, because we read some
        environment |= {"PGHOST": info.host, "PGPORT": str(info.port), "PGUSER": self.user, "LC_ALL": "C"}
        environment.pop("PGHOSTADDR", None)
        return environment | {"PGDATABASE": self.database, "PGAPPNAME": "tp-capital backup"}

    def counts(self, schema: str) -> dict[str, int]:
        """Return the number of rows of each table of a schema; partitions count with their table."""
        with self.connection.transaction():
            # while TimescaleDB rests, as after a restore, it does not see the rows of compressed chunks
            self.connection.execute(
                "select set_config('timescaledb.restoring', 'off', true)"
                " where current_setting('timescaledb.restoring', true) = 'on'"
            )
            return self._counts(schema)

    def _counts(self, schema: str) -> dict[str, int]:
        cursor = self.connection.execute(
            "select relname from pg_class where relnamespace = to_regnamespace(%s)"
            " and relkind in ('r', 'p') and not relispartition order by relname",
            [sql.Identifier(schema).as_string()],
        )
        counts = {}
        for row in cursor.fetchall():
            table = sql.Identifier(schema, row["relname"])
            found = self.connection.execute(
                sql.SQL("select count(*) as rows from {}").format(table)
            ).fetchone()
            counts[row["relname"]] = int(found["rows"]) if found else 0
        return counts

    def take_time(self) -> None:
        """Lift the role's limits on time for the transaction that is open: a backup takes as long as it takes."""
        self.connection.execute("set local statement_timeout = 0")
        self.connection.execute("set local idle_in_transaction_session_timeout = 0")
        self.connection.execute(sql.SQL("set local lock_timeout = {}").format(_LOCK_WAIT))
        if self.major >= 17:
            self.connection.execute("set local transaction_timeout = 0")


@contextmanager
def connected(conninfo: str, *, database: str | None = None) -> Iterator[Server]:
    """Connect, straight to the server, to ``database`` or the one that is named.

    Raises:
        BackupError: no connection, or one through a pooler.
    """
    try:
        whole = make_conninfo(conninfo, dbname=database) if database else conninfo
        connection = Connection.connect(
            whole,
            autocommit=True,
            prepare_threshold=None,
            row_factory=dict_row,
            connect_timeout=_CONNECT_S,
            application_name="tp-capital backup",
            # a database without an encoding would give us bytes
            client_encoding="UTF8",
        )
    except psycopg.ProgrammingError as error:
        # libpq repeats the whole string, the password too
        raise BackupError(
            "the address is malformed: postgresql://user:password@host:port/name is wanted"
        ) from error
    except psycopg.Error as error:
        raise BackupError(f"no connection: {first_line(error)}") from error
    with connection:
        try:
            yield _look(whole, connection)
        except psycopg.Error as error:
            raise BackupError(first_line(error)) from error


def first_line(error: psycopg.Error) -> str:
    """Return a driver's error in one line; libpq names host, port and user in it, never the password."""
    return " ".join(str(error).split())[:300] or type(error).__name__


def _look(conninfo: str, connection: Connection) -> Server:
    row = connection.execute(
        "select pg_backend_pid() as pid, rolsuper, rolsuper or rolcreatedb as createdb,"
        " (select extversion from pg_extension where extname = 'timescaledb') as timescale"
        " from pg_roles where rolname = current_user"
    ).fetchone()
    assert row is not None  # noqa: S101 - everybody is a role
    info = connection.info
    # a pooler answers with a number of its own; its transactions would not hold pg_dump's session, whose settings
    # would stay behind on a connection that the engine is lent next
    if row["pid"] != info.backend_pid:
        raise BackupError(
            f"{info.host}:{info.port} is a pooler: backups go straight to the server, "
            "set TP_CAPITAL_MIGRATION_DATABASE_URL to its address"
        )
    return Server(
        conninfo=conninfo,
        connection=connection,
        major=info.server_version // 10000,
        tls=bool(connection.pgconn.ssl_in_use),
        database=info.dbname,
        user=info.user,
        superuser=row["rolsuper"],
        may_create_databases=row["createdb"],
        timescale=row["timescale"],
    )
