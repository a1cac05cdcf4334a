"""A connection string that leaves this machine by TLS only."""

from __future__ import annotations

from psycopg import ProgrammingError, pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from config.fields import LOOPBACK_HOSTS

__all__ = ["demand_tls"]

_DEMANDING = ("require", "verify-ca", "verify-full")


def demand_tls(conninfo: str) -> str:
    """Return the string with ``sslmode=require``, unless it is stricter or stays on this machine."""
    try:
        given = conninfo_to_dict(conninfo)
    except ProgrammingError:
        return conninfo  # nobody connects with it, and who tries is told why
    meant = _meant(conninfo)
    # an address alone is a host as well, and it beats the name beside it
    hosts = [host for name in ("host", "hostaddr") for host in meant.get(name, "").split(",") if host]
    # nothing is meant by the name of a service that cannot be read: where it leads is not known
    if meant and all(host.startswith(("/", "@")) or host in LOOPBACK_HOSTS for host in hosts):
        return conninfo
    mode = meant.get("sslmode")
    if mode not in _DEMANDING:
        # libpq takes the system's authorities with the strictest mode only
        mode = "verify-full" if meant.get("sslrootcert") == "system" else "require"
    return conninfo if given.get("sslmode") == mode else make_conninfo(conninfo, sslmode=mode)


def _meant(conninfo: str) -> dict[str, str]:
    """Return what libpq would connect with: of the string, else of a service, else of PGHOST and its like."""
    # a value that it refuses ends the attempt when all of these were read, and before anything is sent
    attempt = pq.PGconn.connect_start(make_conninfo(conninfo, target_session_attrs="nowhere").encode())
    meant = {option.keyword.decode(): option.val.decode() for option in attempt.info if option.val}
    attempt.finish()
    return meant
