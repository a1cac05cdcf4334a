"""Makes a connection string require TLS to other machines."""

from __future__ import annotations

from psycopg import ProgrammingError, pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from config.fields import LOOPBACK_HOSTS

__all__ = ["demand_tls"]

_DEMANDING = ("require", "verify-ca", "verify-full")


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
