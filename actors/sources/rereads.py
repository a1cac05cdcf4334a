"""Messages that are to be read again: asked for once a minute, then page after page until none is left."""

from __future__ import annotations

from collections.abc import Iterable

from engine.model import SourceMessage

__all__ = ["Rereads"]


class Rereads:
    """Whether a poll asks for them or for what is new. ``due``: they are to be asked for."""

    def __init__(self) -> None:
        self.due = False
        self._had_their_turn = False
        self._page: frozenset[str] = frozenset()

    def take_turn(self) -> bool:
        """Return whether the poll that begins now is theirs; between two of their pages what is new has its turn."""
        self._had_their_turn = self.due and not self._had_their_turn
        self.due &= not self._had_their_turn
        return self._had_their_turn

    def read(self, page: Iterable[SourceMessage], *, full: bool) -> None:
        """Take note of a page of theirs.

        More wait behind a full one. One that holds none but those of the page before is not asked for at once: the
        gateway does not let go of them, and they would come for ever.
        """
        ids = frozenset(message.gateway_id for message in page)
        self.due |= full and not ids <= self._page
        self._page = ids
