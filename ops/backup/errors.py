"""The error of this room."""

from __future__ import annotations

__all__ = ["BackupError"]


class BackupError(Exception):
    """A backup or a restore cannot be done; the text says why and what to do, and holds no secret."""
