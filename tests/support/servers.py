"""Real servers for the tests, each an owned process on a free port, and the rule for missing ones."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import pytest

from ops.local.pgbouncer import PooledServer, pgbouncer_process
from ops.local.ports import HOST, free_port
from ops.local.process import OwnedProcess, ProgramMissingError
from ops.local.programs import find_program
from ops.local.redis import redis_process

__all__ = [
    "HOST",
    "PACKAGES",
    "copied_cluster",
    "free_port",
    "need_client_tools",
    "need_program",
    "pgbouncer",
    "redis_server",
    "server_folder",
    "speaks",
]

PACKAGES = Path(__file__).with_name("packages.txt")
_MEMORY, _DISK = Path("/dev/shm"), Path("/tmp")  # noqa: S108 - folders of our own are made in them
_MEMORY_NEEDED_BYTES = 4 << 30
_READY_DEADLINE_S = 10.0
_PROBE_TIMEOUT_S = 1.0


def need_program(name: str) -> str:
    """Return the absolute path of a program; without it the test is skipped, but fails in CI.

    A skip on someone's machine is a convenience. In CI it would be a test nobody knows is never run.
    """
    try:
        return find_program(name, package=" ".join(PACKAGES.read_text().split()))
    except ProgramMissingError as missing:
        _do_without(str(missing))


def need_client_tools() -> Path:
    """Return the environment of the tools that generate clients, by the same rule."""
    folder = Path(sys.prefix, "clients")
    return folder if (folder / ".installed").exists() else _do_without(f"{folder} is missing: make clients")


def _do_without(reason: str) -> NoReturn:
    if os.environ.get("CI", "").lower() in {"true", "1"}:
        pytest.fail(reason)
    pytest.skip(reason)


@contextlib.contextmanager
def server_folder() -> Iterator[Path]:
    """Give a folder for a server's data, in memory if the machine has room there, and remove it afterwards.

    A database is hundreds of files. Where files are removed all the time, ext4 searches long for each new one: a
    database in memory is made in a sixth of the processor's time. It is not pytest's own temporary folder, because as
    root that one is closed to the server's user.
    """
    is_roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _MEMORY_NEEDED_BYTES
    folder = Path(tempfile.mkdtemp(prefix="tp-capital-tests-", dir=_MEMORY if is_roomy else _DISK))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def copied_cluster(cluster: Path, folder: Path) -> Path:
    """Copy the folder of a server that does not run, owners and rights too, and return the copy's.

    A copy takes a fraction of the time in which initdb makes a cluster.
    """
    subprocess.run(["cp", "--archive", "--no-target-directory", cluster, folder], check=True)
    return folder


def speaks(port: int, sent: bytes, expected: bytes) -> bool:
    """Tell whether the server on `port` answers `sent` with something that starts with `expected`."""
    try:
        with socket.create_connection((HOST, port), timeout=_PROBE_TIMEOUT_S) as wire:
            wire.sendall(sent)
            # A buffered read, because recv() with a timeout may return a part.
            with wire.makefile("rb") as answer:
                return answer.read(len(expected)) == expected
    except OSError:
        return False


def redis_server(folder: Path, port: int, replica_of: int | None = None) -> OwnedProcess:
    """Start a Redis that keeps nothing, answering when this returns; the caller stops it.

    Args:
        folder: Existing folder for its log.
        port: TCP port on 127.0.0.1.
        replica_of: Port of the primary, when this is to be a replica. It answers before it is in step.

    """
    need_program("redis-server")
    server = redis_process(folder, name=f"redis-{port}", port=port, replica_of=replica_of)
    return _started(server, lambda: speaks(port, b"PING\r\n", b"+PONG"))


def pgbouncer(folder: Path, server: PooledServer, users: Sequence[str], **settings: str) -> OwnedProcess:
    """Start a PgBouncer in front of ``server`` on the port that its settings name; the caller stops it."""
    need_program("pgbouncer")
    port = int(settings.pop("listen_port"))
    pooler = pgbouncer_process(folder, port=port, server=server, users=users, settings=settings)
    # a greeting of PostgreSQL's protocol (SSLRequest), answered with N: no TLS here
    return _started(pooler, lambda: speaks(port, b"\0\0\0\x08\x04\xd2\x16\x2f", b"N"))


def _started(server: OwnedProcess, ready: Callable[[], bool]) -> OwnedProcess:
    server.start()
    try:
        server.wait_ready(ready, deadline_s=_READY_DEADLINE_S)
    except BaseException:
        server.stop()
        raise
    return server
