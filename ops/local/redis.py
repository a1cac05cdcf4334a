"""An own Redis server. It is a cache, so it keeps nothing on the disk."""

from __future__ import annotations

from pathlib import Path

import redis

from ops.local.ports import HOST
from ops.local.private_files import write_private
from ops.local.process import OwnedProcess
from ops.local.programs import find_program
from storage.redis_client import connect_redis

__all__ = ["redis_answers", "redis_process"]

#: the memory limit of the cache (CONTRACT)
_MEMORY = "256mb"
_ASK_TIMEOUT_S = 1.0


def redis_process(
    folder: Path, *, name: str, port: int, replica_of: int | None = None, password: str | None = None
) -> OwnedProcess:
    """Return a Redis server that is not started yet. With ``replica_of`` it is a read-only replica of that port's server.

    The server requires ``password``, and it sends the same password to its master.

    Raises:
        ProgramMissingError: redis-server is not installed.
    """
    own = folder / name
    own.mkdir(mode=0o700, exist_ok=True)
    own.chmod(0o700)
    # remove files of a server that was killed during its first copy, or of an earlier version
    for left in (folder / "dump.rdb", *own.glob("*.rdb")):
        left.unlink(missing_ok=True)
    command = [
        *(find_program("redis-server", package="redis-server"), *_secret_settings(own, password)),
        *("--port", str(port), "--bind", HOST),
        *("--dir", str(own), "--save", "", "--appendonly", "no"),
        *("--maxmemory", _MEMORY, "--maxmemory-policy", "allkeys-lru"),
        # with its own process title, it could not be distinguished from a later process with the same id
        *("--set-proc-title", "no"),
        # serve a replica at once; the default waits five seconds for others
        *("--repl-diskless-sync-delay", "0"),
        # the copy for a replica goes over the network, straight into its memory if that is empty; otherwise it goes
        # through a file, which is removed after reading
        *("--repl-diskless-sync", "yes", "--repl-diskless-load", "on-empty-db"),
        *("--rdb-del-sync-files", "yes"),
    ]
    if replica_of is not None:
        command += ["--replicaof", HOST, str(replica_of)]
    return OwnedProcess(name, command, log_path=folder / f"{name}.log", cwd=own)


def _secret_settings(folder: Path, password: str | None) -> tuple[str, ...]:
    """Write the password to a file that the server reads. Everybody on the machine can see its arguments."""
    if password is None:
        return ()
    path = folder / "secret.conf"
    write_private(path, f"requirepass {password}\nmasterauth {password}\n")
    return (str(path),)


def redis_answers(port: int, *, in_sync: bool = False, password: str | None = None) -> bool:
    """Return whether a Redis server answers on ``port``. With ``in_sync`` it must be a replica with a working link."""
    with connect_redis(
        {"host": HOST, "port": port, "password": password}, timeout_s=_ASK_TIMEOUT_S
    ) as server:
        try:
            info = server.info("replication")
        except redis.RedisError:
            return False
    return not in_sync or (isinstance(info, dict) and info.get("master_link_status") == "up")
