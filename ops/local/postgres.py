"""A PostgreSQL cluster in one folder, for the demo, the local stack and the tests."""

import fcntl
import os
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self
from urllib.parse import quote

import psycopg
import structlog

from ops.local._account import open_for_passing, server_account
from ops.local._administration import Administration
from ops.local._binaries import Binaries, find_binaries
from ops.local._cluster import SUPERUSER, Cluster, PostmasterNote, server_environment
from ops.local._processes import command_line_of, is_alive
from ops.local.ports import HOST, free_port
from ops.local.process import Account, LocalServerError, OwnedProcess, ServerBusyError, ServerStartError

__all__ = ["SUPERUSER", "LocalPostgres"]

_log = structlog.get_logger(__name__)

_START_DEADLINE_S = 60.0
_STOP_DEADLINE_S = 20.0
_RETRY_S = 0.2
_NO_SETTINGS: Final[Mapping[str, str]] = MappingProxyType({})
# Children of a killed postmaster hold its shared memory until they notice its death a moment later. The start waits.
_STILL_LEAVING = ("pre-existing shared memory block", 'lock file "postmaster.pid" already exists')
_PORT_TAKEN = "could not create any TCP/IP sockets"


class LocalPostgres(Administration):
    """Runs a PostgreSQL cluster in `folder`. It listens on 127.0.0.1 only.

    The folder holds `data/`, `postgres.log`, `superuser.password` (mode 0600) and `owner.lock`. If we are root, the
    server runs as its own system user, which owns `data/`. The folders above get o+x if it is missing, and no other
    change.

    Args:
        folder: Created if missing, readable only for us.
        port: TCP port. With None a free one is chosen and kept for the life of this object.
        settings: Server settings that override the defaults, as in postgresql.conf. The process list shows them.
        system: Whether to run the system's programs even if the wheel is installed.

    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        settings: Mapping[str, str] = _NO_SETTINGS,
        system: bool = False,
    ) -> None:
        self.folder = folder.resolve()
        self.log_path = self.folder / "postgres.log"
        self._settings = dict(settings)
        self._system = system
        self._cluster = Cluster(self.folder, durable=self._settings.get("fsync") != "off")
        self._port = port
        self._port_is_fixed = port is not None
        self._account: Account | None = None
        self._process: OwnedProcess | None = None
        self._lock_fd: int | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def password_path(self) -> Path:
        """The file with the superuser's password."""
        return self._cluster.password_path

    @property
    def pid(self) -> int | None:
        """The postmaster's process id, or None if it does not run."""
        return self._process.pid if self._process and self._process.running else None

    @property
    def command(self) -> tuple[str, ...]:
        """The arguments of the running server."""
        return self._process.command if self._process else ()

    @property
    def port(self) -> int:
        """The TCP port. If it was not given, it is known after the first start."""
        if self._port is None:
            raise LocalServerError("The database has no port before its first start.")
        return self._port

    def start(self) -> None:
        """Start the server and wait until it accepts connections. Create the cluster if there is none.

        A server that a killed run left in this folder is taken over. If its arguments differ, it is restarted.

        Raises:
            ServerBusyError: Another process owns the folder.
            ProgramMissingError: No PostgreSQL program runs here.
            ServerStartError: The server ended, or was not ready in time.
            LocalServerError: The folder or the system user cannot be used.

        """
        if self.pid is not None:
            return
        self._own_folder()
        try:
            self._account = server_account()
            if self._account:
                open_for_passing(self.folder)
            binaries = find_binaries(self.folder, account=self._account, system=self._system)
            self._cluster.prepare(binaries, self._account)
            if not self._take_over(binaries):
                self._launch(binaries)
        except BaseException:
            self.stop()
            raise
        # Clients know the port now, so a later start uses it again or fails.
        self._port_is_fixed = True
        _log.info(
            "postgres.started", pid=self.pid, port=self.port, version=binaries.major, folder=str(self.folder)
        )

    def stop(self) -> None:
        """Stop the server by a fast shutdown, which cuts clients and keeps data safe. Then release the folder."""
        try:
            if self._process:
                self._process.stop(deadline_s=_STOP_DEADLINE_S)
        finally:
            self.leave_running()

    def leave_running(self) -> None:
        """Release the folder and leave the server running. A later start with the same arguments takes it over."""
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None

    def kill(self) -> None:
        """Kill the postmaster as a crash would. The folder stays locked, so `start` or `stop` must follow."""
        if self._process:
            self._process.kill()

    def freeze(self) -> None:
        """Stop all processes of the server. Its connections stay open, but nothing answers."""
        if self._process:
            self._process.freeze()

    def thaw(self) -> None:
        """Resume a frozen server."""
        if self._process:
            self._process.thaw()

    def dsn(self, dbname: str = "postgres", user: str | None = None, password: str | None = None) -> str:
        """Return the connection URL, the superuser's unless `user` is given. It holds the password."""
        if user is None:
            user, password = SUPERUSER, self._cluster.password()
        secret = "" if password is None else f":{quote(password, safe='')}"
        return f"postgresql://{quote(user, safe='')}{secret}@{HOST}:{self.port}/{quote(dbname, safe='')}"

    def _own_folder(self) -> None:
        """Create the folder and lock it. The kernel releases the lock of a killed process."""
        if self._lock_fd is not None:
            return
        try:
            if not self.folder.is_dir():
                self.folder.mkdir(parents=True)
                self.folder.chmod(0o700)
            lock_fd = os.open(self.folder / "owner.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as exc:
            raise LocalServerError(f"The database's folder cannot be used: {exc}") from exc
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            os.close(lock_fd)
            raise ServerBusyError(
                f"The database in {self.folder} is owned by another process that still runs: "
                f"stop that one first, or choose another folder."
            ) from exc
        self._lock_fd = lock_fd

    def _take_over(self, binaries: Binaries) -> bool:
        """Take over a server that a killed run left. Return False if there is no usable one."""
        note = self._cluster.note()
        if note is None or not is_alive(note.pid):
            return False
        pid, port = note.pid, note.port
        found = command_line_of(pid)
        program = Path(found[0]).name if found else ""
        if program != "postgres" or found[1:3] != ("-D", str(self._cluster.data)):
            # The file outlived its server, and another program has the process id now. The server would refuse to
            # start because of it. If that program is a PostgreSQL, or cannot be read, the server decides.
            if program and not program.startswith("postgres"):
                self._cluster.forget_note()
            return False
        self._process = self._new_process(binaries, self._port or port)
        wanted = self._process.command
        self._process.adopt(pid)
        if found != wanted:
            self._process.stop(deadline_s=_STOP_DEADLINE_S)
            return False
        self._port = port
        self._process.wait_ready(self._accepts, deadline_s=_START_DEADLINE_S)
        return True

    def _launch(self, binaries: Binaries) -> None:
        ends_at = time.monotonic() + _START_DEADLINE_S
        pause = threading.Event()
        while True:
            if self._port is None:
                self._port = free_port()
            self._process = self._new_process(binaries, self._port)
            self._process.start()
            try:
                self._process.wait_ready(self._accepts, deadline_s=ends_at - time.monotonic())
            except ServerStartError:
                said = self._process.log_tail()
                port_lost = not self._port_is_fixed and _PORT_TAKEN in said
                leaving = any(words in said for words in _STILL_LEAVING)
                if self._process.running or time.monotonic() > ends_at or not (port_lost or leaving):
                    raise
                if port_lost:
                    # Another program took the port after our check. Nobody knows the port yet, so choose another one.
                    self._port = None
            else:
                return
            pause.wait(_RETRY_S)

    def _new_process(self, binaries: Binaries, port: int) -> OwnedProcess:
        settings = {
            "listen_addresses": HOST,
            "port": str(port),
            # Only TCP: a socket's path is limited to 107 bytes, and any local user may connect to it.
            "unix_socket_directories": "",
            "password_encryption": "scram-sha-256",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **self._settings,
        }
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return OwnedProcess(
            "postgres",
            [str(binaries.folder / "postgres"), "-D", str(self._cluster.data), *arguments],
            log_path=self.log_path,
            cwd=self._cluster.data,
            env=server_environment(),
            account=self._account,
            # Fast, then immediate shutdown: section "Shutting Down the Server" of PostgreSQL's manual.
            stop_signal=signal.SIGINT,
            abort_signal=signal.SIGQUIT,
        )

    def _accepts(self) -> bool:
        # The server's own file is read first, so that the password never goes to another program on the port.
        if self.pid is None or self._cluster.note() != PostmasterNote(
            pid=self.pid, port=self.port, ready=True
        ):
            return False
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True
