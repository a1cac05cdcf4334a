"""How values travel between us and PostgreSQL. Settings of roles, databases and the environment do not change it.

Texts travel as UTF-8. That is a start parameter of the connection, which poolers keep for each client. Results are
binary, so DateStyle, TimeZone, IntervalStyle, extra_float_digits and bytea_output have no effect, and instants are
UTC. Intervals travel as microseconds, because a day may have 23 or 25 hours in some time zones. Each transaction
names its isolation level. None of this costs a round trip. A connection for which this is impossible is refused,
with its remedy.

Several statements in one text need ``binary=False``, because the protocol has binary results only for a single one.
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
    """A connection that ignores the settings of roles, databases and the environment."""

    @classmethod
    def connect(cls, conninfo: str = "", **kwargs: Any) -> Self:
        """Connect.

        Raises:
            psycopg.OperationalError: no connection was made, or the database cannot store every text.
        """
        connection = super().connect(steady_conninfo(conninfo), **kwargs)
        if wrong := wrong_encoding(connection):
            connection.close()
            raise psycopg.OperationalError(wrong)
        settle(connection)
        return connection


def steady_conninfo(conninfo: str) -> str:
    """Return the connection string with the encoding and an explicit ``options``, so that the environment sets neither.

    As a start parameter, ``client_encoding`` overrides PGCLIENTENCODING and the settings of role and database. An
    empty ``options`` overrides PGOPTIONS, which poolers refuse. ``options`` in the string or a service file are kept.
    """
    given = conninfo_to_dict(conninfo)
    own = "options" in given or "service" in given or "PGSERVICE" in os.environ
    return make_conninfo(conninfo, client_encoding="UTF8", **({} if own else {"options": ""}))


def settle(connection: psycopg.Connection[DictRow]) -> None:
    """Register the adapters of a new connection, so that no setting changes its values."""
    connection.cursor_factory = _BinaryCursor
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    connection.adapters.register_loader("timestamptz", _UtcLoader)
    connection.adapters.register_dumper(timedelta, _MicrosecondsDumper)


def wrong_encoding(connection: psycopg.Connection[DictRow]) -> str | None:
    """Return the problem of the database's or connection's encoding with its remedy, or None."""
    status = connection.pgconn.parameter_status
    # the server sends it at the start of each connection; if a pooler does not pass it on, it is assumed to be right
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
    """Return the remedy: how to create a database with the right encoding."""
    return (
        f"make a new one and move the data: create database {database}_utf8 encoding 'UTF8'"
        " lc_ctype 'C.UTF-8' template template0"
    )


class _BinaryCursor(psycopg.Cursor[DictRow]):
    """Requests binary results."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.format = pq.Format.BINARY


class _UtcLoader(adapt.Loader):
    """Loads an instant in UTC. The driver's own loader uses the session's time zone."""

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
    """Dumps a duration in one unit, so that neither IntervalStyle nor the time zone changes it."""

    oid = psycopg.adapters.types["interval"].oid

    def dump(self, obj: timedelta) -> bytes:
        return b"%d microseconds" % (obj // _MICROSECOND)
