"""The passwords of a local stack, each made when it is first asked for, in files that only their owner reads."""

from __future__ import annotations

import secrets
from pathlib import Path

from ops.local.private_files import kept_words
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
        return kept_words(
            self._folder / name, lambda: "\n".join(secrets.token_urlsafe(24) for _ in range(number))
        )
