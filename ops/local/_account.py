"""The system user that runs PostgreSQL when we are root. PostgreSQL refuses to run as root."""

import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

import structlog

from ops.local.process import Account, LocalServerError

__all__ = ["ACCOUNT_NAME", "is_passable", "open_for_passing", "server_account"]

_log = structlog.get_logger(__name__)

ACCOUNT_NAME = "tp-capital-db"


def server_account() -> Account | None:
    """Return the user that runs the server, or None if we are not root. Create it if it is missing.

    Raises:
        LocalServerError: The user is missing and cannot be created.

    """
    if os.geteuid() != 0:
        return None
    if found := _look_up():
        return found
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if useradd is None:
        raise LocalServerError(
            f"PostgreSQL does not run as root, and there is no useradd here to create a user for it: "
            f"create a system user {ACCOUNT_NAME}, or run this as an ordinary user."
        )
    done = subprocess.run(  # noqa: S603 - fixed arguments
        [
            useradd,
            *("--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"),
            *("--shell", "/usr/sbin/nologin", ACCOUNT_NAME),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    # Look it up even after an error of useradd: two runs may create the user at the same moment.
    if found := _look_up():
        _log.info("account.created", account=ACCOUNT_NAME, uid=found.uid)
        return found
    raise LocalServerError(
        f"PostgreSQL needs the system user {ACCOUNT_NAME} when we are root, and it could not be created "
        f"({done.stderr.strip()}): create it, or run this as an ordinary user."
    )


def _look_up() -> Account | None:
    try:
        entry = pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        return None
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


def is_passable(folder: Path) -> bool:
    """Return whether any user may pass through a folder and all folders above it. That takes the search right only."""
    return all(each.stat().st_mode & stat.S_IXOTH for each in (folder, *folder.parents))


def open_for_passing(folder: Path) -> None:
    """Let other users pass through `folder` and the folders above it. Add only the search right, and only if missing.

    Raises:
        LocalServerError: A folder on the way is closed and belongs to somebody else.

    """
    for each in (folder, *folder.parents):
        found = each.stat()
        if found.st_mode & stat.S_IXOTH:
            continue
        # Root could change any folder, but a folder that belongs to a person is not changed.
        if found.st_uid != os.geteuid():
            raise LocalServerError(
                f"The database's user {ACCOUNT_NAME} cannot pass through {each}, and that folder belongs to somebody else: "
                f"choose another folder for the data."
            )
        each.chmod(stat.S_IMODE(found.st_mode) | stat.S_IXOTH)
        _log.info("folder.opened", folder=str(each), right="o+x")
