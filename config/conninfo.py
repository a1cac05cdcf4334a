"""Connection strings: the errors for which libpq would refuse every attempt, the secrets in it, and TLS to other machines."""

from __future__ import annotations

import re

from psycopg import ProgrammingError, pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo

from config.fields import LOOPBACK_HOSTS

__all__ = ["conninfo_problem", "conninfo_secrets", "demand_tls"]

# These are the lists of libpq 18 (pqConnectOptions2 in fe-connect.c). An older libpq knows no other words.
_WORDS = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    "sslcertmode": ("disable", "allow", "require"),
    "channel_binding": ("disable", "prefer", "require"),
    "gssencmode": ("disable", "prefer", "require"),
    "target_session_attrs": (
        *("any", "read-write", "read-only"),
        *("primary", "standby", "prefer-standby"),
    ),
    "load_balance_hosts": ("disable", "random"),
}
#: values of sslmode without which a connection may be plain text
_DEMANDING = ("require", "verify-ca", "verify-full")
_SECRETS = ("password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key")
#: parameters that other programs allow after the ? of an address, and whose they are
_FOREIGN = {
    "pgbouncer": "which is Prisma's",
    "schema": "which is Prisma's (TP_CAPITAL_DB_SCHEMA names the schema)",
    "currentSchema": "which is JDBC's (TP_CAPITAL_DB_SCHEMA names the schema)",
    "connection_limit": "which is Prisma's (TP_CAPITAL_POOL_MAX limits them)",
    "pool_timeout": "which is Prisma's",
    "socket_timeout": "which is Prisma's",
    "statement_cache_size": "which is Prisma's",
    "sslaccept": "which is Prisma's (sslmode says how strict TLS is)",
    "charset": "which is SQLAlchemy's",
}
_WANTED = "it must be a URL such as postgresql://user:password@host:5432/name"
_NUMBERS = ("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout")
_NUMBER = re.compile(r"\s*[-+]?[0-9]{1,9}\s*")
_LAST_PORT = 65535


def conninfo_problem(conninfo: str) -> str | None:
    """Return why a connection string cannot be used, or None when it can.

    No value is quoted: a password with a special character of URLs may be read as the port.
    """
    try:
        given = {name: str(value) for name, value in conninfo_to_dict(conninfo).items()}
    except ProgrammingError:
        return (_url_problem(conninfo) if "://" in conninfo else None) or _WANTED
    if "://" in conninfo and (problem := _url_problem(conninfo)):
        return problem
    # A host that begins with @ is an abstract socket.
    if any("@" in host[1:] for host in given.get("host", "").split(",")):
        return "its host contains an @; in a password, @ is written %40"
    ports = given.get("port", "").split(",")
    if not all(map(_is_port, ports)):
        return (
            f"its port must be a number from 1 to {_LAST_PORT}; in a password, @ is written %40 and : is %3A"
        )
    if len(ports) not in (1, _hosts(given)):
        return "it must have one port, or one for each of its hosts"
    for name, words in _WORDS.items():
        if name in given and given[name] not in words:
            return f"its {name} must be one of {', '.join(words)}"
    for name in _NUMBERS:
        if given.get(name) and not _NUMBER.fullmatch(given[name]):
            return f"its {name} must be a number"
    return None


def conninfo_secrets(conninfo: str) -> tuple[str, ...]:
    """Return the secret values of a connection string."""
    given = conninfo_to_dict(conninfo)
    return tuple(str(given[name]) for name in _SECRETS if given.get(name))


def _url_problem(url: str) -> str | None:
    """Return why libpq refuses a URL, or None when the cause may be another. No part of the URL is quoted.

    A special character of URLs in a password, not written as %xx, moves the rest into another part of the URL.
    """
    rest = url.partition("://")[2]
    userinfo = re.match("[^@/]*@", rest)
    place, _, query = rest[userinfo.end() if userinfo else 0 :].partition("?")
    if "@" in place:
        return "it has an @ after its host; in a password, @ is written %40, / is %2F, ? is %3F and # is %23"
    if re.search(r"%(?![0-9A-Fa-f]{2})", rest):
        return "it has a % without two hexadecimal digits; in a password, % is written %25"
    for name in (part.partition("=")[0] for part in re.split("[&]", query) if part):
        if name in _FOREIGN and userinfo:
            return f"PostgreSQL knows no parameter {name}, {_FOREIGN[name]}: leave it out"
    if query and not _knows_parameters(query):
        return "a parameter after its ? is unknown to PostgreSQL or has no value; in a password, ? is written %3F"
    return None


def _knows_parameters(query: str) -> bool:
    known = {option.keyword.decode() for option in Conninfo.get_defaults()} | {"ssl"}
    return all(part.partition("=")[0] in known and "=" in part for part in query.split("&") if part)


def _is_port(text: str) -> bool:
    # an empty port means the default
    return not text or (bool(_NUMBER.fullmatch(text)) and 1 <= int(text) <= _LAST_PORT)


def _hosts(given: dict[str, str]) -> int:
    # hostaddr takes precedence over host
    return len((given.get("hostaddr") or given.get("host", "")).split(","))


def demand_tls(conninfo: str) -> str:
    """Return the string with ``sslmode=require``, unless it is stricter or leads to this machine."""
    try:
        given = conninfo_to_dict(conninfo)
    except ProgrammingError:
        return conninfo  # it cannot be used, and an attempt to connect reports why
    meant = _meant(conninfo)
    # hostaddr is a host too, and takes precedence over a name.
    hosts = [host for name in ("host", "hostaddr") for host in meant.get(name, "").split(",") if host]
    # An empty result means that the service file cannot be read, so the host is not known.
    if meant and all(host.startswith(("/", "@")) or host in LOOPBACK_HOSTS for host in hosts):
        return conninfo
    mode = meant.get("sslmode")
    if mode not in _DEMANDING:
        # libpq accepts the system's authorities only with the strictest mode.
        mode = "verify-full" if meant.get("sslrootcert") == "system" else "require"
    return conninfo if given.get("sslmode") == mode else make_conninfo(conninfo, sslmode=mode)


def _meant(conninfo: str) -> dict[str, str]:
    """Return the options that libpq would use: from the string, a service file, or PGHOST and similar variables."""
    # The invalid value ends the attempt after libpq has read all options and before it sends anything.
    attempt = pq.PGconn.connect_start(make_conninfo(conninfo, target_session_attrs="nowhere").encode())
    meant = {option.keyword.decode(): option.val.decode() for option in attempt.info if option.val}
    attempt.finish()
    return meant
