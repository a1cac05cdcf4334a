"""A direct connection to a PostgreSQL server with its rights, and the environment for pg_dump."""

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
from ops.process_signals import uninterrupted

__all__ = ["Connection", "Server", "connected", "first_line"]

Connection = psycopg.Connection[DictRow]

_CONNECT_S = 10
#: limits the wait for a table that another session has locked
_LOCK_WAIT = "60s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """An open connection and its rights. ``timescale`` is the extension's version in this database, or None."""

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
        """The address of the database, for a person."""
        info = self.connection.info
        return f"{info.host}:{info.port}/{self.database}"

    def environment(self) -> dict[str, str]:
        """Return the environment that makes PostgreSQL's programs connect to this server.

        The password is passed this way because other users can see arguments. Options without a libpq variable
        (keep-alives) keep their defaults.
        """
        kept = ("PATH", "HOME", "TMPDIR")
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        environment |= {name: value for name, value in os.environ.items() if name.startswith("PG")}
        variables = {
            option.keyword.decode(): option.envvar.decode()
            for option in psycopg.pq.Conninfo.get_defaults()
            if option.envvar
        }
        # The values of a service file are already among the connection's options. If the program read the file again,
        # it would override the other variables.
        for variable in ("PGSERVICE", "PGSERVICEFILE"):
            environment.pop(variable, None)
        for option in self.connection.pgconn.info:
            name = option.keyword.decode()
            # leave client_encoding out, so that a dump keeps the encoding of its database
            if option.val and name in variables and name not in ("service", "servicefile", "client_encoding"):
                environment[variables[name]] = option.val.decode()
        info = self.connection.info
        # PGHOST is the one of several hosts that answered. LC_ALL=C gives English messages, because we parse some.
        environment |= {"PGHOST": info.host, "PGPORT": str(info.port), "PGUSER": self.user, "LC_ALL": "C"}
        environment.pop("PGHOSTADDR", None)
        return environment | {"PGDATABASE": self.database, "PGAPPNAME": "tp-capital backup"}

    def counts(self, schema: str) -> dict[str, int]:
        """Return the row count of each table of a schema. The rows of partitions count for their table."""
        with self.connection.transaction():
            # in its restoring state, TimescaleDB does not see the rows of compressed chunks
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
        """Remove the role's time limits for the current transaction, because a backup may take long."""
        self.connection.execute("set local statement_timeout = 0")
        self.connection.execute("set local idle_in_transaction_session_timeout = 0")
        self.connection.execute(sql.SQL("set local lock_timeout = {}").format(_LOCK_WAIT))
        if self.major >= 17:
            self.connection.execute("set local transaction_timeout = 0")


@contextmanager
def connected(conninfo: str, *, database: str | None = None) -> Iterator[Server]:
    """Connect directly to the server, to ``database`` or to the one in ``conninfo``.

    Raises:
        BackupError: the connection failed, or leads to a pooler.
    """
    try:
        whole = make_conninfo(conninfo, dbname=database) if database else conninfo
        with uninterrupted():
            connection = Connection.connect(
                whole,
                autocommit=True,
                prepare_threshold=None,
                row_factory=dict_row,
                connect_timeout=_CONNECT_S,
                application_name="tp-capital backup",
                # a database without an encoding (SQL_ASCII) would return bytes
                client_encoding="UTF8",
            )
    except psycopg.ProgrammingError as error:
        # libpq's message repeats the whole string with the password, so it is not shown
        raise BackupError(
            "the address is malformed: it must have the form postgresql://user:password@host:port/name"
        ) from error
    except psycopg.Error as error:
        raise BackupError(f"no connection: {first_line(error)}") from error
    with connection:
        try:
            yield _look(whole, connection)
        except psycopg.Error as error:
            raise BackupError(first_line(error)) from error


def first_line(error: psycopg.Error) -> str:
    """Return a driver's error in one line. It may name host, port and user, but never the password."""
    return " ".join(str(error).split())[:300] or type(error).__name__


def _look(conninfo: str, connection: Connection) -> Server:
    row = connection.execute(
        "select pg_backend_pid() as pid, rolsuper, rolsuper or rolcreatedb as createdb,"
        " (select extversion from pg_extension where extname = 'timescaledb') as timescale"
        " from pg_roles where rolname = current_user"
    ).fetchone()
    assert row is not None  # noqa: S101 - the current user always is a role
    info = connection.info
    # A pooler reports a process id of its own. pg_dump needs a session, which a transaction pooler does not keep, and
    # its session settings would remain on a connection that the engine gets next.
    if row["pid"] != info.backend_pid:
        raise BackupError(
            f"{info.host}:{info.port} is a pooler, but backups need a direct connection: "
            "set TP_CAPITAL_MIGRATION_DATABASE_URL to the server's address"
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
