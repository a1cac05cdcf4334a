"""The folder of backups: drafts, file names, the note of each dump, and the removal of old dumps."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path

import orjson

from ops.backup.errors import BackupError

__all__ = ["BackupFolder", "BackupNote", "checksum", "name_of", "prefix_of", "read_note"]

_DRAFT = ".draft"
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupNote:
    """The description of a dump, stored next to it as ``NAME.dump.json``.

    ``tables`` maps each table to its number of rows. ``verified`` is ``restored``, or ``read`` if the check could
    not create a scratch database.
    """

    created_at: str
    database: str
    schema: str
    server: int
    timescaledb: str | None
    tp_capital: str
    tables: dict[str, int]
    verified: str
    sha256: str


class BackupFolder:
    """A folder that only its owner can read. Only one backup at a time uses it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Lock the folder, create it if it is missing, and remove the drafts of a killed backup.

        Raises:
            BackupError: another backup is running, or the folder cannot be used.
        """
        try:
            if not self.path.is_dir():
                self.path.mkdir(parents=True, mode=0o700)
            lock_fd = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise BackupError(f"{self.path} cannot be used: {os.strerror(error.errno or 0)}") from error
        try:
            # the kernel releases the lock when its process ends, even by a kill
            try:
                fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BackupError(f"another backup into {self.path} is running") from None
            for draft in self.path.glob(f".*{_DRAFT}"):
                draft.unlink()
            yield
        finally:
            os.close(lock_fd)

    @contextmanager
    def draft(self, name: str) -> Iterator[Path]:
        """Yield an empty file for the dump ``name``. Remove it afterwards unless it was published."""
        path = self.path / f".{name}{_DRAFT}"
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def publish(self, draft: Path, name: str, note: BackupNote) -> Path:
        """Rename a finished draft to its final name.

        Both files are on disk before, and the note is renamed first. So every visible dump is complete and has a note.
        """
        target = self.path / name
        with self.draft(f"{name}.json") as note_draft:
            note_draft.write_bytes(
                orjson.dumps(asdict(note), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
            )
            for path in (draft, note_draft):
                _sync(path)
            note_draft.rename(_note_path(target))
            draft.rename(target)
        _sync(self.path)
        return target

    def rotate(self, prefix: str, keep: int) -> list[Path]:
        """Remove all but the newest ``keep`` dumps of a prefix with their notes. Return the removed dumps."""
        pattern = re.compile(re.escape(prefix) + r"-\d{8}T\d{6}Z\.dump")
        # names sort by time
        dumps = sorted(path for path in self.path.iterdir() if pattern.fullmatch(path.name))
        old = dumps[:-keep]
        for path in old:
            path.unlink()
            _note_path(path).unlink(missing_ok=True)
        return old


def name_of(prefix: str, now: datetime) -> str:
    """Return the name of a dump made at ``now``."""
    return f"{prefix}-{now:%Y%m%dT%H%M%SZ}.dump"


def prefix_of(database: str, schema: str) -> str:
    """Return the common prefix of the names of one schema's dumps."""
    return "-".join(re.sub(r"[^A-Za-z0-9_.]", "_", part) for part in (database, schema))


def read_note(dump: Path) -> BackupNote | None:
    """Return the note of a dump, or None if there is no note.

    Raises:
        BackupError: the file cannot be read or is no note of a backup.
    """
    path = _note_path(dump)
    try:
        content = orjson.loads(path.read_bytes())
        return BackupNote(**{field.name: content[field.name] for field in fields(BackupNote)})
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {os.strerror(error.errno or 0)}") from error
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise BackupError(
            f"{path} is not the note of a backup: move it away to restore without it"
        ) from error


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _note_path(dump: Path) -> Path:
    return dump.with_name(f"{dump.name}.json")


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
