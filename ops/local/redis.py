"""A Redis of our own: a cache, so nothing of it is kept on the disk."""

from __future__ import annotations

from pathlib import Path

import redis

from ops.local.ports import HOST
from ops.local.private_files import write_private
from ops.local.process import OwnedProcess
from ops.local.programs import find_program
from storage.redis_client import connect_redis

__all__ = ["redis_answers", "redis_process"]

#: of the cache (CONTRACT)
_MEMORY = "256mb"
_ASK_TIMEOUT_S = 1.0


def redis_process(
    folder: Path, *, name: str, port: int, replica_of: int | None = None, password: str | None = None
) -> OwnedProcess:
    """Return a Redis server that is yet to be started; with ``replica_of``, a read-only copy of that port's.

    ``password`` is what it asks for, and its master asks it for.

    Raises:
        ProgramMissingError: redis-server is not installed.
    """
    own = folder / name
    own.mkdir(mode=0o700, exist_ok=True)
    own.chmod(0o700)
    # what a server killed while being filled had received, or one of an earlier version had let lie
    for left in (folder / "dump.rdb", *own.glob("*.rdb")):
        left.unlink(missing_ok=True)
    command = [
        *(find_program("redis-server", package="redis-server"), *_secret_settings(own, password)),
        *("--port", str(port), "--bind", HOST),
        *("--dir", str(own), "--save", "", "--appendonly", "no"),
        *("--maxmemory", _MEMORY, "--maxmemory-policy", "allkeys-lru"),
        # with a title of its own it could not be told from a stranger that got its number later
        *("--set-proc-title", "no"),
        # a replica is served at once instead of waiting five seconds for others to come
        *("--repl-diskless-sync-delay", "0"),
        # a copy for a replica goes over the wire, straight into its memory when that holds nothing yet;
        # else by a file, removed as soon as it is read
        *("--repl-diskless-sync", "yes", "--repl-diskless-load", "on-empty-db"),
        *("--rdb-del-sync-files", "yes"),
    ]
    if replica_of is not None:
        command += ["--replicaof", HOST, str(replica_of)]
    return OwnedProcess(name, command, log_path=folder / f"{name}.log", cwd=own)


def _secret_settings(folder: Path, password: str | None) -> tuple[str, ...]:
    """Write the password where the server reads it: everybody on the machine sees its arguments."""
    if password is None:
        return ()
    path = folder / "secret.conf"
    write_private(path, f"requirepass {password}\nmasterauth {password}\n")
    return (str(path),)


def redis_answers(port: int, *, in_sync: bool = False, password: str | None = None) -> bool:
    """Tell whether a Redis answers on ``port``; with ``in_sync`` as a replica whose link is up."""
    with connect_redis(
        {"host": HOST, "port": port, "password": password}, timeout_s=_ASK_TIMEOUT_S
    ) as server:
        try:
            info = server.info("replication")
        except redis.RedisError:
            return False
    return not in_sync or (isinstance(info, dict) and info.get("master_link_status") == "up")
