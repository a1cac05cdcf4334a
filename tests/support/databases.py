"""Databases for tests: made on a server, reached straight or through a pooler, by owner or engine's role."""

import contextlib
import uuid
from collections.abc import Callable, Collection
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from engine.timers import TimerThread
from ops.local.roles import ENGINE_ROLE
from storage.postgres.schema import Strategy, migrate
from tests.support.stack import eventually

__all__ = ["ENGINE_PASSWORD", "SCHEMA", "Server", "as_engine", "as_role", "empty", "name_of", "through"]

ENGINE_PASSWORD = "engine's own"
SCHEMA = "signals"
_FILLED = (
    "tp_capital_signals",
    "ledger",
    "signal_standings",
    "signal_events",
    "signals_history",
    "message_texts",
)


class Server:
    """A server that tests make databases on; ``admin_url`` is a superuser's."""

    def __init__(self, admin_url: str, *, strategy: Strategy) -> None:
        self.strategy = strategy
        self._admin_url = admin_url
        self._template: str | None = None
        self._made: list[str] = []

    def dsn(self) -> str:
        """Return the superuser's URL."""
        return self._admin_url

    def create(self, *, migrated: bool, encoding: str = "UTF8") -> str:
        """Make a database of a new name, empty or with the engine's schema, and return its URL."""
        name = f"test_{uuid.uuid4().hex}"
        template = self._migrated_template() if migrated else "template0"
        # locale C goes with every encoding
        locale = "" if encoding == "UTF8" else f"encoding '{encoding}' lc_collate 'C' lc_ctype 'C'"
        # hundreds of small files: copied as files it takes a third of the time that their pages would take in the log
        self._run(sql.SQL(f"create database {{}} template {{}} strategy file_copy {locale}"), name, template)
        return self._url(name)

    def drop(self, url: str) -> None:
        """Remove a database, cutting whoever is connected to it."""
        self._run(sql.SQL("drop database {} with (force)"), name_of(url))

    def tidy(self) -> None:
        """Remove what was made for all tests together, the roles too where nothing of another worker hangs on them."""
        if self._template is not None:
            self.drop(self._url(self._template))
        for name in self._made:
            with contextlib.suppress(
                psycopg.errors.DependentObjectsStillExist, psycopg.errors.UndefinedObject
            ):
                self._run(sql.SQL("drop role {}"), name)

    def roles(self) -> frozenset[str]:
        """Return the roles there are."""
        with psycopg.connect(self._admin_url) as connection:
            return frozenset(name for (name,) in connection.execute("select rolname from pg_roles"))

    def forget_roles(self, names: Collection[str]) -> None:
        """Remove roles and whatever they own or may, in every database."""
        roles = sql.SQL(", ").join(map(sql.Identifier, sorted(names)))
        with psycopg.connect(self._admin_url, autocommit=True) as connection:
            for (name,) in connection.execute(
                "select datname from pg_database where datallowconn"
            ).fetchall():
                with psycopg.connect(self._url(name), autocommit=True) as inside:
                    inside.execute(sql.SQL("drop owned by {} cascade").format(roles))
            connection.execute(sql.SQL("drop role {}").format(roles))

    def make_engine_role(self) -> None:
        """Make the engine's role, with the password tests know."""
        self.make_role(ENGINE_ROLE, ENGINE_PASSWORD)

    def make_role(self, name: str, password: str) -> None:
        """Make a role that can log in, or give it this password; it has no rights."""
        with psycopg.connect(self._admin_url, autocommit=True) as connection:
            # roles are the server's, which the tests of other workers may share: one makes it, one at a time
            connection.execute("select pg_advisory_lock(1)")
            if not connection.execute("select from pg_roles where rolname = %s", [name]).rowcount:
                self._run(sql.SQL("create role {} login"), name)
                self._made.append(name)
            connection.execute(
                sql.SQL("alter role {} password {}").format(sql.Identifier(name), sql.Literal(password))
            )

    def _migrated_template(self) -> str:
        """Migrate once, copy often: a fifth of the time."""
        if self._template is None:
            url = self.create(migrated=False)
            timers = TimerThread()
            migrate(url, schema=SCHEMA, strategy=self.strategy, timers=timers, engine_role=ENGINE_ROLE)
            timers.close()
            self._template = name_of(url)
            if self.strategy is Strategy.TIMESCALE:
                _await_first_run(url)
            self._close(self._template)
        return self._template

    def _close(self, database: str) -> None:
        """Let nobody connect: who is in a database, as TimescaleDB's scheduler, keeps it from being copied."""
        self._run(sql.SQL("alter database {} allow_connections false"), database)
        with psycopg.connect(self._admin_url, autocommit=True) as connection:
            connection.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = %s", [database]
            )

    def _url(self, name: str) -> str:
        parts = conninfo_to_dict(self._admin_url)
        return (
            f"postgresql://{parts['user']}:{parts.get('password', '')}@{parts['host']}:{parts['port']}/{name}"
        )

    def _run(self, statement: sql.SQL, *names: str) -> None:
        with psycopg.connect(self._admin_url, autocommit=True) as connection:
            connection.execute(statement.format(*map(sql.Identifier, names)))


def _await_first_run(url: str) -> None:
    """Wait until the retention job, due as soon as it is made, has run: cut short it counts as failed, in each copy."""
    with psycopg.connect(url, autocommit=True) as connection:
        first_run = "select from timescaledb_information.job_stats where total_runs > 0 and last_run_status is not null"
        eventually(lambda: connection.execute(first_run.encode()).rowcount, what="no job runs")


def through(url: str, port: int) -> str:
    """Return the same database by another port."""
    parts = conninfo_to_dict(url)
    return f"postgresql://{parts['user']}:{parts['password']}@{parts['host']}:{port}/{parts['dbname']}"


def as_engine(url: str) -> str:
    """Return the same database for the engine's role."""
    return as_role(url, ENGINE_ROLE, ENGINE_PASSWORD)


def as_role(url: str, name: str, password: str) -> str:
    """Return the same database for another role."""
    return make_conninfo(url, user=name, password=password)


def empty(ask: Callable[[str], Any], *more: str) -> None:
    """Remove the few rows that an example has left. To truncate the tables, with all their weeks, takes far longer."""
    for table in (*_FILLED, *more):
        ask(f"delete from {table}")


def name_of(url: str) -> str:
    """Return the database's name."""
    return str(conninfo_to_dict(url)["dbname"])
