"""The machine: the daemon's port, and free space on its disks."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ops.client import fetch_health, local_url
from ops.doctor.context import CheckContext
from ops.doctor.findings import CheckResult, fail, ok, skipped, warn
from ops.http.server.listening import Listening, explain_listening

__all__ = ["examine_machine"]

_PORT, _DISK, _STACK_DISK = "machine.port", "machine.disk", "machine.stack_disk"
#: the folder with the data of the demo and of the local stack
_STATE: Final = ".tp-capital"
_GB, _MB = 1024**3, 1024**2


def examine_machine(around: CheckContext) -> Iterator[CheckResult]:
    """Check the disks and the port."""
    yield _check_disk(_DISK, around.folder, around)
    state = around.folder / _STATE
    if state.is_dir():
        yield _check_disk(_STACK_DISK, state, around)
    else:
        yield skipped(_STACK_DISK, f"there is no {_STATE} here")
    yield _check_port(around)


def _check_port(around: CheckContext) -> CheckResult:
    host, port = around.settings.http.host, around.settings.http.port
    try:
        Listening(host, port).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return _taken(host, port, around.answer_s)
        cause, remedy = explain_listening(error)
        return fail(_PORT, f"cannot listen on {host} port {port}: {cause}", remedy)
    return ok(_PORT, f"{host} port {port} is free")


def _taken(host: str, port: int, timeout_s: float) -> CheckResult:
    """Return whether our own daemon or another program uses the port."""
    body = fetch_health(local_url(host, port), timeout_s=timeout_s)
    if body["checks"]:
        return ok(_PORT, f"the daemon already runs on {host} port {port} and is {body['status']}")
    return fail(
        _PORT,
        f"{host} port {port} is taken by another program",
        f"find that program (ss -ltnp 'sport = :{port}') and stop it, or set PORT to another port",
    )


def _check_disk(name: str, folder: Path, around: CheckContext) -> CheckResult:
    try:
        usage = around.disk_usage(folder)
    except OSError as error:
        return fail(name, f"{folder}: {os.strerror(error.errno or 0)}", "make the folder readable")
    share = usage.free / usage.total if usage.total else 0.0
    free = f"{usage.free / _GB:.1f} GB" if usage.free >= _GB else f"{usage.free // _MB} MB"
    found = f"{free} free ({share:.0%}) at {folder}"
    remedy = f"free space on this disk: du -xh {folder} | sort -h | tail shows the largest files"
    if share < 0.02 or usage.free < 200 * _MB:
        return fail(name, f"the disk is full: {found}", remedy)
    if share < 0.10 or usage.free < _GB:
        return warn(name, f"the disk is nearly full: {found}", remedy)
    return ok(name, found)
