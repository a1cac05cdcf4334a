"""The error of backups and restores."""

from __future__ import annotations

__all__ = ["BackupError"]


class BackupError(Exception):
    """A backup or a restore failed. The text gives the reason and the remedy, and holds no secret."""
