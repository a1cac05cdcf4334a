"""Real servers for the tests, each an owned process on a free port, and the rule for missing ones."""

import os
import shutil
import socket
from pathlib import Path

import pytest

from ops.local.ports import free_port
from ops.local.process import OwnedProcess

__all__ = ["HOST", "PACKAGES", "free_port", "need_program", "redis_server", "speaks"]

HOST = "127.0.0.1"
PACKAGES = Path(__file__).with_name("packages.txt")
_READY_DEADLINE_S = 10.0
_PROBE_TIMEOUT_S = 1.0


def need_program(name: str) -> str:
    """Return the absolute path of a program; without it the test is skipped, but fails in CI.

    A skip on someone's machine is a convenience. In CI it would be a test nobody knows is never run.
    """
    # Debian puts servers where an ordinary user's PATH does not look.
    path = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if path is not None:
        return path
    reason = f"{name} is not installed: apt-get install {' '.join(PACKAGES.read_text().split())}"
    if os.environ.get("CI", "").lower() in {"true", "1"}:
        pytest.fail(reason)
    pytest.skip(reason)


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
    command = [
        *(need_program("redis-server"), "--port", str(port), "--bind", HOST, "--dir", str(folder)),
        # Nothing on the disk, and a replica is served at once, as a test does not wait for batches.
        *("--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"),
    ]
    if replica_of is not None:
        command += ["--replicaof", HOST, str(replica_of)]
    server = OwnedProcess(f"redis-{port}", command, log_path=folder / f"redis-{port}.log", cwd=folder)
    server.start()
    try:
        server.wait_ready(lambda: speaks(port, b"PING\r\n", b"+PONG"), deadline_s=_READY_DEADLINE_S)
    except BaseException:
        server.stop()
        raise
    return server
