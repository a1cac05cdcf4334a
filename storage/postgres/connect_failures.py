"""Why a connection to the database could not be made, and how to mend it.

The driver gives no SQLSTATE for a connection that failed, so only the text tells the cause. Driver, server and
PgBouncer each have their own words for the same cause. The text of a server that does not speak English is
shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

__all__ = ["ADDRESS", "ConnectFailure", "explain", "name_settings", "setting_of", "with_remedy"]

_LONGEST = 300
#: where the engine's own connection is set
ADDRESS: Final = "TP_CAPITAL_DATABASE_URL"
#: the settings of the engine's own connection, until :func:`name_settings` says which of them were used
_ENGINES_OWN: Final = {
    "address": ADDRESS,
    "host": f"{ADDRESS}, or TP_CAPITAL_DB_HOST and TP_CAPITAL_DB_PORT",
    "name": f"{ADDRESS} or TP_CAPITAL_DB_NAME",
    "password": f"{ADDRESS} or TP_CAPITAL_DB_PASSWORD",
}

_places: Mapping[str, str] = _ENGINES_OWN


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectFailure:
    """The meaning of a text that ``pattern`` matches: its ``cause`` in a few words, and the remedy.

    ``remedy`` may have slots for the names of the settings that hold the address or a part of it.
    """

    pattern: str
    cause: str
    remedy: str


#: the first match decides, so a pattern of a longer text comes before a pattern of its part
_KNOWN: Final = (
    # this comes before the wrong password, because the pooler quotes the server's text
    ConnectFailure(
        pattern=r"server login fail|server login has been failing|cannot connect to server"
        r"|query_wait_timeout|server conn crashed",
        cause="the pooler cannot reach or enter the server behind it",
        remedy="see the pooler's log: start the server, or write the role's present secret (select"
        " rolpassword from pg_authid) into the pooler's auth_file and reload it",
    ),
    # "SASL ..." is PgBouncer's text, also for an unknown role. When its own login at the server fails, it passes the
    # server's words on, so the two cannot be told apart
    ConnectFailure(
        pattern=r"password authentication failed|SASL authentication failed|\bauth failed|no such user",
        cause="the password is wrong, or the role unknown (28P01)",
        remedy="set the role's password in {password}; PgBouncer's"
        " auth_file must have the role too, with the secret the server has now",
    ),
    ConnectFailure(
        pattern=r"no password supplied",
        cause="a password is asked for and none is set",
        remedy="set it in {password}",
    ),
    ConnectFailure(
        pattern=r'database ".*" does not exist|no such database',
        cause="there is no such database (3D000)",
        remedy="set another one in {name}, or make it: create database ... owner ...",
    ),
    ConnectFailure(
        pattern=r'role ".*" does not exist',
        cause="there is no such role",
        remedy="make it: create role ... login password ...",
    ),
    ConnectFailure(
        pattern=r"is not permitted to log in",
        cause="the role may not log in",
        remedy="alter role ... login",
    ),
    ConnectFailure(
        pattern=r"too many (?:connections|clients)|remaining connection slots|no more connections allowed",
        cause="no connection is free (53300)",
        remedy="lower TP_CAPITAL_POOL_MAX, or allow more: max_connections of the server, connection limit"
        " of the role or database, max_client_conn of PgBouncer",
    ),
    ConnectFailure(
        pattern=r"no pg_hba\.conf entry .*no encryption|SSL required",
        cause="only connections with TLS are let in",
        remedy="add sslmode=require to {address}",
    ),
    ConnectFailure(
        pattern=r"no pg_hba\.conf entry",
        cause="this machine, role or database is not let in",
        remedy="add a line to the server's pg_hba.conf: hostssl DATABASE ROLE ADDRESS scram-sha-256",
    ),
    ConnectFailure(
        pattern=r"does not support SSL",
        cause="TLS is asked for and the server has none",
        remedy="switch it on there (ssl = on; PgBouncer: client_tls_sslmode = require), or check host and"
        " port; strategy neon goes without TLS only to this machine",
    ),
    ConnectFailure(
        pattern=r"certificate verify failed",
        cause="the server's certificate is not signed by an authority we trust",
        remedy="name the file of its authority: sslrootcert=FILE in {address}"
        " (sslrootcert=system for public ones); if nothing was changed, somebody may stand"
        " between: do not lower sslmode",
    ),
    ConnectFailure(
        pattern=r"server certificate for .* does not match host name",
        cause="the server's certificate is for another host name",
        remedy="use the name in the certificate as host in {address}, or have it issued for"
        " this name (subjectAltName)",
    ),
    ConnectFailure(
        pattern=r"root certificate file .* does not exist|could not read root certificate"
        r"|could not locate the system",
        cause="the file of the certificate's authority cannot be read",
        remedy="name it: sslrootcert=FILE in {address} (sslrootcert=system for public authorities)",
    ),
    ConnectFailure(
        pattern=r"weak sslmode",
        cause="sslrootcert=system needs a strict sslmode",
        remedy="set sslmode=verify-full in {address}",
    ),
    ConnectFailure(
        pattern=r"unsupported startup parameter",
        cause="the pooler takes no session settings",
        remedy="leave options out of {address} and unset PGOPTIONS; limits are set on the role",
    ),
    ConnectFailure(
        pattern=r"invalid value for parameter|unrecognized configuration parameter",
        cause="a setting of the session is refused",
        remedy="unset PGTZ, PGDATESTYLE and PGOPTIONS, leave options out of {address}, or alter role ... reset it",
    ),
    ConnectFailure(
        pattern=r"Connection refused",
        cause="nothing listens there",
        remedy="start the database or its pooler, or set host and port: {host}",
    ),
    ConnectFailure(
        pattern=r"failed to resolve host|could not translate host name",
        cause="there is no such host",
        remedy="set the host: {host}",
    ),
    ConnectFailure(
        pattern=r"timeout expired|timed out|No route to host|Network is unreachable",
        cause="no answer",
        remedy="check host, port and firewall; a frozen server or pooler is silent too",
    ),
    ConnectFailure(
        pattern=r"starting up|shutting down|recovery mode",
        cause="the server is starting or stopping",
        remedy="wait; its log says what it does",
    ),
)


def name_settings(places: Mapping[str, str]) -> None:
    """Set the names of settings that remedies show: those that were really used (fault 72)."""
    global _places  # noqa: PLW0603 - where this process was told its database
    _places = {**_ENGINES_OWN, **places}


def setting_of(part: str) -> str:
    """Return the setting of a part of the engine's own address: address, host, name or password."""
    return _places[part]


def explain(text: str, *, setting: str = ADDRESS) -> ConnectFailure | None:
    """Return the meaning of a driver's text, or None if it is unknown.

    ``setting`` is the variable or option that gave the address of the attempt.
    """
    line = " ".join(text.split())
    places = _places if setting == ADDRESS else dict.fromkeys(_ENGINES_OWN, setting)
    for known in _KNOWN:
        if re.search(known.pattern, line):
            return replace(known, remedy=known.remedy.format_map(places))
    return None


def with_remedy(text: str, *, setting: str = ADDRESS) -> str:
    """Return a driver's text on one line, with the cause and remedy if they are known."""
    known = explain(text, setting=setting)
    line = "; ".join(" ".join(part.split()) for part in text.splitlines() if part.strip())[:_LONGEST]
    return f"{line} ({known.cause}: {known.remedy})" if known else line
