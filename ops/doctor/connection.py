"""A connection to the database for checks. Every query has a time limit."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow, dict_row

from ops.doctor.context import CheckContext
from ops.doctor.findings import CheckResult, broken, fail, skipped
from storage.deadline import cut_after, shut_down_fd
from storage.postgres.connect_failures import ADDRESS, explain
from storage.postgres.database import Cursor
from storage.postgres.session import settle, steady_conninfo

__all__ = ["CheckConnection", "NoAnswerError", "Peer", "refusal"]

T = TypeVar("T")


class NoAnswerError(Exception):
    """The server did not answer in time. The query and its connection were ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The real address of the other end of a socket. ``own_port`` is our own port, or None without TCP."""

    loopback: bool
    own_port: int | None


class CheckConnection:
    """Runs each query in a transaction of its own, so that it works through any pooler."""

    def __init__(self, connection: psycopg.Connection[DictRow], around: CheckContext) -> None:
        self.connection = connection
        self.around = around

    @classmethod
    @contextlib.contextmanager
    def connected(cls, around: CheckContext, conninfo: str = "", **changes: str) -> Iterator[CheckConnection]:
        """Connect as the engine does, or by another connection string. ``changes`` replace values in it.

        Raises:
            psycopg.Error: the connection failed; :func:`refusal` turns the error into a finding.
        """
        connection = psycopg.Connection[DictRow].connect(
            make_conninfo(
                steady_conninfo(conninfo or around.settings.database.conninfo),
                connect_timeout=around.connect_s,
                application_name="tp-capital doctor",
                **changes,
            ),
            autocommit=True,
            prepare_threshold=None,
            row_factory=dict_row,
        )
        # PgBouncer's console supports only the simple query protocol
        if connection.info.dbname != "pgbouncer":
            settle(connection)
        try:
            yield cls(connection, around)
        finally:
            connection.close()

    @property
    def lost(self) -> bool:
        """Whether the connection can no longer be used."""
        return self.connection.closed

    def rows(
        self, statement: str | sql.Composed, parameters: Sequence[object] | Mapping[str, object] | None = None
    ) -> list[dict[str, Any]]:
        """Return the rows of a statement.

        Raises:
            psycopg.Error: the server refused the statement.
            NoAnswerError: the statement took too long.
        """

        def ask(cursor: Cursor) -> list[dict[str, Any]]:
            text = statement.encode() if isinstance(statement, str) else statement
            return cursor.execute(text, parameters).fetchall()

        return self.run(ask)

    def row(self, statement: str, parameters: Sequence[object] | None = None) -> dict[str, Any]:
        """Return the only row of a statement."""
        (row,) = self.rows(statement, parameters)
        return row

    def run(self, work: Callable[[Cursor], T]) -> T:
        """Return the result of ``work`` on a cursor; the errors are those of :meth:`rows`."""
        # A timer in another thread shuts the socket down when the time is over. That ends the blocked call here.
        fd, answer_s = self.connection.fileno(), self.around.answer_s
        with cut_after(self.around.timers, answer_s, lambda: shut_down_fd(fd)) as cut:
            try:
                return work(self.connection.cursor())
            except psycopg.Error as error:
                if cut.happened:
                    raise NoAnswerError(f"no answer within {answer_s:g} s") from error
                raise

    def check(self, name: str, check: Callable[[str, CheckConnection], CheckResult]) -> CheckResult:
        """Return the finding of ``check``. An error of the server becomes a finding too."""
        if self.lost:
            return skipped(name, "an earlier check lost the connection")
        try:
            return check(name, self)
        except NoAnswerError as error:
            return fail(
                name,
                str(error),
                "the server, or a pooler in front of it, hangs or is overloaded; look at its log",
            )
        except psycopg.errors.InsufficientPrivilege as error:
            return fail(
                name,
                f"the role lacks the right for this check: {error}",
                "run tp-capital migrate with TP_CAPITAL_MIGRATION_DATABASE_URL, which grants the engine its rights",
            )
        except psycopg.Error as error:
            return refusal(name, error)
        except Exception as error:  # noqa: BLE001 - a bug in one check must not hide the findings of the others
            return broken(name, error)

    def peer(self) -> Peer:
        """Return the real other end of the socket."""
        with contextlib.closing(socket.socket(fileno=os.dup(self.connection.fileno()))) as wire:
            if wire.family == socket.AF_UNIX:
                return Peer(loopback=True, own_port=None)
            # an IPv4 address may be mapped to IPv6, also a loopback one
            address = ip_address(str(wire.getpeername()[0]).partition("%")[0])
            address = getattr(address, "ipv4_mapped", None) or address
            return Peer(loopback=address.is_loopback, own_port=int(wire.getsockname()[1]))


def refusal(name: str, error: psycopg.Error, *, setting: str = ADDRESS) -> CheckResult:
    """Return the finding for a driver's error, with the remedy for a known cause.

    ``setting`` names the setting that holds the connection string.
    """
    text = " ".join(str(error).split())
    known = explain(text, setting=setting)
    if known is None:
        state = f"{error.sqlstate}: " if error.sqlstate else ""
        return fail(name, f"{state}{text}", "this is the server's message; its log may say more")
    return fail(name, f"{known.cause}: {text}", known.remedy)
