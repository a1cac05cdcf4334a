"""The passwords of a local stack, each made when it is first asked for, in files that only their owner reads."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from ops.local.roles import RolePasswords

__all__ = ["StackSecrets"]


class StackSecrets:
    """Passwords kept in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def roles(self) -> RolePasswords:
        """Return those of the database's roles."""
        owner, engine = self._words("passwords", 2)
        return RolePasswords(owner=owner, engine=engine)

    def cache(self) -> str:
        """Return that of both Redis."""
        return self._words("cache-password", 1)[0]

    def _words(self, name: str, number: int) -> list[str]:
        path = self._folder / name
        if not path.exists():
            words = "\n".join(secrets.token_urlsafe(24) for _ in range(number))
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(f"{words}\n")
        return path.read_text().split()
