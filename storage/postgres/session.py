"""How values travel between us and PostgreSQL, whatever a role, a database or the environment has set.

Texts go as UTF-8, a parameter of the connection's start, which poolers keep for each client. Results come in
binary, so no DateStyle, TimeZone, IntervalStyle, extra_float_digits or bytea_output has a say, and instants are UTC.
Intervals go as microseconds: a day of them would be 23 or 25 hours long in some time zones. Each transaction names
its isolation level. None of this costs a round trip. What cannot be made so is refused, with its remedy.

Several statements in one text are executed with ``binary=False``: the protocol gives binary results to one alone.
"""

from __future__ import annotations

import os
import struct
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

import psycopg
from psycopg import adapt, pq
from psycopg.abc import AdaptContext
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow

__all__ = ["SteadyConnection", "encoding_remedy", "settle", "steady_conninfo", "wrong_encoding"]


_POSTGRES_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_INT8: Final = struct.Struct("!q")


class SteadyConnection(psycopg.Connection[DictRow]):
    """A connection that takes nothing over from a role, a database or the environment."""

    @classmethod
    def connect(cls, conninfo: str = "", **kwargs: Any) -> Self:
        """Connect.

        Raises:
            psycopg.OperationalError: no connection, or to a database that cannot hold every text.
        """
        connection = super().connect(steady_conninfo(conninfo), **kwargs)
        if wrong := wrong_encoding(connection):
            connection.close()
            raise psycopg.OperationalError(wrong)
        settle(connection)
        return connection


def steady_conninfo(conninfo: str) -> str:
    """Return the connection string with what the environment must not decide: encoding and session settings.

    As a parameter of the start ``client_encoding`` beats PGCLIENTENCODING and the settings of role and database.
    An empty ``options`` keeps PGOPTIONS out, which poolers refuse; what the string or a service says of it stays.
    """
    given = conninfo_to_dict(conninfo)
    own = "options" in given or "service" in given or "PGSERVICE" in os.environ
    return make_conninfo(conninfo, client_encoding="UTF8", **({} if own else {"options": ""}))


def settle(connection: psycopg.Connection[DictRow]) -> None:
    """Have a new connection send and receive values in ways that no setting changes."""
    connection.cursor_factory = _BinaryCursor
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    connection.adapters.register_loader("timestamptz", _UtcLoader)
    connection.adapters.register_dumper(timedelta, _MicrosecondsDumper)


def wrong_encoding(connection: psycopg.Connection[DictRow]) -> str | None:
    """Return what is wrong with the encoding of the database or the connection, with its remedy; None: nothing."""
    status = connection.pgconn.parameter_status
    # told at the start of each connection; a pooler that does not tell it is believed
    server, client = status(b"server_encoding"), status(b"client_encoding")
    if server is not None and server != b"UTF8":
        return (
            f"the database's encoding is {server.decode()}: it cannot hold every message"
            f" ({encoding_remedy(connection.info.dbname)})"
        )
    if client is not None and client != b"UTF8":
        return (
            f"the connection's encoding is {client.decode()}, though UTF8 was asked for"
            " (let the pooler pass client_encoding on)"
        )
    return None


def encoding_remedy(database: str) -> str:
    """Return how to come to a database of the right encoding."""
    return (
        f"make a new one and move the data: create database {database}_utf8 encoding 'UTF8'"
        " lc_ctype 'C.UTF-8' template template0"
    )


class _BinaryCursor(psycopg.Cursor[DictRow]):
    """Asks for results in binary."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.format = pq.Format.BINARY


class _UtcLoader(adapt.Loader):
    """An instant in UTC; the driver's own gives it in the session's time zone."""

    format = pq.Format.BINARY

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid, context)

    def load(self, data: adapt.Buffer) -> datetime:
        (micros,) = _INT8.unpack(data)
        try:
            return _POSTGRES_EPOCH + timedelta(microseconds=micros)
        except OverflowError as error:
            raise psycopg.DataError("an instant outside the years 1 to 9999") from error


class _MicrosecondsDumper(adapt.Dumper):
    """A duration in one unit, so that neither IntervalStyle nor the time zone changes it."""

    oid = psycopg.adapters.types["interval"].oid

    def dump(self, obj: timedelta) -> bytes:
        return b"%d microseconds" % (obj // _MICROSECOND)
