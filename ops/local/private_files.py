"""Files that only their owner can read. A reader sees the former text or the new one, never a part."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ops.local.process import Account


__all__ = ["kept_words", "write_private"]


def write_private(path: Path, text: str, *, owner: Account | None = None) -> None:
    """Write or replace a file. It belongs to ``owner``, or to the user of this process if None."""
    with _draft(path, text, owner) as draft:
        draft.replace(path)


def kept_words(path: Path, make: Callable[[], str]) -> list[str]:
    """Return the words of a file. If it has none, write the result of ``make``.

    Two processes may call this at the same time. The first one's words are kept, and both get them.
    """
    with contextlib.suppress(FileNotFoundError):
        if words := path.read_text().split():
            return words
        path.unlink()  # an earlier version was killed after it created the file and before it wrote to it
    with _draft(path, f"{make()}\n", None) as draft, contextlib.suppress(FileExistsError):
        os.link(draft, path)
    return path.read_text().split()


@contextlib.contextmanager
def _draft(path: Path, text: str, owner: Account | None) -> Iterator[Path]:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            if owner:
                os.fchown(file.fileno(), owner.uid, owner.gid)
        yield draft
    finally:
        draft.unlink(missing_ok=True)
