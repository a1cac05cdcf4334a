"""What libpq refuses of a connection string before it sends anything: no later attempt would go better."""

from __future__ import annotations

import re

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

__all__ = ["conninfo_problem"]

# the lists of libpq 18 (pqConnectOptions2 in fe-connect.c); an older one knows no more words than these
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
_NUMBERS = ("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout")
_NUMBER = re.compile(r"\s*[-+]?[0-9]{1,9}\s*")
_LAST_PORT = 65535


def conninfo_problem(conninfo: str) -> str | None:
    """Return why no connection can be tried with a string, None when one can.

    No value is quoted: with a character of a URL in it, a password may stand where the port should.
    """
    try:
        given = {name: str(value) for name, value in conninfo_to_dict(conninfo).items()}
    except ProgrammingError:
        return "a URL such as postgresql://user:password@host:5432/name is wanted"
    ports = given.get("port", "").split(",")
    if not all(map(_is_port, ports)):
        return (
            f"its port must be a number from 1 to {_LAST_PORT}; in a password, @ is written %40 and : is %3A"
        )
    if len(ports) not in (1, _hosts(given)):
        return "one port is wanted, or one for each of its hosts"
    for name, words in _WORDS.items():
        if name in given and given[name] not in words:
            return f"its {name} must be one of {', '.join(words)}"
    for name in _NUMBERS:
        if given.get(name) and not _NUMBER.fullmatch(given[name]):
            return f"its {name} must be a number"
    return None


def _is_port(text: str) -> bool:
    # an empty one is the default
    return not text or (bool(_NUMBER.fullmatch(text)) and 1 <= int(text) <= _LAST_PORT)


def _hosts(given: dict[str, str]) -> int:
    # addresses beat the names beside them
    return len((given.get("hostaddr") or given.get("host", "")).split(","))
