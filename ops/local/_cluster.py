"""A PostgreSQL data folder and its superuser's password. They are created once and checked at each start."""

import contextlib
import os
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from ops.local._binaries import Binaries
from ops.local.private_files import write_private
from ops.local.process import Account, LocalServerError, ServerStartError

__all__ = ["SUPERUSER", "Cluster", "PostmasterNote", "server_environment"]

_log = structlog.get_logger(__name__)

SUPERUSER: Final = "postgres"

_INITDB_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmasterNote:
    """The contents of `postmaster.pid`, which a running server writes. A killed server leaves the file behind."""

    pid: int
    port: int
    ready: bool


class Cluster:
    """The files of one cluster.

    Args:
        folder: Holds `data/`, which belongs to the server's user, and `superuser.password`, mode 0600.
        durable: Whether a new cluster is flushed to the disk.

    """

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self.data = folder / "data"
        self.password_path = folder / "superuser.password"
        self._folder = folder
        self._durable = durable

    def password(self) -> str:
        """Return the superuser's password."""
        return self.password_path.read_text().strip()

    def note(self) -> PostmasterNote | None:
        """Return lines 1, 4 and 8 of `postmaster.pid`, or None if there is no such file."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            # The status line is written after the others. Its other values are "starting" and "stopping".
            ready = len(lines) > 7 and lines[7].strip() == "ready"
            return PostmasterNote(pid=int(lines[0]), port=int(lines[3]), ready=ready)
        return None

    def forget_note(self) -> None:
        """Remove the file of a server that is gone."""
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def prepare(self, binaries: Binaries, account: Account | None) -> None:
        """Create the cluster if there is none. Otherwise check that it can be started.

        Raises:
            ServerStartError: The cluster could not be created.
            LocalServerError: The cluster belongs to somebody else, or has another version.

        """
        if self.data.is_dir():
            self._check(binaries, account)
        else:
            self._make(binaries, account)

    def _make(self, binaries: Binaries, account: Account | None) -> None:
        draft = self._folder / "data.draft"
        # A run that was killed during initdb may have left a part of it.
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        self._write_password(account)
        if account:
            os.chown(draft, account.uid, account.gid)
        command = [
            *(str(binaries.folder / "initdb"), f"--pgdata={draft}", f"--username={SUPERUSER}"),
            *(f"--pwfile={self.password_path}", "--auth=scram-sha-256", "--encoding=UTF8"),
            # texts sort by bytes, but the case of every letter is known, so searches also fold Ç and Ã
            *("--locale=C", "--lc-ctype=C.UTF-8"),
        ]
        if not self._durable:
            command.append("--no-sync")
        try:
            subprocess.run(  # noqa: S603 - the program found before
                command,
                check=True,
                capture_output=True,
                text=True,
                timeout=_INITDB_TIMEOUT_S,
                cwd=draft,
                env=server_environment(),
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        except subprocess.CalledProcessError as exc:
            raise ServerStartError(f"initdb failed in {self._folder}: {exc.stderr.strip()}") from exc
        except subprocess.TimeoutExpired as exc:
            raise ServerStartError(f"initdb in {self._folder} took over {_INITDB_TIMEOUT_S:g} s.") from exc
        # It is renamed when complete, so an existing data folder is always whole.
        draft.rename(self.data)
        _log.info("postgres.created", folder=str(self._folder), version=binaries.major)

    def _write_password(self, account: Account | None) -> None:
        # the server's user runs initdb, which reads this file
        write_private(self.password_path, f"{secrets.token_urlsafe(24)}\n", owner=account)

    def _check(self, binaries: Binaries, account: Account | None) -> None:
        if self.data.stat().st_uid != (account.uid if account else os.geteuid()):
            name = account.name if account else "you"
            raise LocalServerError(
                f"{self.data} does not belong to {name}: change its owner, or choose another folder."
            )
        if not self.password_path.is_file():
            raise LocalServerError(
                f"{self.password_path} is missing, so the database beside it cannot be opened: "
                f"put it back, or choose another folder."
            )
        major = int((self.data / "PG_VERSION").read_text())
        if major != binaries.major:
            raise LocalServerError(
                f"The database in {self._folder} was made by PostgreSQL {major}, found here is {binaries.major}: "
                f"install {major}, or choose another folder."
            )


def server_environment() -> dict[str, str]:
    """Return the environment for PostgreSQL's programs."""
    # Our own PG* variables are left out, because they belong to the caller. Messages are in English, because we parse some.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
