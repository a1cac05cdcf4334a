"""An own RabbitMQ node, with an epmd of its own: nothing of it is shared with another node of this machine."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from ops.local.ports import HOST
from ops.local.private_files import write_private
from ops.local.process import OwnedProcess, ProgramMissingError
from ops.local.programs import find_program

__all__ = ["BROKER_READY_S", "RabbitPorts", "RabbitServer", "broker_problem", "broker_url"]

_PACKAGE = "rabbitmq-server"
_USER = "tp_capital"
#: the package's own script. The one in the PATH changes to the user of the system's node
_SCRIPT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
#: a node starts in 5 s on a free machine, and its first start takes longer
BROKER_READY_S = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RabbitPorts:
    """The ports of a node on loopback: for clients, for Erlang's own protocol, and of its epmd."""

    amqp: int
    distribution: int
    epmd: int


class RabbitServer:
    """A node in ``folder``: its own name, cookie, user and data. ``password`` is that of its user.

    Raises:
        ProgramMissingError: RabbitMQ is not installed.
    """

    def __init__(self, folder: Path, ports: RabbitPorts, *, password: str) -> None:
        if not _SCRIPT.is_file():
            raise ProgramMissingError(f"RabbitMQ is not installed: apt install {_PACKAGE}")
        folder.mkdir(mode=0o700, exist_ok=True)
        self._ports = ports
        self.url = broker_url(ports.amqp, password)
        self.environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            # Erlang reads the cookie there
            "HOME": str(folder),
            "ERL_EPMD_ADDRESS": HOST,
            "ERL_EPMD_PORT": str(ports.epmd),
            "RABBITMQ_NODENAME": f"tp-capital-{ports.amqp}@localhost",
            "RABBITMQ_DIST_PORT": str(ports.distribution),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": str(folder / "node.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "none.config"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +sbwt none",
            # The script then becomes the node, so that signals reach it.
            "RUNNING_UNDER_SYSTEMD": "true",
        }
        cookie = folder / ".erlang.cookie"
        if not cookie.exists():
            write_private(cookie, secrets.token_hex(16))
        cookie.chmod(0o400)
        (folder / "plugins").write_text("[].\n")
        write_private(
            folder / "node.conf",
            f"listeners.tcp.1 = {HOST}:{ports.amqp}\n"
            f"default_user = {_USER}\ndefault_pass = {password}\n"
            "log.console.level = warning\n",
        )
        #: the node's name server, which must run first
        self.epmd = OwnedProcess(
            "epmd",
            [find_program("epmd", package=_PACKAGE), "-port", str(ports.epmd), "-address", HOST],
            log_path=folder / "epmd.log",
            env=self.environment,
        )
        self.node = OwnedProcess(
            "rabbitmq", [str(_SCRIPT)], log_path=folder / "rabbitmq.log", cwd=folder, env=self.environment
        )

    def start(self) -> None:
        """Start the node and wait until it accepts clients.

        Raises:
            LocalServerError: it cannot be started, or is not ready in time.
        """
        self.epmd.start()
        self.node.start()
        self.node.wait_ready(self.answers, deadline_s=BROKER_READY_S)

    def answers(self) -> bool:
        """Return whether clients are accepted. The port opens when the node is completely started."""
        return self.node.listens_on(self._ports.amqp)

    def stop(self) -> None:
        """End node and epmd."""
        self.node.stop()
        self.epmd.stop()


def broker_url(port: int, password: str) -> str:
    """Return the address of a node of this machine."""
    return f"amqp://{_USER}:{password}@{HOST}:{port}/"


def broker_problem(url: str) -> str | None:
    """Log in, and return why that fails, or None."""
    import pika  # noqa: PLC0415 - loaded only where a broker is used

    from storage.broker.topology import BROKER_FAILURES, broker_error, connection_parameters  # noqa: PLC0415

    try:
        pika.BlockingConnection(connection_parameters(url)).close()
    except BROKER_FAILURES as error:
        return str(broker_error(error))
    return None
