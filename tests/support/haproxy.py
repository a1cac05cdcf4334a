"""HAProxy with the configuration of the deployment, before processes of a test."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ops.local.ports import HOST, free_port
from ops.local.process import OwnedProcess
from tests.support.servers import need_program

__all__ = ["behind_proxy"]

_CONFIGURATION = Path(__file__).parents[2] / "ops" / "deploy" / "haproxy.cfg"


@contextlib.contextmanager
def behind_proxy(folder: Path, first: int, second: int) -> Iterator[int]:
    """Run the proxy before two ports of this machine, and give its own port."""
    port = free_port()
    environment = {
        "PROXY_BIND": f"{HOST}:{port}",
        "SERVE_1": f"{HOST}:{first}",
        "SERVE_2": f"{HOST}:{second}",
    }
    command = [need_program("haproxy"), "-db", "-f", str(_CONFIGURATION)]
    with OwnedProcess("haproxy", command, log_path=folder / "haproxy.log", env=environment) as process:
        process.start()
        process.wait_ready(lambda: process.listens_on(port), deadline_s=30)
        yield port
