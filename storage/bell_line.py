"""The line over which processes tell each other of commits: what Redis and RabbitMQ both offer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

__all__ = ["BellLine", "Heard"]

#: takes what was told, and None when the line begins to hear. It is not trusted: another program may have written it
Heard = Callable[[object], None]


class BellLine(Protocol):
    """One line. It may lose a message at any time: each process also looks at the database every second."""

    def listen(self, heard: Heard) -> None:
        """Pass on what processes tell, our own too, until :meth:`close` is called.

        Raises:
            StorageError: the line is broken. It may be called again.
        """

    def ring(self, text: bytes) -> None:
        """Tell all processes. Any thread may call it.

        Raises:
            StorageError: nobody was told.
        """

    def close(self) -> None:
        """Have :meth:`listen` return soon. Any thread may call it."""
