"""Finds programs of the system's packages."""

from __future__ import annotations

import os
import shutil

from ops.local.process import ProgramMissingError

__all__ = ["find_program"]


def find_program(name: str, *, package: str) -> str:
    """Return the absolute path of a program.

    Raises:
        ProgramMissingError: it is not installed; the text names its package.
    """
    # Debian installs servers in folders that are not in an ordinary user's PATH
    path = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin")
    if path is None:
        raise ProgramMissingError(f"{name} is not installed: apt install {package}")
    return path
