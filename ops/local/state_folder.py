"""The folder that keeps what local servers hold."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from ops.local.process import LocalServerError

__all__ = ["make_state_folder"]


def make_state_folder(folder: Path) -> None:
    """Make the folder and those above it.

    Raises:
        LocalServerError: it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        reason = error.strerror or str(error)
        raise LocalServerError(
            f"cannot use the folder {folder}: {reason}; choose another one with --state"
        ) from error
