"""An own PgBouncer in front of a local PostgreSQL, in transaction mode and with SCRAM passwords."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ops.local._account import open_for_passing, server_account
from ops.local.ports import HOST
from ops.local.private_files import write_private
from ops.local.process import OwnedProcess
from ops.local.programs import find_program

__all__ = ["PooledServer", "pgbouncer_answers", "pgbouncer_process"]

_NO_SETTINGS: Final[Mapping[str, str]] = MappingProxyType({})
_SETTINGS: Final = {
    "listen_addr": HOST,
    # only TCP, as with the server itself
    "unix_socket_dir": "",
    "auth_type": "scram-sha-256",
    "pool_mode": "transaction",
    "max_client_conn": "100",
    # the limit for all users of a database together
    "default_pool_size": "25",
    "max_db_connections": "25",
    # the pooler tries a server again soon; the default is 15 s
    "server_login_retry": "1",
    "server_connect_timeout": "3",
    "query_wait_timeout": "10",
    "log_connections": "0",
    "log_disconnections": "0",
}


class PooledServer(Protocol):
    """A running server, our own or one that the caller names."""

    def dsn(self) -> str:
        """Return a superuser's connection URL."""
        ...


def pgbouncer_process(
    folder: Path,
    *,
    port: int,
    server: PooledServer,
    users: Sequence[str],
    stats_users: Sequence[str] = (),
    settings: Mapping[str, str] = _NO_SETTINGS,
) -> OwnedProcess:
    """Write the files of a PgBouncer for all databases of ``server``, and return it without starting it.

    Args:
        folder: Existing folder for its configuration, list of users and log.
        port: TCP port on 127.0.0.1.
        server: Running server behind it.
        users: Roles that may connect. Each must have a password in the server.
        stats_users: The users that may read statistics in the console (database ``pgbouncer``).
        settings: Settings that override the defaults, as in pgbouncer.ini.

    Raises:
        ProgramMissingError: PgBouncer is not installed.
    """
    program = find_program("pgbouncer", package="pgbouncer")
    account = server_account()
    values = {
        **_SETTINGS,
        "listen_port": str(port),
        "auth_file": str(folder / "userlist.txt"),
        "stats_users": ",".join(stats_users),
        **settings,
    }
    place = conninfo_to_dict(server.dsn())
    ini = ["[databases]", f"* = host={place['host']} port={place['port']}", "", "[pgbouncer]"]
    ini += [f"{name} = {value}" for name, value in values.items()]
    secrets = [f'"{name}" "{secret}"' for name, secret in _scram_secrets(server, users)]
    for name, lines in (("pgbouncer.ini", ini), ("userlist.txt", secrets)):
        write_private(folder / name, "\n".join(lines) + "\n", owner=account)
    if account:
        # PgBouncer refuses to run as root, like PostgreSQL
        open_for_passing(folder)
    return OwnedProcess(
        "pgbouncer",
        [program, str(folder / "pgbouncer.ini")],
        log_path=folder / "pgbouncer.log",
        cwd=folder,
        account=account,
    )


def pgbouncer_answers(port: int, *, database: str, user: str, password: str) -> bool:
    """Return whether ``user`` can reach ``database`` through the pooler on ``port``."""
    try:
        psycopg.connect(
            host=HOST, port=port, dbname=database, user=user, password=password, connect_timeout=2
        ).close()
    except psycopg.OperationalError:
        return False
    return True


def _scram_secrets(server: PooledServer, users: Sequence[str]) -> list[tuple[str, str]]:
    """Return the secrets that the server stores instead of passwords. PgBouncer can log in with them."""
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        return connection.execute(
            "select rolname, rolpassword from pg_authid where rolname = any(%s) and rolpassword is not null",
            [list(users)],
        ).fetchall()
